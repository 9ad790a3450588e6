# The tables of docs/ come from the sources.
$(BUILD)/tables: docs/tables.c boot/config.def src/trace/format.h src/trace/vector.h src/trace/filter.h src/console/command.h src/cpu/cpu.h src/exit/intercept.h include/trapline/record.h include/trapline/abi.h include/trapline/services.h
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu17 $(WARN) -Iinclude -Isrc -Iboot $< -o $@

.PHONY: docs docs-check
docs: $(BUILD)/tables ## bring the tables in docs/ up to date with the sources
	$(Q)tools/docs $<

docs-check: $(BUILD)/tables
	$(Q)tools/docs --check $<
