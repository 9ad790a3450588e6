// SPDX-License-Identifier: MIT
/* The GDB remote protocol: packets on the line, and what is answered to them. */
#include <stdio.h>
#include <string.h>
#include "unit.h"
#include "apic/pause.h"
#include "exit/run.h"
#include "exit/watch_change.h"
#include "gdb/points.h"
#include "gdb/registers.h"
#include "gdb/session.h"
#include "hw/vector_state.h"
#include "mem/guest_access.h"
#include "mem/guest_ram.h"
#include "fake_vendor.h"

static struct cpu cpu[3];
static struct gdb_session session;
static struct gdb_receiver receiver;
static uint64_t values[GUEST_SHADOW + 1];
static bool avx;
static uint64_t code_mode;
static struct vector_state loaded;

struct boot_info boot_info = {.cpus = 3};
struct cpu *cpus[BOOT_MAX_CPUS];

struct fake_ram fake_ram;

bool pause_has(const struct cpu *c)
{
	return c->paused;
}

const struct trap_record *pause_where(const struct cpu *c)
{
	return &c->paused_at;
}

/* The guest's page tables map every page of its RAM to itself. */
bool guest_is_canonical(const struct guest_paging *p, uint64_t linear)
{
	return (uint64_t)((int64_t)(linear << 16) >> 16) == linear;
}

unsigned guest_linear_bits(const struct guest_paging *p, bool mode64)
{
	return mode64 ? 48 : 32;
}

bool guest_translate(const struct guest_paging *p, uint64_t linear, uint64_t *physical)
{
	*physical = linear;
	return linear < FAKE_RAM;
}

unsigned guest_read(const struct guest_paging *p, uint64_t linear, void *to, unsigned n)
{
	unsigned got = 0;

	while (got < n && guest_ram_read(linear + got, (uint8_t *)to + got, 1))
		got++;
	return got;
}

bool guest_write(const struct guest_paging *p, uint64_t linear, const void *from, unsigned n)
{
	return linear < FAKE_RAM && n <= FAKE_RAM - linear && guest_ram_write(linear, from, n);
}

void vector_save(struct vector_state *s)
{
	memset(s, 0, sizeof(*s));
	s->control = 0x37f;
	s->avx = avx;
	s->tags = 0x81;
	s->xmm[1][0] = 0xab;
	s->ymmh[2][15] = 0xcd;
}

void vector_load(struct vector_state *s)
{
	loaded = *s;
}

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	return r == GUEST_CODE_MODE ? code_mode : values[r];
}

static void set(struct cpu *c, enum guest_register r, uint64_t value)
{
	values[r] = value;
}

static void paging(const struct cpu *c, struct guest_paging *p)
{
	*p = (struct guest_paging){.cr0 = CR0_PE | CR0_PG, .cr4 = CR4_PAE, .efer = EFER_LMA};
}

static void segment(const struct cpu *c, enum segment s, struct segment_state *out)
{
	*out = (struct segment_state){
		.selector = (uint16_t)(0x10 + s), .base = 0x1000ull * s, .limit = 0xffff};
}

static enum msr_result msr(struct cpu *c, uint32_t number, bool write, uint64_t *value)
{
	*value = number;
	return MSR_DONE;
}

static bool has_room = true, refuses_watch;
static struct watch_spec put;
static uint16_t last_watch;

bool run_prepare(struct cpu *c)
{
	return has_room;
}

const char *watch_put(struct cpu *c, const struct watch_spec *spec, uint16_t *id)
{
	put = *spec;
	*id = ++last_watch;
	return refuses_watch ? "no page of it is mapped" : NULL;
}

void watch_changed(struct cpu *c)
{
}

FAKE_VENDOR(fake, .exits.msr = msr, .state.get = get, .state.set = set, .state.paging = paging,
	.state.segment = segment);
const struct vendor *vendor = &fake;

static int setup(void **state)
{
	memset(cpu, 0, sizeof(cpu));
	memset(&session, 0, sizeof(session));
	memset(&receiver, 0, sizeof(receiver));
	memset(values, 0, sizeof(values));
	memset(&fake_ram, 0, sizeof(fake_ram));
	avx = false;
	code_mode = 64;
	gdb_registers_choose(64);
	boot_info.config.gdb_write = 1;
	for (unsigned n = 0; n < 3; n++) {
		cpu[n].number = n;
		cpu[n].paused = n != 1; /* CPU 1 waits for a SIPI */
		cpus[n] = &cpu[n];
	}
	return 0;
}

/* The event of the last byte. */
static enum gdb_event receive(const char *bytes, size_t n)
{
	enum gdb_event e = GDB_NOTHING;

	for (size_t i = 0; i < n; i++)
		e = gdb_receive(&receiver, bytes[i]);
	return e;
}

#define RECEIVE(text) receive(text, sizeof(text) - 1)

static void packets(void **state)
{
	assert_int_equal(RECEIVE("+"), GDB_ACK);
	assert_int_equal(RECEIVE("-"), GDB_RESEND);
	assert_int_equal(RECEIVE("\x03"), GDB_INTERRUPT);
	assert_int_equal(RECEIVE("x"), GDB_OTHER);
	assert_int_equal(RECEIVE("$OK#9"), GDB_NOTHING);
	assert_true(gdb_is_inside(&receiver));
	assert_int_equal(RECEIVE("a"), GDB_PACKET);
	assert_string_equal(receiver.data, "OK");
	assert_false(gdb_is_inside(&receiver));
	assert_int_equal(RECEIVE("$OK#9b"), GDB_DAMAGED);
	assert_int_equal(RECEIVE("$OK#x9"), GDB_DAMAGED);
	assert_int_equal(RECEIVE("$OK#9x"), GDB_DAMAGED);
	assert_int_equal(RECEIVE("$#00"), GDB_PACKET);
	assert_int_equal(RECEIVE("$X}\x03}\x04#5b"), GDB_DAMAGED);
	assert_int_equal(RECEIVE("$X}\x03#d8"), GDB_PACKET);
	assert_string_equal(receiver.data, "X#");
	/* a ^C in a packet is data; a `$` begins another packet */
	assert_int_equal(RECEIVE("$g\x03#6a"), GDB_PACKET);
	assert_int_equal(RECEIVE("$mffff$g#67"), GDB_PACKET);
	assert_string_equal(receiver.data, "g");
}

/* One byte more than there is room for is a damaged packet, and the next one is taken. */
static void too_long(void **state)
{
	for (unsigned more = 0; more < 2; more++) {
		char sum[5];
		uint8_t total = 0;

		RECEIVE("$");
		for (unsigned i = 0; i < GDB_DATA_MAX + more; i++, total = (uint8_t)(total + 'a'))
			RECEIVE("a");
		sprintf(sum, "#%02x", total);
		assert_int_equal(receive(sum, 3), more ? GDB_DAMAGED : GDB_PACKET);
	}
	assert_int_equal(RECEIVE("$g#67"), GDB_PACKET);
}

static void frames(void **state)
{
	static const struct {
		const char *data, *frame;
	} rows[] = {
		{"", "$#00"},
		{"OK", "$OK#9a"},
		{"000", "$000#90"},
		{"0000", "$0* #7a"},
		{"aaaaa", "$a*!#ac"},
		{"0000000", "$0*\"0#ac"}, /* seven would be `#` */
		{"a#$*}b", "$a}\x03}\x04}\n}]b#25"},
	};
	static char frame[GDB_FRAME_MAX], zeros[GDB_DATA_MAX];
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		n = gdb_frame(frame, rows[i].data, strlen(rows[i].data));
		frame[n] = '\0';
		assert_string_equal(frame, rows[i].frame);
	}
	memset(zeros, '#', sizeof(zeros));
	assert_int_equal(gdb_frame(frame, zeros, sizeof(zeros)), GDB_FRAME_MAX);
}

/* The reply to a packet, as a string. */
static const char *ask(const char *packet)
{
	static char text[GDB_DATA_MAX + 1];

	gdb_stub_answer(&session, &cpu[session.cpu], packet, strlen(packet));
	assert_false(session.reply.cut);
	memcpy(text, session.reply.at, session.reply.length);
	text[session.reply.length] = '\0';
	return text;
}

static void threads(void **state)
{
	assert_string_equal(ask("qfThreadInfo"), "m1,3");
	assert_string_equal(ask("qsThreadInfo"), "l");
	assert_string_equal(ask("Hg3"), "OK");
	assert_int_equal(session.cpu, 2);
	assert_string_equal(ask("qC"), "QC3");
	assert_string_equal(ask("Hg0"), "OK");
	assert_int_equal(session.cpu, 2);
	assert_string_equal(ask("Hg2"), "E16"); /* it has not stopped */
	assert_string_equal(ask("Hg4"), "E16");
	assert_string_equal(ask("Hgffffffffffffffff"), "E16");
	assert_string_equal(ask("Hc-1"), "OK");
	assert_string_equal(ask("T1"), "OK");
	assert_string_equal(ask("T2"), "E16");
	session.signal = GDB_SIGINT;
	assert_string_equal(ask("?"), "T02thread:3;");
}

static void registers(void **state)
{
	uint8_t value[GDB_REGISTER_BYTES];
	unsigned n = gdb_register_rip(), bytes = 0;

	cpu[0].gpr[TRAP_RBX] = 0x1122334455667788;
	assert_string_equal(ask("p1"), "8877665544332211");
	values[GUEST_RIP] = 0xffffffff81000000;
	assert_int_equal(n, 16);
	assert_true(gdb_register_read(&cpu[0], n, value));
	assert_string_equal(ask("p10"), "00000081ffffffff");
	assert_string_equal(ask("p12"), "11000000"); /* CS */
	for (unsigned i = 0; i < gdb_register_count(); i++)
		bytes += gdb_register_size(i);
	assert_int_equal(strlen(ask("g")), 2 * bytes);
	assert_memory_equal(ask("g") + 16, "8877665544332211", 16);
	assert_string_equal(ask("pffff"), "E16");
	assert_string_equal(ask("p"), "E16");
	assert_string_equal(ask("p20"), "7f030000"); /* FCTRL */
	assert_string_equal(ask("p22"), "fc3f0000"); /* FTAG: registers 0 and 7 are in use */
}

static void writes(void **state)
{
	assert_string_equal(ask("P0=0102030405060708"), "OK");
	assert_int_equal(cpu[0].gpr[TRAP_RAX], 0x0807060504030201);
	assert_true(cpu[0].work & CPU_WORK_RELOAD);
	values[GUEST_SHADOW] = 1;
	assert_string_equal(ask("P10=0000008000000000"), "OK");
	assert_int_equal(values[GUEST_RIP], 0x80000000);
	assert_int_equal(values[GUEST_SHADOW], 0);
	assert_string_equal(ask("P10=0000000000000080"), "E16"); /* not canonical */
	values[GUEST_RFLAGS] = 2;
	assert_string_equal(ask("P11=fffeffff"), "OK"); /* all but TF */
	assert_false(values[GUEST_RFLAGS] & RFLAGS_VM);
	assert_true(values[GUEST_RFLAGS] & RFLAGS_IF);
	assert_string_equal(ask("P12=12000000"), "E16"); /* a selector */
	assert_string_equal(ask("P12=11000000"), "OK");  /* the one that it has */
	assert_string_equal(ask("P0=01"), "E16");
	avx = true;
	assert_string_equal(ask("P29=000102030405060708090a0b0c0d0e0f"), "OK"); /* XMM1 */
	assert_int_equal(loaded.xmm[1][15], 15);
	boot_info.config.gdb_write = 0;
	assert_string_equal(ask("P0=0000000000000000"), "E01");
	assert_string_equal(ask("M1000,1:00"), "E01");
	assert_string_equal(ask("X1000,1:a"), "E01");
	assert_string_equal(ask("c1000"), "E01");
	assert_int_equal(cpu[0].gpr[TRAP_RAX], 0x0807060504030201);
}

/* Outside of 64-bit mode P10, RIP, is a linear address: CS has the base 0x1000 and the limit 0xffff. */
static void linear_rip(void **state)
{
	code_mode = 16;
	values[GUEST_RIP] = 0x234;
	assert_string_equal(ask("p10"), "3412000000000000");
	assert_string_equal(ask("P10=0020000000000000"), "OK");
	assert_int_equal(values[GUEST_RIP], 0x1000);
	assert_string_equal(ask("P10=ff0f000000000000"), "E16"); /* below the segment */
	assert_string_equal(ask("P10=0010010000000000"), "E16"); /* above it */
	assert_string_equal(ask("P10=0020000001000000"), "E16"); /* above 4 GiB */
	assert_int_equal(values[GUEST_RIP], 0x1000);
	code_mode = 32;
	values[GUEST_RIP] = 0xfffff800; /* linear addresses wrap */
	assert_string_equal(ask("p10"), "0008000000000000");
	code_mode = 64;
	assert_string_equal(ask("p10"), "00f8ffff00000000");
}

/* What the next VM entry would refuse, the end of the host, is refused: P11 is EFLAGS. */
static void flags(void **state)
{
	values[GUEST_RFLAGS] = RFLAGS_IF | 2;
	values[GUEST_SHADOW] = 1;
	values[GUEST_EVENT] = 1;
	assert_string_equal(ask("P11=02000000"), "E16"); /* an interrupt is to be injected */
	assert_int_equal(values[GUEST_RFLAGS], RFLAGS_IF | 2);
	assert_string_equal(ask("P11=03020000"), "OK");
	assert_int_equal(values[GUEST_SHADOW], 1);
	values[GUEST_EVENT] = 0;
	assert_string_equal(ask("P11=02000000"), "OK");
	assert_int_equal(values[GUEST_RFLAGS], 2);
	assert_int_equal(values[GUEST_SHADOW], 0); /* of a STI */
	assert_string_equal(ask("P11=02010000"), "E16");
	values[GUEST_RFLAGS] = RFLAGS_TF | 2;
	assert_string_equal(ask("P11=02000000"), "E16");
	assert_string_equal(ask("P11=02010000"), "OK");
	/* bits that are reserved, and VM, keep their values */
	assert_string_equal(ask("P11=02010280"), "OK");
	assert_int_equal(values[GUEST_RFLAGS], RFLAGS_TF | 2);
}

static void memory(void **state)
{
	char packet[] = "X2000,5:}#\0ab";

	memcpy(fake_ram.bytes + 0x1ffe, "\x11\x22\x33\x44", 4);
	assert_string_equal(ask("m1ffe,4"), "11223344");
	fake_ram.absent[2] = true;
	assert_string_equal(ask("m1ffe,4"), "1122"); /* the part that is there */
	assert_string_equal(ask("m2000,4"), "E0e");
	/* a write of which a part has no place writes nothing */
	assert_string_equal(ask("M1ffe,4:aabbccdd"), "E0e");
	assert_int_equal(fake_ram.bytes[0x1ffe], 0x11);
	fake_ram.absent[2] = false;
	assert_string_equal(ask("M1ffe,4:aabbccdd"), "OK");
	assert_memory_equal(fake_ram.bytes + 0x1ffe, "\xaa\xbb\xcc\xdd", 4);
	gdb_stub_answer(&session, &cpu[0], packet, sizeof(packet) - 1);
	assert_memory_equal(fake_ram.bytes + 0x2000, "}#\0ab", 5);
	assert_string_equal(ask("X2000,0:"), "OK"); /* gdb asks whether `X` is known */
	assert_string_equal(ask("m8000000000000000,1"), "E0e");
	assert_string_equal(ask("mffffffffffffffff,2"), "E0e");
	assert_string_equal(ask("m1000"), "E16");
	assert_string_equal(ask("m1000,"), "E16");
	assert_string_equal(ask("M1000,2:00"), "E16");
	assert_string_equal(ask("X1000,2:a"), "E16");
	assert_int_equal(strlen(ask("m0,ffffffffffffffff")), GDB_DATA_MAX);
	assert_int_equal(strlen(ask("m0,fff")), GDB_DATA_MAX);
}

static enum gdb_then then(const char *packet)
{
	return gdb_stub_answer(&session, &cpu[0], packet, strlen(packet));
}

static void goes_on(void **state)
{
	assert_int_equal(then("c"), GDB_RUN);
	assert_int_equal(then("C02"), GDB_RUN);
	assert_int_equal(then("c4000"), GDB_RUN);
	assert_int_equal(values[GUEST_RIP], 0x4000);
	assert_int_equal(then("D"), GDB_LEAVE);
	assert_int_equal(then("k"), GDB_LEAVE);
	assert_int_equal(session.reply.length, 0);
	assert_int_equal(then("qRcmd,72656773"), GDB_MONITOR);
	assert_string_equal(session.command, "regs");
	assert_int_equal(then("qRcmd,0d"), GDB_WAIT);
	assert_int_equal(then("qRcmd,7"), GDB_WAIT);
	assert_false(session.without_acks);
	assert_string_equal(ask("QStartNoAckMode"), "OK");
	assert_true(session.without_acks);
}

/* A packet that is not known has an empty reply. */
static void unknown(void **state)
{
	assert_string_equal(ask("vMustReplyEmpty"), "");
	assert_string_equal(ask("qCRC:0,1"), "");
	assert_string_equal(ask(""), "");
}

/* The orders of CPUs 0 and 2; CPU 1 is no thread. */
static void assert_orders(const char *packet, enum gdb_order first, enum gdb_order last)
{
	assert_int_equal(then(packet), GDB_RUN);
	assert_int_equal(session.reply.length, 0);
	assert_int_equal(session.order[0], first);
	assert_int_equal(session.order[2], last);
}

static void orders(void **state)
{
	assert_string_equal(ask("vCont?"), "vCont;c;C;s;S");
	assert_orders("c", GDB_GO, GDB_GO);
	assert_orders("s", GDB_STEP, GDB_STAY);
	assert_orders("S05;4000", GDB_STEP, GDB_STAY);
	assert_int_equal(values[GUEST_RIP], 0x4000);
	assert_orders("vCont;c", GDB_GO, GDB_GO);
	assert_orders("vCont;C05:3;c:-1", GDB_GO, GDB_GO);
	assert_orders("vCont;s:3", GDB_STAY, GDB_STEP);
	assert_orders("vCont;s:1;c", GDB_STEP, GDB_GO);
	assert_orders("vCont;c:1;s:3;s:1", GDB_GO, GDB_STEP);
	assert_string_equal(ask("vCont"), "E16");
	assert_string_equal(ask("vCont;"), "E16");
	assert_string_equal(ask("vCont;s:2"), "E16");
	assert_string_equal(ask("vCont;s:0"), "E16");
	assert_string_equal(ask("vCont;t:1"), "E16");
	assert_string_equal(ask("vCont;c:1x"), "E16");
	has_room = false;
	assert_string_equal(ask("vCont;s:1"), "E0c");
	has_room = true;
}

static void breakpoints(void **state)
{
	assert_string_equal(ask("Z0,1000,1"), "OK");
	assert_true(put.silent && put.action == WATCH_BREAK && put.access == WATCH_EXECUTE);
	assert_true(put.space == WATCH_LINEAR && put.first == 0x1000 && put.last == 0x1000);
	assert_string_equal(ask("Z0,1000,1"), "OK"); /* again: the same */
	assert_int_equal(last_watch, 1);
	assert_string_equal(ask("Z1,1000,1"), "OK");
	assert_string_equal(ask("Z2,2004,8"), "OK");
	assert_true(put.action == WATCH_STOP && put.access == WATCH_WRITE && put.last == 0x200b);
	assert_string_equal(ask("Z3,2000,1"), "OK");
	assert_int_equal(put.access, WATCH_READ);
	assert_string_equal(ask("Z4,2000,1"), "OK");
	assert_int_equal(put.access, WATCH_READ | WATCH_WRITE);
	refuses_watch = true;
	assert_string_equal(ask("Z0,5000,1"), "E0e");
	refuses_watch = false;
	assert_string_equal(ask("Z5,1000,1"), "E16");
	assert_string_equal(ask("Z0,1000,0"), "E16");
	assert_string_equal(ask("Z2,ffffffffffffffff,2"), "E16");
	assert_string_equal(ask("Z0,800000000000,1"), "E16");
	assert_string_equal(ask("z0,1000,1"), "OK");
	assert_string_equal(ask("z0,1000,1"), "OK");
	assert_true(gdb_points_any());
	gdb_points_clear(&cpu[0]);
	assert_false(gdb_points_any());
	for (unsigned i = 0; i < GDB_POINTS; i++)
		assert_true(gdb_point_set(&cpu[0], GDB_SOFTWARE, i, 1));
	assert_false(gdb_point_set(&cpu[0], GDB_SOFTWARE, GDB_POINTS, 1));
	assert_string_equal(ask("Z0,1000,1"), "E0c"); /* too many */
	assert_string_equal(ask("Z0,5,1"), "OK");     /* it is set */
	gdb_points_clear(&cpu[0]);
}

/* What the stop reply says of each kind; of a watch that is not gdb's nothing. */
static void tells_hits(void **state)
{
	static const char *const words[] = {
		"swbreak:;", "hwbreak:;", "watch:2004;", "rwatch:2004;", "awatch:2004;"};
	char packet[32], text[64];

	session.signal = GDB_SIGTRAP;
	for (unsigned kind = 0; kind < GDB_POINT_KINDS; kind++) {
		sprintf(packet, "Z%u,2004,4", kind);
		assert_string_equal(ask(packet), "OK");
		session.stop.why = kind < GDB_WRITE ? RUN_BREAKPOINT : RUN_WATCH;
		session.stop.watch = last_watch;
		snprintf(text, sizeof(text), "T05%sthread:1;", words[kind]);
		assert_string_equal(ask("?"), text);
	}
	session.stop.watch++;
	assert_string_equal(ask("?"), "T05thread:1;");
	session.stop.why = RUN_STEPPED;
	session.stop.watch--;
	assert_string_equal(ask("?"), "T05thread:1;");
	gdb_points_clear(&cpu[0]);
}

/* The description in pieces is the whole, and names every register in its order. */
static void check_description(const char *architecture, const char *instruction_pointer)
{
	static char all[GDB_DESCRIPTION_MAX];
	char packet[64];
	const char *at = all, *part;
	unsigned n = 0, bytes = 0;

	all[0] = '\0';
	ask("qSupported:xmlRegisters=i386");
	do {
		sprintf(packet, "qXfer:features:read:target.xml:%zx,3e8", strlen(all));
		part = ask(packet);
		strcat(all, part + 1);
	} while (part[0] == 'm');
	assert_non_null(strstr(all, "</target>"));
	assert_non_null(strstr(all, architecture));
	assert_non_null(strstr(all, instruction_pointer));
	while ((at = strstr(at, "<reg name="))) {
		at++;
		bytes += gdb_register_size(n++);
	}
	assert_int_equal(n, gdb_register_count());
	assert_int_equal(strlen(ask("g")), 2 * bytes);
}

static void description(void **state)
{
	values[GUEST_EFER] = EFER_LMA;
	check_description("<architecture>i386:x86-64</architecture>", "\"rip\" bitsize=\"64\"");
}

/* What the CPU runs, unless one is in long mode: P0 is EAX then, and P8 is EIP. */
static void narrow_description(void **state)
{
	values[GUEST_EFER] = EFER_LMA;
	code_mode = 32;
	check_description("<architecture>i386:x86-64</architecture>", "\"rip\" bitsize=\"64\"");
	values[GUEST_EFER] = 0;
	check_description("<architecture>i386</architecture>", "\"eip\" bitsize=\"32\"");
	code_mode = 16;
	check_description("<architecture>i8086</architecture>", "\"eip\" bitsize=\"32\"");
	assert_int_equal(gdb_register_rip(), 8);
	values[GUEST_RIP] = 0x234;
	assert_string_equal(ask("p8"), "34120000");
	assert_string_equal(ask("P8=00200000"), "OK");
	assert_int_equal(values[GUEST_RIP], 0x1000);
	assert_string_equal(ask("P0=78563412"), "OK");
	assert_int_equal(cpu[0].gpr[TRAP_RAX], 0x12345678);
	assert_string_equal(ask("P1=01000000"), "OK");
	assert_int_equal(cpu[0].gpr[TRAP_RCX], 1);
	cpu[2].paused_at.mode = 64;
	check_description("<architecture>i386:x86-64</architecture>", "\"rip\" bitsize=\"64\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(packets, setup),
		cmocka_unit_test_setup(too_long, setup),
		cmocka_unit_test_setup(frames, setup),
		cmocka_unit_test_setup(threads, setup),
		cmocka_unit_test_setup(registers, setup),
		cmocka_unit_test_setup(writes, setup),
		cmocka_unit_test_setup(linear_rip, setup),
		cmocka_unit_test_setup(flags, setup),
		cmocka_unit_test_setup(memory, setup),
		cmocka_unit_test_setup(goes_on, setup),
		cmocka_unit_test_setup(unknown, setup),
		cmocka_unit_test_setup(orders, setup),
		cmocka_unit_test_setup(breakpoints, setup),
		cmocka_unit_test_setup(tells_hits, setup),
		cmocka_unit_test_setup(description, setup),
		cmocka_unit_test_setup(narrow_description, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
