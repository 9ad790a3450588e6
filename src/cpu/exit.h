// SPDX-License-Identifier: MIT
/* The neutral exit: the vendor fills it from its hardware's fields, the handlers read it. */
#ifndef TRAPLINE_EXIT_H
#define TRAPLINE_EXIT_H

#include <stdbool.h>
#include <stdint.h>
#include "cpu/event.h"

enum exit_kind {
#define EXIT_KIND(kind, name, handler, what, switches, stays) kind,
#include "cpu/exit_kinds.def"
	EXIT_KIND_COUNT
};

/* As bits: all kinds, and those that the vendor handles by itself. The lists of the vendors are held against these. */
enum exit_kind_bits {
	EXIT_KINDS_ALL = (1 << EXIT_KIND_COUNT) - 1,
	EXIT_KINDS_OWN = 0
#define EXIT_KIND(kind, name, handler, what, switches, stays)
#define EXIT_OWN(kind, name, what, switches, stays) | 1 << kind
#include "cpu/exit_kinds.def"
};
_Static_assert(EXIT_KIND_COUNT < 31, "a bit each");

/* One exit. A member is valid for the kinds that its comment names. */
struct exit {
	enum exit_kind kind;
	/* exit_begin() sets these at every exit. They are adjacent, so that one store does it. */
	bool skip;        /* set by exit_skip() */
	uint8_t code_len; /* bytes at RIP that could be read; EXIT_CODE_UNREAD: not read yet (guest/insn.h) */
	bool waited;      /* moment() ran: its duration says nothing about the work */
	bool is_long; /* its handler has used most of what an exit may take: the console waits for the next one */
	struct event during; /* all kinds: the event whose delivery the exit interrupted */
	struct event event;  /* EXCEPTION */
	uint64_t reason;     /* the hardware's own code */
	uint64_t address;    /* EXCEPTION #PF: CR2; STAGE2: guest-physical address */
	/* EXCEPTION #DB: the bits that DR6 reports; STAGE2: STAGE2_... bits; SIPI: the vector; IO: see struct exit_io */
	uint64_t qualifier;
	uint64_t linear; /* STAGE2: guest-linear address, if STAGE2_LINEAR is set */
	uint8_t code[16];
	struct exit_io {
		uint16_t port;
		uint8_t size; /* 1, 2, 4 */
		bool in, string, rep;
	} io;
};

#define EXIT_CODE_UNREAD 0xff

#define STAGE2_READ     0x01
#define STAGE2_WRITE    0x02
#define STAGE2_FETCH    0x04
#define STAGE2_WALK     0x08 /* the access was to the guest's own page tables */
#define STAGE2_PRESENT  0x10 /* the page is present, but its rights refuse the access */
#define STAGE2_RESERVED 0x20 /* a reserved bit or a misconfiguration, which is a bug of Trapline's */
#define STAGE2_LINEAR   0x40
/* The first three are rights to a page as well. */
/* A right only: user mode may execute the page, where the CPU tells the modes apart. STAGE2_FETCH includes it. */
#define STAGE2_FETCH_USER 0x80
#define STAGE2_ALL        (STAGE2_READ | STAGE2_WRITE | STAGE2_FETCH)

/* Sets the members that every exit starts with; the vendor fills the others. */
static inline void exit_begin(struct exit *x)
{
	x->skip = false;
	x->code_len = EXIT_CODE_UNREAD;
	x->waited = false;
	x->is_long = false;
	x->during.valid = x->during.has_error = false;
	x->during.vector = x->during.type = 0;
}

/* The name of a kind, for reports. */
const char *exit_kind_name(enum exit_kind kind);

#endif
