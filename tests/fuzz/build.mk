# libFuzzer targets: the VMM's own sources under the sanitizers, with Debian's clang. The corpus is kept in tests/fuzz/corpus.
FUZZ_CC     := clang
FUZZ_CFLAGS := -std=gnu17 -O1 -g -fno-omit-frame-pointer -no-pie -fno-pie -fsanitize=fuzzer,address,undefined \
               -fno-sanitize-recover=all -Wall -Wextra -Werror -Wno-unused-parameter -iquote tests/fake -Iinclude -Isrc -Iboot

FUZZ_VMCALL := tests/fuzz/vmcall.c $(wildcard src/vmcall/*.c) src/mem/guest_access.c src/mem/guest_walk.c src/trace/ring.c

FUZZ_SECONDS := 60

$(BUILD)/fuzz/vmcall: $(FUZZ_VMCALL) $(wildcard src/vmcall/*.h src/mem/*.h include/trapline/*.h tests/fake/mem/*.h)
	$(call say,FUZZCC,$@)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -o $@ $(FUZZ_VMCALL)

.PHONY: fuzz
fuzz: $(BUILD)/fuzz/vmcall ## fuzz the VMCALL services on this machine for FUZZ_SECONDS, adding to the corpus
	$(Q)$< -max_total_time=$(FUZZ_SECONDS) -max_len=2048 -artifact_prefix=$(BUILD)/fuzz/ tests/fuzz/corpus

# Among the unit tests: the whole corpus, then a short look for news.
test-unit: $(BUILD)/fuzz/vmcall
UNIT_BINS += tests/fuzz/run
