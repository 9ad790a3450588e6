#include "apic/recent.h"
#include "mem/guest_ram.h"
#include "mem/guest_walk.h"
#include "vendor.h"

#define KEPT       4 /* by register: EOI, timer count, both halves of the command register */
#define CODE_BYTES 16
#define PAGE_LAST  (PAGE_SIZE - CODE_BYTES) /* where they may begin in their page */

static struct recent {
	uint64_t linear, cr3;
	uint64_t physical; /* where the bytes lie */
	uint64_t code[CODE_BYTES / 8];
	unsigned mode; /* 0: nothing is kept here */
	struct store store;
} recent[BOOT_MAX_CPUS][KEPT];

static struct recent *slot(const struct cpu *cpu, unsigned offset)
{
	return &recent[cpu->number][offset / 16 % KEPT];
}

static bool read_code(uint64_t physical, uint64_t code[2])
{
	return guest_read64(physical, &code[0]) && guest_read64(physical + 8, &code[1]);
}

const struct store *recent_find(const struct cpu *cpu, unsigned offset, unsigned mode)
{
	const struct recent *r = slot(cpu, offset);
	uint64_t code[2];

	if (r->mode != mode || r->linear != vendor->code_address(cpu) ||
		r->cr3 != vendor->get(cpu, GUEST_CR3))
		return NULL;
	if (!read_code(r->physical, code) || ((code[0] ^ r->code[0]) | (code[1] ^ r->code[1])))
		return NULL;
	return &r->store;
}

void recent_keep(const struct cpu *cpu, unsigned offset, unsigned mode, const struct store *s)
{
	struct recent *r = slot(cpu, offset);
	struct guest_paging paging;

	r->mode = 0;
	r->linear = vendor->code_address(cpu);
	vendor->paging(cpu, &paging);
	if (!guest_translate(&paging, r->linear, &r->physical) ||
		(r->physical & (PAGE_SIZE - 1)) > PAGE_LAST || !read_code(r->physical, r->code))
		return;
	r->cr3 = paging.cr3;
	r->store = *s;
	r->mode = mode;
}
