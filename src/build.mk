# SPDX-License-Identifier: MIT
# The VMM: freestanding, linked by linker.ld, embedded as a blob in trapline.efi.
VMM_BIN := $(BUILD)/vmm/trapline.bin
VMM_ELF := $(BUILD)/vmm/trapline.elf

# No SSE: the guest's vector state stays in the registers while the VMM runs.
VMM_CFLAGS := -std=gnu17 -O2 -g -ffreestanding -nostdlib -mgeneral-regs-only -mno-red-zone -mcmodel=kernel \
              -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -fno-strict-aliasing \
              -fno-omit-frame-pointer -fcf-protection=none -fno-jump-tables \
              -Iinclude -Isrc

# make test-efi builds, under build/test, an image that can fault on purpose to test the fault screen (src/exit/test_faults.h).
ifeq ($(TEST_BUILD),1)
  VMM_CFLAGS += -DTRAPLINE_TEST
endif

ASM_OFFSETS := src/cpu/asm_offsets.c
VMM_C    := $(filter-out $(ASM_OFFSETS),$(wildcard src/*.c src/*/*.c))
VMM_ASM  := $(wildcard src/*.asm src/*/*.asm)
VMM_OBJS := $(VMM_C:src/%.c=$(BUILD)/vmm/%.o) $(VMM_ASM:src/%.asm=$(BUILD)/vmm/%.asm.o)

-include src/zydis.mk

# Every exit runs through these files: a frame pointer would cost three instructions in each function. Backtraces omit them.
HOT := svm/svm_exit svm/svm_msr svm/svm_skip svm/svm_state svm/svm_event svm/svm_usual vmx/vmx_exit vmx/vmx_msr vmx/vmx_skip vmx/vmx_state vmx/vmx_event vmx/vmx_usual vmx/vmx_watch exit/cpuid exit/exception exit/msr exit/stage2_fault guest/store apic/apic exit/apic_page mem/guest_walk \
       exit/work exit/longest console/poll console/printer console/input log/log log/uart blackbox/blackbox trace/text trace/format trace/decode \
       mem/guest_access vmcall/vmcall vmcall/caller vmcall/lookup vmcall/policy
$(HOT:%=$(BUILD)/vmm/%.o): VMM_DEFS += -fomit-frame-pointer

$(BUILD)/vmm/%.o: src/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(VMM_CFLAGS) $(WARN) $(VMM_DEFS) -MMD -MP -c $< -o $@

# C constants and offsets for assembly. $(1): the prefix of each line.
offsets = sed -n 's/^[[:space:]]*-> \(.*\)/$(1)define \1/p'

$(BUILD)/vmm/asm_offsets.inc: $(ASM_OFFSETS)
	$(call say,OFFSETS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(VMM_CFLAGS) $(WARN) -MMD -MP -MT $@ -MF $(@:.inc=.d) -S -o $(@:.inc=.s) $<
	$(Q)$(call offsets,%) $(@:.inc=.s) > $@

$(BUILD)/vmm/%.asm.o: src/%.asm $(BUILD)/vmm/asm_offsets.inc
	$(call say,NASM,$<)
	@mkdir -p $(@D)
	$(Q)$(NASM) -f elf64 -Isrc/ -I$(BUILD)/vmm/ -g -F dwarf -Werror -MD $(@:.o=.d) $< -o $@

# The version changes with every commit; only the file that prints it is rebuilt.
$(BUILD)/version.h: FORCE
	@mkdir -p $(@D)
	@echo '#define TRAPLINE_VERSION "$(VERSION)"' | cmp -s - $@ || echo '#define TRAPLINE_VERSION "$(VERSION)"' > $@
FORCE:
$(BUILD)/vmm/main.o: VMM_DEFS += -I$(BUILD)
$(BUILD)/vmm/main.o: $(BUILD)/version.h

# Linked twice: the table of symbols is made from the first image and placed after the code of the second.
VMM_LINK = $(LD) -nostdlib -static -z max-page-size=4096 -z noexecstack --no-warn-rwx-segments -T linker.ld

$(BUILD)/vmm/first.elf: $(VMM_OBJS) $(ZYDIS_LIB) linker.ld
	$(call say,LD,$@)
	$(Q)$(VMM_LINK) -o $@ $(VMM_OBJS) $(ZYDIS_LIB)

$(BUILD)/vmm/symbols.S: $(BUILD)/vmm/first.elf tools/symbols
	$(call say,SYMBOLS,$@)
	$(Q)tools/symbols $< > $@.new && mv $@.new $@

$(BUILD)/vmm/symbols.o: $(BUILD)/vmm/symbols.S
	$(call say,AS,$@)
	$(Q)$(CC) -c -o $@ $<

$(VMM_ELF): $(BUILD)/vmm/first.elf $(BUILD)/vmm/symbols.o
	$(call say,LD,$@)
	$(Q)$(VMM_LINK) -o $@ $(VMM_OBJS) $(BUILD)/vmm/symbols.o $(ZYDIS_LIB)

$(VMM_BIN): $(VMM_ELF)
	$(call say,OBJCOPY,$@)
	$(Q)$(OBJCOPY) -O binary -j .text -j .rodata -j .data $< $@

.PHONY: test-efi
test-efi: $(ZYDIS_STAMP) ## build/test/trapline.efi: with deliberate faults, for the tests of the fault screen
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/test ZYDIS_DIR=$(ZYDIS_DIR) TEST_BUILD=1 efi

-include $(VMM_OBJS:.o=.d) $(BUILD)/vmm/asm_offsets.d
