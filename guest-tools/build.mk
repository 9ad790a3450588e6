# SPDX-License-Identifier: MIT
# The guest's side of the VMCALL interface: the library, trapctl, and the kernel module if the headers of the guest's
# kernel are installed (tools/deps.sh).
TOOLS := $(BUILD)/guest-tools

# The disassembler is built in if the other half of its headers, Zycore, is installed. Without it, records are shown without their
# instructions. trapline-decode alone does not fetch it.
WITH_ZYDIS := $(if $(wildcard $(ZYCORE_H)),$(wildcard $(ZYDIS_STAMP))$(filter-out trapline-decode,$(or $(MAKECMDGOALS),all)))
DISASSEMBLER := $(if $(WITH_ZYDIS),$(TOOLS)/src/trace/decode.o $(ZYDIS_HOST_LIB),$(TOOLS)/common/no_zydis.o)

TOOLS_CFLAGS := -std=gnu17 -O2 -g $(WARN) -fcf-protection=none -Iinclude -Isrc

.PHONY: guest-tools
guest-tools: $(TOOLS)/libtrapline.a $(TOOLS)/bin/trapctl trapline-decode ## build the library, trapctl, trapline-decode and the kernel module for guests

$(TOOLS)/%.o: guest-tools/%.c
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(TOOLS_CFLAGS) -MMD -MP -c $< -o $@

$(TOOLS)/libtrapline.a: $(TOOLS)/lib/ask.o $(TOOLS)/lib/trapline.o $(TOOLS)/lib/watch.o
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

# trapctl prints records with the console's formatter, so it links the formatter's sources.
TRAPCTL_OBJS   := $(patsubst guest-tools/%.c,$(TOOLS)/%.o,$(wildcard guest-tools/trapctl/*.c)) $(TOOLS)/common/json_line.o
TRAPCTL_SHARED := trace/explain trace/format trace/process trace/text trace/vector hw/msr_name lib/printf
TRAPCTL_LIBS   := $(TRAPCTL_SHARED:%=$(TOOLS)/src/%.o) $(TOOLS)/libtrapline.a $(DISASSEMBLER)

$(TOOLS)/trapctl/cmd_version.o: TOOLS_CFLAGS += -I$(BUILD)
$(TOOLS)/trapctl/cmd_version.o: $(BUILD)/version.h

# The VMM's printf, under names that do not clash with libc's.
$(TOOLS)/src/%.o: src/%.c
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(TOOLS_CFLAGS) $(ZYDIS_CPPFLAGS) -Dvsnprintf=tl_vsnprintf -Dsnprintf=tl_snprintf -fno-builtin \
		-MMD -MP -c $< -o $@
$(TOOLS)/src/trace/decode.o: | $(ZYDIS_STAMP)

# Static, so that it runs on any system of the guest. entry.c has its entry point.
$(TOOLS)/bin/trapctl: $(TRAPCTL_OBJS) $(TRAPCTL_LIBS)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -static -Wl,-e,trapctl_start -o $@ $^

# For any machine: it needs a compiler and libdw (libdw-dev).
DECODE_SHARED := trace/explain trace/format trace/process trace/text trace/vector hw/msr_name lib/printf
DECODE_OBJS   := $(patsubst guest-tools/%.c,$(TOOLS)/%.o,$(wildcard guest-tools/decode/*.c)) $(TOOLS)/common/json_line.o
DECODE_LIBS   := $(DECODE_SHARED:%=$(TOOLS)/src/%.o) $(DISASSEMBLER)

.PHONY: trapline-decode
trapline-decode: $(TOOLS)/bin/trapline-decode ## build what names addresses in logs, alone: needs a compiler and libdw-dev

$(DECODE_OBJS): TOOLS_CFLAGS += -I$(BUILD)
$(TOOLS)/decode/options.o: $(BUILD)/version.h
$(TOOLS)/bin/trapline-decode: $(DECODE_OBJS) $(DECODE_LIBS)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -o $@ $^ -ldw -lelf

-include $(wildcard $(TOOLS)/*/*.d $(TOOLS)/src/*/*.d)

# Each kernel module is built in a folder of its own, because Kbuild writes beside the sources.
#   $(call kernel_module,name,files)
GUEST_HEADERS := $(wildcard $(BUILD)/linux/headers/usr/src/linux-headers-*-amd64)
define kernel_module
$(TOOLS)/modules/$(1)/$(1).ko: $(2) $(wildcard include/trapline/*.h)
	$$(call say,KBUILD,$$@)
	@rm -rf $$(@D) && mkdir -p $$(@D)/include
	@cp $(2) $$(@D) && cp -r include/trapline $$(@D)/include
	$$(Q)$$(MAKE) -s -C $(GUEST_HEADERS) M=$$(abspath $$(@D)) $(3) modules >$$(@D)/log 2>&1 || { cat $$(@D)/log; false; }
endef

MODULE_FILES := $(wildcard guest-tools/module/*)
$(eval $(call kernel_module,trapline,$(MODULE_FILES) $(BUILD)/version.h))
ifneq ($(GUEST_HEADERS),)
guest-tools: $(TOOLS)/modules/trapline/trapline.ko
endif
