#include "vmcall/box.h"
#include <stdatomic.h>
#include <trapline/abi.h>

static struct box {
	uint8_t *memory;
	uint64_t size, filled, owner;
	atomic_flag taken;
} box = {.taken = ATOMIC_FLAG_INIT};

void box_init(void *memory, uint64_t bytes)
{
	box.memory = memory;
	box.size = bytes;
	box.filled = 0;
	box.owner = BOX_KERNEL;
}

uint64_t box_size(void)
{
	return box.size;
}

uint64_t box_filled(void)
{
	return box.filled;
}

bool box_take(void)
{
	return !atomic_flag_test_and_set_explicit(&box.taken, memory_order_acquire);
}

void box_release(void)
{
	atomic_flag_clear_explicit(&box.taken, memory_order_release);
}

static bool begins(enum box_way way, uint64_t offset)
{
	return way == BOX_PUT && offset == 0;
}

int64_t box_check(enum box_way way, uint64_t who, uint64_t offset, uint64_t bytes)
{
	uint64_t limit = way == BOX_PUT ? box.size : box.filled;

	if (!begins(way, offset) && who != box.owner && (way == BOX_PUT || who != BOX_KERNEL))
		return TRAPLINE_E_DENIED;
	/* No holes: what was never put would be what somebody else left there. */
	if (way == BOX_PUT && offset > box.filled && offset)
		return TRAPLINE_E_RANGE;
	return offset <= limit && bytes <= limit - offset ? 0 : TRAPLINE_E_RANGE;
}

void *box_open(enum box_way way, uint64_t who, uint64_t offset, uint64_t bytes)
{
	if (begins(way, offset)) {
		box.owner = who;
		box.filled = 0;
	}
	if (way == BOX_PUT && offset + bytes > box.filled)
		box.filled = offset + bytes;
	return box.memory + offset;
}
