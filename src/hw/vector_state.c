// SPDX-License-Identifier: MIT
#include "hw/vector_state.h"
#include <stddef.h>
#include "hw/asm.h"
#include "hw/features.h"
#include "hw/x86.h"
#include "lib/string.h"

#define XCR0_AVX   4u
#define PARTS      7u     /* x87, SSE, AVX */
#define MXCSR_MASK 0xffbf /* if FXSAVE reports 0 (SDM vol. 1 11.6.6) */

_Static_assert(offsetof(struct vector_state, ymmh) == 576, "XSAVE's place of AVX");

struct control {
	uint64_t cr0, cr4;
};

/* The host's own control registers, as the firmware left them, may forbid these instructions. */
static struct control allow(void)
{
	struct control before = {read_cr0(), read_cr4()};

	write_cr0(before.cr0 & ~(CR0_EM | CR0_TS));
	write_cr4(before.cr4 | CR4_OSFXSR);
	return before;
}

static void forbid(const struct control *before)
{
	write_cr4(before->cr4);
	write_cr0(before->cr0);
}

/* XCR0 is the guest's also while Trapline runs. */
static bool avx_is_on(void)
{
	return features.xsave && read_xcr0() & XCR0_AVX;
}

static void save_wide(struct vector_state *s)
{
	if (s->avx)
		__asm__ volatile("xsave64 %0" : "+m"(*s) : "a"(PARTS), "d"(0));
	else
		__asm__ volatile("fxsave64 %0" : "+m"(*s));
	s->wide = s->cs || s->reserved2 || s->ds || s->reserved3;
}

static void save_narrow(struct vector_state *s)
{
	if (s->avx)
		__asm__ volatile("xsave %0" : "+m"(*s) : "a"(PARTS), "d"(0));
	else
		__asm__ volatile("fxsave %0" : "+m"(*s));
}

void vector_save(struct vector_state *s)
{
	struct control before = allow();

	memset(s, 0, sizeof(*s));
	s->avx = avx_is_on();
	save_wide(s);
	if (!s->wide)
		save_narrow(s);
	forbid(&before);
}

static void load_wide(const struct vector_state *s)
{
	if (s->avx)
		__asm__ volatile("xrstor64 %0" : : "m"(*s), "a"(PARTS), "d"(0));
	else
		__asm__ volatile("fxrstor64 %0" : : "m"(*s));
}

static void load_narrow(const struct vector_state *s)
{
	if (s->avx)
		__asm__ volatile("xrstor %0" : : "m"(*s), "a"(PARTS), "d"(0));
	else
		__asm__ volatile("fxrstor %0" : : "m"(*s));
}

void vector_load(struct vector_state *s)
{
	struct control before = allow();

	s->mxcsr &= s->mxcsr_mask ? s->mxcsr_mask : MXCSR_MASK; /* another bit would raise #GP */
	s->header[0] = PARTS;
	if (s->wide)
		load_wide(s);
	else
		load_narrow(s);
	forbid(&before);
}
