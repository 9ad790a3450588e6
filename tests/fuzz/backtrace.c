// SPDX-License-Identifier: MIT
/*
 * libFuzzer: a backtrace of any registers and any stack. It ends within its bounds, each place follows a CALL or
 * bytes that look like one, and its line is printable.
 */
#include "input.h"
#include "trace/backtrace.h"

#define BYTES 1024
#define READS 20000

static struct memory {
	uint64_t at; /* code and stack in one */
	uint8_t bytes[BYTES];
	unsigned reads;
} memory;

static bool read_memory(void *context, uint64_t linear, void *to, unsigned n)
{
	struct memory *m = context;

	assert(n && linear + n - 1 >= linear);
	assert(++m->reads < READS);
	if (linear < m->at || linear - m->at > BYTES - n)
		return false;
	memcpy(to, m->bytes + (linear - m->at), n);
	return true;
}

static void check_place(const struct trap_record *r, const struct backtrace_place *p)
{
	char line[128];
	struct text t = text_on(line, sizeof(line));
	uint64_t linear = r->mode == 64 ? p->rip : (uint32_t)(r->cs_base + p->rip), at = linear - memory.at,
		 call = 0;

	assert(at >= 2 && at <= BYTES && p->times && p->how <= BACKTRACE_GUESS);
	assert(p->stack >= memory.at && p->stack - memory.at <= BYTES - r->mode / 8u);
	for (uint64_t i = at > 7 ? at - 7 : 0; i < at; i++)
		call += memory.bytes[i] == 0xe8 || memory.bytes[i] == 0xff;
	assert(call);
	backtrace_format(&t, p);
	assert(!t.cut && is_printable(line));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t modes[] = {16, 32, 64, 0};
	struct trap_record r = {0};
	struct backtrace b;

	input_begin(data, size);
	r.stack32 = take8() >> 7;
	r.mode = modes[take8() & 3];
	memory.at = take8() & 1 ? 0x8000 : take64();
	memory.reads = 0;
	r.flags = take8();
	r.code_len = take8();
	r.cr2 = take64();
	r.rip = take64();
	r.cs_base = r.mode == 64 ? 0 : take32();
	r.ss_base = r.mode == 64 ? 0 : take32();
	r.gpr[TRAP_RSP] = memory.at - r.ss_base + (take32() & (BYTES - 1));
	r.gpr[TRAP_RBP] = memory.at - r.ss_base + (take32() & (2 * BYTES - 1));
	take(memory.bytes, BYTES);
	/* Words that point into this memory are the interesting ones. */
	for (unsigned i = take8(); i; i--) {
		uint64_t value = memory.at + (take32() & (BYTES - 1));

		memcpy(memory.bytes + (take32() & (BYTES - 8)), &value, 8);
	}
	backtrace_collect(&b, &r, read_memory, &memory);
	assert(b.count <= BACKTRACE_MAX);
	for (unsigned i = 0; i < b.count; i++)
		check_place(&r, &b.place[i]);
	return 0;
}
