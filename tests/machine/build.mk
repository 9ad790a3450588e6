# SPDX-License-Identifier: MIT
# Everything that boots: the launcher's starter, the Linux guest and the USB image; and the targets that run the machines.
MACHINE := $(BUILD)/machine

# gnu-efi's prototypes lack const for strings.
STARTER_CFLAGS := -Wno-write-strings -std=gnu11 -O2 -g -ffreestanding -fpic -fshort-wchar -fno-stack-protector -mno-red-zone -maccumulate-outgoing-args \
              -DGNU_EFI_USE_MS_ABI -isystem /usr/include/efi -isystem /usr/include/efi/x86_64

$(MACHINE)/starter/%.o: tests/machine/%.c tests/machine/starter.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(WARN) $(STARTER_CFLAGS) -c $< -o $@

$(MACHINE)/starter/%.o: tests/machine/%.S
	@mkdir -p $(@D)
	$(call say,AS,$@)
	$(Q)$(CC) -c $< -o $@

$(MACHINE)/starter.so: $(addprefix $(MACHINE)/starter/,starter.o acpi.o five_levels.o five_levels_code.o)
	$(call say,LD,$@)
	$(Q)$(LD) -nostdlib -znocombreloc -shared -Bsymbolic -T /usr/lib/elf_x86_64_efi.lds /usr/lib/crt0-efi-x86_64.o \
	  $^ -o $@ -L /usr/lib -lefi -lgnuefi

$(MACHINE)/starter.efi: $(MACHINE)/starter.so
	$(call say,EFI,$@)
	$(Q)$(OBJCOPY) -j .text -j .sdata -j .data -j .dynamic -j .dynsym -j .rel -j .rela -j .reloc \
	  --target=efi-app-x86_64 $< $@

# Secure Boot: Debian's firmware for tests has this key in its db. The key's password is in the package's README.
SNAKEOIL := /usr/share/ovmf/PkKek-1-snakeoil

$(MACHINE)/snakeoil.key: $(SNAKEOIL).key
	@mkdir -p $(@D)
	$(call say,KEY,$@)
	$(Q)openssl pkey -in $< -passin pass:snakeoil -out $@

$(MACHINE)/starter-signed.efi: $(MACHINE)/starter.efi $(MACHINE)/snakeoil.key
	$(call say,SIGN,$@)
	$(Q)sbsign --key $(MACHINE)/snakeoil.key --cert $(SNAKEOIL).pem --output $@ $< 2>&1 | (! grep -v -e '^warning: ' -e '^Signing ')

include tests/linux/build.mk

# The launcher's variables, from `make run BACKEND=... CPUS=...` or the environment.
LAUNCH_VARIABLES := APPEND ARGS BACKEND BOCHS CONF CONSOLE CPU CPUS DISK EFI ESP ESP_FREE EXTRA FOLLOW ICOUNT INITRD KERNEL \
                    MEM MSRS OUT REBOOT SECURE SERIAL TIMEOUT TRAPLINE TRAPLINE_EFI UNTIL USB VARS
export $(LAUNCH_VARIABLES)

# The files that the Linux guest and the machine tests boot.
MACHINE_FILES := $(MACHINE)/starter.efi $(MACHINE)/starter-signed.efi $(LINUX)/initrd.img $(LINUX)/stress.img $(LINUX)/deaths.img $(LINUX)/watch.img $(LINUX)/vmlinuz $(LINUX)/System.map
MACHINE_TESTS := tests/machine/run

# VT-x is tested as soon as there is code for it.
VENDORS := svm $(if $(wildcard src/vmx/*.c),vmx)

.PHONY: deps run launch debug gdb machine-files test test-svm bench usb format check

deps: ## install what is missing (Debian's packages, its kernel)
	$(Q)tools/deps.sh

machine-files: all test-efi $(MACHINE_FILES)

# The missing packages may be prerequisites of make itself, so a second make does the work once they are installed.
run: deps ## boot Debian's kernel under Trapline, provoke faults, let it die; show the trace and the story
	$(Q)$(MAKE) --no-print-directory machine-files
	$(Q)tools/demo

launch: machine-files ## the launcher as it is; `tools/launch --help` lists its variables
	$(Q)tools/launch

debug: machine-files guests ## QEMU stopped before Trapline starts, with gdb attached; in it, `help trapline`
	$(Q)tools/debug

gdb: machine-files ## boot Debian's kernel under Trapline, with gdb on Trapline's serial line (docs/gdb.md); VMLINUX=file loads its symbols
	$(Q)tools/attach

test: deps ## unit tests, then the machine tests on both vendors
	$(Q)$(MAKE) --no-print-directory machine-files guests $(BUILD)/trapline-usb.img
	$(Q)$(MACHINE_TESTS) --unit $(VENDORS:%=--vendor %)

test-svm: machine-files guests $(BUILD)/trapline-usb.img ## the machine tests on AMD-V: QEMU, and Bochs where QEMU is too simple
	$(Q)$(MACHINE_TESTS) --vendor svm $(TEST)

ifneq ($(filter vmx,$(VENDORS)),)
.PHONY: test-vmx
test-vmx: machine-files guests $(BUILD)/trapline-usb.img ## the machine tests on VT-x, on Bochs
	$(if $(TINY),$(Q)tools/tiny-kernel.sh)
	$(Q)TINY=$(TINY) $(MACHINE_TESTS) --vendor vmx $(TEST)
endif

.PHONY: test-secure-boot
test-secure-boot: machine-files guests $(BUILD)/trapline-usb.img ## Secure Boot and firmware with SMM, Debian's shim and GRUB: on AMD-V (1 minute)
	$(Q)$(MACHINE_TESTS) --backend svm secure_boot.

.PHONY: test-install
test-install: deb machine-files ## trapline-install in a Debian of its own, on AMD-V: real boot entries (downloads 250 MB once; 10 minutes)
	$(Q)ship/debian-vm $(BUILD)/deb $(BUILD)/debian-vm.img
	$(Q)INSTALL=1 $(MACHINE_TESTS) --backend svm install.

.PHONY: test-storm
test-storm: machine-files ## a million exceptions across four CPUs, on AMD-V
	$(Q)STORM=1 $(MACHINE_TESTS) --backend svm smp.storm_million

.PHONY: formats-fixtures
formats-fixtures: machine-files guests ## make the logs and records of tests/formats anew, by real machines (a minute)
	$(Q)tests/formats/renew

.PHONY: test-gdb
test-gdb: machine-files guests ## Debian's gdb on the console's line: all, on AMD-V and VT-x (downloads 860 MB once; 25 minutes)
	$(Q)DBG=$$(tools/dbg-kernel.sh) && [ -n "$$DBG" ] && GDB=1 DBG=$$DBG $(MACHINE_TESTS) --backend svm --backend vmx gdb. debug.

.PHONY: capture-initrd
capture-initrd: $(LINUX)/vmlinuz ## build/linux/capture.img: an initrd that copies a dead guest to a disk (downloads 70 MB once; docs/capture.md)
	$(Q)tools/capture-initrd.sh

.PHONY: test-capture
test-capture: machine-files guests capture-initrd ## a capture kernel's dump of a dead Linux, opened by crash, on AMD-V (downloads 930 MB once; 3 minutes)
	@echo "test-capture: 930 MB to download, once, then 3 minutes on two idle processors"
	$(Q)DBG=$$(tools/dbg-kernel.sh) && [ -n "$$DBG" ] && CAPTURE=1 DBG=$$DBG $(MACHINE_TESTS) --backend svm capture.

.PHONY: test-many
test-many: machine-files guests ## 72 CPUs beneath Debian's kernel, stopped, let go and dying, on AMD-V (10 minutes)
	@echo "test-many: 10 minutes on two idle processors; the logs are in $(BUILD)/tests/machine"
	$(Q)MANY=1 $(MACHINE_TESTS) --backend svm many.

.PHONY: test-smp-hardware
test-smp-hardware: machine-files guests ## INIT and SIPI by the CPU's own means, and the monitor trap flag, on Debian 13's Bochs (downloads it; 8 minutes)
	$(Q)tools/bochs3.sh
	$(Q)BOCHS=$(BUILD)/bochs3 $(MACHINE_TESTS) --backend vmx --backend svm-bochs by_hardware

.PHONY: test-watch
test-watch: machine-files guests ## all watches on both vendors, in Linux too, and with the exceptions program in watched memory (20 minutes)
	$(Q)WATCH=1 $(MACHINE_TESTS) --backend svm --backend vmx watch_memory. watch_exec. watch_linux.

.PHONY: test-kvm
test-kvm: machine-files guests ## beneath KVM's nested AMD-V, KVM itself in QEMU (downloads Debian's kernel, 70 MB; 10 minutes)
	@echo "test-kvm: 10 minutes on an idle processor; the logs are in $(BUILD)/tests/machine/kvm"
	$(Q)$(MACHINE_TESTS) --backend kvm

.PHONY: test-selftests
test-selftests: machine-files ## Linux's own x86 selftests, bare and under Trapline (downloads their source, 140 MB; 5 minutes)
	$(Q)$(MAKE) --no-print-directory $(LINUX)/selftests.img
	$(Q)SELFTESTS=1 $(MACHINE_TESTS) --backend svm selftests.same_as_bare

.PHONY: test-dbg
test-dbg: machine-files ## names of the kernel's functions, by Debian's debug information of it (downloads 860 MB once; 5 minutes)
	@echo "test-dbg: 860 MB to download, once, then 3 minutes"
	$(Q)DBG=$$(tools/dbg-kernel.sh) && [ -n "$$DBG" ] && DBG=$$DBG $(MACHINE_TESTS) --backend svm decode.kernel

.PHONY: test-wild
test-wild: machine-files ## 2500 children that run random code, bare and under Trapline, on AMD-V (4 minutes), or 60 with BACKEND=vmx (6)
	$(Q)WILD=$(if $(filter vmx,$(BACKEND)),60,2500) $(MACHINE_TESTS) --backend $(or $(BACKEND),svm) wild.same_as_bare

# In minutes; a failed round prints its SOAK_SEED= and SOAK_ROUND=.
SOAK_MINUTES := 30

.PHONY: soak
soak: machine-files guests ## boot, storm and reset at random for SOAK_MINUTES=30, on BACKEND=svm or vmx
	$(Q)tests/machine/soak --backend $(or $(BACKEND),svm) --minutes $(SOAK_MINUTES) $(SOAK_SEED:%=--seed %) $(SOAK_ROUND:%=--round %)

bench: deps ## what Trapline costs, in about three minutes: build/bench.json, compared with docs/bench.json
	$(Q)$(MAKE) --no-print-directory machine-files guests
	$(Q)tools/bench.py

.PHONY: bench-store profile
bench-store: ## make build/bench.json the stored figures of docs/
	$(Q)tools/bench.py --store

profile: machine-files guests ## where the instructions of one exit go: make profile OF=cpuid
	$(Q)tools/profile.py $(OF)

usb: ## build/trapline-usb.img: a bootable stick with trapline.conf on it; installs what that needs
	$(Q)tools/deps.sh --usb
	$(Q)$(MAKE) --no-print-directory $(BUILD)/trapline-usb.img

$(BUILD)/trapline-usb.img: $(BUILD)/trapline.efi boot/trapline.conf.example tools/mkusb
	$(call say,USB,$@)
	$(Q)tools/mkusb $@ $(BUILD)/trapline.efi boot/trapline.conf.example

C_FILES = $(shell git ls-files -co --exclude-standard '*.c' '*.h')

format: ## bring all C files into shape
	$(Q)clang-format -i $(C_FILES)

check: ## format, static analysis, shell scripts, unit tests
	$(Q)tools/check
	$(Q)$(MAKE) --no-print-directory docs-check
	$(Q)$(MAKE) --no-print-directory test-unit
