# SPDX-License-Identifier: MIT
# The guest programs: small EFI programs that run bare and under Trapline, and must print the same on COM1.
# gnu-efi provides the start code and the linker script; everything else is in lib/ or shared with the VMM's src/lib.
GUEST_DIR   := $(BUILD)/guests
GUEST_NAMES := $(basename $(notdir $(wildcard tests/guests/*.c)))
GUEST_EFI   := $(GUEST_NAMES:%=$(GUEST_DIR)/%.efi)
GUEST_OBJ   := $(patsubst tests/guests/lib/%,$(GUEST_DIR)/lib/%.o,$(basename $(wildcard tests/guests/lib/*.[cS]))) \
               $(GUEST_DIR)/src/lib/printf.o $(GUEST_DIR)/src/lib/string.o

# No floating point: the tests set the FPU's state themselves. No jump tables through the GOT: stubs and handlers run at any address.
GUEST_CFLAGS := -std=gnu17 -O2 -g $(WARN) -ffreestanding -fpic -fshort-wchar -fno-stack-protector -mno-red-zone \
                -mgeneral-regs-only -fcf-protection=none -fno-asynchronous-unwind-tables -fvisibility=hidden \
                -maccumulate-outgoing-args -DGNU_EFI_USE_MS_ABI \
                -Itests/guests -Isrc -Iinclude -isystem /usr/include/efi -isystem /usr/include/efi/x86_64
GUEST_LDFLAGS := -nostdlib -znocombreloc -znoexecstack --no-warn-rwx-segments --no-undefined -shared -Bsymbolic \
                 -T /usr/lib/elf_x86_64_efi.lds
GUEST_SECTIONS := .text trap_stubs low_code .sdata .data .dynamic .dynsym .rel .rela .rel.* .rela.* .reloc

# The programs that suite.efi runs in one boot.
SUITE := apic code entered legacy modes msrcpuid nmi state

.PHONY: guests
guests: $(GUEST_EFI) $(GUEST_DIR)/modes.map $(SUITE:%=$(GUEST_DIR)/suite/%.efi) ## build the guest programs of the tests

$(GUEST_DIR)/%.o: tests/guests/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) -MMD -MP -c $< -o $@

# The code of `modes` for other modes than 64-bit, embedded in its program, and where its labels are.
$(GUEST_DIR)/modes.bin $(GUEST_DIR)/modes.map &: tests/guests/modes.asm
	$(call say,NASM,$(GUEST_DIR)/modes.bin)
	@mkdir -p $(@D)
	$(Q)$(NASM) -f bin -Werror --before '[map symbols $(GUEST_DIR)/modes.map]' $< -o $(GUEST_DIR)/modes.bin
$(GUEST_DIR)/modes.o: GUEST_CFLAGS += -DMODES_BIN='"$(GUEST_DIR)/modes.bin"'
$(GUEST_DIR)/modes.o: $(GUEST_DIR)/modes.bin

# The 32-bit half of `legacy`, a flat binary embedded in its program.
LEGACY_CFLAGS := -m32 -march=i686 -std=gnu17 -O2 -g $(WARN) -ffreestanding -fno-pic -no-pie -fno-stack-protector -mgeneral-regs-only \
                 -fcf-protection=none -fno-asynchronous-unwind-tables -Itests/guests -Isrc
LEGACY_DIR := $(GUEST_DIR)/legacy32
$(LEGACY_DIR)/%.o: tests/guests/legacy32/%
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LEGACY_CFLAGS) -MMD -MP -c $< -o $@
$(LEGACY_DIR)/legacy32.bin: $(LEGACY_DIR)/legacy32.c.o $(LEGACY_DIR)/entry.S.o tests/guests/legacy32/link.ld
	$(call say,LD,$@)
	$(Q)$(LD) -m elf_i386 -nostdlib -znoexecstack --no-warn-rwx-segments -T $(filter %.ld,$^) $(filter %.o,$^) -o $(@:.bin=.elf)
	$(Q)$(OBJCOPY) -O binary $(@:.bin=.elf) $@
$(GUEST_DIR)/legacy.o: GUEST_CFLAGS += -DLEGACY_BIN='"$(LEGACY_DIR)/legacy32.bin"'
$(GUEST_DIR)/legacy.o: $(LEGACY_DIR)/legacy32.bin
-include $(wildcard $(LEGACY_DIR)/*.d)

$(GUEST_DIR)/%.o: tests/guests/%.S
	$(call say,AS,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) -MMD -MP -c $< -o $@

$(GUEST_DIR)/src/%.o: src/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) -MMD -MP -c $< -o $@

$(GUEST_DIR)/%.so: $(GUEST_DIR)/%.o $(GUEST_OBJ)
	$(call say,LD,$@)
	$(Q)$(LD) $(GUEST_LDFLAGS) /usr/lib/crt0-efi-x86_64.o $^ -o $@ /usr/lib/libgnuefi.a

$(GUEST_DIR)/%.efi: $(GUEST_DIR)/%.so
	$(call say,EFI,$@)
	$(Q)$(OBJCOPY) $(addprefix -j ,$(GUEST_SECTIONS)) --target efi-app-x86_64 $< $@

$(GUEST_DIR)/suite/%.efi: $(GUEST_DIR)/%.efi
	@mkdir -p $(@D)
	$(Q)cp $< $@

.PRECIOUS: $(GUEST_DIR)/%.o $(GUEST_DIR)/%.so
-include $(wildcard $(GUEST_DIR)/*.d $(GUEST_DIR)/lib/*.d $(GUEST_DIR)/src/lib/*.d)
