/*
 * libFuzzer: stores that the VMM carries out, from any bytes. What is decoded by hand, because it is
 * usual, must be what the decoder makes of it; and nothing reads behind the bytes that there are. The source
 * is included: which of the two ways was taken is nobody else's business.
 */
#include "input.h"
#include <trapline/record.h>
#include "exit/store.c"

static unsigned mode;

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
	free(code);
	return 0;
}
