# The VMM: freestanding, linked by linker.ld, travels as a blob inside trapline.efi.
VMM_BIN := $(BUILD)/vmm/trapline.bin
VMM_ELF := $(BUILD)/vmm/trapline.elf

# No SSE: the guest's vector state stays in the registers while the VMM runs.
VMM_CFLAGS := -std=gnu17 -O2 -g -ffreestanding -nostdlib -mgeneral-regs-only -mno-red-zone -mcmodel=kernel \
              -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -fno-strict-aliasing \
              -fno-omit-frame-pointer -fcf-protection=none -fno-jump-tables \
              -Iinclude -Isrc -Iboot

VMM_C    := $(wildcard src/*.c src/*/*.c)
VMM_ASM  := $(wildcard src/*.asm src/*/*.asm)
VMM_OBJS := $(VMM_C:src/%.c=$(BUILD)/vmm/%.o) $(VMM_ASM:src/%.asm=$(BUILD)/vmm/%.asm.o)

-include src/zydis.mk

# The way of every exit goes through these: each frame pointer would cost it three instructions. A backtrace misses them.
HOT := svm/svm_exit svm/svm_state svm/svm_event vmx/vmx_exit vmx/vmx_state vmx/vmx_event exit/cpuid exit/exception mem/guest_walk
$(HOT:%=$(BUILD)/vmm/%.o): VMM_DEFS += -fomit-frame-pointer

$(BUILD)/vmm/%.o: src/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(VMM_CFLAGS) $(WARN) $(VMM_DEFS) -MMD -MP -c $< -o $@

$(BUILD)/vmm/%.asm.o: src/%.asm
	$(call say,NASM,$<)
	@mkdir -p $(@D)
	$(Q)$(NASM) -f elf64 -g -F dwarf -Werror -MD $(@:.o=.d) $< -o $@

# The version changes with every commit; only the file that prints it is built again.
$(BUILD)/version.h: FORCE
	@mkdir -p $(@D)
	@echo '#define TRAPLINE_VERSION "$(VERSION)"' | cmp -s - $@ || echo '#define TRAPLINE_VERSION "$(VERSION)"' > $@
FORCE:
$(BUILD)/vmm/main.o: VMM_DEFS += -I$(BUILD)
$(BUILD)/vmm/main.o: $(BUILD)/version.h

$(VMM_ELF): $(VMM_OBJS) $(ZYDIS_LIB) linker.ld
	$(call say,LD,$@)
	$(Q)$(LD) -nostdlib -static -z max-page-size=4096 -z noexecstack --no-warn-rwx-segments -T linker.ld -o $@ \
		$(VMM_OBJS) $(ZYDIS_LIB)

$(VMM_BIN): $(VMM_ELF)
	$(call say,OBJCOPY,$@)
	$(Q)$(OBJCOPY) -O binary -j .text -j .rodata -j .data $< $@

-include $(VMM_OBJS:.o=.d)
