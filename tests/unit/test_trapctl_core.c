// SPDX-License-Identifier: MIT
/* trapctl core: who may read the file, and a core that another one replaces between two pieces. The source is included. */
#include "unit.h"
#undef fail /* cmocka's; trapctl has a function of this name */
#include "../../guest-tools/trapctl/cmd_core.c"

static char folder[] = "/tmp/trapctl-core-XXXXXX", path[sizeof(folder) + 8];
static int64_t after_first; /* what the second piece gives */

bool json;

int64_t trapline_core(uint64_t offset, void *buffer, size_t room, uint64_t *all, uint64_t *made)
{
	*all = 2 * room;
	*made = 1;
	if (offset && after_first < 0)
		return after_first;
	return (int64_t)(offset < *all ? room : 0);
}

int fail(const char *what, int64_t error)
{
	return STATUS_FAILED;
}

int usage(const char *command)
{
	return STATUS_USAGE;
}

int console_command(const char *text, bool quiet)
{
	return STATUS_OK;
}

int core_full(const char *file)
{
	return STATUS_FAILED;
}

void print_fields(const char *format, ...)
{
}

static unsigned mode_of(const char *file)
{
	struct stat s;

	assert_int_equal(stat(file, &s), 0);
	return s.st_mode & 07777;
}

static void old_file(void **state)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0666);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "old contents", 12), 12);
	assert_int_equal(fchmod(fd, 0666), 0);
	close(fd);
	fd = core_create(path);
	assert_true(fd >= 0);
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	close(fd);
	unlink(path);
	fd = core_create(path);
	assert_true(fd >= 0);
	assert_int_equal(mode_of(path), 0600);
	close(fd);
}

/* Only root can give a file away. */
static void another_owner(void **state)
{
	struct stat s;

	if (chown(path, geteuid() + 1, (gid_t)-1))
		skip();
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(truncate(path, 5), 0);
	errno = 0;
	assert_int_equal(core_create(path), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_size, 5); /* it is left as it was */
	assert_int_equal(s.st_mode & 0777, 0644);
}

static void no_file(void **state)
{
	int fd = core_create("/dev/null");

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(core_create("/dev/null/none"), -1);
	assert_int_equal(errno, ENOTDIR);
}

static void replaced(void **state)
{
	struct core c = {0};

	after_first = 0;
	assert_int_equal(fetch(&c), 0);
	assert_int_equal(c.bytes, 8192);
	core_free(&c);
	for (unsigned i = 0; i < 2; i++) {
		c = (struct core){0};
		after_first = i ? TRAPLINE_E_MISSING : TRAPLINE_E_RANGE;
		assert_int_equal(fetch(&c), 1);
		core_free(&c);
	}
	c = (struct core){0};
	after_first = TRAPLINE_E_FAULT;
	assert_int_equal(fetch(&c), TRAPLINE_E_FAULT);
	core_free(&c);
}

/* In a folder of its own: Linux' protected_regular does not apply there. */
static int set_up(void **state)
{
	return !mkdtemp(folder) || snprintf(path, sizeof(path), "%s/core", folder) < 0;
}

static int clean_up(void **state)
{
	return unlink(path) || rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_file),
		cmocka_unit_test(another_owner),
		cmocka_unit_test(no_file),
		cmocka_unit_test(replaced),
	};

	return cmocka_run_group_tests(tests, set_up, clean_up);
}
