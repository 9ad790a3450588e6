// SPDX-License-Identifier: MIT
/*
 * libFuzzer: bytes on the line of a gdb, through the receiver to the answers, and back: any page tables and memory (tests/fake). What goes
 * out is a packet that the receiver of the other side takes, after runs are expanded; memory beyond the guest's RAM stays as it is; after any
 * input the next packet is answered.
 */
#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "input.h"
#include "apic/pause.h"
#include "exit/run.h"
#include "exit/watch_change.h"
#include "gdb/points.h"
#include "gdb/registers.h"
#include "gdb/session.h"
#include "guest/insn.h"
#include "hw/vector_state.h"
#include "hw/x86.h"
#include "mem/guest_ram.h"
#include "fake_vendor.h"

struct fake_ram fake_ram;
struct boot_info boot_info;
struct cpu *cpus[BOOT_MAX_CPUS];
_Atomic uint32_t pause_asked;

static struct cpu cpu[2];
static struct guest_paging paging;
static struct gdb_session session;
static struct gdb_receiver receiver;
static uint64_t values[GUEST_SHADOW + 1];

bool run_prepare(struct cpu *c)
{
	return true;
}

/* What watch_put() is given can be translated page by page, so it has an end. */
const char *watch_put(struct cpu *c, const struct watch_spec *spec, uint16_t *id)
{
	static uint16_t last;

	assert(spec->first <= spec->last && spec->silent && spec->access && spec->access < 8);
	*id = ++last ? last : ++last;
	return spec->first & 1 ? "no" : NULL;
}

#define CS_BASE  0x12340
#define CS_LIMIT 0xffff

void watch_changed(struct cpu *c)
{
}

bool pause_has(const struct cpu *c)
{
	return c->number < 2;
}

const struct trap_record *pause_where(const struct cpu *c)
{
	return &c->paused_at;
}

void vector_save(struct vector_state *s)
{
	memset(s, 0x5a, sizeof(*s));
	s->avx = paging.efer;
}

void vector_load(struct vector_state *s)
{
}

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	return r == GUEST_CODE_MODE ? (paging.efer & EFER_LMA ? 64 : 32) : values[r];
}

/* What the vendors accept. */
static void set(struct cpu *c, enum guest_register r, uint64_t value)
{
	assert(r == GUEST_RIP || r == GUEST_RSP || r == GUEST_RFLAGS || r == GUEST_CR2 ||
		(r == GUEST_SHADOW && !value));
	assert(r != GUEST_RIP ||
		(paging.efer & EFER_LMA ? guest_is_canonical(&paging, value) : value <= CS_LIMIT));
	assert(r != GUEST_RFLAGS || !((value ^ values[r]) & (RFLAGS_VM | RFLAGS_TF)));
	assert(r != GUEST_RFLAGS || value & RFLAGS_IF || !(values[r] & RFLAGS_IF) || !values[GUEST_EVENT]);
	values[r] = value;
}

static void segment(const struct cpu *c, enum segment s, struct segment_state *out)
{
	*out = (struct segment_state){.base = CS_BASE, .limit = CS_LIMIT};
}

uint64_t insn_address(const struct cpu *c)
{
	return paging.efer & EFER_LMA ? values[GUEST_RIP] : (uint32_t)(values[GUEST_RIP] + CS_BASE);
}

static void get_paging(const struct cpu *c, struct guest_paging *p)
{
	*p = paging;
}

static enum msr_result msr(struct cpu *c, uint32_t number, bool write, uint64_t *value)
{
	assert(!write);
	*value = number;
	return MSR_DONE;
}

FAKE_VENDOR(fake_vendor, .state.get = get, .state.set = set, .state.paging = get_paging,
	.state.segment = segment, .exits.msr = msr);
const struct vendor *vendor = &fake_vendor;

/* Expands the runs of a frame, as gdb does, into another receiver. */
static void check_frame(const char *frame, size_t n, const struct text *r)
{
	static struct gdb_receiver other;
	uint8_t sum = 0;
	size_t length = 0;

	assert(n >= 4 && n <= GDB_FRAME_MAX && frame[0] == '$' && frame[n - 3] == '#');
	for (size_t i = 1; i < n - 3; i++) {
		char c = frame[i];

		assert(c != '$' && c != '#');
		sum = (uint8_t)(sum + (uint8_t)c);
		if (c == '*') {
			sum = (uint8_t)(sum + (uint8_t)frame[++i]);
			assert(frame[i] >= ' ' && frame[i] <= '~' && length);
			for (int count = frame[i] - 29; count; count--)
				other.data[length] = other.data[length - 1], length++;
			continue;
		}
		if (c == '}') {
			sum = (uint8_t)(sum + (uint8_t)frame[++i]);
			c = (char)(frame[i] ^ 0x20);
		}
		assert(length < r->length);
		other.data[length++] = c;
	}
	assert(length == r->length && !memcmp(other.data, r->at, length));
	assert(strtoul((char[]){frame[n - 2], frame[n - 1], 0}, NULL, 16) == sum);
}

static void carry_out(void)
{
	static char frame[GDB_FRAME_MAX];
	enum gdb_then then = gdb_stub_answer(&session, &cpu[session.cpu], receiver.data, receiver.length);

	assert(session.cpu < 2 && !session.reply.cut);
	assert(session.reply.length <= GDB_DATA_MAX && (then != GDB_RUN || !session.reply.length));
	if (then == GDB_RUN)
		assert(session.order[0] <= GDB_STEP && session.order[1] <= GDB_STEP &&
			(session.order[0] || session.order[1]));
	if (then == GDB_MONITOR)
		assert(is_printable(session.command));
	check_frame(frame, gdb_frame(frame, session.reply.at, session.reply.length), &session.reply);
}

static unsigned packets(void)
{
	unsigned n = 0;

	while (input_left)
		if (gdb_receive(&receiver, (char)take8()) == GDB_PACKET) {
			carry_out();
			n++;
		}
	return n;
}

/* So that the fuzzer need not find sums: the input is cut into packets at zeros. */
static void framed(void)
{
	while (input_left) {
		size_t n = 0;

		for (char c = (char)take8(); c && n < GDB_DATA_MAX; c = (char)take8())
			receiver.data[n++] = c;
		receiver.data[n] = 0;
		receiver.length = n;
		carry_out();
	}
}

static void begin(void)
{
	uint8_t flags = take8();

	memset(&fake_ram, 0, sizeof(fake_ram));
	gdb_points_clear(&cpu[0]);
	memset(&session, 0, sizeof(session));
	memset(&receiver, 0, sizeof(receiver));
	memset(values, 0, sizeof(values));
	values[GUEST_EVENT] = flags >> 5 & 1;
	boot_info.cpus = 2;
	boot_info.config.gdb_write = flags & 1;
	paging = (struct guest_paging){.cr0 = flags & 4 ? 0x80000001 : 1, .cr3 = 0x1000, .cr4 = 0x20};
	paging.efer = flags & 8 ? 0x500 : 0;
	for (unsigned page = 1; page < 5; page++)
		for (unsigned i = 0; i < 4; i++)
			fake_ram.bytes[page * 4096 + 8 * i + 1] = (uint8_t)(16 * (page + 1));
	for (unsigned page = 1; page < 5; page++)
		fake_ram.bytes[page * 4096] = flags & 16 ? take8() : 7;
	for (unsigned n = 0; n < 2; n++) {
		memset(&cpu[n], 0, sizeof(cpu[n]));
		cpu[n].number = n;
		cpus[n] = &cpu[n];
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cpu *self = &cpu[0];
	static const uint8_t end[] = "$g#67";

	syscall(SYS_arch_prctl, ARCH_SET_GS, &self); /* this_cpu() */
	input_begin(data, size);
	begin();
	if (take8() & 1)
		framed();
	else
		packets();
	input_begin(end, sizeof(end) - 1);
	assert(packets() == 1 && session.reply.length > 300);
	return 0;
}
