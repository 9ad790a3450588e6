// SPDX-License-Identifier: MIT
/* The core of a guest with many CPUs: it lets their SMIs in, and ends when nothing more has room. The source is included. */
#include <string.h>
#include "unit.h"
#include "cpu/moment.h"
#include "mem/guest_ram.h"
#include "report/core.c"

#define CPUS 64
#define ROOM (8u << 20)

struct fake_ram fake_ram;
struct boot_info boot_info = {.cpus = CPUS};
_Atomic uint32_t cpus_active = CPUS;
static struct cpu cpu[CPUS];
struct cpu *cpus[BOOT_MAX_CPUS];
static _Alignas(4096) uint8_t room[ROOM];
static uint64_t room_size;
static unsigned moments, since, longest, too_late;
static bool one_page; /* all linear addresses lead to it */

void moment(void)
{
	moments++;
	since = 0;
}

void *blackbox_core_begin(uint64_t *size)
{
	*size = room_size;
	return room;
}

void blackbox_core_end(uint64_t bytes)
{
}

void cpu_registers(struct cpu *c, struct core_registers *r)
{
	*r = cpus[1]->registers;
	r->rip = 0x5000;
}

bool guest_translate(const struct guest_paging *p, uint64_t linear, uint64_t *physical)
{
	longest = ++since > longest ? since : longest;
	too_late += file.pages == file.pages_max || file.loads == file.loads_max;
	*physical = one_page ? 0x1000 : linear % FAKE_RAM;
	return true;
}

unsigned guest_read(const struct guest_paging *p, uint64_t linear, void *to, unsigned n)
{
	uint64_t words[2] = {linear * 4099, linear * 8209}; /* all of them pointers, to pages all over */

	memcpy(to, words, n < sizeof(words) ? n : sizeof(words));
	return n;
}

static int setup(void **state)
{
	for (unsigned n = 0; n < CPUS; n++) {
		cpus[n] = &cpu[n];
		cpu[n].number = n;
		cpu[n].paused = n > 0;
		cpu[n].registers = (struct core_registers){.rip = 0x10000 * n, .efer = EFER_LMA};
		cpu[n].registers.segment[CORE_CS].flags = CORE_CODE_64;
		cpu[n].registers.gpr[TRAP_RSP] = 0x777777 + 0x200000ull * n;
	}
	moments = since = longest = too_late = 0;
	one_page = false;
	room_size = ROOM;
	return 0;
}

/* Between two moments there is the work for one CPU: at most a word of the stack after the other. */
static void other_cpus(void **state)
{
	struct core_kept k = core_keep(&cpu[0], NULL);

	assert_int_equal(k.cpus, CPUS);
	assert_true(moments >= CPUS);
	assert_in_range(longest, 1, WORDS_MAX + 1);
}

static void ends_without_pages(void **state)
{
	room_size = 48 * 1024;
	core_keep(&cpu[0], NULL);
	assert_int_equal(file.pages, file.pages_max);
	assert_int_equal(too_late, 0);
}

static void ends_without_loads(void **state)
{
	one_page = true;
	core_keep(&cpu[0], NULL);
	assert_int_equal(file.loads, file.loads_max);
	assert_int_equal(too_late, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(other_cpus, setup),
		cmocka_unit_test_setup(ends_without_pages, setup),
		cmocka_unit_test_setup(ends_without_loads, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
