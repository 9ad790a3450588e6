// SPDX-License-Identifier: MIT
#include "trace/walk_trace.h"
#include "hw/x86.h"
#include "mem/paging.h"
#include "trace/explain.h"

#define ADDRESS32 0xfffff000ull

/* The state of a walk. */
struct walker {
	struct walk *w;
	walk_read read;
	uint64_t linear;
	bool nxe;
};

/* Reads one entry of 4 or 8 bytes, and stores it. Returns false if the walk ends here. */
static bool step(struct walker *k, const char *name, uint64_t at, unsigned size, uint64_t *entry)
{
	struct walk_level *l = &k->w->level[k->w->count++];
	uint64_t word = 0;

	*l = (struct walk_level){.name = name, .at = at, .nx_reserved = !k->nxe};
	l->readable = k->read(at & ~7ull, &word);
	if (!l->readable)
		return false;
	l->entry = size == 8 ? word : (uint32_t)(word >> (at & 4) * 8);
	*entry = l->entry;
	return *entry & PTE_PRESENT;
}

static void arrive(struct walker *k, uint64_t frame, uint64_t page_size)
{
	struct walk *w = k->w;

	w->level[w->count - 1].leaf = true;
	w->mapped = true;
	w->page_size = page_size;
	w->physical = (frame & ~(page_size - 1)) | (k->linear & (page_size - 1));
}

/* Walks tables of 512 entries of 8 bytes, from the one whose entries map 1 << shift bytes down. */
static void walk64(struct walker *k, uint64_t table, unsigned shift)
{
	static const char *const names[] = {"PTE", "PDE", "PDPTE", "PML4E", "PML5E"};
	uint64_t entry;

	for (;; shift -= 9) {
		if (!step(k, names[(shift - 12) / 9], table + (k->linear >> shift & 511) * 8, 8, &entry))
			return;
		if (shift == 12 || ((entry & PTE_LARGE) && shift <= 30)) {
			arrive(k, entry & PTE_ADDRESS, 1ull << shift);
			return;
		}
		table = entry & PTE_ADDRESS;
	}
}

static void walk_pae(struct walker *k, uint64_t cr3)
{
	uint64_t entry;

	bool present = step(k, "PDPTE", (cr3 & 0xffffffe0) + (k->linear >> 30 & 3) * 8, 8, &entry);

	k->w->level[0].no_rights = true;
	if (present)
		walk64(k, entry & PTE_ADDRESS, 21);
}

/* In the entry of a 4 MiB page, bits 20:13 are address bits 39:32: PSE-36 (SDM vol. 3A 4.3). */
static void walk32(struct walker *k, const struct guest_paging *p)
{
	uint64_t entry;

	if (!step(k, "PDE", (p->cr3 & ADDRESS32) + (k->linear >> 22 & 1023) * 4, 4, &entry))
		return;
	if ((entry & PTE_LARGE) && (p->cr4 & CR4_PSE))
		arrive(k, (entry & 0xffc00000) | (entry >> 13 & 0xff) << 32, 4ull << 20);
	else if (step(k, "PTE", (entry & ADDRESS32) + (k->linear >> 12 & 1023) * 4, 4, &entry))
		arrive(k, entry & ADDRESS32, 4096);
}

void walk_trace(struct walk *w, const struct guest_paging *p, uint64_t linear, walk_read read)
{
	struct walker k = {.w = w, .read = read, .linear = linear, .nxe = p->efer & EFER_NXE};

	*w = (struct walk){.paging = "none"};
	if (!(p->efer & EFER_LMA))
		k.linear &= 0xffffffff;
	if (!(p->cr0 & CR0_PG)) {
		w->mapped = true;
		w->physical = k.linear;
	} else if (p->efer & EFER_LMA) {
		w->paging = p->cr4 & CR4_LA57 ? "5-level" : "4-level";
		walk64(&k, p->cr3 & PTE_ADDRESS, p->cr4 & CR4_LA57 ? 48 : 39);
	} else if (p->cr4 & CR4_PAE) {
		w->paging = "PAE";
		walk_pae(&k, p->cr3);
	} else {
		w->paging = "32-bit";
		walk32(&k, p);
	}
}

static void add_bits(struct text *t, uint64_t entry)
{
	const char *between = "";

#define X(reg, constant, bit, name, meaning)                                                                 \
	if (entry & PTE_##constant) {                                                                        \
		text_add(t, "%s%s", between, name);                                                          \
		between = " ";                                                                               \
	}
	PTE_BITS(X)
#undef X
}

static bool has_reserved(const struct walk_level *l, unsigned physical_bits)
{
	if (physical_bits >= 52)
		return l->nx_reserved && (l->entry & PTE_NX);
	return (l->entry & PTE_ADDRESS) >> physical_bits || (l->nx_reserved && (l->entry & PTE_NX));
}

/* The reason why this level refuses an access with this error code. NULL: it does not. */
static const char *refusal(const struct walk_level *l, uint32_t error, unsigned physical_bits)
{
	if (!l->readable)
		return "not in RAM";
	if (!(l->entry & PTE_PRESENT))
		return "not present";
	if (has_reserved(l, physical_bits))
		return "a reserved bit is set";
	if (!(error & PF_P) || l->no_rights)
		return NULL;
	if ((error & PF_W) && !(l->entry & PTE_WRITE))
		return "not writable";
	if ((error & PF_U) && !(l->entry & PTE_USER))
		return "supervisor only";
	if ((error & PF_I) && (l->entry & PTE_NX))
		return "no execute";
	return NULL;
}

void walk_format(struct text *t, const struct walk_level *l, uint32_t error, unsigned physical_bits)
{
	const char *why = refusal(l, error, physical_bits);

	text_add(t, "%s at=0x%llx", l->name, (unsigned long long)l->at);
	if (l->readable) {
		text_add(t, " entry=0x%llx bits=\"", (unsigned long long)l->entry);
		add_bits(t, l->entry);
		text_add(t, "\"");
	}
	if (why)
		text_add(t, " why=\"%s\"", why);
}
