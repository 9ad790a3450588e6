// SPDX-License-Identifier: MIT
#include "exit/watch_change.h"
#include "apic/flush.h"
#include "cpu/moment.h"
#include "exit/intercept.h"
#include "exit/watch_exec.h"
#include "exit/watch_memory.h"
#include "exit/watch_msr.h"
#include "exit/watch_register.h"
#include "hw/features.h"
#include "hw/lock.h"
#include "hw/x86.h"
#include "lib/string.h"
#include "log/log.h"
#include "vendor.h"

#define WORDS_MAX 256
#define CR3_PAE   0xffffffe0ull

static struct lock lock = LOCK_FREE;

/* Another CPU may be at it, and wait for this one: a hit that ends a watch changes the table as well. */
static void take_turn(struct cpu *cpu)
{
	while (!lock_try(&lock)) {
		flush_serve(cpu);
		intercept_serve(cpu);
		moment();
	}
}

/* The handlers are there before anything exits for them, and go afterwards. */
static void change_registers(struct cpu *cpu)
{
	if (watch_any(WATCH_REGISTER))
		watch_msr_handlers(true);
	watch_register_changed(cpu);
	if (!watch_any(WATCH_REGISTER))
		watch_msr_handlers(false);
}

static const char *change(struct cpu *cpu, uint16_t new_id)
{
	const char *why;

	take_turn(cpu);
	why = watch_memory_changed(cpu, new_id);
	watch_exec_changed(cpu);
	change_registers(cpu);
	lock_give(&lock);
	return why;
}

void watch_changed(struct cpu *cpu)
{
	change(cpu, 0);
}

SLOW_PATH void watch_change_serve(struct cpu *cpu)
{
	cpu_end_work(cpu, CPU_WORK_WATCH);
	watch_changed(cpu);
}

/* A watch that this CPU cannot serve would never be hit. */
static const char *unable(const struct watch_spec *spec)
{
	if (spec->space == WATCH_EXEC && watch_any(WATCH_EXEC))
		return "there is a watch exec already: watch allow adds ranges to it";
	if (spec->space != WATCH_REGISTER)
		return NULL;
	switch (spec->reg) {
	case WATCH_GDTR:
	case WATCH_IDTR:
	case WATCH_LDTR:
	case WATCH_TR:
		return vendor->traits->watches_tables ? NULL
						      : "this CPU has no descriptor-table exiting: gdtr, "
							"idtr, ldtr and tr cannot be watched";
	case WATCH_XCR0:
		return features.xsave ? NULL : "this CPU has no XSAVE, and so no xcr0";
	default:
		return NULL;
	}
}

static const char *add(const struct watch_spec *spec, uint16_t *id)
{
	const char *why = unable(spec);
	struct watch *w = why ? NULL : watch_add(spec);

	if (why)
		return why;
	if (!w)
		return "there are 256 watches already: watch delete N makes room";
	*id = w->id;
	return NULL;
}

/*
 * CR3 is without PCIDs and the bits above the address. PAE's four pointers lie on 32 bytes (SDM vol. 3A table 4-7). The CPU that walks
 * the tables later may be in another mode: one that starts has no paging.
 */
static void find_address_space(const struct cpu *cpu, struct watch_spec *spec)
{
	struct guest_paging paging;

	vendor->state.paging(cpu, &paging);
	spec->cr0 = paging.cr0;
	spec->cr4 = paging.cr4;
	spec->efer = paging.efer;
	if (!spec->cr3)
		spec->cr3 = paging.cr3 & (paging.efer & EFER_LMA ? PTE_ADDRESS : CR3_PAE);
}

const char *watch_put(struct cpu *cpu, const struct watch_spec *asked, uint16_t *id)
{
	struct watch_spec spec = *asked;
	const char *why;

	if (spec.space == WATCH_LINEAR)
		find_address_space(cpu, &spec);
	why = add(&spec, id);
	if (why)
		return why;
	why = change(cpu, *id);
	if (why) {
		watch_delete(*id);
		watch_changed(cpu);
	}
	return why;
}

const char *watch_set(struct cpu *cpu, char *text, uint16_t *id, const char **bad)
{
	struct watch_spec spec;
	const char *why = watch_parse(&spec, text, bad);

	return why ? why : watch_put(cpu, &spec, id);
}

static const char *begin(char *text, const char **bad)
{
	struct watch_spec spec;
	const char *why = watch_parse(&spec, text, bad);
	uint16_t id;

	if (why)
		return why;
	if (spec.space == WATCH_LINEAR)
		return "there are no page tables yet: physical memory, or a register";
	why = add(&spec, &id);
	if (why)
		return why;
	watch_exec_changed(NULL);
	why = watch_memory_changed(NULL, id);
	if (why) {
		watch_delete(id);
		watch_memory_changed(NULL, 0);
	}
	return why;
}

void watch_begin(void)
{
	const char *next = boot_info.config.watch, *bad, *why;

	while (*next) {
		char words[WORDS_MAX];
		size_t n = 0;

		for (; *next && *next != ';'; next++)
			if (n < sizeof(words) - 1)
				words[n++] = *next;
		words[n] = '\0';
		next += *next == ';';
		why = n ? begin(words, &bad) : NULL;
		if (why)
			log_print("trapline: watch in trapline.conf: \"%s\": %s; it is ignored", bad, why);
	}
	watch_msr_handlers(watch_any(WATCH_REGISTER));
	watch_register_begin_all();
}
