// SPDX-License-Identifier: MIT
/*
 * libFuzzer: keys from the operator's serial line to the answers of the commands: the editor, the parser and
 * every command except its effect on a CPU. The guest's memory is an array (tests/fake) with any page tables.
 * Each answer is a line of printable text. After any input, the next command is answered with
 * exactly one `done`.
 */
#include <asm/prctl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "input.h"
#include "lib/array.h"
#include "apic/icr.h"
#include "console/command.h"
#include "cpu/moment.h"
#include "console/printer.h"
#include "console/input.h"
#include "report/guest_names.h"
#include "report/core.h"
#include "report/report.h"
#include "report/story.h"
#include "log/uart.h"
#include "apic/pause.h"
#include "apic/park.h"
#include "exit/freeze.h"
#include "exit/catch.h"
#include "exit/intercept.h"
#include "exit/record.h"
#include "exit/io.h"
#include "exit/shutdown.h"
#include "exit/watch_change.h"
#include "exit/watch_exec.h"
#include "lib/printf.h"
#include "mem/guest_ram.h"
#include "stage2/exec.h"
#include "stage2/stage2.h"
#include "trace/walk_trace.h"
#include "trace/tokens.h"
#include "fake_log.h"
#include "fake_slice.h"
#include "fake_vendor.h"
#include "vmcall/operator.h"
#include "vmcall/share.h"

#define SLOTS   16
#define HISTORY 16
#define LINE    1024

struct fake_ram fake_ram;
struct boot_info boot_info;
struct cpu *cpus[BOOT_MAX_CPUS];
_Atomic uint32_t cpus_active = 2;
enum log_level log_level;

static struct cpu cpu[2];
static struct trap_record slots[2][SLOTS];
static struct reserve reserves[2];
static struct exit_entry exits[2][HISTORY];
static struct guest_paging paging;
static struct filter filter;
static bool watched[2];
_Atomic uint32_t pause_asked;
static unsigned done;
static char share[100];

static void check_answer(const char *line)
{
	assert(strlen(line) < LINE && is_printable(line));
	done += !strncmp(line, "done ", 5);
}

__attribute__((format(printf, 1, 2))) void log_reply(const char *fmt, ...)
{
	char line[LINE];
	va_list ap;

	va_start(ap, fmt);
	assert((size_t)vsnprintf(line, sizeof(line), fmt, ap) < sizeof(line));
	va_end(ap);
	check_answer(line);
}

void log_put_line(const char *line)
{
	check_answer(line);
}

void log_put(const char *bytes, size_t n)
{
	static volatile char seen;

	for (size_t i = 0; i < n; i++)
		seen = bytes[i];
	(void)seen;
}

const struct trap_clock *log_clock(void)
{
	static const struct trap_clock clock = {.tsc_khz = 1000};

	return &clock;
}

const char *console_set_filter(char *words, const char **bad)
{
	return filter_parse(&filter, words, bad);
}

void console_get_filter(struct filter *f)
{
	*f = filter;
}

void console_count(struct console_losses *l)
{
	*l = (struct console_losses){1, 2, 3};
}

bool uart_get(char *c)
{
	if (!input_left)
		return false;
	*c = (char)take8();
	return true;
}

uint64_t uart_overruns(void)
{
	return 0;
}

/* The effects of the commands, as far as they can be seen from here. */
void story_stopped(struct cpu *c)
{
}

void moment(void)
{
}

bool report_try(void)
{
	return true;
}

void report_end(void)
{
}

void pause_begin(struct cpu *c)
{
	pause_asked = true;
}

uint32_t pause_begin_own(struct cpu *c)
{
	uint32_t own = !pause_asked;

	pause_asked = 1;
	return own;
}

void pause_end_own(uint32_t number)
{
	pause_asked &= !number;
}

void freeze_set(struct cpu *c, uint64_t seconds)
{
	assert(seconds <= FREEZE_SECONDS_MAX);
}

void freeze_go_on(struct cpu *c)
{
}

bool freeze_hurry(const struct cpu *c)
{
	return false;
}

uint64_t freeze_left(void)
{
	return 1;
}

uint64_t freeze_not_kept(void)
{
	return 2;
}

bool pause_end(void)
{
	pause_asked = false;
	return true;
}

bool pause_has(const struct cpu *cpu)
{
	return pause_asked;
}

void cpu_kick(struct cpu *c)
{
}

void shutdown_report(const char *why, unsigned seconds)
{
}

void shutdown_reset(void)
{
}

unsigned stage2_level(uint64_t gpa, unsigned *taken)
{
	*taken = 0;
	return 1 + gpa % 3;
}

void watch_changed(struct cpu *c)
{
}

const char *watch_exec_allow(struct cpu *c, char *list, bool allow)
{
	struct watch_range r[WATCH_EXCEPT_MAX];
	uint32_t n = 0;

	return watch_parse_ranges(r, &n, list) && allow ? NULL : "no";
}

uint64_t exec_mixed(void)
{
	return 0;
}

uint64_t exec_unseen(void)
{
	return 0;
}

const char *watch_set(struct cpu *c, char *text, uint16_t *id, const char **bad)
{
	struct watch_spec spec;
	const char *why = watch_parse(&spec, text, bad);
	struct watch *w = why ? NULL : watch_add(&spec);

	*id = w ? w->id : 0;
	return why ? why : w ? NULL : "full";
}

void record_note_all(void)
{
}

void catch_set(const struct filter *f)
{
	assert(!f || !(f->vectors & ~boot_info.config.intercept));
}

void intercept_set(struct cpu *c, uint32_t vectors, bool software)
{
	boot_info.config.intercept = vectors;
	boot_info.config.intercept_int = software;
}

bool io_watches(enum io_watched what)
{
	return watched[what];
}

bool io_can_switch(enum io_watched what)
{
	return true;
}

void io_watch(enum io_watched what, bool on)
{
	watched[what] = on;
}

bool report_next_site(struct listed_site *last, bool important)
{
	return false;
}

void report_site_format(struct text *t, const struct site *site, const struct trap_clock *clock)
{
}

void report_answer(const struct cpu *c)
{
}

void report_registers(const struct trap_record *r)
{
}

void guest_names_add(
	struct text *t, const struct guest_paging *paging, bool user, uint64_t address, unsigned before)
{
}

void guest_names_search(struct cpu *c)
{
}

bool guest_names_slide(unsigned n, char *line, size_t size)
{
	snprintf(line, size, n ? "" : "slide value=0x1000 from=idt,lstar symbols=map");
	return n < 2;
}

struct core_kept core_keep(struct cpu *c, const struct trap_record *at)
{
	assert(pause_asked);
	return (struct core_kept){4096, 1, 1};
}

void report_backtrace(const struct cpu *c, const struct trap_record *r)
{
	assert(r->code_len <= TRAP_CODE_MAX);
}

void report_levels(const struct walk *w, uint64_t linear, uint64_t cr3, uint32_t error)
{
	assert(w->count <= WALK_LEVELS);
}

void report_exit_format(struct text *t, const struct exit_entry *e, const struct trap_clock *clock)
{
	text_add(t, "exit rip=0x%llx", (unsigned long long)e->rip);
}

bool operator_send(const char *text)
{
	assert(*text && is_printable(text));
	return true;
}

void operator_say(struct cpu *c, char *text)
{
	assert(!"this is the operator");
}

bool share_at(unsigned n, struct trapline_share *out)
{
	*out = (struct trapline_share){.number = n + 1, .bytes = sizeof(share), .name = "s"};
	return n < 2;
}

uint32_t share_find(const char *name)
{
	return *name == 's';
}

static uint64_t share_room(uint64_t offset, uint64_t bytes)
{
	uint64_t left = offset < sizeof(share) ? sizeof(share) - offset : 0;

	return bytes < left ? bytes : left;
}

uint64_t share_read(uint32_t number, uint64_t offset, void *buffer, uint64_t bytes)
{
	uint64_t n = share_room(offset, bytes);

	if (n)
		memcpy(buffer, share + offset, n);
	return n;
}

uint64_t share_write(uint32_t number, uint64_t offset, const void *buffer, uint64_t bytes)
{
	uint64_t n = share_room(offset, bytes);

	if (n)
		memcpy(share + offset, buffer, n);
	return n;
}

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	return r == GUEST_CODE_MODE ? 64 : 0x2ff8;
}

uint64_t insn_address(const struct cpu *c)
{
	return 0x2ff8;
}

static void get_paging(const struct cpu *c, struct guest_paging *p)
{
	*p = paging;
}

static void capture_fake(struct cpu *c, struct trap_record *r)
{
	r->rip = 0x2ff8;
	r->mode = paging.efer & 0x400 ? 64 : 32;
}

static enum msr_result read_msr(struct cpu *c, uint32_t msr, bool write, uint64_t *value)
{
	assert(!write);
	*value = 0x1234;
	return MSR_DONE;
}

FAKE_VENDOR(fake_vendor, .exits.msr = read_msr, .state.get = get, .state.paging = get_paging,
	.state.capture = capture_fake);
const struct vendor *vendor = &fake_vendor;

static void begin_cpu(unsigned n)
{
	memset(&cpu[n], 0, sizeof(cpu[n]));
	cpu[n].number = cpu[n].apic_id = n;
	cpu[n].history = (struct exit_history){exits[n], 0, exits[n], HISTORY};
	ring_init(&cpu[n].ring, slots[n], SLOTS);
	cpu[n].reserve = &reserves[n];
	cpus[n] = &cpu[n];
	boot_info.cpus = ARRAY_SIZE(cpu);
	for (unsigned i = take8() & 31; i; i--) {
		struct trap_record *r = ring_begin(&cpu[n].ring);

		r->tsc = i;
		r->mode = 64;
		r->code_len = 15;
		ring_commit(&cpu[n].ring, r);
		reserve_add(&reserves[n], r, 1);
	}
	exits[n][take8() % HISTORY].tsc = 1;
}

/* The first bytes are the guest's memory and tables; the others are the keys. */
static void begin(void)
{
	uint8_t flags = take8();

	memset(&fake_ram, 0, sizeof(fake_ram));
	memset(exits, 0, sizeof(exits));
	memset(slots, 0x90, sizeof(slots));
	boot_info.config.intercept = ~0u;
	filter_init(&filter, ~0u);
	input_output = flags & 1 ? INPUT_TERMINAL : INPUT_LOGFMT;
	input_cpu = 0;
	pause_asked = flags & 2;
	paging = (struct guest_paging){.cr0 = flags & 4 ? 0x80000001 : 1, .cr3 = 0x1000, .cr4 = 0x20};
	paging.efer = flags & 8 ? 0x500 : 0;
	for (unsigned page = 1; page < 5; page++)
		for (unsigned i = 0; i < 4; i++)
			fake_ram.bytes[page * 4096 + 8 * i + 1] = (uint8_t)(16 * (page + 1));
	for (unsigned page = 1; page < 5; page++)
		fake_ram.bytes[page * 4096] = flags & 16 ? take8() : 7;
	take(fake_ram.bytes + 0x2ff0, 32);
	for (unsigned n = 0; n < 2; n++)
		begin_cpu(n);
}

/* Runs until there is nothing left to do. A command for another CPU is taken by that CPU. */
static void serve(void)
{
	bool more = true;

	while (more) {
		input_receive();
		input_show();
		more = input_turn();
		for (unsigned n = 0; n < 2; n++)
			more |= input_run(&cpu[n]);
	}
	input_hide();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cpu *self = &cpu[0];
	static const uint8_t end[] = "\x03\rset output logfmt\rhelp reset\r";

	syscall(SYS_arch_prctl, ARCH_SET_GS, &self); /* this_cpu() */
	input_begin(data, size);
	begin();
	serve();
	/* After any input the next command works. */
	input_begin(end, sizeof(end) - 1);
	serve();
	done = 0;
	input_begin(end, sizeof(end) - 1);
	serve();
	assert(done == 2);
	return 0;
}
