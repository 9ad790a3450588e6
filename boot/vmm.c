// SPDX-License-Identifier: MIT
/* The VMM: the loader copies it from its own file into memory, fills in boot_info, and starts it. */
#include <lib/string.h>
#include "hw/asm.h"
#include "hw/x86.h"
#include "budget.h"
#include "loader.h"
#include "transition.h"

#define MIB        0x100000ull
#define LARGE_PAGE (2 * MIB)

/* image.S */
extern const uint8_t vmm_blob[], vmm_blob_end[];

/* What a start takes, and gives back if it fails. */
struct vmm {
	const struct vmm_header *header;
	struct boot_info *info;
	uint64_t cr3;
	uint64_t tables;  /* and where it leads */
	bool five_levels; /* of the boot CPU's paging */
	struct last_run last;
	volatile bool entered[BOOT_MAX_CPUS];
	bool keep; /* a CPU may still run in this memory: do not free it */
};

static uint64_t round_up(uint64_t n)
{
	return (n + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
}

/* What is wrong with the image; NULL: nothing. Only a build of mixed parts fails here. */
static const char *header_fault(const struct vmm_header *h, uint64_t blob_size)
{
	if (blob_size < sizeof(*h) || h->magic != VMM_HEADER_MAGIC)
		return "it is not a VMM image";
	if (h->version != BOOT_INFO_VERSION)
		return "its boot_info has another version";
	if (h->info_size != sizeof(struct boot_info))
		return "its boot_info has another size";
	if (h->image_size < blob_size)
		return "it is larger than its header says";
	if (h->entry - VMM_BASE >= h->image_size)
		return "its entry lies outside of it";
	return NULL;
}

static bool check_image(struct vmm *v)
{
	v->header = (const struct vmm_header *)vmm_blob;
	const char *fault = header_fault(v->header, (uint64_t)(vmm_blob_end - vmm_blob));
	if (fault)
		say("the VMM inside trapline.efi does not fit its loader: %s; build it again after `make "
		    "clean`; "
		    "booting without Trapline",
			fault);
	return !fault;
}

static bool take_info(struct vmm *v)
{
	EFI_PHYSICAL_ADDRESS info;
	EFI_STATUS status = BS->AllocatePages(
		AllocateAnyPages, EfiLoaderData, EFI_SIZE_TO_PAGES(sizeof(struct boot_info)), &info);

	if (EFI_ERROR(status)) {
		say("no memory for the VMM's boot information (%s); booting without Trapline",
			say_status(status));
		return false;
	}
	v->info = (struct boot_info *)info;
	memset(v->info, 0, sizeof(*v->info));
	return true;
}

static bool try_memory(struct vmm *v, const struct loader *l)
{
	return memory_take(l, round_up(v->header->image_size) + round_up(budget_pool(&l->config, v->info)),
		round_up(budget_box(&l->config, v->info->cpus)), v->info);
}

static void say_no_memory(const struct vmm *v, const struct loader *l)
{
	say("the firmware does not have the %u MiB that %u CPUs need; booting without Trapline",
		(unsigned)((budget_pool(&l->config, v->info) + budget_box(&l->config, v->info->cpus)) / MIB),
		v->info->cpus);
}

/* Shorter rings, rather than none. */
static bool take_pieces(struct vmm *v, struct loader *l)
{
	uint32_t wanted = budget_ring(l->config.ring, v->info->cpus);

	for (l->config.ring = wanted; !try_memory(v, l); l->config.ring /= 2)
		if (l->config.ring / 2 < BUDGET_RING_MIN) {
			say_no_memory(v, l);
			return false;
		}
	if (l->config.ring != wanted)
		say("ring: the firmware has no memory for %u records on each of %u CPUs: there are %u",
			wanted, v->info->cpus, l->config.ring);
	return true;
}

static bool take_memory(struct vmm *v, struct loader *l)
{
	const struct boot_range *image = &v->info->piece[BOOT_PIECE_IMAGE];

	acpi_hot(v->info);
	symbols_load(l, v->info);
	if (!take_pieces(v, l))
		return false;
	capture_load(l, v->info);
	blackbox_note_place(l, v->info->piece[BOOT_PIECE_BOX].base);
	v->cr3 = memory_transition(image->base, image->size, &v->tables);
	v->five_levels = read_cr4() & CR4_LA57;
	return v->cr3 != 0;
}

/* Called after every allocation, because the memory map has to contain the region. */
static bool fill_info(struct vmm *v, const struct loader *l)
{
	struct boot_info *i = v->info;

	i->magic = BOOT_INFO_MAGIC;
	i->version = BOOT_INFO_VERSION;
	i->size = sizeof(*i);
	i->image_size = v->header->image_size;
	i->last_base = v->last.base;
	i->last_size = v->last.size;
	i->last_core_written = v->last.core_written;
	i->last_text = (uint64_t)v->last.text;
	i->last_text_size = v->last.text ? LAST_TEXT_MAX : 0;
	blackbox_now(i->started, sizeof(i->started));
	i->tsc_khz = clock_tsc_khz();
	i->tsc_start = l->tsc_start;
	i->config = l->config;
	i->console = l->console;
	i->screen = l->screen;
	acpi_fill(i);
	capture_finish(l, i);
	return ram_fill(i);
}

/* Runs on the CPU that it starts. */
static uint64_t launch_cpu(const struct vmm *v, uint64_t number, enum boot_phase phase)
{
	struct boot_launch launch = {.apic_id = v->info->apic_id[number], .number = number, .phase = phase};

	return boot_launch(v->header->entry, v->info, &launch, v->cr3);
}

/* Called by the firmware on another CPU. It returns to the firmware as a guest, or unchanged. */
static void launch_other(void *argument)
{
	struct vmm *v = argument;
	uint64_t id = cpu_apic_id();

	/* The tables have as many levels as the boot CPU's: another CPU would fault at once. */
	if (!!(read_cr4() & CR4_LA57) != v->five_levels)
		return;
	for (uint32_t n = 1; n < v->info->cpus; n++)
		if (v->info->apic_id[n] == id)
			v->entered[n] = launch_cpu(v, n, BOOT_ENTER) == 0;
}

static bool refused(struct boot_info *info)
{
	info->error[BOOT_ERROR_MAX - 1] = 0;
	say("%s; booting without Trapline",
		info->error[0] ? info->error : "the VMM did not say why it stopped");
	return false;
}

/* In the VMM either all CPUs enter or none. If one did not, it has said why, or one never arrived. */
static bool launch_others(struct vmm *v)
{
	bool back = v->info->cpus == 1 || mp_run(launch_other, v);

	/* A CPU that has not returned may still run there, or arrive late: its memory must stay. */
	v->keep = !back;
	for (uint32_t n = 1; n < v->info->cpus; n++) {
		if (v->entered[n])
			continue;
		if (v->info->error[0])
			return refused(v->info);
		say("CPU %u (APIC id %u) did not start, or its paging has other levels than the boot CPU's; "
		    "booting without Trapline",
			n, v->info->apic_id[n]);
		return false;
	}
	return true;
}

static bool launch(struct vmm *v, const struct loader *l)
{
	memcpy((void *)v->info->piece[BOOT_PIECE_IMAGE].base, vmm_blob, (size_t)(vmm_blob_end - vmm_blob));
	if (launch_cpu(v, 0, BOOT_PREPARE) != BOOT_PREPARED)
		return refused(v->info);
	blackbox_print(l, &v->last);
	if (!launch_others(v))
		return false;
	if (launch_cpu(v, 0, BOOT_ENTER) == 0)
		return true;
	v->keep = v->info->cpus > 1; /* the other CPUs have entered, because BOOT_PREPARE tried all steps */
	return refused(v->info);
}

static void give_back(const struct vmm *v)
{
	if (v->info && v->info->piece_count)
		blackbox_wipe(v->info->piece[BOOT_PIECE_BOX].base);
	for (uint32_t n = 0; v->info && n < v->info->piece_count; n++)
		memory_free(v->info->piece[n].base, v->info->piece[n].size);
	if (v->info)
		capture_release(v->info);
	memory_free(v->tables, TRANSITION_PAGES * EFI_PAGE_SIZE);
	memory_free((uint64_t)v->info, sizeof(*v->info));
}

/* Finds the last run's black box in memory, and its note in the CMOS. */
static void find_last(struct vmm *v, struct loader *l)
{
	struct cmos_note note;
	bool noted = cmos_fetch(l, &note);

	blackbox_find(l, &v->last, noted && note.flags & CMOS_RESET);
	if (noted)
		cmos_tell(l, &note, v->last.base);
}

bool vmm_start(struct loader *l)
{
	static struct vmm v; /* static, because the other CPUs read it */

	find_last(&v, l);
	blackbox_write_core(l, &v.last);
	bool active = check_image(&v) && take_info(&v) && mp_list(v.info) && take_memory(&v, l) &&
		      fill_info(&v, l) && launch(&v, l);
	blackbox_release(&v.last);
	if (v.info)
		symbols_release(v.info);
	if (active) {
		v.info->vmm_version[sizeof(v.info->vmm_version) - 1] = 0;
		Print(L"Trapline %a active\r\n", v.info->vmm_version);
		return true;
	}
	if (!v.keep)
		give_back(&v);
	return false;
}
