// SPDX-License-Identifier: MIT
#include "blackbox/blackbox.h"
#include <stdatomic.h>
#include <trapline/record.h>
#include <boot/blackbox_layout.h>
#include "hw/asm.h"
#include "hw/machine.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mem/pool.h"

#define CUT_ROOM        80
#define STALE_SECONDS   120
#define GOES_ON_SECONDS 2   /* a reset or power-off takes no longer */
#define SLACK_MS        100 /* CPUs' TSCs may differ a little */

static struct blackbox_header *box;
static uint8_t *box_text;
static uint64_t used, mark;
static unsigned cut;               /* lines after the mark that did not fit */
static _Atomic uint64_t sealed_at; /* TSC */
static _Atomic bool reporting;     /* between a mark and its seal */
static _Atomic uint32_t cores;     /* begun in this run */
static bool is_looked_for;         /* the next start searches this place */

static uint8_t *at(uint64_t offset)
{
	return (uint8_t *)box + offset;
}

static bool is_place(const struct trapline_config *config, uint64_t place)
{
#define X(mib) || place == (uint64_t)(mib) << 20
	return config->blackbox && (place == (uint64_t)config->blackbox_mib << 20 BLACKBOX_PLACES(X));
#undef X
}

bool blackbox_init(const struct boot_info *info)
{
	uint64_t place = info->piece[BOOT_PIECE_BOX].base;

	box = pool_virt(place);
	is_looked_for = is_place(&info->config, place);
	box->text_at = PAGE_SIZE;
	box->last_at = box->text_at + BLACKBOX_TEXT_SIZE;
	box->rings_at = blackbox_rings_at(info->config.history);
	box->cpus = info->cpus;
	box->ring_records = info->config.ring;
	box->history_entries = info->config.history;
	box->cpu_size = blackbox_part(box->ring_records, box->history_entries).size;
	used = box->rings_at + box->cpus * box->cpu_size;
	box->core_at = blackbox_core_at(box->rings_at, box->cpus, box->cpu_size);
	box->core_room = info->config.core_kib * 1024ull;
	box_text = at(box->text_at);
	return box->core_at + box->core_room <= info->piece[BOOT_PIECE_BOX].size;
}

bool blackbox_is_there(void)
{
	return is_looked_for;
}

struct blackbox_cpu blackbox_cpu(uint32_t n)
{
	struct blackbox_part part = blackbox_part(box->ring_records, box->history_entries);
	uint64_t from = box->rings_at + n * box->cpu_size;

	return (struct blackbox_cpu){.ring = at(from),
		.beside = at(from + part.beside_at),
		.reserve = at(from + part.reserve_at),
		.history = at(from + part.history_at)};
}

/* Flushes the canary from the cache at once, because a sudden reset loses the caches. */
static void lay_canary(void)
{
	uint64_t *words = (uint64_t *)at(BLACKBOX_CANARY_AT);

	for (unsigned i = 0; i < BLACKBOX_CANARY_WORDS; i++)
		words[i] = blackbox_canary(i);
	wbinvd();
}

void blackbox_open(const char *version, const char *backend)
{
	box->version = BLACKBOX_VERSION;
	box->header_size = sizeof(*box);
	box->size = boot_info.piece[BOOT_PIECE_BOX].size;
	box->record_version = TRAP_RECORD_VERSION;
	box->tsc_start = boot_info.tsc_start;
	box->tsc_khz = boot_info.tsc_khz;
	snprintf(box->vmm_version, sizeof(box->vmm_version), "%s", version);
	snprintf(box->backend, sizeof(box->backend), "%s", backend);
	memcpy(box->started, boot_info.started, sizeof(box->started));
	box->magic = BLACKBOX_MAGIC;
	box->checksum = blackbox_header_sum(box);
	lay_canary();
}

void *blackbox_core_begin(uint64_t *room)
{
	*room = box ? box->core_room : 0;
	if (!*room)
		return NULL;
	__atomic_store_n(&box->core.is, 0, __ATOMIC_RELEASE);
	atomic_fetch_add(&cores, 1);
	return at(box->core_at);
}

static void end_core(uint64_t bytes, uint64_t is)
{
	struct blackbox_core *c = &box->core, whole = {.is = is, .bytes = bytes};

	whole.sum = blackbox_checksum(at(box->core_at), bytes);
	c->bytes = bytes;
	c->sum = whole.sum;
	c->checksum = blackbox_core_sum(&whole);
	__atomic_store_n(&c->is, is, __ATOMIC_RELEASE);
	wbinvd();
}

void blackbox_core_end(uint64_t bytes)
{
	end_core(bytes, BLACKBOX_CORE_MADE);
}

void blackbox_core_take(const struct blackbox_header *last, bool written)
{
	uint64_t room;
	void *to;

	if (!blackbox_has_core(last) || last->core.bytes > box->core_room)
		return;
	to = blackbox_core_begin(&room);
	if (!to)
		return;
	memcpy(to, (const uint8_t *)last + last->core_at, last->core.bytes);
	end_core(last->core.bytes, blackbox_core_next(last->core.is, written));
	atomic_store(&cores, 0);
}

const void *blackbox_core(uint64_t *bytes, uint64_t *age)
{
	uint64_t is = box ? __atomic_load_n(&box->core.is, __ATOMIC_ACQUIRE) : 0;

	if (!is)
		return NULL;
	*bytes = box->core.bytes;
	*age = blackbox_core_age(is);
	return at(box->core_at);
}

uint32_t blackbox_core_number(void)
{
	return atomic_load(&cores);
}

/* The change of the sum if a word of the text is replaced. */
static inline uint64_t replace(uint64_t index, uint64_t word)
{
	uint64_t *to = (uint64_t *)box_text + index, old = *to;

	*to = word;
	return blackbox_text_part(index, word - old);
}

/* Replaces n bytes, all of one word. */
static uint64_t replace_part(uint64_t head, const char *bytes, size_t n)
{
	uint64_t place = head % BLACKBOX_TEXT_SIZE, word = ((uint64_t *)box_text)[place / 8];

	for (char *to = (char *)&word + place % 8; n; n--)
		*to++ = *bytes++;
	return replace(place / 8, word);
}

/* Replaces whole words, up to the end of the text at most. Returns how many. */
static size_t replace_words(uint64_t head, const char *bytes, size_t words, uint64_t *sum)
{
	uint64_t index = head % BLACKBOX_TEXT_SIZE / 8, word;
	size_t n = BLACKBOX_TEXT_SIZE / 8 - index < words ? BLACKBOX_TEXT_SIZE / 8 - index : words;

	for (const char *end = bytes + 8 * n; bytes != end; bytes += 8) {
		__builtin_memcpy(&word, bytes, 8);
		*sum += replace(index++, word);
	}
	return n;
}

/* Called for a complete line. A reset before the last store makes the sum wrong, as one within a single byte would. */
static void put(const char *bytes, size_t n)
{
	uint64_t head = box->text_head, sum = box->text_sum;
	size_t first = -head % 8 < n ? -head % 8 : n;

	box->text_head = head + n;
	sum += replace_part(head, bytes, first);
	bytes += first;
	head += first;
	for (n -= first; n >= 8; n -= first, bytes += first, head += first)
		first = 8 * replace_words(head, bytes, n / 8, &sum);
	box->text_sum = sum + replace_part(head, bytes, n);
}

/*
 * A report that is longer than the box keeps its beginning, which says what happened. Later lines are counted,
 * and CUT_ROOM is reserved for a line with the count.
 */
static bool has_room(size_t length)
{
	if (box->end.sealed == BLACKBOX_SAID) /* the guest still runs, and newer lines matter more */
		return true;
	return !mark || box->text_head - (mark - 1) + length + 1 + CUT_ROOM <= BLACKBOX_TEXT_SIZE;
}

void blackbox_line(const char *line)
{
	blackbox_add_line(line, strlen(line));
}

void blackbox_add_line(const char *line, size_t length)
{
	if (!box)
		return;
	if (!has_room(length)) {
		cut++;
		return;
	}
	put(line, length);
	put("\n", 1);
}

static void say_cut(void)
{
	char line[CUT_ROOM];

	snprintf(line, sizeof(line), "(%u more lines of the report did not fit here)\n", cut);
	if (cut)
		put(line, strlen(line));
	cut = 0;
}

static bool is_older(unsigned seconds)
{
	uint64_t slack = boot_info.tsc_khz * SLACK_MS;

	return rdtsc() + slack - atomic_load(&sealed_at) >= boot_info.tsc_khz * 1000 * seconds + slack;
}

/* Whether the guest still runs after it said that it is dying. */
static bool is_stale(void)
{
	return box->end.sealed == BLACKBOX_SAID && is_older(STALE_SECONDS);
}

void blackbox_mark(void)
{
	atomic_store(&reporting, true);
	if (box && (!mark || is_stale()))
		mark = box->text_head + 1; /* 0 means no mark */
}

void blackbox_note_story(void)
{
	if (box && !box->end.sealed)
		box->end.report = box->text_head;
}

void blackbox_unmark(void)
{
	mark = 0;
}

/* Another CPU may read it meanwhile, so `sealed` is set last. */
static void seal(uint64_t how, const char *why, bool failure)
{
	struct blackbox_end *e = &box->end, whole;

	atomic_store(&sealed_at, rdtsc());
	say_cut();
	e->failure = failure;
	e->report = mark ? mark - 1 : box->text_head;
	e->rings_sum = how == BLACKBOX_SAID ? 0 : blackbox_checksum(at(box->rings_at), used - box->rings_at);
	snprintf(e->why, sizeof(e->why), "%s", why);
	whole = *e;
	whole.sealed = how;
	e->checksum = blackbox_end_sum(&whole);
	__atomic_store_n(&e->sealed, how, __ATOMIC_RELEASE);
	wbinvd();
}

/* After a failure no other end is sealed, as long as the failure may be the end. */
static void seal_once(uint64_t how, const char *why, bool failure)
{
	if (box && !(box->end.sealed == BLACKBOX_SEALED && box->end.failure))
		seal(how, why, failure);
	atomic_store(&reporting, false);
}

void blackbox_seal(const char *why, bool failure)
{
	seal_once(BLACKBOX_SEALED, why, failure);
}

void blackbox_say(const char *why)
{
	seal_once(BLACKBOX_SAID, why, true);
}

static _Atomic bool kept;

void blackbox_keep(void)
{
	atomic_store(&kept, true);
}

/* After a death no CPU calls this, unless a capture kernel runs. */
bool blackbox_goes_on(void)
{
	uint64_t how = box ? __atomic_load_n(&box->end.sealed, __ATOMIC_ACQUIRE) : 0;

	if (!how || atomic_load(&reporting) || atomic_load(&kept) ||
		!is_older(how == BLACKBOX_SEALED ? GOES_ON_SECONDS : STALE_SECONDS))
		return false;
	box->end.sealed = 0;
	mark = 0;
	return true;
}
