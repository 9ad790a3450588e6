// SPDX-License-Identifier: MIT
/*
 * Shared by the two halves of the legacy guest: the 64-bit program that prints, and the 32-bit one that runs the
 * cases.
 */
#ifndef LEGACY_SHARED_H
#define LEGACY_SHARED_H

/* The state that entry.S needs to return. */
#define LEGACY_BACK 16
#define LEGACY_CR3  24
#define LEGACY_CR4  28

#ifndef __ASSEMBLER__
#include <stdint.h>

#define LEGACY_BASE 0x02000000u /* as in link.ld */
#define EVENTS_MAX  8
#define TOKENS_MAX  10
#define NOT_READ    0xffffffffu

struct event {
	uint32_t vector, words; /* words of frame */
	uint32_t frame[TOKENS_MAX];
	uint32_t gpr[8]; /* EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI; ESP as PUSHA has it */
	uint32_t cr2, dr6;
};

struct result {
	uint32_t name, mode; /* addresses of strings */
	uint32_t count, accessed_dirty;
	uint32_t memory; /* of the first word of the data page, afterwards */
	struct event event[EVENTS_MAX];
};

struct legacy {
	uint32_t entry, size; /* size: what has to be allocated at LEGACY_BASE */
	uint32_t results, count;
	uint32_t back_offset, back_selector; /* a far pointer */
	uint32_t cr3, cr4, low_page, emulator;
};

_Static_assert(__builtin_offsetof(struct legacy, back_offset) == LEGACY_BACK, "entry.S");
_Static_assert(__builtin_offsetof(struct legacy, cr3) == LEGACY_CR3, "entry.S");
_Static_assert(__builtin_offsetof(struct legacy, cr4) == LEGACY_CR4, "entry.S");
#endif

#endif
