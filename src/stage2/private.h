// SPDX-License-Identifier: MIT
/*
 * Second-level tables of one CPU alone, for the one step in which the guest accesses a watched page: in them the page has the right that
 * the access needs. The other CPUs stay on the shared tables, so none of their accesses is missed. Only the tables on the way to
 * watched pages are copies; everything else is shared.
 */
#ifndef TRAPLINE_PRIVATE_H
#define TRAPLINE_PRIVATE_H

#include "cpu/cpu.h"

#define PRIVATE_TABLES 256 /* a CPU's copies: 1 MiB */
#define PRIVATE_OPEN   96  /* pages in one step: more than any instruction accesses, with its page tables */
#define PRIVATE_LEAVES 4

struct stage2_private {
	uint64_t root; /* physical */
	uint64_t
		top; /* for a CPU whose nested tables have five levels: a table with the root as its first entry */
	uint64_t version;
	bool fetches; /* whether the guest can execute: private_fetch() */
	unsigned count, used, open;
	uint64_t table[PRIVATE_TABLES]; /* physical */
	struct private_leaf { /* the leaves that were used last, by page; until the tables are copied again */
		uint64_t gpa, *own;
		const uint64_t *shared;
		unsigned left; /* rights that are not taken */
	} leaf[PRIVATE_LEAVES];
	struct private_page {
		uint64_t gpa;
		unsigned rights; /* in addition to those of the shared tables */
	} page[PRIVATE_OPEN];
};

/*
 * Takes memory for the tables of every CPU, enough for all pages from which rights are taken. Called after stage2_take(), with the
 * other CPUs held. False: the pool is empty.
 */
bool private_reserve(void);

/* Gives the CPU a right to a watched page, until private_close(). It may have it already: then it used a stale translation. */
void private_open(struct cpu *cpu, uint64_t gpa, unsigned right);

/*
 * Whether the guest can execute on these tables. Off, the first fetch exits: that is the end of an event's delivery, which
 * fetches nothing.
 */
void private_fetch(struct cpu *cpu, bool on);

/* Copies the shared tables again if they have changed, and keeps what is open. */
void private_refresh(struct cpu *cpu);

void private_close(struct cpu *cpu);

#endif
