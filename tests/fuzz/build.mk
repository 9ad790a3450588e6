# SPDX-License-Identifier: MIT
# libFuzzer targets: the project's sources under the sanitizers, with Debian's clang. Zydis is included, because the VMM decodes the
# guest's code with it. tests/fuzz/<target>.c says what each target checks; tests/fuzz/corpus/<target> is its stored corpus.
FUZZ_CC     := clang
FUZZ_CFLAGS := -std=gnu17 -O1 -g -fno-omit-frame-pointer -fno-pie -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
               -iquote tests/fake -iquote tests/fuzz -Iinclude -Isrc -Iboot -Itests $(ZYDIS_CPPFLAGS) \
               -Dvsnprintf=tl_vsnprintf -Dsnprintf=tl_snprintf
FUZZ_WARN   := -Wall -Wextra -Werror -Wno-unused-parameter
FUZZ_DIR    := $(BUILD)/fuzz

# The sources of each target.
FUZZ_TEXT   := src/trace/text.c src/lib/printf.c
FUZZ_FORMAT := src/trace/format.c src/trace/decode.c src/trace/explain.c src/trace/process.c src/trace/vector.c src/trace/important.c src/hw/msr_name.c $(FUZZ_TEXT)
FUZZ_RECORD := src/trace/ring.c src/trace/reserve.c src/trace/sites.c
FUZZ_WATCH  := src/watch/exec_ranges.c src/watch/watch.c src/watch/words.c
FUZZ_MEMORY := src/mem/guest_walk.c src/mem/guest_access.c

FUZZ_backtrace   := src/trace/backtrace.c $(FUZZ_TEXT)
FUZZ_bench       := guest-tools/trapctl/bench_file.c
FUZZ_blackbox    := src/report/recall.c src/trace/cpu_list.c src/trace/verdict.c src/trace/stack.c src/trace/chain.c src/trace/fold.c $(FUZZ_RECORD) $(FUZZ_FORMAT) zydis
FUZZ_capture     := boot/bzimage.c boot/capture_plan.c boot/ranges.c src/capture/core.c src/trace/elf_core.c src/lib/printf.c
FUZZ_command     := src/cpu/exit.c src/exit/capture_ask.c src/trace/cpu_list.c $(addprefix src/console/,address.c command.c complete.c control.c core.c debugger.c help.c input.c inspect.c line.c records.c slide.c watches.c) $(FUZZ_MEMORY) $(FUZZ_WATCH) \
                    src/report/guest_gate.c src/trace/gate.c src/trace/walk_trace.c src/vmcall/check.c src/trace/filter.c src/trace/tokens.c $(FUZZ_RECORD) \
                    $(FUZZ_FORMAT) zydis
FUZZ_config      := boot/config.c boot/edits.c src/lib/printf.c
FUZZ_core        := src/report/core.c src/trace/core_file.c src/trace/elf_core.c src/trace/walk_trace.c src/cpu/registers.c $(FUZZ_MEMORY) $(FUZZ_TEXT)
FUZZ_filter      := src/trace/filter.c src/trace/process.c src/trace/important.c src/trace/tokens.c src/trace/vector.c $(FUZZ_TEXT)
FUZZ_format      := $(FUZZ_FORMAT) src/trace/bits.c src/trace/gate.c src/trace/summary.c zydis
FUZZ_formats     := $(addprefix guest-tools/decode/,clean.c line_kind.c link.c logfmt.c model.c number.c read_json.c read_records.c read_text.c record_line.c \
                    record_text.c timeline.c markup.c svg_chain.c svg_timeline.c html_parts.c html_stories.c html_tables.c ctf_metadata.c) \
                    $(addprefix guest-tools/decode/write_,chrome.c ctf.c html.c json.c svg.c) guest-tools/common/json_line.c $(FUZZ_FORMAT) zydis
FUZZ_gdb         := $(addprefix src/gdb/,packet.c points.c registers.c stub.c) src/watch/watch.c $(FUZZ_MEMORY) src/vmcall/check.c src/trace/tokens.c src/trace/vector.c $(FUZZ_TEXT)
FUZZ_icr         := src/apic/icr.c
FUZZ_line        := src/console/line.c
FUZZ_log         := $(addprefix guest-tools/decode/,clean.c line_kind.c link.c logfmt.c map.c model.c notes.c number.c read_json.c read_records.c read_text.c \
                    record_line.c record_text.c terminal.c write_text.c) $(FUZZ_FORMAT) zydis
FUZZ_memory_type := src/mem/memory_type.c
FUZZ_opcode      := src/guest/opcode.c zydis
FUZZ_reader      := $(FUZZ_FORMAT) zydis
FUZZ_ring        := src/trace/ring.c src/trace/chain.c
FUZZ_store       := zydis
FUZZ_symbols     := boot/symbol_map.c src/trace/names.c src/trace/slide.c $(FUZZ_TEXT)
FUZZ_task        := src/hw/features.c src/lib/printf.c src/vmx/vmx_task.c src/vmx/vmx_check.c $(FUZZ_MEMORY)
FUZZ_vmcall      := src/trace/names.c src/trace/process.c src/trace/text.c src/hw/features.c src/hw/mitigations.c $(wildcard src/vmcall/*.c) src/console/answer.c src/console/slice_job.c src/cpu/exit.c src/exit/capture_ask.c src/exit/longest.c $(FUZZ_MEMORY) src/trace/ring.c src/lib/printf.c
FUZZ_watch       := $(FUZZ_WATCH) src/trace/tokens.c src/trace/vector.c src/hw/msr_name.c $(FUZZ_TEXT)
FUZZ_walk        := $(FUZZ_MEMORY) src/trace/walk_trace.c $(FUZZ_TEXT)

# What runs on a person's machine prints with libc's printf.
$(FUZZ_DIR)/guest-tools/%.o $(FUZZ_DIR)/tests/fuzz/bench.o $(FUZZ_DIR)/tests/fuzz/log.o: FUZZ_CFLAGS += -Uvsnprintf -Usnprintf

FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
FUZZ_BINS    := $(FUZZ_TARGETS:%=$(FUZZ_DIR)/%)
FUZZ_ZYDIS   := $(ZYDIS_FILES:%=$(FUZZ_DIR)/zydis/%.o)

fuzz_objects = $(patsubst %.c,$(FUZZ_DIR)/%.o,tests/fuzz/$(1).c $(filter %.c,$(FUZZ_$(1)))) \
               $(if $(filter zydis,$(FUZZ_$(1))),$(FUZZ_ZYDIS))

$(FUZZ_DIR)/%.o: %.c | $(ZYDIS_STAMP)
	$(call say,FUZZCC,$<)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(FUZZ_WARN) -MMD -MP -c -o $@ $<

# trapline-decode prints with libc's printf.
$(FUZZ_DIR)/guest-tools/%.o $(FUZZ_DIR)/tests/fuzz/formats.o: FUZZ_CFLAGS += -Uvsnprintf -Usnprintf

# This file pushes flags without the compiler's knowledge.
$(FUZZ_DIR)/tests/fuzz/store.o: FUZZ_CFLAGS += -mno-red-zone

$(FUZZ_ZYDIS): $(FUZZ_DIR)/zydis/%.o: $(ZYDIS_STAMP)
	$(call say,FUZZCC,zydis/$*.c)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -I$(ZYDIS_DIR)/src -w -c -o $@ $(ZYDIS_DIR)/src/$*.c

$(foreach t,$(FUZZ_TARGETS),$(eval $(FUZZ_DIR)/$(t): $(call fuzz_objects,$(t))))
$(FUZZ_BINS):
	$(call say,FUZZLD,$@)
	$(Q)$(FUZZ_CC) -no-pie -fsanitize=fuzzer,address,undefined -o $@ $^

# Seconds for each target; as many targets run at once as there are CPUs.
FUZZ_SECONDS := 60

.PHONY: fuzz fuzz-corpus
fuzz: $(FUZZ_BINS) ## fuzz all that reads what cannot be trusted, FUZZ_SECONDS=60 each: 10 minutes on two CPUs
	$(Q)BUILD=$(BUILD) tests/fuzz/run --seconds $(FUZZ_SECONDS) $(FUZZ)

fuzz-corpus: $(FUZZ_BINS) ## minimise what `make fuzz` has found into tests/fuzz/corpus
	$(Q)BUILD=$(BUILD) tests/fuzz/run --keep $(FUZZ)

# Part of the unit tests: every corpus, then two seconds of fuzzing.
test-unit: $(FUZZ_BINS)
UNIT_BINS += tests/fuzz/run

-include $(wildcard $(FUZZ_DIR)/*/*.d $(FUZZ_DIR)/*/*/*.d)
