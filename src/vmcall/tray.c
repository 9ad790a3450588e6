#include "vmcall/tray.h"
#include "hw/lock.h"
#include <trapline/abi.h>

static struct tray {
	uint8_t *memory;
	uint64_t size, filled, owner;
	struct lock lock;
} tray = {.lock = LOCK_FREE};

void tray_init(void *memory, uint64_t bytes)
{
	tray.memory = memory;
	tray.size = bytes;
	tray.filled = 0;
	tray.owner = TRAY_KERNEL;
}

uint64_t tray_size(void)
{
	return tray.size;
}

uint64_t tray_filled(void)
{
	return tray.filled;
}

bool tray_take(void)
{
	return lock_try(&tray.lock);
}

void tray_release(void)
{
	lock_give(&tray.lock);
}

static bool begins(enum tray_way way, uint64_t offset)
{
	return way == TRAY_PUT && offset == 0;
}

int64_t tray_check(enum tray_way way, uint64_t who, uint64_t offset, uint64_t bytes)
{
	uint64_t limit = way == TRAY_PUT ? tray.size : tray.filled;

	if (!begins(way, offset) && who != tray.owner && (way == TRAY_PUT || who != TRAY_KERNEL))
		return TRAPLINE_E_DENIED;
	/* No holes: what was never put would be what somebody else left there. */
	if (way == TRAY_PUT && offset > tray.filled && offset)
		return TRAPLINE_E_RANGE;
	return offset <= limit && bytes <= limit - offset ? 0 : TRAPLINE_E_RANGE;
}

void *tray_open(enum tray_way way, uint64_t who, uint64_t offset, uint64_t bytes)
{
	if (begins(way, offset)) {
		tray.owner = who;
		tray.filled = 0;
	}
	if (way == TRAY_PUT && offset + bytes > tray.filled)
		tray.filled = offset + bytes;
	return tray.memory + offset;
}
