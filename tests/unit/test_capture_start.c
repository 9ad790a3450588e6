// SPDX-License-Identifier: MIT
/*
 * The capture kernel takes a dead guest's place: what it is told of it, in which order the guest's things end, and the state in which the CPU
 * enters it. The source is included.
 */
#include <string.h>
#include "unit.h"
#include "fake_vendor.h"
#include "mem/guest_ram.h"
#include "trace/elf_core.h"
#include "exit/capture.c"

#define CPUS 3
#define AREA CAPTURE_RAM

struct fake_ram fake_ram;
struct boot_info boot_info;
_Atomic uint32_t cpus_active = CPUS;
static struct cpu cpu[CPUS];
struct cpu *cpus[BOOT_MAX_CPUS];
static uint8_t memory[AREA] __attribute__((aligned(4096)));
static char order[400];
static bool revealed;
static uint64_t info_at;

static void note(const char *what)
{
	strcat(order, what);
	strcat(order, " ");
}

#define FAKE(name, type)                                                                                     \
	void name(type)                                                                                      \
	{                                                                                                    \
		note(#name);                                                                                 \
	}
FAKE(cpus_park, void)
FAKE(halt_over, struct cpu *c)
FAKE(blackbox_keep, void)
FAKE(story_over, void)
FAKE(pause_over, void)
FAKE(watch_exec_end, void)
FAKE(flush_changed, struct cpu *c)

void intercept_set(struct cpu *c, uint32_t vectors, bool software)
{
	assert_true(!vectors && !software);
	note("intercept_set");
}

bool stage2_reveal(void)
{
	note("stage2_reveal");
	return revealed;
}

void init_sipi_restart(struct cpu *c, unsigned vector)
{
	assert_ptr_equal(c, &cpu[1]);
	assert_int_equal(vector, CAPTURE_VECTOR);
	note("restart");
}

struct boot_range vmcoreinfo_find(void)
{
	return (struct boot_range){info_at, info_at ? 2000 : 0};
}

void log_print(const char *fmt, ...)
{
	if (strstr(fmt, "no memory is left"))
		note("told");
}

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	return r == GUEST_RIP ? 0x1111 : 0;
}

/* Long mode is entered in this order (SDM vol. 3A 9.8.5), in a CPU that is as after a SIPI. */
static void set(struct cpu *c, enum guest_register r, uint64_t value)
{
	assert_non_null(strstr(order, "restart"));
	if (r == GUEST_CR4)
		assert_int_equal(value, CR4_PAE);
	else if (r == GUEST_CR3)
		assert_int_equal(value, boot_info.capture.base + CAPTURE_TABLES);
	else
		assert_int_equal(value, CR0_PG | CR0_NE | CR0_ET | CR0_PE);
	note(r == GUEST_CR4 ? "cr4" : r == GUEST_CR3 ? "cr3" : r == GUEST_CR0 ? "cr0" : "another");
}

static enum msr_result msr(struct cpu *c, uint32_t number, bool write, uint64_t *value)
{
	assert_true(write && number == MSR_EFER && *value == EFER_LME);
	note("efer");
	return MSR_DONE;
}

static void capture(struct cpu *c, struct trap_record *r)
{
	r->rip = 0x1111;
	r->gpr[TRAP_RAX] = 0xaaaa;
}

FAKE_VENDOR(fake_vendor, .state.get = get, .state.set = set, .state.capture = capture, .exits.msr = msr);
const struct vendor *vendor = &fake_vendor;

static void set_up_cpus(void)
{
	memset(cpu, 0, sizeof(cpu));
	for (unsigned n = 0; n < CPUS; n++) {
		cpus[n] = &cpu[n];
		cpu[n].number = n;
		cpu[n].stopped.at.rip = 0x2220 + n;
	}
	atomic_store(&cpu[2].stopped.is, true); /* CPU 0 did not answer */
	cpu[1].work = CPU_WORK_CAPTURE | CPU_WORK_CONSOLE;
}

static int setup(void **state)
{
	memset(memory, 0, sizeof(memory));
	memset(&fake_ram, 0, sizeof(fake_ram));
	memset(fake_ram.bytes, 0x5a, sizeof(fake_ram.bytes));
	boot_info = (struct boot_info){.cpus = CPUS,
		.capture = {pool_phys(memory), AREA},
		.ram_count = 3,
		.ram = {{0, 0x1000}, {0x2000, 0x3000}, {0x100000, 0x700000}}};
	set_up_cpus();
	order[0] = 0;
	revealed = true;
	info_at = 0x345000;
	return 0;
}

/* The n-th program header in the area. */
static const struct elf_program *program(unsigned n)
{
	const struct elf_header *h = (const struct elf_header *)(memory + CAPTURE_CORE);

	assert_memory_equal(h->ident, "\177ELF", 4);
	assert_in_range(n, 0, h->programs - 1u);
	return (const struct elf_program *)(memory + CAPTURE_CORE + h->program_at) + n;
}

static void expect_load(unsigned n, uint64_t from, uint64_t size, uint64_t offset)
{
	assert_int_equal(program(n)->type, ELF_LOAD);
	assert_int_equal(program(n)->physical, from);
	assert_int_equal(program(n)->file_size, size);
	assert_int_equal(program(n)->offset, offset);
}

/* What /proc/vmcore is made of: the low memory is read from its copy. */
static void expect_core(void)
{
	uint64_t base = boot_info.capture.base;

	assert_int_equal(program(0)->offset, base + CAPTURE_NOTES);
	assert_int_equal(program(0)->file_size, 2 * CORE_NOTE + 12);
	assert_int_equal(program(1)->type, ELF_NOTE);
	assert_int_equal(program(1)->offset, info_at);
	expect_load(2, 0, 0x1000, base + CAPTURE_LOW);
	expect_load(3, 0x2000, 0x3000, base + CAPTURE_LOW + 0x2000);
	expect_load(4, 0x100000, 0x700000, 0x100000);
	assert_int_equal(memory[CAPTURE_LOW + 0xfff], 0x5a);
	assert_int_equal(memory[CAPTURE_LOW + 0x1000], 0);
	assert_int_equal(memory[CAPTURE_LOW + 0x4fff], 0x5a);
	assert_int_equal(memory[CAPTURE_LOW + 0x5000], 0);
}

static void expect_note(unsigned n, uint32_t thread, uint64_t rip)
{
	struct elf_status_note s;

	memcpy(&s, memory + CAPTURE_NOTES + n * CORE_NOTE, sizeof(s));
	assert_int_equal(s.status.pid, thread);
	assert_int_equal(s.status.rip, rip);
}

static void no_kernel(void **state)
{
	boot_info.capture.size = 0;
	capture_start(&cpu[1]);
	assert_string_equal(order, "");
	assert_int_equal(cpu[1].work, CPU_WORK_CONSOLE);
}

/* The dead guest is described before anything of it ends; its exits stay in the black box. */
static void starts(void **state)
{
	capture_start(&cpu[1]);
	assert_string_equal(order, "cpus_park halt_over blackbox_keep story_over pause_over intercept_set "
				   "watch_exec_end stage2_reveal "
				   "flush_changed restart cr4 cr3 efer cr0 ");
	assert_int_equal(cpu[1].work, CPU_WORK_CONSOLE);
	assert_true(capture_runs());
	assert_ptr_equal(cpu[1].history.entries, exits);
	expect_core();
	expect_note(0, 2, 0x1111);
	expect_note(1, 3, 0x2222);
}

/* It is the second that wants to: a capture kernel that dies is not captured. */
static void only_once(void **state)
{
	capture_start(&cpu[1]);
	assert_string_equal(order, "");
	assert_non_null(strstr(capture_missing(), "runs already"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(no_kernel, setup),
		cmocka_unit_test_setup(starts, setup),
		cmocka_unit_test_setup(only_once, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
