/*
 * libFuzzer: instructions that the VMM carries out, from any bytes. What is decoded by hand, because it is
 * usual, must be what the decoder makes of it; and nothing reads behind the bytes that there are. The sources
 * are included: which of the two ways was taken is nobody else's business.
 */
#include "input.h"
#include "exit/insn.c"
#include "exit/store.c"

static unsigned mode;

static uint64_t fake_get(const struct cpu *c, enum guest_register r)
{
	return 0xfffffffffffffff8;
}

static unsigned fake_mode(const struct cpu *c)
{
	return mode;
}

static const struct vendor fake_vendor = {.get = fake_get, .code_mode = fake_mode};
const struct vendor *vendor = &fake_vendor;

unsigned guest_fetch(const struct guest_paging *p, uint64_t linear, uint8_t *to)
{
	return 0;
}

void exception_raise(struct cpu *cpu, uint8_t vector, uint32_t error)
{
}

static bool same(const struct store *a, const struct store *b)
{
	return a->kind == b->kind && a->length == b->length && a->size == b->size &&
	       a->from_register == b->from_register &&
	       (a->from_register ? a->reg == b->reg : a->immediate == b->immediate);
}

static void check_store(const uint8_t *code, unsigned length)
{
	struct store s, by_hand, by_decoder;
	bool usual = decode_usual(code, length, mode, &by_hand);
	bool any = decode_any(code, length, mode, &by_decoder);

	assert(store_decode(code, length, mode, &s) == (usual || any));
	if (!usual && !any)
		return;
	assert(s.length && s.length <= length && s.length <= TRAP_CODE_MAX && s.reg < 16);
	assert(s.size == 1 || s.size == 2 || s.size == 4 || s.size == 8);
	if (usual)
		assert(any && same(&by_hand, &by_decoder));
}

static void check_length(const uint8_t *code, unsigned length)
{
	unsigned by_hand = short_length(code, length), by_decoder = decode_length(code, length, mode);

	assert(by_hand <= length && by_decoder <= length);
	/* What is no instruction in this mode does not come here: it has not exited as one. */
	if (by_hand && by_decoder)
		assert(by_hand == by_decoder);
}

static void check_exit(const uint8_t *code, unsigned length)
{
	struct cpu *cpu = calloc(1, sizeof(*cpu));
	uint64_t next, rip = 0xfffffffffffffff8;
	uint8_t opcode, operand;

	assert(cpu);
	memcpy(cpu->exit.code, code, length);
	cpu->exit.code_len = (uint8_t)length;
	insn_opcode(cpu, &opcode, &operand);
	next = insn_next(cpu);
	if (mode == 64)
		assert(next - rip <= length);
	else
		assert(next <= (mode == 32 ? UINT32_MAX : UINT16_MAX));
	free(cpu);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t modes[] = {64, 32, 16};
	unsigned length;
	uint8_t *code;

	input_begin(data, size);
	mode = modes[take8() % 3];
	length = input_left < TRAP_CODE_MAX ? (unsigned)input_left : TRAP_CODE_MAX;
	code = malloc(length + !length); /* of just that size: one byte more is caught */
	assert(code);
	take(code, length);
	check_store(code, length);
	check_length(code, length);
	check_exit(code, length);
	free(code);
	return 0;
}
