// SPDX-License-Identifier: MIT
#include "vmcall/caller.h"
#include "hw/asm.h"
#include "exit/exception.h"
#include "hw/features.h"
#include "hw/x86.h"
#include "mem/guest_ram.h"
#include "vendor.h"

#define MSR_PKRS 0x6e1
#define RW_PAGES 3 /* pages that 8192 bytes may touch */

static uint32_t guest_pkru(void)
{
	uint64_t cr4 = read_cr4();
	uint32_t value;

	write_cr4(cr4 | CR4_PKE);
	value = read_pkru();
	write_cr4(cr4);
	return value;
}

void caller_limits(const struct vmcall *call, struct check_limits *out)
{
	struct guest_paging paging;

	vendor->state.paging(call->cpu, &paging);
	*out = (struct check_limits){
		.linear_bits = (uint8_t)guest_linear_bits(&paging, call->width > UINT32_MAX),
		.physical_bits = features.physical_bits,
		.cpus = atomic_load(&cpus_active),
	};
}

void caller_view(const struct vmcall *call, struct guest_view *out)
{
	uint64_t pkrs = 0;

	vendor->state.paging(call->cpu, &out->paging);
	out->user = vmcall_user(call);
	out->alignment_flag = vendor->state.get(call->cpu, GUEST_RFLAGS) & RFLAGS_AC;
	out->huge_pages = features.huge_pages;
	out->physical_bits = features.physical_bits;
	out->pkru = out->paging.cr4 & CR4_PKE ? guest_pkru() : 0;
	if (out->paging.cr4 & CR4_PKS)
		rdmsr_safe(MSR_PKRS, &pkrs);
	out->pkrs = (uint32_t)pkrs;
}

int64_t caller_fault(struct vmcall *call, enum guest_access_result result, const struct guest_page *page,
	uint64_t linear, bool page_in)
{
	if (result == ACCESS_CHANGED)
		return VMCALL_AGAIN;
	if (result == ACCESS_NOT_RAM)
		return TRAPLINE_E_MEMORY;
	if (page_in) {
		exception_raise_pf(call->cpu, page->error, linear);
		return VMCALL_AGAIN;
	}
	vmcall_return(call, ARG_RDI, page->error);
	return TRAPLINE_E_FAULT;
}

/* All pages that a short access touches, so that it happens completely or not at all. */
struct touched {
	unsigned count;
	struct {
		uint64_t physical;
		unsigned bytes;
	} part[RW_PAGES];
};

static int64_t touch(struct vmcall *call, uint64_t linear, uint64_t n, enum guest_access_kind kind,
	bool page_in, struct touched *t)
{
	struct guest_view view;
	struct guest_page page;

	caller_view(call, &view);
	for (t->count = 0; n; t->count++) {
		uint64_t room = 4096 - (linear & 4095), part = n < room ? n : room;
		enum guest_access_result result = guest_access(&view, linear, kind, &page);

		if (result != ACCESS_OK)
			return caller_fault(call, result, &page, linear, page_in);
		t->part[t->count].physical = page.physical;
		t->part[t->count].bytes = (unsigned)part;
		linear += part;
		n -= part;
	}
	return 0;
}

int64_t caller_read(struct vmcall *call, uint64_t linear, void *to, uint64_t n, bool page_in)
{
	struct touched t;
	int64_t error = touch(call, linear, n, GUEST_READ, page_in, &t);
	char *at = to;

	for (unsigned i = 0; !error && i < t.count; i++) {
		guest_ram_read(t.part[i].physical, at, t.part[i].bytes);
		at += t.part[i].bytes;
	}
	return error;
}

int64_t caller_write(struct vmcall *call, uint64_t linear, const void *from, uint64_t n, bool page_in)
{
	struct touched t;
	int64_t error = touch(call, linear, n, GUEST_WRITE, page_in, &t);
	const char *at = from;

	for (unsigned i = 0; !error && i < t.count; i++) {
		guest_ram_write(t.part[i].physical, at, t.part[i].bytes);
		at += t.part[i].bytes;
	}
	return error;
}
