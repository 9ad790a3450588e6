// SPDX-License-Identifier: MIT
/* Commands that show the guest's state: registers, memory, page tables, instructions. */
#include "console/address.h"
#include "console/command.h"
#include "log/log.h"
#include "console/printer.h"
#include "console/input.h"
#include "report/guest_names.h"
#include "report/report.h"
#include "apic/pause.h"
#include "exit/freeze.h"
#include "guest/insn.h"
#include "hw/x86.h"
#include "lib/array.h"
#include "lib/string.h"
#include "mem/guest_access.h"
#include "mem/guest_ram.h"
#include "mem/pool.h"
#include "stage2/stage2.h"
#include "trace/decode.h"
#include "trace/names.h"
#include "vendor.h"
#include "vmcall/check.h"
#include "watch/watch.h"

#define SYM_MAX       (NAMES_NAME_MAX + 32)
#define MEM_DEFAULT   64
#define MEM_MOST      1024
#define MEM_LINE      16
#define DISAS_DEFAULT 8
#define DISAS_MOST    64

static void capture(struct cpu *cpu, struct trap_record *r)
{
	memset(r, 0, sizeof(*r));
	vendor->state.capture(cpu, r);
}

/* Checks the argument of a command that accepts `all`. */
static const char *check_all(const struct command_call *call)
{
	if (call->tokens.count == 1)
		return NULL;
	if (!command_only_word(call, "all"))
		return command_usage;
	return call->source == COMMAND_GUEST ? "in the guest this command sees only the CPU that calls it"
					     : NULL;
}

/* Parses argument i, an address made of numbers and this CPU's registers. */
static bool take_address(const struct command_call *call, unsigned i, uint64_t *at)
{
	struct trap_record r;

	if (i >= call->tokens.count)
		return false;
	capture(call->cpu, &r);
	return address_parse(call->tokens.at[i], &r, at);
}

#define SEGMENTS (SEG_IDTR + 1)

static void reply_segments(const struct segment_state *all)
{
	static const char *const names[SEG_COUNT] = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};

	for (enum segment i = 0; i < SEG_COUNT; i++) {
		const struct segment_state *s = &all[i];

		log_reply("  segment name=%s sel=%04x base=%016lx limit=%08x dpl=%u%s", names[i], s->selector,
			s->base, s->limit, s->dpl, s->present ? "" : " why=\"not present\"");
	}
	log_reply("  table name=gdtr base=%016lx limit=%04x", all[SEG_GDTR].base, all[SEG_GDTR].limit);
	log_reply("  table name=idtr base=%016lx limit=%04x", all[SEG_IDTR].base, all[SEG_IDTR].limit);
}

/* ` sym="..."` of RIP, or nothing. */
static const char *name_of(const struct trap_record *r, char *buf, size_t size)
{
	struct guest_paging paging = guest_paging_of(r);
	struct text t = text_on(buf, size);

	guest_names_add(&t, &paging, r->cpl == 3, r->rip, 0);
	return buf;
}

const char *command_regs(struct command_call *call)
{
	struct segment_state segments[SEGMENTS];
	struct trap_record r;
	char sym[SYM_MAX];
	const char *why = check_all(call);

	if (why)
		return why;
	/* All at once: the guest runs on between two lines. */
	capture(call->cpu, &r);
	for (unsigned i = 0; i < SEGMENTS; i++)
		vendor->state.segment(call->cpu, i, &segments[i]);
	log_reply("regs cpu=%u at=0x%x:0x%lx%s mode=%u cpl=%u stopped=%s", call->cpu->number, r.cs, r.rip,
		name_of(&r, sym, sizeof(sym)), r.mode, r.cpl, pause_wanted() ? "yes" : "no");
	report_answer(call->cpu);
	report_registers(&r);
	report_answer(NULL);
	reply_segments(segments);
	return NULL;
}

/*
 * Reads n bytes at an address of one kind, with the page tables of the command's start. Returns the number of bytes read, from the
 * start on.
 */
typedef unsigned reader(const struct guest_paging *paging, uint64_t at, void *to, unsigned n);

/* Whether page tables can map the range: also for a 32-bit program of a 64-bit system, whose kernel is above 4 GiB. */
static bool is_linear(const struct guest_paging *paging, uint64_t at, uint64_t n)
{
	return check_linear(at, n, guest_linear_bits(paging, paging->efer & EFER_LMA));
}

static unsigned read_virtual(const struct guest_paging *paging, uint64_t at, void *to, unsigned n)
{
	return is_linear(paging, at, n) ? guest_read(paging, at, to, n) : 0;
}

static unsigned read_physical(const struct guest_paging *paging, uint64_t at, void *to, unsigned n)
{
	return guest_ram_read(at, to, n) ? n : 0;
}

/* Reads the image, the stacks and the pool, never a device. An unmapped page faults, and the fix-up catches that. */
static unsigned read_host(const struct guest_paging *paging, uint64_t at, void *to, unsigned n)
{
	bool pool = at >= POOL_BASE && at < DEVICE_BASE;

	return (pool || at >= VMM_BASE) && at + n > at && !copy_safe(to, (const void *)at, n) ? n : 0;
}

static const struct {
	const char *name;
	reader *read;
} readers[] = {{"virt", read_virtual}, {"phys", read_physical}, {"host", read_host}};

static void reply_bytes(uint64_t at, const uint8_t *bytes, unsigned n)
{
	char buf[160], shown[MEM_LINE + 1];
	struct text t = text_on(buf, sizeof(buf));

	for (unsigned i = 0; i < MEM_LINE; i++) {
		text_add_char(&t, ' ');
		if (i < n)
			text_add_bytes(&t, &bytes[i], 1);
		else
			text_add_string(&t, "--");
		shown[i] = i < n && bytes[i] > ' ' && bytes[i] < 0x7f && bytes[i] != '"' && bytes[i] != '\\'
				   ? (char)bytes[i]
				   : '.';
	}
	shown[n] = '\0';
	log_rest();
	log_reply("mem at=0x%016lx bytes=\"%s\" text=\"%s\"", at, buf + 1, shown);
}

static const char *dump(struct command_call *call, reader *read, uint64_t at, uint64_t left)
{
	struct guest_paging paging;

	vendor->state.paging(call->cpu, &paging);
	while (left) {
		unsigned part = MEM_LINE - (unsigned)(at % MEM_LINE), got;
		uint8_t bytes[MEM_LINE];

		if (part > left)
			part = (unsigned)left;
		got = read(&paging, at, bytes, part);
		if (got)
			reply_bytes(at, bytes, got);
		if (got < part)
			return "the bytes that follow are not mapped, or not RAM";
		at += part;
		left -= part;
	}
	return NULL;
}

const char *command_mem(struct command_call *call)
{
	unsigned kind = 0, i = 1;
	uint64_t at, n;

	for (unsigned k = 0; call->tokens.count > 1 && k < ARRAY_SIZE(readers); k++)
		if (!strcmp(call->tokens.at[1], readers[k].name)) {
			kind = k;
			i = 2;
		}
	if (i + 2 < call->tokens.count || !take_address(call, i, &at))
		return command_usage;
	if (!command_number(call, i + 1, MEM_DEFAULT, &n) || !n || n > MEM_MOST)
		return "BYTES is a number from 1 to 1024";
	if (readers[kind].read == read_host && call->source == COMMAND_GUEST)
		return "the guest may not read Trapline's memory";
	return dump(call, readers[kind].read, at, n);
}

/* Large pages are split for watches only. */
static void report_second_level(uint64_t physical)
{
	unsigned taken, level = stage2_level(physical, &taken);

	if (level)
		log_reply("  walk second_level=%uK watched=%s", 4u << 9 * (level - 1),
			watch_access_letters(taken));
}

const char *command_walk(struct command_call *call)
{
	struct guest_paging paging;
	struct walk w;
	uint64_t at;

	if (call->tokens.count != 2 || !take_address(call, 1, &at))
		return command_usage;
	vendor->state.paging(call->cpu, &paging);
	if (!is_linear(&paging, at, 1))
		return "the address is not canonical in the guest's mode";
	walk_trace(&w, &paging, at, guest_read64);
	report_answer(call->cpu);
	report_levels(&w, at, paging.cr3, 0);
	report_answer(NULL);
	if (w.mapped)
		report_second_level(w.physical);
	return w.mapped ? NULL : "the address is not mapped";
}

static void reply_insn(const struct trap_record *r, const struct decoded *d, bool here)
{
	char buf[2 * TRAP_CODE_MAX + 1];
	struct text t = text_on(buf, sizeof(buf));
	unsigned n = d->length ? d->length : 1;

	log_rest();
	text_add_bytes(&t, r->code, n);
	log_reply("disas at=0x%lx code=%s insn=\"%s\"%s", r->rip, buf, d->length ? d->text : "(bad)",
		here ? " here=rip" : "");
}

/* Addresses are offsets into CS, like RIP: outside of 64-bit mode CS may have a base. */
const char *command_disas(struct command_call *call)
{
	uint64_t rip = vendor->state.get(call->cpu, GUEST_RIP), base = insn_address(call->cpu) - rip, n;
	struct guest_paging paging;
	struct trap_record r;
	struct decoded d;

	capture(call->cpu, &r);
	vendor->state.paging(call->cpu, &paging);
	if (call->tokens.count > 3 || (call->tokens.count > 1 && !take_address(call, 1, &r.rip)))
		return command_usage;
	if (!command_number(call, 2, DISAS_DEFAULT, &n) || !n || n > DISAS_MOST)
		return "COUNT is a number from 1 to 64";
	for (; n; n--) {
		r.code_len = (uint8_t)read_virtual(&paging, base + r.rip, r.code, TRAP_CODE_MAX);
		if (!r.code_len || decode(&r, &d) == DECODE_NONE)
			return "the bytes that follow are not mapped, or not RAM";
		reply_insn(&r, &d, r.rip == rip);
		r.rip += d.length ? d.length : 1;
	}
	return NULL;
}

const char *command_bt(struct command_call *call)
{
	struct guest_paging paging;
	struct trap_record r;
	char sym[SYM_MAX];
	const char *why = check_all(call);

	if (why)
		return why;
	capture(call->cpu, &r);
	vendor->state.paging(call->cpu, &paging);
	r.code_len = (uint8_t)read_virtual(&paging, insn_address(call->cpu), r.code, TRAP_CODE_MAX);
	log_reply("bt cpu=%u at=0x%x:0x%lx%s mode=%u cpl=%u", call->cpu->number, r.cs, r.rip,
		name_of(&r, sym, sizeof(sym)), r.mode, r.cpl);
	report_answer(call->cpu);
	report_backtrace(call->cpu, &r);
	report_answer(NULL);
	return NULL;
}

static const char *state_of(const struct cpu *cpu)
{
	if (pause_has(cpu))
		return "stopped";
	return atomic_load(&cpu->start) ? "waits-for-sipi" : "runs";
}

const char *command_cpu(struct command_call *call)
{
	uint64_t n;

	if (call->tokens.count > 2 || !command_number(call, 1, input_cpu, &n) || n >= BOOT_MAX_CPUS ||
		!cpus[n])
		return "there is no such CPU";
	input_cpu = (uint32_t)n;
	log_reply("cpu n=%lu apic=%u state=%s", n, cpus[n]->apic_id, state_of(cpus[n]));
	return NULL;
}

/* The parts of the number in refused=. */
static void reply_refused(const struct cpu *cpu)
{
#define X(name, text, meaning) text,
	static const char *const kinds[] = {BAD_GUEST_KINDS(X)};
#undef X
	char buf[160];
	struct text t = text_on(buf, sizeof(buf));

	if (!cpu_bad_guest(cpu))
		return;
	for (unsigned k = 0; k < BAD_KINDS; k++)
		if (cpu->stats.bad_guest[k])
			text_add(&t, " %s=%lu", kinds[k], cpu->stats.bad_guest[k]);
	log_reply("refused cpu=%u%s", cpu->number, buf);
	if (cpu->stats.bad_guest[BAD_MEMORY])
		log_reply("refused cpu=%u newest_gpa=0x%lx newest_rip=0x%lx", cpu->number, cpu->refused.gpa,
			cpu->refused.rip);
}

const char *command_status(struct command_call *call)
{
	struct console_losses lost;

	console_count(&lost);
	log_reply("status version=%s backend=%s cpus=%u guest=%s ms=%lu cpu=%u", boot_info.vmm_version,
		vendor->name, atomic_load(&cpus_active), pause_wanted() ? "stopped" : "runs",
		boot_info.tsc_khz ? (rdtsc() - boot_info.tsc_start) / boot_info.tsc_khz : 0, input_cpu);
	log_reply("status not_printed=%lu lost=%lu limited=%lu filtered=%lu",
		lost.lost + lost.limited + lost.filtered, lost.lost, lost.limited, lost.filtered);
	log_reply("status frozen=%lu not_kept=%lu", freeze_left(), freeze_not_kept());
	for_each_cpu (c) {
		log_reply("cpu n=%u apic=%u state=%s records=%lu kept=%u refused=%lu mended=%lu", c->number,
			c->apic_id, state_of(c), atomic_load(&c->ring.head), c->ring.mask + 1,
			cpu_bad_guest(c), c->stats.mended);
		reply_refused(c);
	}
	return NULL;
}
