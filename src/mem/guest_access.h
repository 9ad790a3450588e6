// SPDX-License-Identifier: MIT
/*
 * Translates one access to guest-linear memory on behalf of the guest. The walk of its page tables checks every right
 * and sets the accessed and dirty bits, as the CPU does (SDM vol. 3A 4.3 to 4.8, APM vol. 2 5.2
 * to 5.6). Pure except for guest_ram.h: tested and fuzzed on the host. guest_walk.h has the reader's walk, which
 * checks no rights and changes nothing.
 */
#ifndef TRAPLINE_GUEST_ACCESS_H
#define TRAPLINE_GUEST_ACCESS_H

#include "mem/guest_walk.h"

enum guest_access_kind {
	GUEST_READ,
	GUEST_WRITE,
	GUEST_FETCH
};

/* The caller on whose behalf the access is made. */
struct guest_view {
	struct guest_paging paging;
	bool user;             /* CPL 3 */
	bool alignment_flag;   /* RFLAGS.AC: suspends SMAP */
	bool huge_pages;       /* CPUID Page1GB */
	uint8_t physical_bits; /* CPUID Fn8000_0008 EAX 7:0, 52 at most */
	uint32_t pkru;         /* with CR4.PKE */
	uint32_t pkrs;         /* with CR4.PKS */
};

enum guest_access_result {
	ACCESS_OK,
	ACCESS_FAULT,   /* the CPU would raise #PF */
	ACCESS_NOT_RAM, /* a table or the page itself is not RAM */
	ACCESS_CHANGED, /* the guest keeps changing the entries during the walk: try again */
};

struct guest_page {
	uint64_t physical; /* of the address itself */
	uint32_t error;    /* ACCESS_FAULT: the error code */
};

/*
 * Translates one address for one access. Accessed and dirty bits are set only with ACCESS_OK.
 *   linear  canonical; outside of 64-bit mode below 4 GiB
 * With ACCESS_OK the page around out->physical is RAM, for guest_ram_read() or
 * guest_ram_write().
 */
enum guest_access_result guest_access(
	const struct guest_view *v, uint64_t linear, enum guest_access_kind kind, struct guest_page *out);

/*
 * The number of valid bits of a linear address, sign included: 32, 48 or 57.
 *   mode64  the caller runs 64-bit code
 */
unsigned guest_linear_bits(const struct guest_paging *p, bool mode64);

#endif
