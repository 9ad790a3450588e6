# The Linux guest: an initrd with one static program and busybox. The kernel is Debian's own (tools/deps.sh).
LINUX := $(BUILD)/linux

$(LINUX)/init: tests/linux/init.c tests/linux/faults.c tests/linux/init.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(HOSTCC) $(WARN) -std=gnu11 -O1 -static -no-pie -fcf-protection=none -o $@ $(filter %.c,$^)

# Bytes depend on the sources only: no times, no owners. The kernel makes /dev itself, so no device nodes are needed.
$(LINUX)/initrd.img: $(LINUX)/init
	$(call say,CPIO,$@)
	$(Q)rm -rf $(LINUX)/root && mkdir -p $(LINUX)/root/bin $(LINUX)/root/dev $(LINUX)/root/proc $(LINUX)/root/sys
	$(Q)cp $(LINUX)/init $(LINUX)/root/init && cp /bin/busybox $(LINUX)/root/bin/busybox
	$(Q)find $(LINUX)/root -exec touch -h -d @0 {} +
	$(Q)cd $(LINUX)/root && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 --reproducible > ../initrd.img

$(LINUX)/vmlinuz:
	$(Q)tools/deps.sh
