// SPDX-License-Identifier: MIT
/*
 * A vendor for the tests on the host. The guest stands at RIP 0 in 64-bit code at CPL 0, and nothing happens to it: each function
 * that a test does not set does nothing. FAKE_VENDOR(name, rows) defines one, `rows` as in struct vendor's initializer:
 *
 *	FAKE_VENDOR(fake, .state.get = get, .events.inject = inject);
 */
#ifndef TRAPLINE_FAKE_VENDOR_H
#define TRAPLINE_FAKE_VENDOR_H

#include <string.h>
#include "hw/x86.h"
#include "vendor.h"

static uint64_t fake_get(const struct cpu *c, enum guest_register r)
{
	switch (r) {
	case GUEST_CR0:
		return CR0_PE;
	case GUEST_CODE_MODE:
	case GUEST_CALLER:
		return 64;
	default:
		return 0;
	}
}

static void fake_set(struct cpu *c, enum guest_register r, uint64_t value)
{
}

static void fake_segment(const struct cpu *c, enum segment s, struct segment_state *out)
{
	memset(out, 0, sizeof(*out));
}

static void fake_paging(const struct cpu *c, struct guest_paging *out)
{
	memset(out, 0, sizeof(*out));
}

static unsigned fake_fetch(struct cpu *c, uint8_t *code)
{
	return 0;
}

static void fake_capture(struct cpu *c, struct trap_record *r)
{
	r->mode = 64;
}

static void fake_reset(struct cpu *c, unsigned vector)
{
}

static void fake_inject(struct cpu *c, const struct event *e, uint64_t cr2)
{
}

static bool fake_inject_nmi(struct cpu *c)
{
	return true;
}

static void fake_cpu(struct cpu *c)
{
}

static void fake_let_in(bool on)
{
}

static void fake_watch(struct cpu *c, enum watched what, bool on)
{
}

static void fake_skip(struct cpu *c, unsigned length, uint64_t met)
{
}

static enum msr_result fake_msr(struct cpu *c, uint32_t msr, bool write, uint64_t *value)
{
	return MSR_NOT_MINE;
}

static void fake_hide_cpuid(uint32_t leaf, uint32_t subleaf, struct cpuid *r)
{
}

static const char *fake_name(uint64_t reason)
{
	return "fake";
}

static void fake_dump(const struct cpu *c)
{
}

static uint64_t fake_bits(uint64_t gpa, uint64_t *size, unsigned rights)
{
	return 1;
}

static const struct vendor_traits fake_traits = {.stage2_largest = 2};

/* The start is none of the tests': life has no rows. */
#define FAKE_DEFAULTS                                                                                        \
	.name = "fake", .traits = &fake_traits, .state.get = fake_get, .state.set = fake_set,                \
	.state.segment = fake_segment, .state.paging = fake_paging, .state.fetch = fake_fetch,               \
	.state.capture = fake_capture, .state.reset = fake_reset, .events.inject = fake_inject,              \
	.events.inject_nmi = fake_inject_nmi, .events.take_interrupt = fake_cpu,                             \
	.events.let_in = fake_let_in, .exits.watch = fake_watch, .exits.own = fake_cpu,                      \
	.exits.skip = fake_skip, .exits.msr = fake_msr, .exits.hide_cpuid = fake_hide_cpuid,                 \
	.exits.name = fake_name, .exits.dump = fake_dump, .stage2.bits = fake_bits, .stage2.flush = fake_cpu

/* A row of the test's own takes the place of a default. */
#define FAKE_VENDOR(id, ...)                                                                                 \
	_Pragma("GCC diagnostic push")                                                                       \
		_Pragma("GCC diagnostic ignored \"-Woverride-init\"") static const struct vendor id = {      \
			FAKE_DEFAULTS, __VA_ARGS__};                                                         \
	_Pragma("GCC diagnostic pop")

#endif
