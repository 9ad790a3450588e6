# Zydis, the disassembler, built twice from one set of sources: freestanding for the VMM and natively for the tests.
#
#   ZYDIS_CPPFLAGS  what a file that includes <Zydis/Zydis.h> is compiled with
#   ZYDIS_STAMP     what its object depends on: the headers are there
#   ZYDIS_LIB   build/vmm/libzydis.a
#   ZYDIS_HOST_LIB  build/host/libzydis.a
ZYDIS_DIR   := $(BUILD)/zydis
ZYDIS_STAMP := $(ZYDIS_DIR)/.sha256

# AVX-512 stays: a guest that uses it must not read "(bad)". Knights Corner's encodings would only be mistaken for it.
ZYDIS_CPPFLAGS := -I$(ZYDIS_DIR)/include -DZYAN_NO_LIBC -DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD \
                  -DZYDIS_DISABLE_ENCODER -DZYDIS_DISABLE_KNC

# No Disassembler.c (wraps the rest), Encoder*.c, MetaInfo.c (names of categories): nothing here calls them.
ZYDIS_FILES := Decoder DecoderData Formatter FormatterATT FormatterBase FormatterBuffer FormatterIntel Mnemonic \
               Register Segment SharedData String Utils Zydis

ZYDIS_LIB       := $(BUILD)/vmm/libzydis.a
ZYDIS_HOST_LIB  := $(BUILD)/host/libzydis.a
ZYDIS_VMM_OBJS  := $(ZYDIS_FILES:%=$(BUILD)/vmm/zydis/%.o)
ZYDIS_HOST_OBJS := $(ZYDIS_FILES:%=$(BUILD)/host/zydis/%.o)

$(ZYDIS_STAMP): tools/fetch-zydis.sh
	$(call say,FETCH,zydis)
	$(Q)tools/fetch-zydis.sh $(ZYDIS_DIR) && touch $@

# -w: its warnings are not ours to fix.
$(ZYDIS_VMM_OBJS): $(BUILD)/vmm/zydis/%.o: $(ZYDIS_STAMP)
	$(call say,CC,zydis/$*.c)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(VMM_CFLAGS) $(ZYDIS_CPPFLAGS) -I$(ZYDIS_DIR)/src -w -c -o $@ $(ZYDIS_DIR)/src/$*.c

$(ZYDIS_HOST_OBJS): $(BUILD)/host/zydis/%.o: $(ZYDIS_STAMP)
	$(call say,HOSTCC,zydis/$*.c)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) -O1 -g $(ZYDIS_CPPFLAGS) -I$(ZYDIS_DIR)/src -w -c -o $@ $(ZYDIS_DIR)/src/$*.c

$(ZYDIS_LIB): $(ZYDIS_VMM_OBJS)
$(ZYDIS_HOST_LIB): $(ZYDIS_HOST_OBJS)
$(ZYDIS_LIB) $(ZYDIS_HOST_LIB):
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

# The files of ours that know Zydis.
ZYDIS_USERS := $(patsubst src/%.c,$(BUILD)/vmm/%.o,$(shell grep -l 'Zydis/Zydis.h' $(VMM_C)))
$(ZYDIS_USERS): VMM_DEFS += $(ZYDIS_CPPFLAGS)
$(ZYDIS_USERS): | $(ZYDIS_STAMP)
