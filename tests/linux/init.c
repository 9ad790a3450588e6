// SPDX-License-Identifier: MIT
/*
 * The first and only program of the Linux guest: it raises every exception that user space can, prints on the
 * console what the kernel made of it, and powers off. There is no shell, so that nothing has to be waited for.
 *
 * Words on the kernel's command line choose what it does:
 *   trapline.mode=faults   the exceptions of faults.c, one line each (the default)
 *   trapline.mode=boot     nothing: only the boot matters
 *   trapline.mode=forks    processes through busybox, trapline.n=N of them, to measure their time
 *   trapline.mode=storm    STORM invalid opcodes in a row, to measure their time
 *   trapline.mode=allstorm the same on every CPU at once, trapline.n=N times on each
 *   trapline.mode=hotplug  all CPUs but one offline and online again, trapline.n=N times
 *   trapline.mode=stress   stress-ng for trapline.n=SECONDS, trapline.stressors=LIST; its initrd is stress.img
 *   trapline.mode=selftests  Linux's own x86 selftests, those of trapline.one_cpu=LIST on the first CPU alone; their
 *                          initrd is selftests.img
 *   trapline.mode=vmcore   a capture kernel's /proc/vmcore
 *   trapline.run=LIST      programs and modules of the initrd, after the mode's own work: see run_programs() in init.h
 *   trapline.icebp         faults: INT1 too, which hangs QEMU 7.2
 * The last line is GUEST-DONE in every case.
 */
#define _GNU_SOURCE
#include "init.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define FORKS          100
#define STORM          20000
#define ROUNDS         3
#define STRESS_SECONDS 20

static char command_line[4096];

static void mount_all(void)
{
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
}

/* The initrd has no device nodes, so the kernel could not open a console. */
static void open_console(void)
{
	int console = open("/dev/console", O_RDWR);

	for (int fd = 0; fd < 3; fd++)
		dup2(console, fd);
	if (console > 2)
		close(console);
	setvbuf(stdout, NULL, _IOLBF, 0);
}

/* From here on only this program uses the console: the kernel's lines would otherwise end up between its own. */
static void silence_kernel(void)
{
	const int log_level = 8;

	klogctl(log_level, NULL, 1);
}

static void read_command_line(void)
{
	int file = open("/proc/cmdline", O_RDONLY);
	ssize_t size = read(file, command_line, sizeof command_line - 1);

	command_line[size > 0 ? size : 0] = 0;
	close(file);
}

static int mode_is(const char *mode)
{
	char word[64];

	snprintf(word, sizeof word, "trapline.mode=%s", mode);
	return strstr(command_line, word) != NULL;
}

/* The value of a word on the command line; NULL if it is not there. */
static const char *word_value(const char *key)
{
	static char value[sizeof command_line];
	const char *at = strstr(command_line, key);

	if (!at)
		return NULL;
	snprintf(value, sizeof value, "%s", at + strlen(key));
	value[strcspn(value, " \n")] = 0;
	return value;
}

static long number(const char *key, long otherwise)
{
	const char *value = word_value(key);

	return value ? atol(value) : otherwise;
}

long microseconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000000 + (now.tv_nsec - start->tv_nsec) / 1000;
}

static void selftests(void)
{
	const char *one_cpu = word_value("trapline.one_cpu=");

	run_selftests(one_cpu ? one_cpu : "");
}

static void stress(void)
{
	long seconds = number("trapline.n=", STRESS_SECONDS);
	const char *stressors = word_value("trapline.stressors=");

	run_stress(seconds, stressors ? stressors : "cpu");
}

/* Processes that start, run and end: page faults, copies on write and address spaces. */
static void run_forks(long n)
{
	struct timespec start;
	int ok = 0, status;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (long i = 0; i < n; i++) {
		pid_t child = fork();
		if (child == 0) {
			execl("/bin/busybox", "true", (char *)NULL);
			_exit(127);
		}
		if (waitpid(child, &status, 0) == child && status == 0)
			ok++;
	}
	printf("forks n=%ld ok=%d us=%ld\n", n, ok, microseconds_since(&start));
}

static volatile sig_atomic_t storm_count;

static void skip_ud2(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
	storm_count++;
}

/* One exception after the other, as fast as the kernel delivers them. */
static void run_storm(void)
{
	struct sigaction action = {.sa_sigaction = skip_ud2, .sa_flags = SA_SIGINFO};
	struct timespec start;

	sigaction(SIGILL, &action, NULL);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < STORM; i++)
		__asm__ volatile("ud2");
	printf("storm n=%d seen=%d us=%ld\n", STORM, (int)storm_count, microseconds_since(&start));
}

int main(void)
{
	if (getpid() != 1) {
		fputs("init: this mounts and powers off: only for the guest\n", stderr);
		return 2;
	}
	mount_all();
	open_console();
	silence_kernel();
	read_command_line();

	printf("guest: init cpus=%ld\n", sysconf(_SC_NPROCESSORS_ONLN));
	if (mode_is("forks"))
		run_forks(number("trapline.n=", FORKS));
	else if (mode_is("storm"))
		run_storm();
	else if (mode_is("allstorm"))
		run_allstorm(number("trapline.n=", STORM));
	else if (mode_is("hotplug"))
		run_hotplug(number("trapline.n=", ROUNDS));
	else if (mode_is("stress"))
		stress();
	else if (mode_is("vmcore"))
		print_vmcore();
	else if (mode_is("selftests"))
		selftests();
	else if (!mode_is("boot"))
		run_faults(strstr(command_line, "trapline.icebp") != NULL);
	if (word_value("trapline.run="))
		run_programs(word_value("trapline.run="));
	puts("GUEST-DONE");

	fflush(stdout);
	tcdrain(1); /* the UART takes its time, and loses its power with the machine */
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}
