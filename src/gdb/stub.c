// SPDX-License-Identifier: MIT
/* Answers packets. The guest is stopped, and this runs on the CPU that gdb looks at. */
#include "gdb/session.h"
#include "apic/pause.h"
#include "exit/run.h"
#include "gdb/points.h"
#include "gdb/registers.h"
#include "hw/x86.h"
#include "lib/array.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mem/guest_access.h"
#include "trace/vector.h"
#include "vendor.h"
#include "vmcall/check.h"

#define ERROR_ARGUMENT                                                                                       \
	"E16" /* numbers as Linux has them: EINVAL, EFAULT, EPERM, EMSGSIZE, ENOMEM, in hexadecimal */
#define ERROR_MEMORY   "E0e"
#define ERROR_DENIED   "E01"
#define ERROR_TOO_LONG "E5a"
#define ERROR_NO_ROOM  "E0c"

/* One packet. */
struct request {
	struct gdb_session *session;
	struct cpu *cpu;
	struct gdb_words words; /* behind the packet's name */
	struct text *reply;
};

typedef enum gdb_then handler(struct request *q);

static enum gdb_then answer(struct request *q, const char *text)
{
	text_add_string(q->reply, text);
	return GDB_WAIT;
}

/* Thread numbers are those of CPUs and one more, because 0 stands for any. */
static uint32_t thread_of(uint32_t cpu)
{
	return cpu + 1;
}

/* A CPU that waits for its SIPI executes nothing, and has no registers to show. */
static bool is_thread(uint64_t thread)
{
	return thread && thread <= BOOT_MAX_CPUS && cpus[thread - 1] && pause_has(cpus[thread - 1]);
}

uint8_t gdb_stub_signal(uint8_t vector)
{
	static const uint8_t signals[] = {[VEC_DE] = 8,
		[VEC_DB] = 5,
		[VEC_BP] = 5,
		[VEC_UD] = 4,
		[VEC_MF] = 8,
		[VEC_XM] = 8,
		[VEC_AC] = 7,
		[VEC_MC] = 7};

	return vector < ARRAY_SIZE(signals) && signals[vector] ? signals[vector] : 11;
}

void gdb_stub_stopped(struct gdb_session *s)
{
	gdb_reply_begin(s);
	text_add_string(&s->reply, "T");
	text_add_bytes(&s->reply, &s->signal, 1);
	if (s->stop.why == RUN_BREAKPOINT || s->stop.why == RUN_WATCH)
		gdb_point_tell(&s->reply, s->stop.watch);
	text_add_string(&s->reply, "thread:");
	text_add(&s->reply, "%x", thread_of(s->cpu));
	text_add_string(&s->reply, ";");
}

static enum gdb_then why_stopped(struct request *q)
{
	gdb_stub_stopped(q->session);
	return GDB_WAIT;
}

static void reply_register(struct request *q, unsigned n)
{
	uint8_t value[GDB_REGISTER_BYTES];

	if (gdb_register_read(q->cpu, n, value))
		text_add_bytes(q->reply, value, gdb_register_size(n));
	else
		for (unsigned i = 0; i < gdb_register_size(n); i++)
			text_add_string(q->reply, "xx");
}

static enum gdb_then read_registers(struct request *q)
{
	gdb_registers_begin();
	for (unsigned n = 0; n < gdb_register_count(); n++)
		reply_register(q, n);
	return GDB_WAIT;
}

static enum gdb_then read_register(struct request *q)
{
	uint64_t n;

	if (!gdb_take_number(&q->words, &n) || n >= gdb_register_count())
		return answer(q, ERROR_ARGUMENT);
	gdb_registers_begin();
	reply_register(q, (unsigned)n);
	return GDB_WAIT;
}

static bool may_write(void)
{
	return boot_info.config.gdb_write;
}

static enum gdb_then write_register(struct request *q)
{
	uint8_t value[GDB_REGISTER_BYTES];
	uint64_t n;

	if (!may_write())
		return answer(q, ERROR_DENIED);
	if (!gdb_take_number(&q->words, &n) || n >= gdb_register_count() || !gdb_take_text(&q->words, "=") ||
		!gdb_take_hex(&q->words, value, gdb_register_size((unsigned)n)))
		return answer(q, ERROR_ARGUMENT);
	return answer(q, gdb_register_write(q->cpu, (unsigned)n, value) ? "OK" : ERROR_ARGUMENT);
}

/* gdb sends all of them if it wants to change one and does not know `P`. A value of `x` is one that it does not know. */
static enum gdb_then write_registers(struct request *q)
{
	uint8_t value[GDB_REGISTER_BYTES];
	bool all = true;

	if (!may_write())
		return answer(q, ERROR_DENIED);
	for (unsigned n = 0; n < gdb_register_count() && q->words.at < q->words.end; n++) {
		size_t digits = 2 * gdb_register_size(n);

		if (digits > (size_t)(q->words.end - q->words.at))
			return answer(q, ERROR_ARGUMENT);
		if (gdb_take_hex(&q->words, value, gdb_register_size(n)))
			all &= gdb_register_write(q->cpu, n, value);
		else
			q->words.at += digits;
	}
	return answer(q, all ? "OK" : ERROR_ARGUMENT);
}

/* Whether page tables can map the range: also for a 32-bit program of a 64-bit system, whose kernel is above 4 GiB. */
static bool take_range(struct request *q, struct guest_paging *paging, uint64_t *at, uint64_t *n)
{
	if (!gdb_take_number(&q->words, at) || !gdb_take_text(&q->words, ",") ||
		!gdb_take_number(&q->words, n))
		return false;
	vendor->state.paging(q->cpu, paging);
	return true;
}

static bool is_linear(const struct guest_paging *paging, uint64_t at, uint64_t n)
{
	return check_linear(at, n, guest_linear_bits(paging, paging->efer & EFER_LMA));
}

/* Of more than fits into a reply, and of what is mapped only in part, gdb gets the first part. */
static enum gdb_then read_memory(struct request *q)
{
	static uint8_t bytes[GDB_DATA_MAX / 2];
	struct guest_paging paging;
	uint64_t at, n;
	unsigned got;

	if (!take_range(q, &paging, &at, &n))
		return answer(q, ERROR_ARGUMENT);
	if (n > sizeof(bytes))
		n = sizeof(bytes);
	got = is_linear(&paging, at, n) ? guest_read(&paging, at, bytes, (unsigned)n) : 0;
	if (n && !got)
		return answer(q, ERROR_MEMORY);
	text_add_bytes(q->reply, bytes, got);
	return GDB_WAIT;
}

static bool write_bytes(const struct guest_paging *paging, uint64_t at, const void *bytes, uint64_t n)
{
	return is_linear(paging, at, n) && guest_write(paging, at, bytes, (unsigned)n);
}

static enum gdb_then write_memory(struct request *q)
{
	static uint8_t bytes[GDB_DATA_MAX / 2];
	struct guest_paging paging;
	uint64_t at, n;

	if (!may_write())
		return answer(q, ERROR_DENIED);
	if (!take_range(q, &paging, &at, &n) || n > sizeof(bytes) || !gdb_take_text(&q->words, ":") ||
		!gdb_take_hex(&q->words, bytes, n))
		return answer(q, ERROR_ARGUMENT);
	return answer(q, !n || write_bytes(&paging, at, bytes, n) ? "OK" : ERROR_MEMORY);
}

/* The same with bytes as they are. Without any gdb asks whether the packet is known. */
static enum gdb_then write_binary(struct request *q)
{
	struct guest_paging paging;
	uint64_t at, n;

	if (!may_write())
		return answer(q, ERROR_DENIED);
	if (!take_range(q, &paging, &at, &n) || !gdb_take_text(&q->words, ":") ||
		n != (uint64_t)(q->words.end - q->words.at))
		return answer(q, ERROR_ARGUMENT);
	return answer(q, !n || write_bytes(&paging, at, q->words.at, n) ? "OK" : ERROR_MEMORY);
}

/* Hg chooses the CPU; Hc is for packets without vCont, which let all CPUs run. */
static enum gdb_then choose_thread(struct request *q)
{
	bool for_all = gdb_take_text(&q->words, "c");
	uint64_t thread;

	if (for_all || !gdb_take_text(&q->words, "g") || gdb_take_text(&q->words, "-1"))
		return answer(q, for_all ? "OK" : ERROR_ARGUMENT);
	if (!gdb_take_number(&q->words, &thread) || (thread && !is_thread(thread)))
		return answer(q, ERROR_ARGUMENT);
	if (thread)
		q->session->cpu = (uint32_t)thread - 1;
	return answer(q, "OK");
}

static enum gdb_then thread_alive(struct request *q)
{
	uint64_t thread;

	return answer(q, gdb_take_number(&q->words, &thread) && is_thread(thread) ? "OK" : ERROR_ARGUMENT);
}

static enum gdb_then this_thread(struct request *q)
{
	if (q->words.at != q->words.end) /* qCRC */
		return GDB_WAIT;
	text_add_string(q->reply, "QC");
	text_add(q->reply, "%x", thread_of(q->session->cpu));
	return GDB_WAIT;
}

#define THREADS_AT_ONCE 256 /* four digits and a comma each */

static enum gdb_then next_threads(struct request *q)
{
	uint32_t *next = &q->session->next_cpu;

	for (unsigned left = THREADS_AT_ONCE; left && *next < boot_info.cpus; ++*next) {
		if (!is_thread(thread_of(*next)))
			continue;
		text_add_string(q->reply, left-- == THREADS_AT_ONCE ? "m" : ",");
		text_add(q->reply, "%x", thread_of(*next));
	}
	return q->reply->length ? GDB_WAIT : answer(q, "l");
}

static enum gdb_then first_threads(struct request *q)
{
	q->session->next_cpu = 0;
	return next_threads(q);
}

static enum gdb_then about_thread(struct request *q)
{
	const struct trap_record *r;
	const struct cpu *c;
	uint64_t thread;
	char text[80];

	if (!gdb_take_number(&q->words, &thread) || !is_thread(thread))
		return answer(q, ERROR_ARGUMENT);
	c = cpus[thread - 1];
	r = pause_where(c);
	snprintf(text, sizeof(text), "CPU %u, APIC %u, %u-bit code, CPL %u", c->number, c->apic_id, r->mode,
		r->cpl);
	text_add_bytes(q->reply, (const uint8_t *)text, strlen(text));
	return GDB_WAIT;
}

/* A part of a text, and whether it is the last one. */
static enum gdb_then part_of(struct request *q, const char *text, size_t length)
{
	uint64_t from, n;

	if (!gdb_take_number(&q->words, &from) || !gdb_take_text(&q->words, ",") ||
		!gdb_take_number(&q->words, &n))
		return answer(q, ERROR_ARGUMENT);
	if (from > length)
		from = length;
	if (n > GDB_DATA_MAX - 1)
		n = GDB_DATA_MAX - 1;
	if (n > length - from)
		n = length - from;
	text_add_string(q->reply, from + n == length ? "l" : "m");
	text_add_part(q->reply, text + from, n);
	return GDB_WAIT;
}

static enum gdb_then describe(struct request *q)
{
	static char xml[GDB_DESCRIPTION_MAX];
	struct text t = text_on(xml, sizeof(xml));

	gdb_registers_describe(&t);
	return part_of(q, xml, strlen(xml));
}

/*
 * What gdb has to take code for until it ends: it reads the description once. A CPU in long mode needs the registers of x86-64. Of other CPUs
 * only the code that they run is known here.
 */
static unsigned widest_code(struct cpu *cpu)
{
	if (vendor->state.get(cpu, GUEST_EFER) & EFER_LMA)
		return 64;
	for_each_cpu (c)
		if (pause_has(c) && pause_where(c)->mode == 64)
			return 64;
	return (unsigned)vendor->state.get(cpu, GUEST_CODE_MODE);
}

/*
 * Packets without acknowledgements are not announced, because then gdb always uses them, and a serial line loses bytes. Who knows that
 * the line is safe says `set remote noack-packet on`.
 */
static enum gdb_then supported(struct request *q)
{
	char text[80];

	gdb_registers_choose(widest_code(q->cpu));
	snprintf(text, sizeof(text), "PacketSize=%x;qXfer:features:read+;vContSupported+;swbreak+;hwbreak+",
		GDB_DATA_MAX);
	return answer(q, text);
}

static enum gdb_then no_acks(struct request *q)
{
	q->session->without_acks = true;
	return answer(q, "OK");
}

static enum gdb_then attached(struct request *q)
{
	return answer(q, "1"); /* so that gdb detaches when it ends */
}

static enum gdb_then monitor(struct request *q)
{
	size_t n = (size_t)(q->words.end - q->words.at) / 2;
	char *text = q->session->command;

	if (!gdb_take_hex(&q->words, text, n) || q->words.at != q->words.end)
		return answer(q, ERROR_ARGUMENT);
	text[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			return answer(q, ERROR_ARGUMENT);
	return GDB_MONITOR;
}

static enum gdb_then detach(struct request *q)
{
	answer(q, "OK");
	return GDB_LEAVE;
}

/* There is no process to kill: it is a detach. The packet `k` has no reply. */
static enum gdb_then kill(struct request *q)
{
	return GDB_LEAVE;
}

static bool has_order(uint8_t order)
{
	return order != GDB_STAY;
}

static void order_all(struct request *q, enum gdb_order order)
{
	for (unsigned n = 0; n < boot_info.cpus; n++)
		if (!has_order(q->session->order[n]))
			q->session->order[n] = (uint8_t)order;
}

/* The guest runs, if there is memory for a step. */
static enum gdb_then obey(struct request *q)
{
	for (unsigned n = 0; n < boot_info.cpus; n++)
		if (q->session->order[n] == GDB_STEP && !run_prepare(q->cpu))
			return answer(q, ERROR_NO_ROOM);
	return GDB_RUN;
}

static void order_none(struct request *q)
{
	memset(q->session->order, GDB_STAY, sizeof(q->session->order));
}

/* Without vCont all CPUs run, or the chosen one steps alone. */
static enum gdb_then order_plainly(struct request *q, bool steps)
{
	order_none(q);
	if (steps)
		q->session->order[q->session->cpu] = GDB_STEP;
	else
		order_all(q, GDB_GO);
	return obey(q);
}

/* Continues or steps, at another address if there is one. */
static enum gdb_then run_at(struct request *q, bool steps)
{
	uint8_t rip[GDB_REGISTER_BYTES] = {0};
	uint64_t at;

	if (q->words.at == q->words.end)
		return order_plainly(q, steps);
	if (!may_write())
		return answer(q, ERROR_DENIED);
	if (!gdb_take_number(&q->words, &at))
		return answer(q, ERROR_ARGUMENT);
	memcpy(rip, &at, sizeof(at));
	return gdb_register_write(q->cpu, gdb_register_rip(), rip) ? order_plainly(q, steps)
								   : answer(q, ERROR_ARGUMENT);
}

static enum gdb_then go_on(struct request *q)
{
	return run_at(q, false);
}

static enum gdb_then step(struct request *q)
{
	return run_at(q, true);
}

/* With a signal's number: the guest gets no signals from gdb. */
static bool take_signal(struct request *q)
{
	uint64_t signal;

	return gdb_take_number(&q->words, &signal) &&
	       (q->words.at == q->words.end || gdb_take_text(&q->words, ";"));
}

static enum gdb_then go_on_signal(struct request *q)
{
	return take_signal(q) ? go_on(q) : answer(q, ERROR_ARGUMENT);
}

static enum gdb_then step_signal(struct request *q)
{
	return take_signal(q) ? step(q) : answer(q, ERROR_ARGUMENT);
}

static enum gdb_then which_actions(struct request *q)
{
	return answer(q, "vCont;c;C;s;S");
}

/* The letter of an action, and a signal that is left out. */
static bool take_action(struct request *q, enum gdb_order *order)
{
	uint64_t signal;

	*order = GDB_GO;
	if (gdb_take_text(&q->words, "c"))
		return true;
	if (gdb_take_text(&q->words, "C"))
		return gdb_take_number(&q->words, &signal);
	*order = GDB_STEP;
	if (gdb_take_text(&q->words, "s"))
		return true;
	return gdb_take_text(&q->words, "S") && gdb_take_number(&q->words, &signal);
}

/* The leftmost action that names a CPU, or that names none, counts. CPUs without any stay. */
static bool take_order(struct request *q)
{
	enum gdb_order order;
	uint64_t thread;

	if (!gdb_take_text(&q->words, ";") || !take_action(q, &order))
		return false;
	if (!gdb_take_text(&q->words, ":") || gdb_take_text(&q->words, "-1")) {
		order_all(q, order);
		return true;
	}
	if (!gdb_take_number(&q->words, &thread) || !is_thread(thread))
		return false;
	if (!has_order(q->session->order[thread - 1]))
		q->session->order[thread - 1] = (uint8_t)order;
	return true;
}

static enum gdb_then act(struct request *q)
{
	bool any = false;

	order_none(q);
	while (q->words.at < q->words.end)
		if (!take_order(q))
			return answer(q, ERROR_ARGUMENT);
	for (unsigned n = 0; n < boot_info.cpus; n++)
		any |= has_order(q->session->order[n]);
	return any ? obey(q) : answer(q, ERROR_ARGUMENT);
}

static bool take_point(struct request *q, uint64_t *kind, uint64_t *at, uint64_t *length)
{
	struct guest_paging paging;

	if (!gdb_take_number(&q->words, kind) || *kind >= GDB_POINT_KINDS || !gdb_take_text(&q->words, ",") ||
		!take_range(q, &paging, at, length) || q->words.at != q->words.end)
		return false;
	return *length && is_linear(&paging, *at, *length);
}

/* An empty answer would say that the packet is unknown: gdb would then write INT3 into the guest's memory. */
static enum gdb_then set_point(struct request *q)
{
	uint64_t kind, at, length;

	if (!take_point(q, &kind, &at, &length))
		return answer(q, ERROR_ARGUMENT);
	if (gdb_point_set(q->cpu, (enum gdb_point)kind, at, length))
		return answer(q, "OK");
	return answer(q, gdb_points_full() ? ERROR_NO_ROOM : ERROR_MEMORY);
}

static enum gdb_then clear_point(struct request *q)
{
	uint64_t kind, at, length;

	if (!take_point(q, &kind, &at, &length))
		return answer(q, ERROR_ARGUMENT);
	gdb_point_clear(q->cpu, (enum gdb_point)kind, at, length);
	return answer(q, "OK");
}

/* A longer name comes before one that it begins with. */
static const struct {
	const char *name;
	handler *run;
} packets[] = {
	{"?", why_stopped},
	{"g", read_registers},
	{"G", write_registers},
	{"p", read_register},
	{"P", write_register},
	{"m", read_memory},
	{"M", write_memory},
	{"X", write_binary},
	{"H", choose_thread},
	{"T", thread_alive},
	{"c", go_on},
	{"C", go_on_signal},
	{"s", step},
	{"S", step_signal},
	{"Z", set_point},
	{"z", clear_point},
	{"D", detach},
	{"k", kill},
	{"vCont?", which_actions},
	{"vCont", act},
	{"vKill;", detach},
	{"qAttached", attached},
	{"qC", this_thread},
	{"qRcmd,", monitor},
	{"qSupported", supported},
	{"qThreadExtraInfo,", about_thread},
	{"qfThreadInfo", first_threads},
	{"qsThreadInfo", next_threads},
	{"qXfer:features:read:target.xml:", describe},
	{"QStartNoAckMode", no_acks},
};

static enum gdb_then run(struct request *q)
{
	for (unsigned i = 0; i < ARRAY_SIZE(packets); i++)
		if (gdb_take_text(&q->words, packets[i].name))
			return packets[i].run(q);
	return GDB_WAIT; /* an empty reply: the packet is unknown */
}

enum gdb_then gdb_stub_answer(struct gdb_session *s, struct cpu *cpu, const char *packet, size_t n)
{
	struct request q = {s, cpu, {packet, packet + n}, &s->reply};
	enum gdb_then then;

	gdb_reply_begin(s);
	then = run(&q);
	if (!s->reply.cut)
		return then;
	gdb_reply_begin(s);
	return answer(&q, ERROR_TOO_LONG);
}
