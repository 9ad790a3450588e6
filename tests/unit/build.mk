# SPDX-License-Identifier: MIT
# The unit tests: the VMM's pure sources, compiled natively with the sanitizers. Each test file is a program.
UNIT_TESTS := $(patsubst tests/unit/test_%.c,%,$(wildcard tests/unit/test_*.c))
UNIT_BINS  := $(UNIT_TESTS:%=$(BUILD)/unit/test_%)

UNIT_CFLAGS := -std=gnu17 -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -no-pie \
               $(WARN) -Iinclude -Isrc -Iboot -Itests -Itests/unit

# The sources under test. The freestanding library gets names of its own, and so do the printing functions of src/trace.
UNIT_SOURCES  := $(wildcard src/trace/*.c) \
                 $(addprefix guest-tools/decode/,clean.c find_file.c line_kind.c link.c logfmt.c map.c model.c notes.c number.c read_json.c \
                   read_records.c read_text.c record_line.c record_text.c) \
                 guest-tools/lib/ask.c \
                 guest-tools/lib/watch.c \
                 boot/budget.c \
                 boot/bzimage.c \
                 boot/canary.c \
                 boot/capture_plan.c \
                 boot/config.c \
                 boot/edits.c \
                 boot/image_debug.c \
                 boot/pieces.c \
                 boot/ranges.c \
                 boot/spcr.c \
                 boot/srat.c \
                 boot/symbol_map.c \
                 boot/transition.c \
                 src/apic/flush.c \
                 src/apic/icr.c \
                 src/apic/park.c \
                 src/apic/pause.c \
                 src/capture/core.c \
                 src/console/answer.c \
                 src/console/address.c \
                 src/console/command.c \
                 src/console/complete.c \
                 src/console/debugger.c \
                 src/console/help.c \
                 src/console/input.c \
                 src/console/line.c \
                 src/console/poll.c \
                 src/console/printer.c \
                 src/console/slice_job.c \
                 src/cpu/exit.c \
                 src/cpu/host_trap.c \
                 src/cpu/machine_check.c \
                 src/cpu/moment.c \
                 src/cpu/registers.c \
                 src/cpu/system_registers.c \
                 src/exit/a20.c \
                 src/exit/capture_ask.c \
                 src/exit/control_register.c \
                 src/exit/dispatch.c \
                 src/exit/exception.c \
                 src/exit/freeze.c \
                 src/exit/interrupt.c \
                 src/exit/io.c \
                 src/exit/longest.c \
                 src/exit/merge.c \
                 src/exit/record.c \
                 src/exit/init_sipi.c \
                 src/exit/usual.c \
                 src/exit/watch_access.c \
                 src/exit/watch_change.c \
                 src/exit/watch_control.c \
                 src/exit/watch_exec.c \
                 src/exit/watch_hit.c \
                 src/exit/watch_memory.c \
                 src/exit/watch_piece.c \
                 src/exit/watch_register.c \
                 src/exit/watch_tables.c \
                 src/exit/catch.c \
                 src/exit/run.c \
                 src/exit/run_stop.c \
                 src/exit/work.c \
                 src/gdb/packet.c \
                 src/gdb/points.c \
                 src/gdb/registers.c \
                 src/gdb/session.c \
                 src/gdb/stub.c \
                 src/guest/access.c \
                 src/guest/insn.c \
                 src/guest/known_insn.c \
                 src/guest/opcode.c \
                 src/guest/system_insn.c \
                 src/guest/step.c \
                 src/guest/step_insn.c \
                 src/hw/cet.c \
                 src/hw/features.c \
                 src/hw/mitigations.c \
                 src/hw/msr_name.c \
                 src/hw/ns16550.c \
                 src/hw/vector_state.c \
                 src/lib/printf.c \
                 src/lib/string.c \
                 src/log/cmos.c \
                 src/log/log.c \
                 src/log/pages.c \
                 src/log/turn.c \
                 src/mem/device_space.c \
                 src/mem/guest_access.c \
                 src/mem/memory_type.c \
                 src/mem/mtrr_shadow.c \
                 src/mem/paging.c \
                 src/mem/pool.c \
                 src/report/guest_gate.c \
                 src/stage2/exec.c \
                 src/stage2/exec_leaf.c \
                 src/stage2/private.c \
                 src/stage2/spare.c \
                 src/stage2/stage2.c \
                 src/stage2/taken.c \
                 src/svm/svm_check.c \
                 src/svm/svm_event.c \
                 src/svm/svm_exit.c \
                 src/svm/svm_halt.c \
                 src/svm/svm_init.c \
                 src/svm/svm_msr.c \
                 src/svm/svm_nmi.c \
                 src/svm/svm_skip.c \
                 src/svm/svm_state.c \
                 src/svm/svm_step.c \
                 src/svm/svm_usual.c \
                 src/svm/svm_watch_registers.c \
                 src/trace/walk_trace.c \
                 src/vmcall/check.c \
                 src/vmcall/policy.c \
                 src/watch/exec_ranges.c \
                 src/watch/msr_map.c \
                 src/watch/watch.c \
                 src/watch/words.c \
                 src/vmx/vmx_cet.c \
                 src/vmx/vmx_same.c \
                 src/vmx/vmx_check.c \
                 src/vmx/vmx_controls.c \
                 src/vmx/vmx_cr.c \
                 src/vmx/vmx_event.c \
                 src/vmx/vmx_msr.c \
                 src/vmx/vmx_mtrr.c \
                 src/vmx/vmx_rules.c \
                 src/vmx/vmx_skip.c \
                 src/vmx/vmx_state.c \
                 src/vmx/vmx_step.c \
                 src/vmx/vmx_usual.c \
                 src/vmx/vmx_watch_registers.c
UNIT_RENAMES  := $(foreach f,memcpy memmove memset memcmp strlen strcmp strncmp snprintf vsnprintf,-D$(f)=tl_$(f))
UNIT_OBJS     := $(UNIT_SOURCES:%.c=$(BUILD)/unit/%.o)

$(BUILD)/unit/src/lib/%.o:   UNIT_DEFS := $(UNIT_RENAMES) -fno-builtin
$(BUILD)/unit/src/trace/%.o: UNIT_DEFS := -Dvsnprintf=tl_vsnprintf -Dsnprintf=tl_snprintf $(ZYDIS_CPPFLAGS)
$(BUILD)/unit/src/trace/decode.o: | $(ZYDIS_STAMP)
# In these tests the guest's RAM is an array.
UNIT_RAM := src/exit/watch_access src/exit/watch_control src/exit/watch_exec src/exit/watch_piece src/exit/watch_tables src/gdb/stub \
            src/guest/step src/mem/guest_access \
            $(addprefix tests/unit/test_,capture_start core_keep gdb guest_access lookup share svm_step vmcoreinfo watch_access watch_control watch_exec watch_memory watch_tables)
$(UNIT_RAM:%=$(BUILD)/unit/%.o): UNIT_DEFS := -iquote tests/fake
# In these the VMCS is an array.
UNIT_VMCS := src/vmx/vmx_cet src/vmx/vmx_cr $(addprefix tests/unit/test_,vmx_cet vmx_cr)
$(UNIT_VMCS:%=$(BUILD)/unit/%.o): UNIT_DEFS := -iquote tests/fake
# And DR6, CR0, CR4 and the MSRs are variables and functions.
UNIT_HOST := src/cpu/system_registers src/hw/vector_state src/vmx/vmx_event src/vmx/vmx_msr src/vmx/vmx_skip src/vmx/vmx_state src/vmx/vmx_step src/vmx/vmx_usual \
             src/vmx/vmx_watch_registers $(addprefix tests/unit/test_,system_registers vector_state vmx_msr vmx_state vmx_step vmx_usual vmx_watch)
$(UNIT_HOST:%=$(BUILD)/unit/%.o): UNIT_DEFS := -iquote tests/fake -iquote tests/fake/host
# Linux's headers are those of the module's fakes.
$(addprefix $(BUILD)/unit/tests/unit/test_module_exec,.o _regions.o): UNIT_DEFS := -Itests/fake/kernel
# This file pushes flags without the compiler's knowledge.
$(BUILD)/unit/tests/unit/test_store.o: UNIT_DEFS := $(ZYDIS_CPPFLAGS) -mno-red-zone
$(BUILD)/unit/tests/unit/test_access.o: UNIT_DEFS := $(ZYDIS_CPPFLAGS)
# So does this one, on a machine whose RAM, VMCS and MSRs are fakes.
$(BUILD)/unit/tests/unit/test_apic_seen.o: UNIT_DEFS := $(ZYDIS_CPPFLAGS) -mno-red-zone -iquote tests/fake -iquote tests/fake/host
$(BUILD)/unit/tests/unit/test_apic_seen.o $(BUILD)/unit/tests/unit/test_store.o $(BUILD)/unit/tests/unit/test_access.o: | $(ZYDIS_STAMP)

$(BUILD)/unit/%.o: %.c
	$(call say,HOSTCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) $(UNIT_DEFS) -MMD -MP -c -o $@ $<

$(BUILD)/unit/libtested.a: $(UNIT_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(UNIT_BINS): $(BUILD)/unit/%: $(BUILD)/unit/tests/unit/%.o $(BUILD)/unit/libtested.a $(ZYDIS_HOST_LIB)
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -o $@ $^ -lcmocka -lpthread

UNIT_BINS += tests/unit/completion tests/unit/cost tests/unit/decode_completion tests/unit/decode_names tests/unit/speculation \
             tests/unit/version tests/unit/help tests/unit/install tests/unit/trapline_install tests/unit/doc_commands \
             tests/unit/manual tests/unit/gdb_linux tests/unit/usb_stick

tests/unit/decode_completion tests/unit/decode_names: $(TOOLS)/bin/trapline-decode

tests/unit/speculation: $(VMM_ELF)

tests/unit/trapline_install tests/unit/manual: $(SHIP)/trapline-install

tests/unit/install: all $(SHIP)/trapline-install $(BUILD)/zydis_4.0.0.orig.tar.gz

tests/unit/doc_commands: $(BUILD)/tables $(TOOLS)/bin/trapctl $(TOOLS)/bin/trapline-decode

tests/unit/version: $(BUILD)/trapline.efi $(TOOLS)/bin/trapctl $(TOOLS)/bin/trapline-decode

.PHONY: test-unit
test-unit: $(UNIT_BINS) ## unit tests, on this machine
	$(Q)tests/unit/run.sh $(UNIT_BINS)

-include $(UNIT_OBJS:.o=.d) $(UNIT_TESTS:%=$(BUILD)/unit/tests/unit/test_%.d)
