// SPDX-License-Identifier: MIT
/* trapctl core --full: the pages of a new file, and those of a disk that was used before. The source is included. */
#include "unit.h"
#undef fail /* cmocka's; trapctl has a function of this name */
#include "../../guest-tools/trapctl/core_full.c"

#define PAGES   4 /* data, zeroes, data, and one that cannot be read */
#define AT      (2 * PAGE)
#define USED    0xff
#define SOME(n) (0x11 * ((n) + 1))

static int to; /* what core_create() gives */

int core_fetch(struct core *c)
{
	return STATUS_FAILED;
}

void core_free(struct core *c)
{
}

int core_create(const char *file)
{
	return to;
}

int core_file_failed(const char *file)
{
	return STATUS_FAILED;
}

void print_fields(const char *format, ...)
{
}

static int new_file(void)
{
	FILE *file = tmpfile();
	int fd = file ? dup(fileno(file)) : -1;

	assert_true(fd >= 0);
	fclose(file);
	return fd;
}

static void put_page(int fd, uint64_t at, int byte)
{
	unsigned char page[PAGE];

	memset(page, byte, sizeof(page));
	assert_int_equal(pwrite(fd, page, sizeof(page), (off_t)at), sizeof(page));
}

static void expect_page(int fd, uint64_t at, int byte)
{
	unsigned char page[PAGE], want[PAGE];

	memset(want, byte, sizeof(want));
	assert_int_equal(pread(fd, page, sizeof(page), (off_t)at), sizeof(page));
	assert_memory_equal(page, want, sizeof(page));
}

/* The last page is behind the end of the file. */
static struct full *memory(void)
{
	static struct full f;

	f = (struct full){.from = new_file(), .to = new_file(), .loads = 1};
	f.load[0] = (Elf64_Phdr){.p_offset = AT, .p_filesz = PAGES * PAGE};
	put_page(f.from, 0, SOME(0));
	put_page(f.from, PAGE, 0);
	put_page(f.from, 2 * PAGE, SOME(2));
	return &f;
}

static void close_both(const struct full *f)
{
	close(f->from);
	close(f->to);
}

static void disk(void **state)
{
	struct full *f = memory();

	for (unsigned n = 0; n < PAGES; n++)
		put_page(f->to, AT + n * PAGE, USED);
	assert_true(copy_memory(f, 0));
	expect_page(f->to, AT, SOME(0));
	expect_page(f->to, AT + PAGE, 0);
	expect_page(f->to, AT + 2 * PAGE, SOME(2));
	expect_page(f->to, AT + 3 * PAGE, 0);
	assert_int_equal(f->written, PAGES * PAGE);
	close_both(f);
}

static void file(void **state)
{
	struct full *f = memory();

	f->holes = true;
	f->end = AT + PAGES * PAGE;
	assert_true(copy_memory(f, 0) && set_size(f));
	expect_page(f->to, AT, SOME(0));
	expect_page(f->to, AT + PAGE, 0);
	expect_page(f->to, AT + 2 * PAGE, SOME(2));
	expect_page(f->to, AT + 3 * PAGE, 0);
	assert_int_equal(f->written, 2 * PAGE);
	close_both(f);
}

static void has_holes(void **state)
{
	static struct full f;

	to = new_file();
	assert_true(create(&f, "file") && f.holes && f.to == to);
	close(to);
	to = open("/dev/null", O_WRONLY);
	assert_true(create(&f, "device") && !f.holes);
	close(to);
	to = -1;
	assert_false(create(&f, "none"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disk),
		cmocka_unit_test(file),
		cmocka_unit_test(has_holes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
