// SPDX-License-Identifier: MIT
/* Reads the verdict that the last run left in the RTC's CMOS. */
#include <lib/string.h>
#include "loader.h"
#include "trace/vector.h"

#define X(number, enumerator, mnemonic, name, has_error, class) mnemonic,
static const char *const names[] = {VECTORS(X)};
#undef X

/* Bit 7 of the index port keeps the value that it reads as, as in EDK II's own driver. */
static uint8_t no_nmi(void)
{
	return inb(CMOS_INDEX) & CMOS_NO_NMI;
}

/* At TPL_HIGH_LEVEL no code of the firmware runs between index and data. */
static void fetch(uint8_t at, struct cmos_note *note)
{
	EFI_TPL before = BS->RaiseTPL(TPL_HIGH_LEVEL);
	uint8_t *bytes = (uint8_t *)note, nmi = no_nmi();

	for (unsigned i = 0; i < CMOS_NOTE_SIZE; i++)
		bytes[i] = cmos_get((uint8_t)(at + i), nmi);
	outb(CMOS_INDEX, CMOS_AT_REST | nmi);
	BS->RestoreTPL(before);
}

static void clear(uint8_t at)
{
	EFI_TPL before = BS->RaiseTPL(TPL_HIGH_LEVEL);
	uint8_t nmi = no_nmi();

	for (unsigned i = 0; i < CMOS_NOTE_SIZE; i++)
		cmos_put((uint8_t)(at + i), nmi, 0);
	outb(CMOS_INDEX, CMOS_AT_REST | nmi);
	BS->RestoreTPL(before);
}

static uint64_t number(const uint8_t bytes[8])
{
	uint64_t value = 0;

	for (unsigned i = 8; i--;)
		value = value << 8 | bytes[i];
	return value;
}

bool cmos_fetch(struct loader *l, struct cmos_note *note)
{
	uint8_t at = (uint8_t)l->config.cmos;

	if (!at)
		return false;
	fetch(at, note);
	if (cmos_note_valid(note))
		return true;
	if (note->magic != CMOS_MAGIC && !cmos_note_blank(note)) {
		say("cmos = %u: bytes %u to %u of the CMOS hold data that is not Trapline's; it is left "
		    "alone, and "
		    "nothing is written there",
			at, at, at + CMOS_NOTE_SIZE - 1);
		l->config.cmos = 0;
	}
	return false;
}

void cmos_tell(const struct loader *l, const struct cmos_note *note, bool told)
{
	const char *who = note->flags & CMOS_OWN    ? "Trapline itself"
			  : note->flags & CMOS_USER ? "a program"
						    : "the kernel";

	clear((uint8_t)l->config.cmos);
	if (told)
		return;
	if (note->flags & CMOS_HAS_CR2)
		say("verdict of the last run, from the CMOS: %s took %s at 0x%lx, with cr2=0x%lx", who,
			names[note->vector], number(note->rip), number(note->cr2));
	else
		say("verdict of the last run, from the CMOS: %s took %s at 0x%lx", who, names[note->vector],
			number(note->rip));
}
