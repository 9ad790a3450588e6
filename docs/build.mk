# SPDX-License-Identifier: MIT
# The tables of docs/ are generated from the sources.
TABLES_SOURCES := docs/tables.c src/svm/svm_check.c src/vmx/vmx_check.c src/mem/memory_type.c

$(BUILD)/tables: $(TABLES_SOURCES) docs/services.def src/svm/svm_check.h src/vmx/vmx_check.h include/boot/config.def include/trapline/watch.h src/trace/format.h src/trace/vector.h src/trace/filter.h src/console/command.h src/cpu/cpu.h src/hw/mitigations.h src/cpu/exit_kinds.def include/trapline/record.h include/trapline/abi.h include/trapline/services.h guest-tools/decode/options.def guest-tools/decode/options.h guest-tools/decode/writers.def
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu17 $(WARN) -Iinclude -Isrc $(TABLES_SOURCES) -o $@

$(BUILD)/manual: docs/manual.c docs/manual_trapctl.c docs/manual.h docs/services.def include/boot/config.def src/console/command.h guest-tools/trapctl/trapctl.h include/trapline/services.h
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu17 $(WARN) -Iinclude -Isrc $(filter %.c,$^) -o $@

.PHONY: docs docs-check
docs: $(BUILD)/tables $(BUILD)/manual $(TOOLS)/bin/trapline-decode ## bring tables and pictures in docs/ up to date with the sources
	$(Q)tools/docs $<
	$(Q)tools/pictures $(TOOLS)/bin/trapline-decode

docs-check: $(BUILD)/tables $(BUILD)/manual $(TOOLS)/bin/trapline-decode
	$(Q)tools/docs --check $<
	$(Q)tools/pictures --check $(TOOLS)/bin/trapline-decode
