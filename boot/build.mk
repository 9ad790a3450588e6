# SPDX-License-Identifier: MIT
# The loader: a UEFI application with the VMM's image inside it.
EFI_DIR := /usr/lib
BOOT_O  := $(BUILD)/boot

# What gnu-efi needs: position independent, 16-bit wide characters, no red zone because the firmware's interrupts use the
# stack. Firmware calls use the firmware's own calling convention.
BOOT_CFLAGS := -std=gnu17 -O2 -g -ffreestanding -fpic -fshort-wchar -mno-red-zone -fno-stack-protector \
               -fno-strict-aliasing -fcf-protection=none -DGNU_EFI_USE_MS_ABI \
               -Iinclude -Isrc -Iboot -isystem /usr/include/efi -isystem /usr/include/efi/x86_64

BOOT_C    := $(filter-out boot/launch_offsets.c,$(wildcard boot/*.c))
BOOT_S    := $(wildcard boot/*.S)
BOOT_LIB  := lib/string lib/printf hw/ns16550 # from src: independent of the VMM
BOOT_OBJS := $(BOOT_C:boot/%.c=$(BOOT_O)/%.o) $(BOOT_S:boot/%.S=$(BOOT_O)/%.S.o) $(BOOT_LIB:%=$(BOOT_O)/src/%.o)

.PHONY: efi
efi: $(BUILD)/trapline.efi

$(BOOT_O)/%.o: boot/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BOOT_CFLAGS) $(WARN) -MMD -MP -c $< -o $@

$(BOOT_O)/src/%.o: src/%.c
	$(call say,CC,$< for the loader)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BOOT_CFLAGS) $(WARN) -MMD -MP -c $< -o $@

$(BOOT_O)/%.S.o: boot/%.S
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BOOT_CFLAGS) -DVMM_BIN='"$(VMM_BIN)"' -MMD -MP -c $< -o $@

$(BOOT_O)/launch_offsets.h: boot/launch_offsets.c
	$(call say,OFFSETS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BOOT_CFLAGS) $(WARN) -MMD -MP -MT $@ -MF $(@:.h=.d) -S -o $(@:.h=.s) $<
	$(Q)$(call offsets,\#) $(@:.h=.s) > $@

$(BOOT_O)/launch.S.o: BOOT_CFLAGS += -I$(BOOT_O)
$(BOOT_O)/launch.S.o: $(BOOT_O)/launch_offsets.h
$(BOOT_O)/image.S.o: $(VMM_BIN)
$(BOOT_O)/sbat.S.o: boot/sbat.csv
$(BOOT_O)/loader.o: BOOT_CFLAGS += -I$(BUILD)
$(BOOT_O)/loader.o: $(BUILD)/version.h

# muldefs: libefi defines memcpy and memset as well; the linker takes the first ones, which are ours.
$(BOOT_O)/trapline.so: $(BOOT_OBJS)
	$(call say,LD,$@)
	$(Q)$(LD) -nostdlib -shared -Bsymbolic -znocombreloc -z muldefs -z noexecstack --no-undefined --no-warn-rwx-segments \
		-T $(EFI_DIR)/elf_x86_64_efi.lds -o $@ $(EFI_DIR)/crt0-efi-x86_64.o $(BOOT_OBJS) -L$(EFI_DIR) -lefi -lgnuefi

# Subsystem 10: an EFI application (UEFI specification 2.1.1).
$(BUILD)/trapline.efi: $(BOOT_O)/trapline.so tools/nx-compat
	$(call say,EFI,$@)
	$(Q)$(OBJCOPY) -j .text -j .sdata -j .data -j .dynamic -j .dynsym -j .rel -j .rela -j '.rel.*' -j '.rela.*' \
		-j .reloc -j .sbat --target efi-app-x86_64 --subsystem=10 $< $@
	$(Q)tools/nx-compat $@

# Secure Boot: docs/secure-boot.md. sbsign's warnings about gaps between sections mean nothing.
.PHONY: sign
sign: $(BUILD)/trapline.efi ## sign trapline.efi for Secure Boot: make sign KEY=file CERT=file; build/trapline-signed.efi
	$(if $(and $(KEY),$(CERT)),,$(error make sign KEY=your.key CERT=your.pem: see docs/secure-boot.md))
	$(call say,SIGN,$(BUILD)/trapline-signed.efi)
	$(Q)sbsign --key $(KEY) --cert $(CERT) --output $(BUILD)/trapline-signed.efi $<

-include $(BOOT_OBJS:.o=.d) $(BOOT_O)/launch_offsets.d
