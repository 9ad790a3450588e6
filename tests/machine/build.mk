# What boots: the launcher's starter, the Linux guest and the USB image; and the targets that run the machines.
MACHINE := $(BUILD)/machine

# gnu-efi's prototypes know no const strings.
STARTER_CFLAGS := -Wno-write-strings -std=gnu11 -O2 -g -ffreestanding -fpic -fshort-wchar -fno-stack-protector -mno-red-zone -maccumulate-outgoing-args \
              -DGNU_EFI_USE_MS_ABI -isystem /usr/include/efi -isystem /usr/include/efi/x86_64

$(MACHINE)/starter/%.o: tests/machine/%.c tests/machine/starter.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(WARN) $(STARTER_CFLAGS) -c $< -o $@

$(MACHINE)/starter.so: $(MACHINE)/starter/starter.o $(MACHINE)/starter/acpi.o
	$(call say,LD,$@)
	$(Q)$(LD) -nostdlib -znocombreloc -shared -Bsymbolic -T /usr/lib/elf_x86_64_efi.lds /usr/lib/crt0-efi-x86_64.o \
	  $^ -o $@ -L /usr/lib -lefi -lgnuefi

$(MACHINE)/starter.efi: $(MACHINE)/starter.so
	$(call say,EFI,$@)
	$(Q)$(OBJCOPY) -j .text -j .sdata -j .data -j .dynamic -j .dynsym -j .rel -j .rela -j .reloc \
	  --target=efi-app-x86_64 $< $@
