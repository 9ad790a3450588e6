// SPDX-License-Identifier: MIT
/*
 * libFuzzer: a file that calls itself a bzImage, sizes and places of memory. An accepted kernel lies in the area, aligned, with its memory
 * and apart from the initrd, and boot_params has its own header and nothing else of the file; ranges of memory do not overlap. The ELF
 * header of the core has each byte of the guest's memory once.
 */
#include "input.h"
#include <elf.h>
#include "capture/core.h"
#include "capture_plan.h"

#define FILE_MAX 8192
#define MIB      0x100000ull
#define HEADER   0x290

static uint32_t field(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

/* Mostly what a bzImage has, so that the checks behind the first ones are reached. */
static void make_plausible(uint8_t *file)
{
	if (take8() & 1) {
		memcpy(file + 0x1fe, "\x55\xaa", 2);
		memcpy(file + 0x202, "HdrS\x0f\x02", 6);
	}
	if (take8() & 1) {
		file[0x201] = 0x6a;
		memset(file + 0x1f4, 0, 4);
		file[0x211] |= 1;
		file[0x234] = 1;
		file[0x236] |= 1;
		memcpy(file + 0x230, "\0\0\x20\0", 4);
	}
}

static void check_places(
	const struct boot_range *area, const struct bzimage *b, const struct boot_params_for *f)
{
	assert(f->kernel >= area->base + CAPTURE_RAM && !(f->kernel & (b->alignment - 1)));
	assert(f->kernel + b->memory <= f->initrd && b->kernel_size <= b->memory);
	assert(f->initrd + f->initrd_size <= area->base + area->size && !(f->initrd & 4095));
	assert(area->base + area->size <= b->initrd_limit);
}

static void check_params(const uint8_t *params, const uint8_t *file, const struct boot_params_for *f)
{
	unsigned end = 0x202 + file[0x201];

	assert(field(params + 0x214) == f->kernel && field(params + 0x228) == f->cmdline);
	assert(field(params + 0x21c) == f->initrd_size);
	for (unsigned i = 0; i < BOOT_PARAMS_SIZE; i++)
		assert((i >= 0x1f1 && i < end) || !params[i]);
}

/* Each address has one type at most, though the firmware's map may have contradicted itself. */
static void check_memory(const struct boot_range *area, uint8_t *params)
{
	static struct capture_memory m;
	uint64_t own = area->base + CAPTURE_RAM, end = area->base + area->size;

	memset(&m, 0, sizeof(m));
	for (unsigned n = take8(); n && input_left; n--)
		capture_memory_add(&m, area, take8() & 3, take32() * 4096ull, take32() * 4096ull);
	for (unsigned type = 0; type < E820_TYPES; type++)
		for (uint32_t i = 0; i < m.count[type]; i++) {
			const struct boot_range *r = &m.ranges[type][i];

			assert(r->size && (!i || r[-1].base + r[-1].size < r->base));
			if (type == E820_RAM)
				assert(r->base + r->size <= CAPTURE_LOW_END);
			else if (type == E820_RESERVED)
				assert(r->base >= end || r->base + r->size <= own);
		}
	if (capture_memory_put(&m, area, params))
		assert(params[0x1e8] > 0 && params[0x1e8] <= BOOT_PARAMS_E820);
}

static void check_kernel(void)
{
	static uint8_t params[BOOT_PARAMS_SIZE];
	uint64_t size = take32() % FILE_MAX;
	uint8_t *file = malloc(size + 1);
	struct boot_range area = {take8() * 16 * MIB, (take8() + 1) * 8 * MIB};
	uint64_t initrd = take32() >> 2;
	struct boot_params_for f = {0};
	struct bzimage b;
	char line[64];

	assert(file);
	take(file, size);
	if (size >= HEADER)
		make_plausible(file);
	if (!bzimage_check(file, size, &b)) {
		assert(size >= HEADER && b.kernel + b.kernel_size == size);
		if (capture_place(&area, &b, initrd, &f)) {
			check_places(&area, &b, &f);
			boot_params_fill(params, file, &f);
			check_params(params, file, &f);
			check_memory(&area, params);
		}
		if (capture_cmdline(line, sizeof(line), &b, area.base, "a b"))
			assert(strlen(line) <= b.cmdline_max);
	}
	free(file);
}

/* Ascending ranges, as boot/ranges.h keeps them. */
static uint32_t take_ram(struct boot_range *ram, uint32_t max)
{
	uint64_t at = 0;
	uint32_t n = 0;

	for (; n < max && input_left; n++) {
		ram[n].base = at + ((take32() & 0xffff) + 1) * 4096ull;
		ram[n].size = ((take32() & 0xffff) + 1) * 4096ull;
		at = ram[n].base + ram[n].size;
	}
	return n;
}

static uint64_t loaded(const uint8_t *core, const struct core_plan *p)
{
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)core;
	const Elf64_Phdr *h = (const Elf64_Phdr *)(core + e->e_phoff);
	uint64_t sum = 0, last = 0;

	for (unsigned i = 0; i < e->e_phnum; i++) {
		if (h[i].p_type != PT_LOAD)
			continue;
		assert(h[i].p_paddr >= last);
		assert(h[i].p_offset == h[i].p_paddr + (h[i].p_paddr < p->low_end ? p->low_at : 0));
		last = h[i].p_paddr + h[i].p_memsz;
		sum += h[i].p_memsz;
	}
	return sum;
}

static void check_core(void)
{
	static struct boot_range ram[64];
	static uint8_t core[4096] __attribute__((aligned(8))), head[CORE_VMCOREINFO_HEAD];
	struct core_plan p = {
		.ram = ram, .low_end = 0xa0000, .low_at = 0x10100000, .notes = {0x1000, take8()}};
	uint64_t size = take32() % (sizeof(core) + 1), used, all = 0;

	take(head, sizeof(head));
	assert(core_vmcoreinfo(head) <= 4096 + 36);
	p.ram_count = take_ram(ram, 64);
	for (uint32_t i = 0; i < p.ram_count; i++)
		all += ram[i].size;
	used = core_header(core, size, &p);
	assert(used <= size);
	if (used)
		assert(loaded(core, &p) == all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_begin(data, size);
	if (take8() & 1)
		check_core();
	else
		check_kernel();
	return 0;
}
