# SPDX-License-Identifier: MIT
# The Linux guest: an initrd with one static program and busybox. The kernel is Debian's own (tools/deps.sh).
LINUX := $(BUILD)/linux

# The initrd also has the guest tools, the articles' programs, and programs that make hostile calls.
LINUX_CFLAGS := $(WARN) -std=gnu11 -O2 -static -no-pie -fcf-protection=none -Iinclude -Isrc
EXAMPLES     := foo_registers foo_physical foo_virtual

# The articles' programs have no prototypes, mix types and read memory that changes behind the compiler's back. They stay unchanged.
$(EXAMPLES:%=$(LINUX)/bin/%): $(LINUX)/bin/%: guest-tools/examples/%.c guest-tools/common/call_vmm.c guest-tools/common/call_vmm.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(HOSTCC) -O2 -static -no-pie -o $@ $(filter %.c,$^)

# The tests' own programs, with the guest's library.
CALLERS := copies dies hammer operator rings shares

$(CALLERS:%=$(LINUX)/bin/%): $(LINUX)/bin/%: tests/linux/%.c guest-tools/lib/trapline.c $(wildcard guest-tools/lib/*.h include/trapline/*.h)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(HOSTCC) $(LINUX_CFLAGS) -o $@ $(filter %.c,$^)

# Its handler runs while the thread's own data is inaccessible, including the canary of the stack protector.
$(LINUX)/bin/wild: tests/linux/wild.c tests/linux/wild_code.c tests/linux/wild.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(HOSTCC) $(LINUX_CFLAGS) -fno-stack-protector -o $@ $(filter %.c,$^)

LINUX_PROGRAMS := $(EXAMPLES:%=$(LINUX)/bin/%) $(CALLERS:%=$(LINUX)/bin/%) $(LINUX)/bin/wild $(TOOLS)/bin/trapctl

# The article's kernel module declares no licence, without which it does not link: another file of the module declares one.
FOO_KERNEL := guest-tools/examples/foo_kernel.c tests/linux/foo_kernel/license.c tests/linux/foo_kernel/Kbuild
$(eval $(call kernel_module,foo_module,$(FOO_KERNEL)))
$(eval $(call kernel_module,exec_heap,$(wildcard tests/linux/exec_heap/*)))
LINUX_MODULES := $(if $(GUEST_HEADERS),$(foreach m,trapline foo_module exec_heap,$(TOOLS)/modules/$(m)/$(m).ko))

$(LINUX)/init: tests/linux/init.c tests/linux/faults.c tests/linux/cpus.c tests/linux/stress.c tests/linux/selftests.c tests/linux/programs.c tests/linux/vmcore.c tests/linux/init.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(HOSTCC) $(WARN) -std=gnu11 -O1 -static -no-pie -fcf-protection=none -o $@ $(filter %.c,$^)

# The bytes depend on the sources only: no times, no owners. The kernel makes /dev itself, so no device nodes are needed.
$(LINUX)/initrd.img: $(LINUX)/init $(LINUX_PROGRAMS) $(LINUX_MODULES)
	$(call say,CPIO,$@)
	$(Q)rm -rf $(LINUX)/root && mkdir -p $(addprefix $(LINUX)/root/,bin lib dev proc sys tmp)
	$(Q)cp $(LINUX_PROGRAMS) $(LINUX)/root/bin
	$(Q)$(if $(LINUX_MODULES),cp $(LINUX_MODULES) $(LINUX)/root/lib)
	$(Q)cp $(LINUX)/init $(LINUX)/root/init && cp /bin/busybox $(LINUX)/root/bin/busybox
	$(Q)find $(LINUX)/root -exec touch -h -d @0 {} +
	$(Q)cd $(LINUX)/root && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 --reproducible > ../initrd.img

# For the stress test: a second archive after the first, with Debian's stress-ng and its libraries.
STRESS := /usr/bin/stress-ng
$(LINUX)/stress.img: $(LINUX)/initrd.img $(STRESS)
	$(call say,CPIO,$@)
	$(Q)rm -rf $(LINUX)/stress && mkdir -p $(LINUX)/stress
	$(Q)(echo $(STRESS); ldd $(STRESS) | grep -o '/[^ ]*') | xargs cp -L --parents -t $(LINUX)/stress
	$(Q)find $(LINUX)/stress -exec touch -h -d @0 {} +
	$(Q)cd $(LINUX)/stress && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 --reproducible | cat ../initrd.img - > ../stress.img

# In the same way Linux's own x86 selftests. Only `make test-selftests` needs them.
$(LINUX)/selftests:
	$(Q)tools/selftests.sh

$(LINUX)/selftests.img: $(LINUX)/initrd.img | $(LINUX)/selftests
	$(call say,CPIO,$@)
	$(Q)cd $(LINUX) && find selftests | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 | cat initrd.img - > selftests.img
# For the deaths (test_deaths.py): another archive, with kernel modules and a program that die in a chosen way, the
# program's shared library, and its libraries.
$(eval $(call kernel_module,death,$(wildcard tests/linux/deaths/module/*)))
$(eval $(call kernel_module,wrong,$(wildcard tests/linux/deaths/wrong/*)))
DEATH_MODULES := $(if $(GUEST_HEADERS),$(foreach m,death wrong,$(TOOLS)/modules/$(m)/$(m).ko))
DEATH_FILES := $(LINUX)/bin/die $(LINUX)/bin/libdeath.so
DEATH_CFLAGS := $(WARN) -std=gnu11 -O1 -fcf-protection=none -Iinclude -Isrc

$(LINUX)/bin/libdeath.so: tests/linux/deaths/library.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(HOSTCC) $(DEATH_CFLAGS) -fpic -shared -Wl,-soname,libdeath.so -o $@ $<

$(LINUX)/bin/die: tests/linux/deaths/die.c guest-tools/lib/trapline.c $(LINUX)/bin/libdeath.so $(wildcard guest-tools/lib/*.h include/trapline/*.h)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(HOSTCC) $(DEATH_CFLAGS) -Wl,-rpath,/lib -o $@ $(filter %.c %.so,$^)

$(LINUX)/deaths.img: $(LINUX)/initrd.img $(DEATH_FILES) $(DEATH_MODULES)
	$(call say,CPIO,$@)
	$(Q)rm -rf $(LINUX)/deaths && mkdir -p $(LINUX)/deaths/bin $(LINUX)/deaths/lib
	$(Q)cp $(LINUX)/bin/die $(LINUX)/deaths/bin
	$(Q)cp $(LINUX)/bin/libdeath.so $(filter %.ko,$^) $(LINUX)/deaths/lib
	$(Q)LD_LIBRARY_PATH=$(LINUX)/bin ldd $(LINUX)/bin/die | grep -o ' */lib[^ ]*' | grep -v libdeath | xargs cp -L --parents -t $(LINUX)/deaths
	$(Q)find $(LINUX)/deaths -exec touch -h -d @0 {} +
	$(Q)cd $(LINUX)/deaths && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 --reproducible | cat ../initrd.img - > ../deaths.img

# For watches from a guest (test_watch_linux.py): a module with a structure, one that overwrites it, a process with rights, and what
# is typed in.
$(eval $(call kernel_module,victim,$(wildcard tests/linux/watch/victim/*)))
WATCH_MODULES := $(if $(GUEST_HEADERS),$(TOOLS)/modules/victim/victim.ko)

$(LINUX)/bin/rights: tests/linux/watch/rights.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(HOSTCC) $(LINUX_CFLAGS) -o $@ $(filter %.c,$^)

$(LINUX)/watch.img: $(LINUX)/initrd.img $(LINUX)/bin/rights $(WATCH_MODULES) $(wildcard tests/linux/watch/*.sh)
	$(call say,CPIO,$@)
	$(Q)rm -rf $(LINUX)/watch && mkdir -p $(LINUX)/watch/bin $(LINUX)/watch/lib
	$(Q)cp $(LINUX)/bin/rights $(LINUX)/watch/bin
	$(Q)cp $(filter %.sh,$^) $(WATCH_MODULES) $(WATCH_MODULES:victim.ko=culprit.ko) $(LINUX)/watch/lib
	$(Q)find $(LINUX)/watch -exec touch -h -d @0 {} +
	$(Q)cd $(LINUX)/watch && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 --reproducible | cat ../initrd.img - > ../watch.img

# What the kernel says of itself, as nm would: Debian's own System.map has nothing in it.
# A kernel that tools/kernel-map cannot read boots as well: then there is no map, and the test of the names says so.
$(LINUX)/System.map: tools/kernel-map $(LINUX)/vmlinuz
	$(call say,MAP,$@)
	$(Q)if tools/kernel-map $(LINUX)/vmlinuz > $@.new; then mv $@.new $@; else rm -f $@ $@.new; echo "warning: no $@: reports of this kernel have no names" >&2; fi

$(LINUX)/vmlinuz:
	$(Q)tools/deps.sh
