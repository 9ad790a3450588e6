// SPDX-License-Identifier: MIT
/* The caller of a VMCALL that takes several exits: its stack and its address space, which a test changes, tell it from others. */
#ifndef FAKE_CALLER_H
#define FAKE_CALLER_H

#include "fake_vendor.h"

static uint64_t rsp, cr3;

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	return r == GUEST_RSP ? rsp : 0x1000;
}

static void paging(const struct cpu *c, struct guest_paging *out)
{
	*out = (struct guest_paging){.cr3 = cr3, .efer = EFER_LMA};
}

FAKE_VENDOR(fake_vendor, .state.get = get, .state.paging = paging);
const struct vendor *vendor = &fake_vendor;

static void new_caller(void)
{
	rsp = 0x8000;
	cr3 = 0;
}

#endif
