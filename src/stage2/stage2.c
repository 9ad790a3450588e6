// SPDX-License-Identifier: MIT
#include "stage2/stage2.h"
#include "stage2/exec_leaf.h"
#include "stage2/spare.h"
#include "stage2/taken.h"
#include "log/log.h"
#include "hw/asm.h"
#include "hw/features.h"
#include "hw/lock.h"
#include "hw/x86.h"
#include "lib/string.h"
#include "mem/host_map.h"
#include "mem/mtrr.h"
#include "mem/pool.h"
#include "vendor.h"

/* Memory below this is mapped at once on a CPU without 1 GiB pages; memory above is mapped on first use. */
#define EAGER_LIMIT_2M (64ull << 30)
#define RETYPE_REPORTS 8
#define WRITABLE       2ull /* in entries of both vendors */
#define NO_WRITE       (STAGE2_READ | STAGE2_FETCH)
#define LINK_BITS      (7 | 1ull << 10) /* the rights in entries of both vendors; bit 10 is user mode's of EPT */

struct page_tables stage2_tables;
_Atomic uint64_t stage2_version = 1;
static uint64_t ones_page, scratch_page, physical_limit;
/* All CPUs share the tables. Critical sections are short and rare. */
static struct lock lock = LOCK_FREE;
/* Pages that are not writable: each CPU's APIC, mostly the same one. Bit 0 means that there is one. */
static uint64_t watched[BOOT_MAX_CPUS];
#define WATCHED(gpa) (((gpa) & ~(PAGE_SIZE - 1)) | 1)

static uint64_t physical_address_limit(void)
{
	return 1ull << (features.memory_bits > 48 ? 48
						  : features.memory_bits); /* four levels reach that far */
}

/* What is left of these rights; without the right to execute, user mode keeps it if the CPU tells the modes apart. */
static unsigned left_by_exec(unsigned rights, uint64_t leaf)
{
	unsigned takes = exec_takes(leaf);

	if (takes & rights & STAGE2_FETCH && vendor->traits->stage2_by_mode)
		rights |= STAGE2_FETCH_USER;
	return rights & ~takes;
}

/* The rights of memory that has no leaf of its own. */
static unsigned usual_rights(void)
{
	return left_by_exec(STAGE2_ALL, 0);
}

/* Maps one to one, in ranges of equal bits, each with the largest pages that fit. */
static bool map(uint64_t base, uint64_t size)
{
	while (size) {
		uint64_t part = size, bits = vendor->stage2.bits(base, &part, usual_rights());

		if (!paging_map(&stage2_tables, base, base, part, bits))
			return false;
		base += part;
		size -= part;
	}
	return true;
}

uint64_t stage2_page_bits(uint64_t pa, unsigned rights)
{
	uint64_t size = PAGE_SIZE;

	return vendor->stage2.bits(pa, &size, rights);
}

/*
 * The tables change: CPUs with tables of their own copy these again (stage2/private.h). They copy with the lock held; a change without the
 * lock calls this afterwards, because a copy from before the change has to be an old one.
 */
static void change(void)
{
	atomic_fetch_add(&stage2_version, 1);
}

/* Besides the VMM's memory: the console's registers, and its configuration space. Page addresses, or 0 */
static uint64_t hidden_device[2];
static bool revealed; /* the capture area */

bool stage2_is_hidden(uint64_t gpa)
{
	uint64_t page = gpa & ~(PAGE_SIZE - 1);

	if (page && (page == hidden_device[0] || page == hidden_device[1]))
		return true;
	for (uint32_t i = 0; i < boot_info.piece_count; i++)
		if (gpa - boot_info.piece[i].base < boot_info.piece[i].size)
			return true;
	return !revealed && gpa - boot_info.capture.base < boot_info.capture.size;
}

/* Parts of it that the guest may read: rings, one for each CPU. The size grows until all of it is shown. */
#define SHOW_MOST (12 * PAGE_SIZE) /* at once: VT-x looks up the memory type of each page */
static struct {
	uint64_t base, size;
} shown[BOOT_MAX_CPUS];

/* The entry of a hidden page, except during a store of the guest. */
static uint64_t hidden_leaf(uint64_t gpa)
{
	gpa &= ~(PAGE_SIZE - 1);
	for (unsigned i = 0; i < boot_info.cpus; i++)
		if (gpa - shown[i].base < shown[i].size)
			return gpa | stage2_page_bits(gpa, NO_WRITE);
	return ones_page | stage2_page_bits(ones_page, NO_WRITE);
}

bool stage2_show(unsigned slot, uint64_t base, uint64_t size)
{
	uint64_t at, end;
	unsigned level;

	lock_take(&lock, cpu_pause); /* several CPUs may ask for one ring */
	at = shown[slot].size;
	end = size < at + SHOW_MOST ? size : at + SHOW_MOST;
	shown[slot].base = base;
	shown[slot].size = end;
	for (; at < end; at += PAGE_SIZE)
		*paging_leaf(&stage2_tables, base + at, &level) =
			(base + at) | stage2_page_bits(base + at, NO_WRITE);
	change();
	lock_give(&lock);
	return end == size;
}

static bool hide_page(uint64_t gpa)
{
	return paging_map(&stage2_tables, gpa, ones_page, PAGE_SIZE, stage2_page_bits(ones_page, NO_WRITE));
}

/* Hides the console: its registers read as ones, and stores have no effect. */
static bool hide_console(void)
{
	const struct uart_port *uart = &boot_info.console;

	if (!boot_info.config.hide_console)
		return true;
	hidden_device[0] = uart->memory ? uart->base & ~(PAGE_SIZE - 1) : 0;
	hidden_device[1] = uart->config;
	for (unsigned i = 0; i < 2; i++)
		if (hidden_device[i] && !hide_page(hidden_device[i]))
			return false;
	return true;
}

static bool hide_piece(const struct boot_range *piece)
{
	for (uint64_t at = piece->base; at < piece->base + piece->size; at += PAGE_SIZE)
		if (!hide_page(at))
			return false;
	return true;
}

static bool hide_memory(void)
{
	for (uint32_t i = 0; i < boot_info.piece_count; i++)
		if (!hide_piece(&boot_info.piece[i]))
			return false;
	return hide_piece(&boot_info.capture);
}

/* The large pages take the place of the tables that hid the area, and need none. */
bool stage2_reveal(void)
{
	change();
	revealed = true;
	return map(boot_info.capture.base, boot_info.capture.size) &&
	       host_map_learn(boot_info.capture.base, boot_info.capture.size);
}

/*
 * Where memory may appear later nothing is mapped at first. The guest's first access shows that there is memory
 * now, and only then does Trapline read it.
 */
static bool leave_out_hot(void)
{
	for (uint32_t i = 0; i < boot_info.hot_count; i++) {
		const struct boot_range *r = &boot_info.hot[i];

		if (r->base + r->size <= physical_limit &&
			!paging_map(&stage2_tables, r->base, r->base, r->size, 0))
			return false;
	}
	return true;
}

static bool is_hot(uint64_t gpa)
{
	for (uint32_t i = 0; i < boot_info.hot_count; i++)
		if (gpa - boot_info.hot[i].base < boot_info.hot[i].size)
			return true;
	return false;
}

/* Maps it as the guest's memory for the host, if it is write-back, which device registers never are. Without room for tables it is not read. */
static void learn(uint64_t gpa)
{
	struct mtrr_state mtrrs;
	uint64_t size = LARGE_PAGE;

	mtrr_read(&mtrrs);
	if (memory_type(&mtrrs, gpa, &size) == MEMORY_WB && size == LARGE_PAGE)
		host_map_learn(gpa, size);
}

const char *stage2_init(void)
{
	uint64_t eager;

	stage2_tables = (struct page_tables){
		.root = pool_alloc(1),
		.offset = POOL_BASE,
		.link = stage2_page_bits(0, STAGE2_ALL) & LINK_BITS,
		.present = 7 | STAGE2_TAKEN, /* nested tables: present; EPT: any of read, write, execute */
		.largest = vendor->traits->stage2_largest,
		.alloc = spare_take,
	};
	ones_page = pool_alloc(1);
	scratch_page = pool_alloc(1);
	physical_limit = physical_address_limit();
	eager = stage2_tables.largest == 3 || physical_limit < EAGER_LIMIT_2M ? physical_limit
									      : EAGER_LIMIT_2M;
	if (!stage2_tables.root || !ones_page || !scratch_page || !map(0, eager) || !leave_out_hot() ||
		!hide_memory() || !hide_console())
		return "the VMM's memory is too small for the second-level page tables";
	memset(pool_virt(ones_page), 0xff, PAGE_SIZE);
	memset(pool_virt(scratch_page), 0xff, PAGE_SIZE);
	return NULL;
}

bool stage2_is_watched(uint64_t gpa)
{
	for (unsigned i = 0; i < boot_info.cpus; i++)
		if (watched[i] == WATCHED(gpa))
			return true;
	return false;
}

/* The state that the page's own leaf keeps: stage2/exec.h. */
static uint64_t exec_bits(uint64_t gpa)
{
	unsigned level;
	const uint64_t *leaf = exec_is_on() ? paging_leaf(&stage2_tables, gpa, &level) : NULL;

	return leaf && level == 1 ? *leaf & EXEC_BITS : 0;
}

unsigned stage2_rights(uint64_t gpa)
{
	unsigned rights = left_by_exec(STAGE2_ALL & ~stage2_taken(gpa), exec_bits(gpa));

	return stage2_is_watched(gpa) ? rights & ~STAGE2_WRITE : rights;
}

/* The bits of the page's own leaf. */
static uint64_t own_bits(uint64_t gpa, unsigned rights)
{
	return stage2_page_bits(gpa, rights) | (stage2_taken(gpa) ? STAGE2_TAKEN : 0) | exec_bits(gpa);
}

/* Another CPU may be changing the watch of the page: the lock waits for that. */
bool stage2_permits(uint64_t gpa, unsigned right)
{
	const uint64_t *leaf;
	unsigned level;
	bool permitted;

	lock_take(&lock, cpu_pause);
	leaf = paging_leaf(&stage2_tables, gpa, &level);
	permitted = stage2_is_watched(gpa) ||
		    (leaf && !(*leaf & STAGE2_TAKEN) && (right != STAGE2_WRITE || *leaf & WRITABLE));
	lock_give(&lock);
	return permitted;
}

/* Gives the page its own leaf, and maps the memory around it, so that a later mapping does not cover it. */
static bool make_page(uint64_t gpa, unsigned rights)
{
	unsigned level;

	change();
	if (!paging_leaf(&stage2_tables, gpa, &level) && !map(gpa & ~(LARGE_PAGE - 1), LARGE_PAGE))
		return false;
	return paging_map(&stage2_tables, gpa, gpa, PAGE_SIZE, own_bits(gpa, rights));
}

/* Whether the page has its own leaf, so that nothing needs to be taken from the pool. */
static bool is_page(uint64_t gpa)
{
	unsigned level;

	return paging_leaf(&stage2_tables, gpa, &level) && level == 1;
}

unsigned stage2_level(uint64_t gpa, unsigned *taken)
{
	unsigned level, found = 0;

	lock_take(&lock, cpu_pause);
	if (paging_leaf(&stage2_tables, gpa, &level))
		found = level;
	*taken = stage2_taken(gpa);
	lock_give(&lock);
	return found;
}

/* The guest chooses the pages, so some memory is kept for other tables. */
bool stage2_watch(unsigned slot, uint64_t gpa)
{
	uint64_t old = watched[slot];
	bool done;

	/* a guest that moved its APIC to the page of a watch would end all watches: their list has to be one that can be taken */
	if (gpa >= physical_limit || stage2_is_hidden(gpa) || stage2_taken(gpa))
		return false;
	lock_take(&lock, cpu_pause);
	done = (is_page(gpa) || pool_left() >= STAGE2_RESERVE) &&
	       make_page(gpa, stage2_rights(gpa) & ~STAGE2_WRITE);
	if (done)
		watched[slot] = WATCHED(gpa);
	if (done && old && !stage2_is_watched(old))
		make_page(old & ~1ull, stage2_rights(old & ~1ull));
	lock_give(&lock);
	return done;
}

/* Writes the vendor's current bits into a leaf. Splits the leaf if they are not the same all over it. */
static bool retype(uint64_t *leaf, uint64_t base, uint64_t size)
{
	uint64_t part = size, bits = vendor->stage2.bits(base, &part, usual_rights());

	if (part < size)
		return map(base, size);
	if (size == PAGE_SIZE)
		bits = own_bits(base, stage2_rights(base));
	*leaf = base | bits | (*leaf & (size > PAGE_SIZE ? PTE_LARGE : 0));
	return true;
}

void stage2_retype(void)
{
	static unsigned reported;
	uint64_t left_out = 0, changed = 0, size, old;

	change();
	for (uint64_t at = 0; at < physical_limit; at += size) {
		unsigned level;
		uint64_t *leaf = paging_leaf(&stage2_tables, at, &level);

		size = 1ull << (12 + 9 * (level - 1));
		if (!leaf || stage2_is_hidden(at))
			continue;
		lock_take(&lock, cpu_pause);
		old = *leaf;
		left_out += !retype(leaf, at, size);
		changed += *leaf != old;
		lock_give(&lock);
	}
	if (changed && reported++ < RETYPE_REPORTS)
		log_line("trapline: memory types follow the guest's MTRRs: %lu pages changed", changed);
	if (left_out)
		log_line("trapline: no memory left to follow the MTRRs in %lu pages, whose memory type stays",
			left_out);
}

bool stage2_map_late(uint64_t gpa)
{
	unsigned level;
	bool done;

	lock_take(&lock, cpu_pause);
	done = paging_leaf(&stage2_tables, gpa, &level); /* another CPU mapped it first */
	gpa &= ~(LARGE_PAGE - 1);
	if (!done && is_hot(gpa))
		learn(gpa);
	change();
	if (!done)
		done = gpa < physical_limit && map(gpa, LARGE_PAGE);
	lock_give(&lock);
	return done;
}

bool stage2_may_take(uint64_t gpa)
{
	unsigned level;

	return gpa < physical_limit && !stage2_is_hidden(gpa) && !stage2_is_watched(gpa) &&
	       (paging_leaf(&stage2_tables, gpa, &level) || !is_hot(gpa));
}

static const char *take_range(const struct stage2_range *r)
{
	for (uint64_t at = r->first; at <= r->last; at += PAGE_SIZE) {
		if (!stage2_may_take(at))
			return "memory of Trapline's, a local APIC, or no memory";
		if ((!is_page(at) && pool_left() < STAGE2_RESERVE) || !make_page(at, stage2_rights(at)))
			return "no memory is left for second-level tables";
	}
	return NULL;
}

/* A large leaf has no state of stage2/exec.h, so pages with one stay pages. */
static void join_at(uint64_t at)
{
	for (unsigned level = 2; level <= stage2_tables.largest && !exec_bits(at); level++) {
		uint64_t table = paging_join(&stage2_tables, at, level, vendor->traits->stage2_set);

		if (table) /* otherwise it is one leaf already, or none at all */
			spare_give(table);
	}
}

/* Puts leaves that were split together again where nothing tells them apart any more. */
static void join(const struct stage2_range *r)
{
	for (uint64_t at = r->first & ~(LARGE_PAGE - 1); at <= r->last; at += LARGE_PAGE)
		join_at(at);
}

const char *stage2_take(const struct stage2_range *list, unsigned n)
{
	const char *error = NULL;
	unsigned old;

	lock_take(&lock, cpu_pause);
	old = stage2_taken_swap(list, n);
	for (unsigned i = 0; i < n && !error; i++)
		error = take_range(&list[i]);
	if (error)
		stage2_taken_drop();
	/* Their leaves exist, except those after one that failed. */
	for (unsigned i = 0; i < old; i++)
		take_range(stage2_taken_before(i));
	for (unsigned i = 0; error && i < n; i++)
		take_range(&list[i]);
	for (unsigned i = 0; i < old; i++)
		join(stage2_taken_before(i));
	for (unsigned i = 0; error && i < n; i++)
		join(&list[i]);
	lock_give(&lock);
	return error;
}

uint64_t stage2_leaf(uint64_t gpa, uint64_t *size)
{
	unsigned level;
	const uint64_t *leaf = paging_leaf(&stage2_tables, gpa, &level);

	*size = 1ull << (12 + 9 * (level - 1));
	return leaf ? *leaf : 0;
}

bool stage2_mark(uint64_t gpa, uint64_t mask, uint64_t marks)
{
	uint64_t page = gpa & ~(PAGE_SIZE - 1), *leaf;
	unsigned level;
	bool done;

	lock_take(&lock, cpu_pause);
	done = (is_page(page) || pool_left() >= STAGE2_RESERVE || spare_count() > 2) &&
	       make_page(page, stage2_rights(page));
	if (done) {
		leaf = paging_leaf(&stage2_tables, page, &level);
		*leaf = (*leaf & ~mask) | marks;
		*leaf = page | own_bits(page, stage2_rights(page));
	}
	lock_give(&lock);
	return done;
}

uint64_t stage2_open_all(uint64_t gpa)
{
	uint64_t size, part, *leaf;
	unsigned level;

	lock_take(&lock, cpu_pause);
	change();
	leaf = paging_leaf(&stage2_tables, gpa, &level);
	part = size = 1ull << (12 + 9 * (level - 1));
	gpa &= ~(size - 1);
	if (leaf && size > PAGE_SIZE)
		*leaf = gpa | vendor->stage2.bits(gpa, &part, STAGE2_ALL) | PTE_LARGE;
	lock_give(&lock);
	return size;
}

/* All leaves with the bits that they have without marks. The last one of a large page or of 1 GiB puts it together again. */
static uint64_t renew(uint64_t at, bool joins)
{
	unsigned level;
	uint64_t *leaf = paging_leaf(&stage2_tables, at, &level), size = 1ull << (12 + 9 * (level - 1));

	if (leaf && !stage2_is_hidden(at)) {
		*leaf &= level == 1 ? ~EXEC_BITS : UINT64_MAX;
		retype(leaf, at, size);
	}
	if (joins && level < 3 && !((at + size) & ((level == 1 ? LARGE_PAGE : HUGE_PAGE) - 1)))
		join_at(at);
	return size;
}

void stage2_renew(bool joins)
{
	change();
	for (uint64_t at = 0, size; at < physical_limit; at += size) {
		lock_take(&lock, cpu_pause);
		size = renew(at, joins);
		lock_give(&lock);
	}
}

void stage2_lock(void)
{
	lock_take(&lock, cpu_pause);
}

void stage2_unlock(void)
{
	lock_give(&lock);
}

static void close_leaf(uint64_t gpa)
{
	unsigned level;

	*paging_leaf(&stage2_tables, gpa, &level) = hidden_leaf(gpa);
	change();
}

/* A store goes to a separate page, so that the other CPUs still read ones. */
void stage2_open_scratch(struct cpu *cpu, uint64_t gpa)
{
	unsigned level;

	gpa &= ~(PAGE_SIZE - 1);
	if (cpu->scratch_gpa[0] && cpu->scratch_gpa[0] != gpa) {
		if (cpu->scratch_gpa[1] && cpu->scratch_gpa[1] != gpa)
			close_leaf(cpu->scratch_gpa[1]);
		cpu->scratch_gpa[1] = cpu->scratch_gpa[0];
	}
	*paging_leaf(&stage2_tables, gpa, &level) = scratch_page | stage2_page_bits(scratch_page, STAGE2_ALL);
	change();
	cpu->scratch_gpa[0] = gpa;
	cpu_add_work(cpu, CPU_WORK_SCRATCH);
}

bool stage2_close_scratch(struct cpu *cpu)
{
	if (cpu->exit.kind == EXIT_STAGE2 && cpu->exit.address >> 12 == cpu->scratch_gpa[0] >> 12)
		return false; /* this exit has just opened it */
	for (unsigned i = 0; i < 2; i++) {
		if (cpu->scratch_gpa[i])
			close_leaf(cpu->scratch_gpa[i]);
		cpu->scratch_gpa[i] = 0;
	}
	memset(pool_virt(scratch_page), 0xff, PAGE_SIZE);
	cpu_end_work(cpu, CPU_WORK_SCRATCH);
	return true;
}
