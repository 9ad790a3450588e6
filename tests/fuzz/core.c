// SPDX-License-Identifier: MIT
/*
 * libFuzzer: a core of a dead guest whose registers, tables and memory may be anything. It ends, every segment is inside the file, no two have
 * one linear address, and each holds what is in RAM at its physical address: never what is no RAM.
 */
#include "input.h"
#include "apic/pause.h"
#include "blackbox/blackbox.h"
#include "cpu/moment.h"
#include "cpu/system_registers.h"
#include "fake_vendor.h"
#include "mem/guest_ram.h"
#include "report/core.h"

#define ROOM_MAX (96u * 1024)
#define TABLES   12 /* pages, from page 1 on, whose words lead into the array */

/* ELF's headers: <elf.h> and hw/x86.h have names in common. */
struct header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, programs_at, sections_at;
	uint32_t flags;
	uint16_t size, program_size, programs, rest[3];
};

struct program {
	uint32_t type, flags;
	uint64_t offset, linear, physical, file_size, memory_size, align;
};

struct fake_ram fake_ram;
struct boot_info boot_info;
static struct cpu cpu[2];
struct cpu *cpus[BOOT_MAX_CPUS] = {&cpu[0], &cpu[1]};
_Atomic uint32_t cpus_active = 2;

static uint8_t *room;
static uint64_t room_size, kept;
static uint64_t registers[GUEST_EFER + 1];

void moment(void)
{
}

void *blackbox_core_begin(uint64_t *size)
{
	*size = room_size;
	return room;
}

void blackbox_core_end(uint64_t bytes)
{
	kept = bytes;
}

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	return registers[r];
}

/* Mostly inside the array. */
static uint64_t take_address(void)
{
	uint8_t shape = take8();

	return shape < 192 ? take32() % FAKE_RAM : take64();
}

static void segment(const struct cpu *c, enum segment s, struct segment_state *out)
{
	*out = (struct segment_state){.base = take_address(), .limit = take32(), .long_mode = take8() & 1};
}

static enum msr_result read_msr(struct cpu *c, uint32_t msr, bool write, uint64_t *value)
{
	*value = take_address();
	return MSR_DONE;
}

void system_registers(struct cpu *c, struct core_system_register to[CORE_SYSTEM_MAX])
{
	take(to, CORE_SYSTEM_MAX * sizeof(*to));
}

void vector_save(struct vector_state *s)
{
	take(s, offsetof(struct vector_state, wide));
	s->avx = take8() & 1;
}

FAKE_VENDOR(fake_vendor, .state.get = get, .state.segment = segment, .exits.msr = read_msr);
const struct vendor *vendor = &fake_vendor;

static void take_memory(void)
{
	uint8_t fill = take8();

	memset(fake_ram.bytes, fill & 1 ? 0 : fill, sizeof(fake_ram.bytes));
	for (unsigned n = 0; n < FAKE_PAGES; n++)
		fake_ram.absent[n] = take8() > 224;
	for (unsigned n = 0; n < 256 && input_left; n++) {
		uint64_t at = 4096 + take32() % (TABLES * 4096u) / 8 * 8;
		uint64_t word = take32() % FAKE_RAM / 4096 * 4096 | (take8() & 0x87);

		memcpy(fake_ram.bytes + at, &word, sizeof(word));
	}
	for (unsigned n = 0; n < 64 && input_left; n++) {
		uint64_t word = take_address();

		memcpy(fake_ram.bytes + take32() % (FAKE_RAM - 8), &word, sizeof(word));
	}
}

static void take_registers(void)
{
	for (unsigned i = 0; i < TRAP_GPRS; i++)
		cpu[0].gpr[i] = take_address();
	for (unsigned i = 0; i <= GUEST_EFER; i++)
		registers[i] = take_address();
	registers[GUEST_CR0] = (take8() & 3 ? 1ull << 31 : 0) | 1;
	registers[GUEST_CR3] = take8() & 15 ? 4096 : take64();
	registers[GUEST_CR4] = (uint64_t)(take8() & 1) << 12 | 0x30;
	registers[GUEST_EFER] = take8() & 3 ? 0xd00 : 0;
	take(&cpu[1].registers, offsetof(struct core_registers, vectors.wide));
	cpu[1].registers.vectors.avx = take8() & 1;
	cpu[1].paused = take8() & 1;
	cpu[1].number = 1;
}

static void check_load(const struct program *p, const uint8_t *file)
{
	assert(p->type == 1 && p->file_size == 4096 && p->offset % 4096 == 0 && p->linear % 4096 == 0);
	assert(p->offset + p->file_size <= kept && fake_there(p->physical, 4096));
	assert(!memcmp(file + p->offset, fake_ram.bytes + p->physical, 4096));
}

static void check_file(void)
{
	const struct header *h = (const struct header *)room;
	const struct program *p = (const struct program *)(room + h->programs_at);

	assert(kept <= room_size && h->programs && p[0].type == 4);
	assert(p[0].offset + p[0].file_size <= kept && p[0].offset >= sizeof(*h) + h->programs * sizeof(*p));
	for (unsigned i = 1; i < h->programs; i++) {
		check_load(&p[i], room);
		for (unsigned k = 1; k < i; k++)
			assert(p[k].linear != p[i].linear);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trap_record at;
	struct core_kept core;

	input_begin(data, size);
	boot_info.cpus = 2;
	room_size = take32() % (ROOM_MAX / 8) * 8;
	take_memory();
	take_registers();
	take(&at, sizeof(at));
	kept = 0;
	room = aligned_alloc(4096, room_size ? (room_size + 4095) / 4096 * 4096 : 4096);
	assert(room);
	core = core_keep(&cpu[0], take8() & 1 ? &at : NULL);
	assert(core.bytes == kept && (!kept || core.cpus));
	if (kept)
		check_file();
	free(room);
	return 0;
}
