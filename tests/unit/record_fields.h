// SPDX-License-Identifier: MIT
/*
 * Finds fields of the record that nobody fills in. A test fills records from guests that differ, and each field has to be different
 * from 0 in one of them. The list of fields is CTF's, which the compiler compares with struct trap_record.
 */
#ifndef RECORD_FIELDS_H
#define RECORD_FIELDS_H

#include "unit.h"
#include <stdbool.h>
#include <string.h>
#include <trapline/record.h>
#include "../../guest-tools/formats/ctf_record.h"

/* All bits that were 1 in one of the records. */
static struct trap_record ones_seen;

/* The fields between the two vendors' capture() and the rest, which common code fills in (src/vendor.h). */
static inline bool is_captured(size_t at)
{
	return (at >= offsetof(struct trap_record, rip) && at < offsetof(struct trap_record, error_code)) ||
	       at == offsetof(struct trap_record, cs) || at == offsetof(struct trap_record, mode) ||
	       at == offsetof(struct trap_record, privilege);
}

static inline void see_record(const struct trap_record *r)
{
	for (size_t i = 0; i < sizeof(*r); i++)
		((uint8_t *)&ones_seen)[i] |= ((const uint8_t *)r)[i];
}

static inline bool any_one(const void *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((const uint8_t *)from)[i])
			return true;
	return false;
}

static inline void expect_field(const char *name, size_t at, bool captured, bool seen)
{
	if (is_captured(at) != captured)
		return;
	if (!seen)
		print_error("record field %s was 0 in every record\n", name);
	assert_true(seen);
}

/* captured: those that a vendor's capture() fills in, or the others. */
static inline void expect_all_fields(bool captured)
{
	const struct ctf_record *c = (const struct ctf_record *)&ones_seen;

#define WHOLE(name, member)                                                                                  \
	expect_field(                                                                                        \
		#name, offsetof(struct trap_record, member), captured, any_one(&c->name, sizeof(c->name)));
#define INT(name, member, bits, base)    WHOLE(name, member)
#define BITS(name, member, bits)         expect_field(#name, offsetof(struct trap_record, member), captured, c->name);
#define ENUM(name, member, bits, labels) WHOLE(name, member)
#define ARRAY(name, member, bits, count) WHOLE(name, member)
	CTF_RECORD(INT, BITS, ENUM, ARRAY)
#undef INT
#undef BITS
#undef ENUM
#undef ARRAY
#undef WHOLE
}

/* A bit field is as wide as the list says: a new one in the same byte cannot be forgotten there. */
static inline void expect_widths(void)
{
	union {
		struct trap_record record;
		struct ctf_record ctf;
	} r;

#define INT(name, member, bits, base)
#define BITS(name, member, bits)                                                                             \
	memset(&r, 0, sizeof(r));                                                                            \
	r.record.name--; /* all its bits */                                                                  \
	assert_int_equal(r.ctf.name, (1u << (bits)) - 1);
#define ENUM(name, member, bits, labels)
#define ARRAY(name, member, bits, count)
	CTF_RECORD(INT, BITS, ENUM, ARRAY)
#undef INT
#undef BITS
#undef ENUM
#undef ARRAY
}

/* What the slot contained before has no influence. */
static inline void see_capture(void (*capture)(struct cpu *cpu, struct trap_record *r), struct cpu *cpu)
{
	struct trap_record zeroes, ones;

	memset(&zeroes, 0, sizeof(zeroes));
	memset(&ones, 0xff, sizeof(ones));
	capture(cpu, &zeroes);
	capture(cpu, &ones);
	for (size_t i = 0; i < sizeof(ones); i++)
		if (is_captured(i))
			assert_int_equal(((uint8_t *)&zeroes)[i], ((uint8_t *)&ones)[i]);
	see_record(&zeroes);
}

#endif
