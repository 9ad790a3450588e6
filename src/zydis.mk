# SPDX-License-Identifier: MIT
# Zydis, the disassembler, built twice from one set of sources: freestanding for the VMM and natively for the tests.
#
#   ZYDIS_CPPFLAGS  flags for a file that includes <Zydis/Zydis.h>
#   ZYDIS_STAMP     prerequisite of its object: the headers are unpacked
#   ZYDIS_LIB   build/vmm/libzydis.a
#   ZYDIS_HOST_LIB  build/host/libzydis.a
ZYDIS_DIR   := $(BUILD)/zydis
ZYDIS_STAMP := $(ZYDIS_DIR)/.sha256

# AVX-512 stays, so that code of a guest that uses it is decoded. Knights Corner's encodings could only be mistaken for it.
ZYDIS_CPPFLAGS := -I$(ZYDIS_DIR)/include -DZYAN_CUSTOM_LIBC -include src/lib/zydis_libc.h -DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD \
                  -DZYDIS_DISABLE_ENCODER -DZYDIS_DISABLE_KNC

# Omitted because nothing here calls them: Disassembler.c (wraps the rest), Encoder*.c, MetaInfo.c (names of categories).
ZYDIS_FILES := Decoder DecoderData Formatter FormatterATT FormatterBase FormatterBuffer FormatterIntel Mnemonic \
               Register Segment SharedData String Utils Zydis

ZYDIS_LIB       := $(BUILD)/vmm/libzydis.a
ZYDIS_HOST_LIB  := $(BUILD)/host/libzydis.a
ZYDIS_VMM_OBJS  := $(ZYDIS_FILES:%=$(BUILD)/vmm/zydis/%.o)
ZYDIS_HOST_OBJS := $(ZYDIS_FILES:%=$(BUILD)/host/zydis/%.o)

$(ZYDIS_STAMP): tools/fetch-zydis.sh
	$(call say,FETCH,zydis)
	$(Q)tools/fetch-zydis.sh $(ZYDIS_DIR) && touch $@

# -w: warnings of Zydis are not fixed here.
$(ZYDIS_VMM_OBJS): $(BUILD)/vmm/zydis/%.o: $(ZYDIS_STAMP) src/zydis.mk src/lib/zydis_libc.h
	$(call say,CC,zydis/$*.c)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(VMM_CFLAGS) $(ZYDIS_CPPFLAGS) -DNDEBUG -fomit-frame-pointer -I$(ZYDIS_DIR)/src -w -c -o $@ $(ZYDIS_DIR)/src/$*.c

$(ZYDIS_HOST_OBJS): $(BUILD)/host/zydis/%.o: $(ZYDIS_STAMP) src/zydis.mk src/lib/zydis_libc.h
	$(call say,HOSTCC,zydis/$*.c)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) -O1 -g $(ZYDIS_CPPFLAGS) -I$(ZYDIS_DIR)/src -w -c -o $@ $(ZYDIS_DIR)/src/$*.c

$(ZYDIS_LIB): $(ZYDIS_VMM_OBJS)
$(ZYDIS_HOST_LIB): $(ZYDIS_HOST_OBJS)
$(ZYDIS_LIB) $(ZYDIS_HOST_LIB):
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

# The project's files that include Zydis.
ZYDIS_USERS := $(patsubst src/%.c,$(BUILD)/vmm/%.o,$(shell grep -l 'Zydis/Zydis.h' $(VMM_C)))
$(ZYDIS_USERS): VMM_DEFS += $(ZYDIS_CPPFLAGS) -DNDEBUG
$(ZYDIS_USERS): src/zydis.mk | $(ZYDIS_STAMP)
