// SPDX-License-Identifier: MIT
/*
 * The black box: the part of the VMM's memory that the next start searches. It begins at one of a few fixed
 * addresses, so the loader finds it after a warm reset without any other information. The box carries its own
 * checksums, because memory may have been lost, overwritten by the firmware, or may never have held a box.
 *
 *   [header, canary | text | last run's text | CPU 0: ring, second ring, reserve, history | CPU 1: ... | core]
 *
 * header.checksum covers what never changes during a run. The text has a sum that is updated with every
 * line, so it can be checked after a sudden reset. The rings get a checksum only when the box is sealed.
 * Before that each record is checked by itself: its sequence number tells its slot.
 */
#ifndef TRAPLINE_BLACKBOX_LAYOUT_H
#define TRAPLINE_BLACKBOX_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define BLACKBOX_MAGIC        0x786f42656e696c54ull /* "TlineBox" */
#define BLACKBOX_VERSION      7
#define BLACKBOX_TEXT_SIZE    0x10000ull /* a power of two */
#define BLACKBOX_MAX_CPUS     1024
#define BLACKBOX_RESERVE_SIZE 0x1ad90ull /* sizeof(struct reserve) of src/trace/reserve.h */

/* Addresses for the box in MiB, by preference: firmware and boot loaders use these least. */
#define BLACKBOX_PLACES(X) X(1536) X(1024) X(768) X(512) X(384) X(256) X(192) X(128) X(96) X(64)

#define BLACKBOX_SEALED 1
#define BLACKBOX_SAID   2 /* the guest may still run: the rings are open */

/* How a run ended, if Trapline saw its end. */
struct blackbox_end {
	/*
	 * BLACKBOX_SEALED: the run has ended. BLACKBOX_SAID: the guest said that it is dying. Only then are the
	 * other members valid.
	 */
	uint64_t sealed;
	/* 1: a triple fault or a fault of Trapline's own; 0: the guest ended on purpose */
	uint64_t failure;
	uint64_t report;    /* where in the text the report begins, as a count of characters like text_head */
	uint64_t rings_sum; /* of everything from rings_at on */
	char why[96];
	uint64_t checksum; /* of the members before */
};

/* Which run has made the core. */
#define BLACKBOX_CORE_MADE    1 /* this one */
#define BLACKBOX_CORE_LAST    2 /* the one before */
#define BLACKBOX_CORE_EARLIER 3 /* one before that */

#define BLACKBOX_CORE_WRITTEN 0x100 /* a start has written it to core_file: no other has to */

/* The ELF core at core_at, a complete file. */
struct blackbox_core {
	uint64_t is; /* BLACKBOX_CORE_...; 0: there is none, or it is being made */
	uint64_t bytes;
	uint64_t sum;      /* of its bytes, which are a multiple of 8 */
	uint64_t checksum; /* of the members before */
};

struct blackbox_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_size;                /* sizeof(struct blackbox_header) of the build that wrote it */
	uint64_t size;                       /* of the whole box, a multiple of 4096 */
	uint64_t text_at, last_at, rings_at; /* offsets from the box's start */
	uint64_t cpu_size; /* struct blackbox_part: that of CPU n begins at rings_at + n * cpu_size */
	uint64_t core_at, core_room; /* a multiple of 4096; its bytes, 0: the box keeps no core */
	uint32_t cpus;
	uint32_t ring_records;    /* a power of two */
	uint32_t history_entries; /* a power of two */
	uint32_t record_version;  /* TRAP_RECORD_VERSION */
	uint64_t tsc_start, tsc_khz;
	char vmm_version[32];
	char backend[8];
	char started[24];  /* date and time by the firmware's clock */
	uint64_t checksum; /* of the members before */

	/* These change while the guest runs. */
	uint64_t text_head; /* characters ever put into the text */
	uint64_t text_sum;  /* see blackbox_text_sum() */
	struct blackbox_end end;
	struct blackbox_core core;
};

/* After the header, in the box's first page: a pattern that shows whether memory survives a reset (boot/canary.h). */
#define BLACKBOX_CANARY_AT    3072u
#define BLACKBOX_CANARY_WORDS 128u

_Static_assert(sizeof(struct blackbox_header) <= BLACKBOX_CANARY_AT, "the first page holds both");

/* The words of the pattern: half of the bits are ones, and all words differ (the finalizer of splitmix64). */
static inline uint64_t blackbox_canary(unsigned n)
{
	uint64_t z = (n + 1) * 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

#define BLACKBOX_BESIDE 256u /* records; fewer if the ring has fewer */

/*
 * The number of records of the second ring, which a CPU writes while its first ring is frozen. It begins at the next page after the
 * first ring. That is the end of the first ring, because a ring has at least 64 records.
 */
static inline uint32_t blackbox_beside(uint32_t ring_records)
{
	return ring_records < BLACKBOX_BESIDE ? ring_records : BLACKBOX_BESIDE;
}

static inline uint64_t blackbox_beside_at(uint32_t ring_records)
{
	return (ring_records * 256ull + 4095) & ~4095ull;
}

static inline uint64_t blackbox_up(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) & ~(unit - 1);
}

/* A history lies at a multiple of twice its size (src/trace/history.h); all begins at a page. */
static inline uint64_t blackbox_unit(uint32_t history_entries)
{
	return history_entries * 64ull > 4096 ? history_entries * 64ull : 4096;
}

/* What is one CPU's, the same for every one: the ring at 0, the other parts by their offsets. */
struct blackbox_part {
	uint64_t beside_at, reserve_at, history_at;
	uint64_t size;
};

static inline struct blackbox_part blackbox_part(uint32_t ring_records, uint32_t history_entries)
{
	uint64_t unit = blackbox_unit(history_entries);
	struct blackbox_part p = {.beside_at = blackbox_beside_at(ring_records)};

	p.reserve_at = blackbox_up(p.beside_at + blackbox_beside(ring_records) * 256ull, 4096);
	p.history_at = blackbox_up(p.reserve_at + BLACKBOX_RESERVE_SIZE, unit);
	p.size = blackbox_up(p.history_at + history_entries * 32ull, unit);
	return p;
}

/* The offset of the first CPU's part, after header and texts. */
static inline uint64_t blackbox_rings_at(uint32_t history_entries)
{
	return blackbox_up(4096 + 2 * BLACKBOX_TEXT_SIZE, blackbox_unit(history_entries));
}

/* The offset of the core, behind the last CPU's part. */
static inline uint64_t blackbox_core_at(uint64_t rings_at, uint32_t count, uint64_t cpu_size)
{
	return blackbox_up(rings_at + count * cpu_size, 4096);
}

/*
 * FNV-1a, 64 bits wide, over words.
 *   n  bytes, a multiple of 8
 */
static inline uint64_t blackbox_checksum(const void *from, uint64_t n)
{
	const uint64_t *words = from;
	uint64_t sum = 0xcbf29ce484222325ull;

	for (uint64_t i = 0; i < n / 8; i++)
		sum = (sum ^ words[i]) * 0x100000001b3ull;
	return sum;
}

static inline uint64_t blackbox_header_sum(const struct blackbox_header *h)
{
	return blackbox_checksum(h, offsetof(struct blackbox_header, checksum));
}

static inline uint64_t blackbox_end_sum(const struct blackbox_end *e)
{
	return blackbox_checksum(e, offsetof(struct blackbox_end, checksum));
}

static inline uint64_t blackbox_core_sum(const struct blackbox_core *c)
{
	return blackbox_checksum(c, offsetof(struct blackbox_core, checksum));
}

/* BLACKBOX_CORE_MADE and so on; 0: none of them. */
static inline uint64_t blackbox_core_age(uint64_t is)
{
	uint64_t age = is & ~(uint64_t)BLACKBOX_CORE_WRITTEN;

	return age <= BLACKBOX_CORE_EARLIER ? age : 0;
}

/*
 * What the next run calls a core of this one's box.
 *   written  its start has written it to core_file
 */
static inline uint64_t blackbox_core_next(uint64_t is, int written)
{
	uint64_t age = is == BLACKBOX_CORE_MADE ? BLACKBOX_CORE_LAST : BLACKBOX_CORE_EARLIER;

	return age | (is & BLACKBOX_CORE_WRITTEN) | (written ? BLACKBOX_CORE_WRITTEN : 0);
}

/* Whether a box whose header can be trusted has a whole core. */
static inline int blackbox_has_core(const struct blackbox_header *h)
{
	const struct blackbox_core *c = &h->core;

	return blackbox_core_age(c->is) && c->checksum == blackbox_core_sum(c) && c->bytes &&
	       c->bytes <= h->core_room && c->bytes % 8 == 0 &&
	       c->sum == blackbox_checksum((const uint8_t *)h + h->core_at, c->bytes);
}

/*
 * The sum is made of words, each times an odd number that depends on its place: one word can be replaced without reading
 * the others, and no change of one word is missed.
 */
static inline uint64_t blackbox_text_part(uint64_t index, uint64_t word)
{
	return word * (2 * index + 1);
}

/* text  aligned to a word */
static inline uint64_t blackbox_text_sum(const uint8_t *text)
{
	const uint64_t *words = (const uint64_t *)text;
	uint64_t sum = 0;

	for (uint64_t i = 0; i < BLACKBOX_TEXT_SIZE / 8; i++)
		sum += blackbox_text_part(i, words[i]);
	return sum;
}

static inline int blackbox_is_power(uint64_t n)
{
	return n && !(n & (n - 1));
}

/* Whether all parts lie inside the box. Another system may have written it on purpose. */
static inline int blackbox_fits(const struct blackbox_header *h, uint64_t room)
{
	if (h->size > room || h->size % 4096 || h->size < 3 * BLACKBOX_TEXT_SIZE ||
		h->cpus > BLACKBOX_MAX_CPUS)
		return 0;
	if (h->text_at > h->size - BLACKBOX_TEXT_SIZE || h->text_at % 8 ||
		h->last_at > h->size - BLACKBOX_TEXT_SIZE || h->last_at % 8 || h->rings_at > h->size ||
		h->rings_at % 8 || h->cpu_size > h->size || h->cpu_size % 8)
		return 0;
	if (h->core_at > h->size || h->core_at % 4096 || h->core_room > h->size - h->core_at)
		return 0;
	if (!blackbox_is_power(h->ring_records) || !blackbox_is_power(h->history_entries))
		return 0;
	return h->cpus * h->cpu_size <= h->size - h->rings_at &&
	       blackbox_part(h->ring_records, h->history_entries).size <= h->cpu_size;
}

/*
 * Whether a header can be trusted.
 *   room  the largest size in bytes that the box can have
 * Returns NULL if it can; "" if there is no box; or what is wrong with it.
 */
static inline const char *blackbox_fault(const struct blackbox_header *h, uint64_t room)
{
	if (h->magic != BLACKBOX_MAGIC)
		return "";
	if (h->version != BLACKBOX_VERSION || h->header_size != sizeof(*h))
		return "another version of Trapline wrote it";
	if (h->checksum != blackbox_header_sum(h))
		return "its header's checksum is wrong";
	return blackbox_fits(h, room) ? NULL : "its header contradicts itself";
}

#endif
