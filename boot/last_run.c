// SPDX-License-Identifier: MIT
/*
 * The last run's black box. The loader searches it before it takes memory, and passes it to the VMM, which can
 * decode it. The loader then prints the text.
 */
#include <lib/printf.h>
#include <lib/string.h>
#include "canary.h"
#include "lib/array.h"
#include "loader.h"

#define MIB      0x100000ull
#define ROOM_MAX (2048 * MIB) /* larger than any configuration needs */

#define X(mib) mib,
static const uint16_t places[] = {BLACKBOX_PLACES(X)};
#undef X

#define WATCHDOG_SECONDS 300     /* the boot manager's value: UEFI specification 3.1.2 */
#define WATCHDOG_CODE    0x10000 /* smaller codes are the firmware's: 7.5, SetWatchdogTimer() */

#define PLACES ARRAY_SIZE(places)

uint64_t blackbox_place(const struct loader *l, unsigned n)
{
	uint32_t wanted = l->config.blackbox_mib;

	if (!l->config.blackbox)
		return 0;
	if (wanted)
		return n ? 0 : wanted * MIB;
	return n < PLACES ? places[n] * MIB : 0;
}

static bool take(EFI_PHYSICAL_ADDRESS at, uint64_t size)
{
	return !EFI_ERROR(BS->AllocatePages(AllocateAddress, EfiLoaderData, EFI_SIZE_TO_PAGES(size), &at));
}

/* Copies the box away from the place that this run's box will take. The loader already owns its first page. False: the rest is in use. */
static bool copy_out(const struct blackbox_header *h, struct last_run *last)
{
	uint64_t base = (uint64_t)h, rest = h->size - EFI_PAGE_SIZE;
	EFI_PHYSICAL_ADDRESS copy;

	if (!take(base + EFI_PAGE_SIZE, rest))
		return false;
	EFI_STATUS status =
		BS->AllocatePages(AllocateAnyPages, EfiLoaderData, EFI_SIZE_TO_PAGES(h->size), &copy);
	if (!EFI_ERROR(status)) {
		memcpy((void *)copy, h, h->size);
		memory_free(last->base, last->size);
		last->base = copy;
		last->size = h->size;
	}
	memory_free(base + EFI_PAGE_SIZE, rest);
	return !EFI_ERROR(status);
}

/* Date and time are written so that comparing the strings compares the times. */
static bool is_newer(const struct blackbox_header *h, const struct last_run *last)
{
	const struct blackbox_header *before = (const struct blackbox_header *)last->base;

	return !before || memcmp(h->started, before->started, sizeof(h->started)) > 0;
}

/* Only memory that the firmware allocates to us is read: any other address may be unmapped, or may not be memory. */
static bool read_place(uint64_t place, struct last_run *last, enum canary_seen *best)
{
	if (!take(place, EFI_PAGE_SIZE))
		return false;
	const struct blackbox_header *h = (const struct blackbox_header *)place;
	enum canary_seen seen = canary_check((const uint64_t *)(place + BLACKBOX_CANARY_AT));
	*best = seen > *best ? seen : *best;
	const char *fault = blackbox_fault(h, ROOM_MAX);
	if (!fault && is_newer(h, last) && !copy_out(h, last))
		fault = "the firmware uses a part of it";
	if (fault && fault[0])
		say("black box: the one at %u MiB cannot be read: %s", (unsigned)(place / MIB), fault);
	memory_free(place, EFI_PAGE_SIZE);
	return true;
}

/* Erases every box, so that the next start does not print it again. This run's box overwrites the one at its own place. */
static void forget(const struct loader *l)
{
	uint64_t place;

	for (unsigned n = 0; (place = blackbox_place(l, n)); n++) {
		struct blackbox_header *h = (struct blackbox_header *)place;

		if (!take(place, EFI_PAGE_SIZE))
			continue;
		if (h->magic == BLACKBOX_MAGIC)
			h->magic = 0;
		memory_free(place, EFI_PAGE_SIZE);
	}
}

void blackbox_wipe(uint64_t box)
{
	memset((void *)box, 0, EFI_PAGE_SIZE);
}

static EFI_GUID trapline_variables = {
	0x7c1f3b5e, 0x6a44, 0x4e0b, {0x9d, 0x52, 0x54, 0x72, 0x61, 0x70, 0x6c, 0x6e}};
static CHAR16 memory_variable[] = L"TraplineMemory";

/* TCG platform reset attack mitigation specification 1.10, 4.1. */
static EFI_GUID mor_variables = {
	0xe20939be, 0x32d4, 0x41be, {0xa1, 0x50, 0x89, 0x7f, 0x85, 0xd4, 0x98, 0x29}};
static CHAR16 mor_variable[] = L"MemoryOverwriteRequestControl";

/* Reads a variable of one byte. False: it does not exist. */
static bool get_byte(CHAR16 *name, EFI_GUID *guid, uint8_t *value)
{
	UINTN size = sizeof(*value);

	return !EFI_ERROR(RT->GetVariable(name, guid, NULL, &size, value)) && size == sizeof(*value);
}

/* Writes only a new value, because each write wears the firmware's flash. If the write fails, the next start finds out again. */
static void remember(uint8_t known, uint8_t now)
{
	if (known != now)
		RT->SetVariable(memory_variable, &trapline_variables,
			EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS, sizeof(now), &now);
}

static void say_memory(enum canary_seen seen, bool found, bool reset)
{
	uint8_t known = CANARY_FIRST, mor, now;
	char line[300];

	get_byte(memory_variable, &trapline_variables, &known);
	now = canary_learn(known, seen, reset);
	remember(known, now);
	canary_words(line, sizeof(line), now, seen, found, get_byte(mor_variable, &mor_variables, &mor));
	say("%s", line);
}

static CHAR16 place_variable[] = L"TraplinePlace";

/* In MiB; 0: not known, or no start reads a box there. */
static uint16_t place_of_last(void)
{
	UINTN size = sizeof(uint16_t);
	uint16_t mib = 0;

	if (EFI_ERROR(RT->GetVariable(place_variable, &trapline_variables, NULL, &size, &mib)) ||
		size != sizeof(mib))
		return 0;
	return mib;
}

void blackbox_note_place(const struct loader *l, uint64_t box)
{
	uint64_t place;
	uint16_t mib = 0;

	for (unsigned n = 0; (place = blackbox_place(l, n)); n++)
		if (place == box)
			mib = (uint16_t)(box / MIB);
	if (l->config.cmos && place_of_last() != mib)
		RT->SetVariable(place_variable, &trapline_variables,
			EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS, sizeof(mib), &mib);
}

/*
 * After a certain reset, the result shows whether memory survives only if the last run's place was read. It may not have been: blackbox_mib
 * may differ, or the firmware may use that place now.
 */
static void say_what_is_known(enum canary_seen seen, const struct last_run *last, bool reset, bool was_read)
{
	uint16_t mib = place_of_last();

	if (reset && mib && !was_read && !last->base && seen != CANARY_WHOLE)
		say("black box: no report of a last run: it lay at %u MiB, which this start does not read",
			mib);
	else
		say_memory(last->base ? CANARY_WHOLE : seen, last->base, reset && was_read);
}

void blackbox_find(const struct loader *l, struct last_run *last, bool reset)
{
	enum canary_seen seen = CANARY_OTHER;
	EFI_PHYSICAL_ADDRESS text;
	uint64_t place, of_last = place_of_last() * MIB;
	unsigned places_read = 0;
	bool there = false;

	for (unsigned n = 0; (place = blackbox_place(l, n)); n++) {
		bool is_memory = read_place(place, last, &seen);

		places_read += is_memory;
		there |= is_memory && place == of_last;
	}
	if (places_read)
		say_what_is_known(seen, last, reset, there);
	else if (l->config.blackbox)
		say("black box: no report of a last run: the firmware uses every place where one may lie");
	if (!last->base)
		return;
	if (EFI_ERROR(BS->AllocatePages(
		    AllocateAnyPages, EfiLoaderData, EFI_SIZE_TO_PAGES(LAST_TEXT_MAX), &text)))
		return;
	last->text = (char *)text;
	last->text[0] = 0;
}

void blackbox_release(struct last_run *last)
{
	memory_free(last->base, last->size);
	memory_free((uint64_t)last->text, last->text ? LAST_TEXT_MAX : 0);
	*last = (struct last_run){0};
}

static void append(const struct loader *l, const char *file, const char *text)
{
	EFI_STATUS status = file_append(l, file, text);

	if (EFI_ERROR(status))
		say("black box: blackbox_file %s cannot be written (%s)", file, say_status(status));
	else
		say("black box: written to %s", file);
}

void blackbox_write_core(const struct loader *l, struct last_run *last)
{
	const struct blackbox_header *h = (const struct blackbox_header *)last->base;
	const char *file = l->config.core_file;
	EFI_STATUS status;

	if (!h || !file[0] || !blackbox_has_core(h) || h->core.is & BLACKBOX_CORE_WRITTEN)
		return;
	status = file_replace(l, file, (const char *)h + h->core_at, h->core.bytes);
	last->core_written = !EFI_ERROR(status);
	if (last->core_written)
		say("core: of %s, written to %s, bytes=%u",
			h->core.is == BLACKBOX_CORE_MADE ? "the last run" : "an earlier run", file,
			(unsigned)h->core.bytes);
	else
		say("core: core_file %s cannot be written (%s); the next start tries again", file,
			say_status(status));
}

void blackbox_print(const struct loader *l, const struct last_run *last)
{
	if (!last->text || !last->text[0])
		return;
	/* At a low baud rate printing takes longer than the five minutes that the boot manager allows an image. */
	BS->SetWatchdogTimer(0, 0, 0, NULL);
	say_long(last->text);
	BS->SetWatchdogTimer(WATCHDOG_SECONDS, WATCHDOG_CODE, 0, NULL);
	if (l->config.blackbox_file[0])
		append(l, l->config.blackbox_file, last->text);
	forget(l);
}

void blackbox_now(char *out, size_t size)
{
	EFI_TIME now;

	if (EFI_ERROR(RT->GetTime(&now, NULL)))
		return;
	snprintf(out, size, "%u-%02u-%02u %02u:%02u:%02u", now.Year, now.Month, now.Day, now.Hour, now.Minute,
		now.Second);
}
