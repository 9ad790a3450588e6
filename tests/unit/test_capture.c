// SPDX-License-Identifier: MIT
/*
 * The capture kernel before it starts: which files are taken for a kernel, where things lie, what it is told. Offsets are those of
 * Linux' own headers.
 */
#include <asm/bootparam.h>
#include <elf.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/user.h>
#include "capture/core.h"
#include "capture_plan.h"
#include "unit.h"

#define MIB  0x100000ull
#define PAGE 4096ull

/* A file with the header of Linux' documentation, and 8 KiB of kernel. */
#define FILE_SIZE  0x2a00
#define SETUP_SIZE 0xa00

static uint8_t file[FILE_SIZE];

static struct setup_header *header(void)
{
	return (struct setup_header *)(file + offsetof(struct boot_params, hdr));
}

static void make_file(void)
{
	struct setup_header *h = header();

	memset(file, 0xcc, sizeof(file));
	memset(h, 0, sizeof(*h));
	h->boot_flag = 0xaa55;
	h->header = 0x53726448;
	h->jump = 0xeb | 0x6a << 8;
	h->version = 0x20f;
	h->loadflags = LOADED_HIGH;
	h->relocatable_kernel = 1;
	h->xloadflags = XLF_KERNEL_64 | XLF_CAN_BE_LOADED_ABOVE_4G;
	h->kernel_alignment = 2 * MIB;
	h->cmdline_size = 2047;
	h->syssize = (FILE_SIZE - SETUP_SIZE) / 16;
	h->init_size = 64 * MIB;
	h->initrd_addr_max = 0x7fffffff;
}

static void expect_refused(const char *why)
{
	struct bzimage b;
	const char *said = bzimage_check(file, sizeof(file), &b);

	assert_non_null(said);
	assert_non_null(strstr(said, why));
	make_file();
}

static void test_accepts(void **state)
{
	struct bzimage b;

	make_file();
	assert_null(bzimage_check(file, sizeof(file), &b));
	assert_int_equal(b.kernel, SETUP_SIZE); /* setup_sects is 0, which means 4 */
	assert_int_equal(b.kernel_size, FILE_SIZE - SETUP_SIZE);
	assert_int_equal(b.memory, 64 * MIB);
	assert_int_equal(b.initrd_limit, 4096 * MIB);
	header()->xloadflags = XLF_KERNEL_64;
	assert_null(bzimage_check(file, sizeof(file), &b));
	assert_int_equal(b.initrd_limit, 2048 * MIB);
}

static void test_refuses(void **state)
{
	struct bzimage b;

	make_file();
	assert_string_equal(bzimage_check(file, 0x28f, &b), "not a bzImage");
	header()->header ^= 1;
	expect_refused("not a bzImage");
	header()->boot_flag = 0;
	expect_refused("not a bzImage");
	header()->version = 0x20b;
	expect_refused("older than 2.12");
	header()->loadflags = 0;
	expect_refused("zImage");
	header()->xloadflags = XLF_CAN_BE_LOADED_ABOVE_4G;
	expect_refused("XLF_KERNEL_64");
	header()->relocatable_kernel = 0;
	expect_refused("not relocatable");
	header()->jump = 0xeb | 0x61 << 8;
	expect_refused("wrong length");
	header()->jump = 0xeb | 0x8f << 8;
	expect_refused("wrong length");
	header()->setup_sects = FILE_SIZE / 512 - 1;
	expect_refused("ends before the kernel");
	header()->setup_sects = 255;
	expect_refused("ends before the kernel");
	header()->syssize = (FILE_SIZE - SETUP_SIZE) / 16 + 1;
	expect_refused("it is not whole");
	header()->init_size = FILE_SIZE - SETUP_SIZE - 1;
	expect_refused("init_size");
	header()->kernel_alignment = 3 * MIB;
	expect_refused("kernel_alignment");
	header()->kernel_alignment = 0;
	expect_refused("kernel_alignment");
	header()->cmdline_size = 0;
	expect_refused("cmdline_size");
}

static void read_file(struct bzimage *b)
{
	make_file();
	assert_null(bzimage_check(file, sizeof(file), b));
}

static void test_places(void **state)
{
	struct boot_range area = {0x20000000, 256 * MIB};
	struct boot_params_for f;
	struct bzimage b;

	read_file(&b);
	assert_int_equal(capture_need(&b, 14 * MIB + 1), 146 * MIB);
	assert_true(capture_place(&area, &b, 14 * MIB + 1, &f));
	assert_int_equal(f.kernel, area.base + CAPTURE_RAM);
	assert_int_equal(f.initrd, area.base + area.size - 14 * MIB - PAGE);
	b.alignment = 16 * MIB;
	area.base += 2 * MIB;
	assert_true(capture_place(&area, &b, 0, &f));
	assert_int_equal(f.kernel, 0x21000000);
	area.size = capture_need(&b, 5) - 2 * MIB;
	assert_false(capture_place(&area, &b, 5, &f));
	area.size += 2 * MIB;
	assert_true(capture_place(&area, &b, 5, &f));
	b.initrd_limit = area.base + area.size - 1;
	assert_false(capture_place(&area, &b, 5, &f));
	b.initrd_limit++;
	assert_true(capture_place(&area, &b, 5, &f));
	area.base = 14 * MIB;
	assert_false(capture_place(&area, &b, 5, &f));
}

static void test_cmdline(void **state)
{
	char line[CAPTURE_CMDLINE_MAX];
	struct bzimage b;

	read_file(&b);
	assert_true(capture_cmdline(line, sizeof(line), &b, 0x20000000, "console=ttyS0"));
	assert_string_equal(line, "elfcorehdr=0x20010000 nr_cpus=1 irqpoll reset_devices console=ttyS0");
	assert_true(capture_cmdline(line, sizeof(line), &b, 0x20000000, ""));
	b.cmdline_max = strlen(line);
	assert_true(capture_cmdline(line, sizeof(line), &b, 0x20000000, ""));
	b.cmdline_max--;
	assert_false(capture_cmdline(line, sizeof(line), &b, 0x20000000, ""));
	b.cmdline_max = 2047;
	assert_false(capture_cmdline(line, 20, &b, 0x20000000, ""));
}

static void test_params(void **state)
{
	static struct boot_params p;
	const struct boot_params_for f = {0x20200000, 0x20009000, 0x2f000000, 5};
	struct bzimage b;

	read_file(&b);
	boot_params_fill((uint8_t *)&p, file, &f);
	boot_params_rsdp((uint8_t *)&p, 0x3fb7e014);
	assert_int_equal(p.hdr.header, 0x53726448);
	assert_int_equal(p.hdr.init_size, 64 * MIB);
	assert_int_equal(p.hdr.type_of_loader, 0xff);
	assert_int_equal(p.hdr.code32_start, f.kernel);
	assert_int_equal(p.hdr.cmd_line_ptr, f.cmdline);
	assert_int_equal(p.hdr.ramdisk_image, f.initrd);
	assert_int_equal(p.hdr.ramdisk_size, f.initrd_size);
	assert_int_equal(p.acpi_rsdp_addr, 0x3fb7e014);
	assert_int_equal(p.sentinel, 0);
	assert_int_equal(p.e820_entries, 0);
}

static bool tells(const struct boot_params *p, uint64_t base, uint64_t size, uint32_t type)
{
	for (unsigned i = 0; i < p->e820_entries; i++)
		if (p->e820_table[i].addr == base && p->e820_table[i].size == size &&
			p->e820_table[i].type == type)
			return true;
	return false;
}

/* A map of the firmware's, not in order. The area's own entry is reserved there. */
static void test_memory(void **state)
{
	static struct boot_params p;
	static struct capture_memory m;
	const struct boot_range area = {0x20000000, 256 * MIB};

	capture_memory_add(&m, &area, CAPTURE_RESERVED, 0xb0000000, 256 * MIB);
	capture_memory_add(&m, &area, CAPTURE_USABLE, 0, CAPTURE_LOW_END);
	capture_memory_add(&m, &area, CAPTURE_USABLE, MIB, 0x20000000 - MIB);
	capture_memory_add(&m, &area, CAPTURE_RESERVED, 0x1ff00000, 258 * MIB);
	capture_memory_add(&m, &area, CAPTURE_USABLE, 0x30100000, MIB);
	capture_memory_add(&m, &area, CAPTURE_ACPI, 0x30200000, MIB);
	capture_memory_add(&m, &area, CAPTURE_NVS, 0x30300000, MIB);
	assert_true(capture_memory_put(&m, &area, (uint8_t *)&p));
	assert_int_equal(p.e820_entries, 7);
	assert_true(tells(&p, 0, CAPTURE_LOW_END, E820_RAM));
	assert_true(tells(&p, area.base + CAPTURE_RAM, area.size - CAPTURE_RAM, E820_RAM));
	assert_true(tells(&p, MIB, area.base + CAPTURE_RAM - MIB, E820_RESERVED));
	assert_true(tells(&p, 0x30000000, 2 * MIB, E820_RESERVED));
	assert_true(tells(&p, 0xb0000000, 256 * MIB, E820_RESERVED));
	assert_true(tells(&p, 0x30200000, MIB, E820_ACPI));
	assert_true(tells(&p, 0x30300000, MIB, E820_NVS));
}

static void test_too_many_ranges(void **state)
{
	static struct boot_params p;
	static struct capture_memory m;
	const struct boot_range area = {0x20000000, 256 * MIB};

	for (unsigned i = 0; i < BOOT_PARAMS_E820 - 1; i++)
		capture_memory_add(&m, &area, CAPTURE_NVS, 0x40000000 + i * 2 * PAGE, PAGE);
	assert_true(capture_memory_put(&m, &area, (uint8_t *)&p));
	assert_int_equal(p.e820_entries, BOOT_PARAMS_E820);
	memset(&p, 0, sizeof(p));
	capture_memory_add(&m, &area, CAPTURE_ACPI, 0x60000000, PAGE);
	assert_false(capture_memory_put(&m, &area, (uint8_t *)&p));
}

/* Where an address leads by these tables, which lie at `at`. */
static uint64_t walk(uint64_t table[CAPTURE_TABLE_PAGES][512], uint64_t at, uint64_t address)
{
	uint64_t entry = at;

	for (int shift = 39; shift >= 12; shift -= 9) {
		entry = table[((entry & ~0xfffull) - at) / PAGE][address >> shift & 511];
		assert_int_equal(entry & 3, 3);
		if (shift == 12 || entry & 0x80)
			return (entry & ~0xfffull) | (address & ((1ull << shift) - 1));
	}
	return 0;
}

static void test_tables(void **state)
{
	static uint64_t table[CAPTURE_TABLE_PAGES][512];
	const uint64_t at = 0x20001000, same[] = {0, 0x1ff000, 0x200000, 0x20000000, 0x3fffffff, 0xfffff123,
						0xfe000, 0x100000};

	capture_tables(table, at, 0x20000000);
	for (unsigned i = 0; i < ARRAY_SIZE(same); i++)
		assert_int_equal(walk(table, at, same[i]), same[i]);
	assert_int_equal(walk(table, at, CAPTURE_LINEAR + 0x34), 0x20000034);
	assert_int_equal(CAPTURE_LINEAR, CAPTURE_VECTOR << 12);
}

static void test_note(void **state)
{
	uint8_t note[CORE_NOTE];
	struct trap_record r = {.rip = 1, .rflags = 2, .cs = 3, .fs_base = 4, .gs_base = 5};
	struct elf_prstatus s;
	const Elf64_Nhdr *n = (const Elf64_Nhdr *)note;
	const struct user_regs_struct *regs = (const struct user_regs_struct *)s.pr_reg;

	for (unsigned i = 0; i < TRAP_GPRS; i++)
		r.gpr[i] = 100 + i;
	core_note(note, &r, 7);
	assert_int_equal(n->n_type, NT_PRSTATUS);
	assert_int_equal(n->n_namesz, 5);
	assert_int_equal(n->n_descsz, sizeof(s));
	assert_int_equal(CORE_NOTE, sizeof(*n) + 8 + sizeof(s));
	assert_string_equal(note + sizeof(*n), "CORE");
	memcpy(&s, note + sizeof(*n) + 8, sizeof(s));
	assert_int_equal(s.pr_pid, 7);
	assert_int_equal(regs->rip, 1);
	assert_int_equal(regs->orig_rax, UINT64_MAX); /* no system call */
	assert_int_equal(regs->eflags, 2);
	assert_int_equal(regs->cs, 3);
	assert_int_equal(regs->fs_base, 4);
	assert_int_equal(regs->gs_base, 5);
	assert_int_equal(regs->rax, 100 + TRAP_RAX);
	assert_int_equal(regs->rbx, 100 + TRAP_RBX);
	assert_int_equal(regs->rcx, 100 + TRAP_RCX);
	assert_int_equal(regs->rdx, 100 + TRAP_RDX);
	assert_int_equal(regs->rsi, 100 + TRAP_RSI);
	assert_int_equal(regs->rdi, 100 + TRAP_RDI);
	assert_int_equal(regs->rbp, 100 + TRAP_RBP);
	assert_int_equal(regs->rsp, 100 + TRAP_RSP);
	assert_int_equal(regs->r8, 100 + TRAP_R8);
	assert_int_equal(regs->r9, 100 + TRAP_R9);
	assert_int_equal(regs->r10, 100 + TRAP_R10);
	assert_int_equal(regs->r11, 100 + TRAP_R11);
	assert_int_equal(regs->r12, 100 + TRAP_R12);
	assert_int_equal(regs->r13, 100 + TRAP_R13);
	assert_int_equal(regs->r14, 100 + TRAP_R14);
	assert_int_equal(regs->r15, 100 + TRAP_R15);
}

static void expect_load(const Elf64_Phdr *h, uint64_t at, uint64_t size, uint64_t offset)
{
	assert_int_equal(h->p_type, PT_LOAD);
	assert_int_equal(h->p_paddr, at);
	assert_int_equal(h->p_memsz, size);
	assert_int_equal(h->p_filesz, size);
	assert_int_equal(h->p_offset, offset);
}

static void test_core(void **state)
{
	static uint8_t core[64 + 6 * 56] __attribute__((aligned(8)));
	const struct boot_range ram[] = {{PAGE, 0x9e000}, {0x9f800, MIB}, {16 * MIB, MIB}};
	const struct core_plan p = {ram, 3, 0xa0000, 0x20100000, {0x20020000, 724}, {0x5000000, 2048}};
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)core;
	const Elf64_Phdr *h = (const Elf64_Phdr *)(core + sizeof(*e));

	assert_int_equal(core_header(core, sizeof(core), &p), sizeof(core));
	assert_memory_equal(e->e_ident, "\177ELF\2\1\1", 7);
	assert_int_equal(e->e_type, ET_CORE);
	assert_int_equal(e->e_machine, EM_X86_64);
	assert_int_equal(e->e_phoff, sizeof(*e));
	assert_int_equal(e->e_phentsize, sizeof(*h));
	assert_int_equal(e->e_phnum, 6);
	assert_int_equal(h[0].p_type, PT_NOTE);
	assert_int_equal(h[0].p_offset, 0x20020000);
	assert_int_equal(h[0].p_memsz, 724);
	assert_int_equal(h[1].p_type, PT_NOTE);
	assert_int_equal(h[1].p_offset, 0x5000000);
	expect_load(&h[2], PAGE, 0x9e000, 0x20100000 + PAGE);
	expect_load(&h[3], 0x9f800, 0x800, 0x20100000 + 0x9f800); /* the range goes on beyond the copy */
	expect_load(&h[4], 0xa0000, MIB - 0x800, 0xa0000);
	expect_load(&h[5], 16 * MIB, MIB, 16 * MIB);
	assert_int_equal(core_header(core, sizeof(core) - 1, &p), 0);
}

static void test_vmcoreinfo(void **state)
{
	struct {
		Elf64_Nhdr n;
		char name[12], text[10];
	} note = {{11, 2001, 0}, "VMCOREINFO", {'O', 'S', 'R', 'E', 'L', 'E', 'A', 'S', 'E', '='}};

	_Static_assert(sizeof(note) >= CORE_VMCOREINFO_HEAD, "all that is read");
	assert_int_equal(core_vmcoreinfo((const uint8_t *)&note), 12 + 12 + 2004 + 12);
	assert_true(core_may_be_vmcoreinfo(*(const uint64_t *)&note));
	note.n.n_descsz = 4097;
	assert_int_equal(core_vmcoreinfo((const uint8_t *)&note), 0);
	note.n.n_descsz = 9;
	assert_int_equal(core_vmcoreinfo((const uint8_t *)&note), 0);
	note.n.n_descsz = 4096;
	assert_int_equal(core_vmcoreinfo((const uint8_t *)&note), 12 + 12 + 4096 + 12);
	note.n.n_type = 1;
	assert_int_equal(core_vmcoreinfo((const uint8_t *)&note), 0);
	note.n.n_type = 0;
	note.name[0] = 'v';
	assert_int_equal(core_vmcoreinfo((const uint8_t *)&note), 0);
	note.name[0] = 'V';
	note.text[0] = 0;
	assert_int_equal(core_vmcoreinfo((const uint8_t *)&note), 0);
}

static bool slide_in(const char *text, uint64_t *slide)
{
	return core_vmcoreinfo_slide(text, strlen(text), slide);
}

/* A line of the note's text, in arch/x86/kernel's format "KERNELOFFSET=%lx\n". */
static void test_vmcoreinfo_slide(void **state)
{
	uint64_t slide = 1;

	assert_true(slide_in("OSRELEASE=6.1\nKERNELOFFSET=1a200000\nX=1\n", &slide));
	assert_int_equal(slide, 0x1a200000);
	assert_true(slide_in("OSRELEASE=6.1\nKERNELOFFSET=0\n", &slide));
	assert_int_equal(slide, 0);
	assert_true(slide_in("\nKERNELOFFSET=ffffffffffffffff\n", &slide));
	assert_int_equal(slide, UINT64_MAX);
	assert_false(slide_in("\nKERNELOFFSET=1ffffffffffffffff\n", &slide));
	assert_false(slide_in("\nKERNELOFFSET=\n", &slide));
	assert_false(slide_in("\nKERNELOFFSET=12", &slide)); /* it is cut */
	assert_false(slide_in("\nKERNELOFFSET=12g\n", &slide));
	assert_false(slide_in("\nNOKERNELOFFSET=12\n", &slide));
	assert_false(slide_in("\nKERNELOFFSET", &slide));
	assert_false(slide_in("", &slide));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_cmdline),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_too_many_ranges),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_note),
		cmocka_unit_test(test_core),
		cmocka_unit_test(test_vmcoreinfo),
		cmocka_unit_test(test_vmcoreinfo_slide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
