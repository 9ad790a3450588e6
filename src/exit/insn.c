#include "exit/insn.h"
#include "exit/exception.h"
#include <Zydis/Zydis.h>
#include "trace/vector.h"
#include "vendor.h"

#define DR6_BS (1ull << 14)

static bool is_prefix(uint8_t byte, bool mode64)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
	case 0x66:
	case 0x67:
	case 0xf0:
	case 0xf2:
	case 0xf3:
		return true;
	default:
		return mode64 && (byte & 0xf0) == 0x40;
	}
}

void insn_opcode(struct cpu *cpu, uint8_t *opcode, uint8_t *operand)
{
	struct exit *x = &cpu->exit;
	bool mode64 = vendor->code_mode(cpu) == 64;
	unsigned i = 0;

	insn_fetch(cpu);
	while (i < x->code_len && is_prefix(x->code[i], mode64))
		i++;
	*opcode = i < x->code_len ? x->code[i] : 0;
	*operand = i + 1 < x->code_len ? x->code[i + 1] : 0;
}

/* The usual encodings of what Trapline carries out, without prefixes: no decoder needed. 0: look closer. */
static unsigned short_length(const uint8_t *code, unsigned len)
{
	if (len < 3)
		return 0;
	switch (code[0]) {
	case 0xcc: /* INT3 */
	case 0xce: /* INTO */
	case 0xf1: /* INT1 */
	case 0xec: /* IN, OUT with DX */
	case 0xed:
	case 0xee:
	case 0xef:
		return 1;
	case 0xcd: /* INT n */
	case 0xe4: /* IN, OUT with an immediate port */
	case 0xe5:
	case 0xe6:
	case 0xe7:
		return 2;
	case 0x0f: /* CPUID, RDMSR, WRMSR, INVD, WBINVD; VMCALL and VMMCALL */
		if (code[1] == 0xa2 || code[1] == 0x32 || code[1] == 0x30 || code[1] == 0x08 ||
			code[1] == 0x09)
			return 2;
		return code[1] == 0x01 && (code[2] == 0xc1 || code[2] == 0xd9 || code[2] == 0xd1) ? 3 : 0;
	default:
		return 0;
	}
}

static unsigned decode_length(const uint8_t *code, unsigned len, unsigned mode)
{
	ZydisDecoder decoder;
	ZydisDecodedInstruction insn;

	if (mode == 64)
		ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	else if (mode == 32)
		ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
	else
		ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, code, len, &insn)))
		return 0;
	return insn.length;
}

uint64_t insn_after(struct cpu *cpu, unsigned mode, unsigned length)
{
	uint64_t next = vendor->get(cpu, GUEST_RIP) + length;

	return mode == 64 ? next : mode == 32 ? (uint32_t)next : (uint16_t)next;
}

uint64_t insn_next(struct cpu *cpu)
{
	unsigned length, mode = vendor->code_mode(cpu);

	insn_fetch(cpu);
	length = short_length(cpu->exit.code, cpu->exit.code_len);
	if (!length)
		length = decode_length(cpu->exit.code, cpu->exit.code_len, mode);
	return insn_after(cpu, mode, length);
}

void insn_single_step(struct cpu *cpu)
{
	vendor->set(cpu, GUEST_DR6, vendor->get(cpu, GUEST_DR6) | DR6_BS);
	exception_raise(cpu, VEC_DB, 0);
}
