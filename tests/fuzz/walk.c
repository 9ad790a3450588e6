// SPDX-License-Identifier: MIT
/*
 * libFuzzer: the walks of the guest's page tables, in every paging mode, against a separate walk that is written
 * from the manual's tables alone (SDM vol. 3A 4.3 to 4.7). The input gives the registers, two linear
 * addresses and the entries on their paths. Every walk must find the same address or error code,
 * must have marked the same entries and nothing else, and must have read only RAM.
 */
#include "input.h"
#include "mem/code_seen.h"
#include "mem/guest_access.h"
#include "mem/guest_ram.h"
#include "trace/walk_trace.h"

#define LEVELS   5
#define ADDRESS  0x000ffffffffff000ull
#define TOP_BIT  (1ull << 63)
#define READ_MAX 9000

struct fake_ram fake_ram;

/* A paging mode: the position of the levels' indexes in the address, the top one first. */
struct mode {
	unsigned levels, entry_size;
	unsigned shift[LEVELS], bits[LEVELS];
};

static const struct mode narrow = {2, 4, {22, 12}, {10, 10}};
static const struct mode pae = {3, 8, {30, 21, 12}, {2, 9, 9}};
static const struct mode four = {4, 8, {39, 30, 21, 12}, {9, 9, 9, 9}};
static const struct mode five = {5, 8, {48, 39, 30, 21, 12}, {9, 9, 9, 9, 9}};

static const struct mode *mode_of(const struct guest_paging *p)
{
	if (p->efer >> 10 & 1)
		return p->cr4 >> 12 & 1 ? &five : &four;
	return p->cr4 >> 5 & 1 ? &pae : &narrow;
}

static bool paging_is_on(const struct guest_paging *p)
{
	return p->cr0 >> 31 & 1;
}

static uint64_t table_of(const struct mode *m, uint64_t word, bool is_cr3)
{
	if (m == &narrow)
		return word & 0xfffff000;
	return m == &pae && is_cr3 ? word & 0xffffffe0 : word & ADDRESS;
}

static uint64_t entry_address(const struct mode *m, unsigned level, uint64_t table, uint64_t linear)
{
	return table + (linear >> m->shift[level] & ((1u << m->bits[level]) - 1)) * m->entry_size;
}

/*
 * Generates the input's tables: mostly pointers into the array, so that walks get far, and large pages at 0, where
 * the array is; sometimes with one more bit, which may be a reserved one.
 */
static uint64_t take_entry(const struct mode *m)
{
	uint8_t shape = take8();
	uint64_t entry = take32();

	if (shape >= 240)
		return take64();
	entry = (entry & 0xfff) | (uint64_t)(entry >> 12) % FAKE_PAGES << 12;
	if (!(shape & 0x80))
		entry |= 7;
	if (!(shape & 0x40))
		entry &= ~0x80ull;
	if ((entry & 0x80) && (shape & 8))
		entry &= 0x1fff;
	if (shape & 0x10)
		entry ^= 1ull << take8() % 64;
	return (shape & 0x20) && m->entry_size == 8 ? entry | TOP_BIT : entry;
}

/* The path of one address through the tables. */
static void lay(const struct guest_paging *p, uint64_t linear)
{
	const struct mode *m = mode_of(p);
	uint64_t table = table_of(m, p->cr3, true);

	for (unsigned level = 0; level < m->levels; level++) {
		uint64_t at = entry_address(m, level, table, linear), entry = take_entry(m);

		if (at + 8 > FAKE_RAM)
			return;
		memcpy(fake_ram.bytes + at, &entry, m->entry_size);
		table = table_of(m, entry, false);
	}
}

/* The result of the manual's walk. */
struct found {
	bool tables_in_ram, present, reserved;
	bool is_page, is_user, is_writable, no_execute;
	uint64_t physical, entry;
	unsigned levels;
	uint64_t at[LEVELS];
};

static bool in_ram(uint64_t at)
{
	return at < FAKE_RAM && !fake_ram.absent[at / 4096];
}

static bool is_leaf(const struct mode *m, const struct guest_view *v, unsigned level, uint64_t entry)
{
	if (level == m->levels - 1)
		return true;
	if (!(entry & 0x80))
		return false;
	if (m == &narrow)
		return v->paging.cr4 >> 4 & 1;
	return m->shift[level] == 21 || (m->shift[level] == 30 && m != &pae);
}

static uint64_t mask_between(unsigned low, unsigned high)
{
	uint64_t mask = 0;

	for (unsigned bit = low; bit <= high; bit++)
		mask |= 1ull << bit;
	return mask;
}

static bool is_reserved(const struct mode *m, const struct guest_view *v, unsigned level, uint64_t entry)
{
	unsigned shift = m->shift[level], width = v->physical_bits;
	bool nxe = v->paging.efer >> 11 & 1, last = level == m->levels - 1, large = !last && (entry & 0x80);
	uint64_t mask = 0;

	if (m == &narrow)
		return large && (v->paging.cr4 >> 4 & 1) &&
		       (entry & mask_between((width < 40 ? width : 40) - 19, 21));
	if (width < 52)
		mask = mask_between(width, 51);
	if (m == &pae && level == 0)
		return entry & mask;
	if (!nxe)
		mask |= TOP_BIT;
	if (m == &pae)
		mask |= mask_between(52, 62);
	if (large && (shift > 30 || (shift == 30 && !v->huge_pages)))
		return true;
	if (large)
		mask |= mask_between(13, shift - 1);
	return entry & mask;
}

static uint64_t page_of(const struct mode *m, unsigned level, uint64_t entry, uint64_t linear)
{
	uint64_t offset = linear % (1ull << m->shift[level]), frame = entry & ADDRESS;

	if (m == &narrow && m->shift[level] == 22)
		frame = (entry & 0xffc00000) + ((entry >> 13 & 0xff) << 32);
	return frame / (1ull << m->shift[level]) * (1ull << m->shift[level]) + offset;
}

static void find(const struct guest_view *v, uint64_t linear, struct found *f)
{
	const struct mode *m = mode_of(&v->paging);
	uint64_t table = table_of(m, v->paging.cr3, true);

	*f = (struct found){.tables_in_ram = true, .present = true, .is_user = true, .is_writable = true};
	for (unsigned level = 0; level < m->levels; level++) {
		uint64_t at = entry_address(m, level, table, linear), entry = 0;

		f->at[level] = at;
		f->levels = level + 1;
		f->tables_in_ram = in_ram(at);
		if (!f->tables_in_ram)
			return;
		memcpy(&entry, fake_ram.bytes + at, m->entry_size);
		f->present = entry & 1;
		if (!f->present)
			return;
		/* The first entry with such a bit causes the fault; the reader's walk continues. */
		f->reserved |= is_reserved(m, v, level, entry);
		if (!(m == &pae && level == 0)) {
			f->is_user &= entry >> 2 & 1;
			f->is_writable &= entry >> 1 & 1;
			f->no_execute |= entry >> 63;
		}
		f->is_page = is_leaf(m, v, level, entry);
		if (f->is_page) {
			f->entry = entry;
			f->physical = page_of(m, level, entry, linear);
			return;
		}
		table = table_of(m, entry, false);
	}
}

/* The address that the reader's walk must find. */
static bool reader_finds(const struct guest_paging *p, uint64_t linear, uint64_t *physical)
{
	struct guest_view v = {.paging = *p, .physical_bits = 52, .huge_pages = true};
	struct found f;

	if (!paging_is_on(p)) {
		*physical = linear & 0xffffffff;
		return true;
	}
	if (!guest_is_canonical(p, linear))
		return false;
	find(&v, linear, &f);
	*physical = f.physical;
	return f.is_page;
}

static unsigned reader_reads(const struct guest_paging *p, uint64_t linear, uint8_t *to, unsigned n)
{
	uint64_t physical;

	for (unsigned i = 0; i < n; i++) {
		if (!reader_finds(p, linear + i, &physical) || !in_ram(physical))
			return i;
		to[i] = fake_ram.bytes[physical];
	}
	return n;
}

static void check_readers(const struct guest_paging *p, uint64_t linear)
{
	static uint8_t bytes[READ_MAX], wanted[READ_MAX];
	unsigned n = 1 + (unsigned)(take32() % READ_MAX), got = guest_read(p, linear, bytes, n);
	uint64_t physical, other;
	bool found = reader_finds(p, linear, &other);

	assert(guest_translate(p, linear, &physical) == found && (!found || physical == other));
	assert(got == reader_reads(p, linear, wanted, n) && !memcmp(bytes, wanted, got));
}

/* An instruction that counts as the same must be in memory, where the tables lead now. */
static void check_seen(const struct guest_paging *p, uint64_t linear, const struct code_seen *seen)
{
	uint8_t now[16];

	if ((p->efer & 0x400) && code_seen_holds(seen, p->cr3, p->cr4, linear))
		assert(reader_reads(p, linear, now, 16) == 16 && !memcmp(now, seen->code, 16));
}

static void check_fetch(
	const struct guest_paging *p, uint64_t linear, struct code_page *last, struct code_seen *seen)
{
	uint8_t code[16] = {0}, wanted[16];
	unsigned got;

	if (!guest_is_canonical(p, linear)) /* RIP is always canonical */
		return;
	check_seen(p, linear, seen);
	got = guest_fetch(p, linear, last, code);
	if (seen->linear == CODE_SEEN_NONE && got == TRAP_CODE_MAX)
		code_seen_note(seen, linear, code, p, last);
	assert(got == reader_reads(p, linear, wanted, TRAP_CODE_MAX) && !memcmp(code, wanted, got));
}

/* Changes a byte of an entry that leads to the code page, or any byte. */
static void change_memory(const struct code_page *last)
{
	uint64_t at = take32() % FAKE_RAM;
	uint8_t shape = take8();

	if (last->room && shape & 0x80)
		at = (uint64_t)last->at[shape & 3] - GUEST_RAM + (shape >> 2 & 7);
	fake_ram.bytes[at] ^= take8();
}

/* The stored code page must never change a result: not after changes of memory, registers, or the address. */
static void check_fetches(const struct guest_paging *p, uint64_t first, uint64_t second)
{
	static uint8_t before[FAKE_RAM];
	struct code_page last = {0};
	struct code_seen seen = {.linear = CODE_SEEN_NONE};
	struct guest_paging other = *p;

	memcpy(before, fake_ram.bytes, FAKE_RAM);
	check_fetch(p, first, &last, &seen);
	check_fetch(p, first ^ (take8() & 0xff), &last, &seen);
	change_memory(&last);
	check_fetch(p, first, &last, &seen);
	check_fetch(p, second, &last, &seen);
	change_memory(&last);
	check_fetch(p, second, &last, &seen);
	check_fetch(p, first, &last, &seen);
	if (p->efer & 0x400)
		other.cr4 ^= 0x1000;
	other.cr3 ^= take8() & 1 ? 0x1000 : 0;
	check_fetch(&other, first, &last, &seen);
	memcpy(fake_ram.bytes, before, FAKE_RAM);
}

static bool keys_refuse(const struct guest_view *v, const struct found *f, enum guest_access_kind kind)
{
	bool long_mode = v->paging.efer >> 10 & 1, on = v->paging.cr4 >> (f->is_user ? 22 : 24) & 1;
	uint32_t rights = (f->is_user ? v->pkru : v->pkrs) >> (f->entry >> 59 & 15) * 2;

	if (!long_mode || !on || kind == GUEST_FETCH)
		return false;
	return (rights & 1) ||
	       ((rights & 2) && kind == GUEST_WRITE && (v->user || (v->paging.cr0 >> 16 & 1)));
}

static bool rights_refuse(const struct guest_view *v, const struct found *f, enum guest_access_kind kind)
{
	uint64_t cr4 = v->paging.cr4;
	bool nx = (v->paging.efer >> 11 & 1) && mode_of(&v->paging) != &narrow && f->no_execute;

	if (v->user)
		return !f->is_user || (kind == GUEST_WRITE && !f->is_writable) || (kind == GUEST_FETCH && nx);
	if (kind == GUEST_FETCH)
		return nx || (f->is_user && (cr4 >> 20 & 1));
	if (f->is_user && (cr4 >> 21 & 1) && !v->alignment_flag)
		return true;
	return kind == GUEST_WRITE && !f->is_writable && (v->paging.cr0 >> 16 & 1);
}

/* The error code that the CPU would push. */
static uint32_t error_code(const struct guest_view *v, const struct found *f, enum guest_access_kind kind)
{
	bool nx = (v->paging.efer >> 11 & 1) && mode_of(&v->paging) != &narrow;
	uint32_t error = (kind == GUEST_WRITE) << 1 | v->user << 2;

	if (kind == GUEST_FETCH && (nx || (v->paging.cr4 >> 20 & 1)))
		error |= 0x10;
	if (f->reserved)
		return error | 9;
	if (!f->present)
		return error;
	return error | 1 | (uint32_t)keys_refuse(v, f, kind) << 5;
}

/* The accessed and dirty bits that are still clear; sets them in `memory`, unless it is NULL. */
static bool mark(
	const struct guest_view *v, const struct found *f, enum guest_access_kind kind, uint8_t *memory)
{
	bool any = false;

	for (unsigned level = mode_of(&v->paging) == &pae; level < f->levels; level++) {
		uint8_t bits = level == f->levels - 1 && kind == GUEST_WRITE ? 0x60 : 0x20;

		any |= (fake_ram.bytes[f->at[level]] & bits) != bits;
		if (memory)
			memory[f->at[level]] |= bits;
	}
	return any;
}

static void check_access(const struct guest_view *v, uint64_t linear)
{
	static uint8_t before[FAKE_RAM];
	enum guest_access_kind kind = take8() % 3;
	struct guest_page page = {0};
	enum guest_access_result result;
	struct found f;
	bool unmarked;

	memcpy(before, fake_ram.bytes, FAKE_RAM);
	find(v, linear, &f);
	unmarked = f.is_page && mark(v, &f, kind, NULL);
	result = guest_access(v, linear, kind, &page);
	if (!paging_is_on(&v->paging)) {
		assert(page.physical == (uint32_t)linear);
		assert(result == (in_ram(page.physical) ? ACCESS_OK : ACCESS_NOT_RAM));
	} else if (f.reserved || (f.tables_in_ram && !f.present) ||
		   (f.is_page && (keys_refuse(v, &f, kind) || rights_refuse(v, &f, kind)))) {
		assert(result == ACCESS_FAULT && page.error == error_code(v, &f, kind));
	} else if (!f.tables_in_ram || !in_ram(f.physical)) {
		assert(result == ACCESS_NOT_RAM);
	} else {
		assert(page.physical == f.physical);
		assert(result == (unmarked && fake_ram.restless ? ACCESS_CHANGED : ACCESS_OK));
		if (result == ACCESS_OK)
			mark(v, &f, kind, before);
	}
	assert(!memcmp(before, fake_ram.bytes, FAKE_RAM));
}

/* The walk of the reports gives the same, level by level. */
static void check_trace(const struct guest_view *v, uint64_t linear)
{
	char line[200];
	uint64_t physical;
	bool found = reader_finds(&v->paging, linear, &physical);
	struct walk w;

	walk_trace(&w, &v->paging, linear, guest_read64);
	assert(w.mapped == found && w.count <= WALK_LEVELS);
	assert(!w.mapped || w.physical == physical);
	for (unsigned i = 0; i < w.count; i++) {
		struct text t = text_on(line, sizeof(line));

		walk_format(&t, &w.level[i], take32(), v->physical_bits);
		assert(!t.cut && is_printable(line));
	}
}

static uint64_t take_linear(const struct guest_view *v)
{
	const struct mode *m = mode_of(&v->paging);
	unsigned unused = m == &five ? 7 : 16;
	uint64_t linear = take64();

	return m == &four || m == &five ? (uint64_t)((int64_t)(linear << unused) >> unused)
					: (uint32_t)linear;
}

static void take_view(struct guest_view *v)
{
	uint8_t flags = take8();

	*v = (struct guest_view){.user = flags & 1, .alignment_flag = flags & 2, .huge_pages = flags & 4};
	v->physical_bits = (uint8_t)(32 + take8() % 21);
	v->pkru = take32();
	v->pkrs = take32();
	v->paging.cr0 = (uint64_t)take32() ^ 0x80000000;
	v->paging.cr4 = take32();
	v->paging.efer = take32() & 0xd01;
	/* A CPU has LMA only with PG and PAE. */
	if (!paging_is_on(&v->paging))
		v->paging.efer &= ~0x400ull;
	if (v->paging.efer & 0x400)
		v->paging.cr4 |= 0x20;
	v->paging.cr3 = take64();
	if (!(flags & 0x80))
		v->paging.cr3 = (v->paging.cr3 & 0xfe0) | (v->paging.cr3 >> 12) % FAKE_PAGES << 12;
	for (unsigned n = flags >> 4 & 3; n; n--)
		fake_ram.absent[take8() % FAKE_PAGES] = true;
	fake_ram.restless = flags & 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest_view v;
	uint64_t first, second;

	input_begin(data, size);
	memset(&fake_ram, 0, sizeof(fake_ram));
	take_view(&v);
	first = take_linear(&v);
	second = take8() & 1 ? first + 4096 : take_linear(&v);
	lay(&v.paging, first);
	lay(&v.paging, second);
	check_trace(&v, first);
	check_readers(&v.paging, first);
	check_fetches(&v.paging, first, second);
	check_access(&v, first);
	check_access(&v, first);
	return 0;
}
