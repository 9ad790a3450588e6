// SPDX-License-Identifier: MIT
#include "vmcall/copy_buffer.h"
#include "hw/lock.h"
#include <trapline/abi.h>

static struct copy_buffer {
	uint8_t *memory;
	uint64_t size, filled, owner;
	struct lock lock;
} buffer = {.lock = LOCK_FREE};

void copy_buffer_init(void *memory, uint64_t bytes)
{
	buffer.memory = memory;
	buffer.size = bytes;
	buffer.filled = 0;
	buffer.owner = COPY_KERNEL;
}

uint64_t copy_buffer_size(void)
{
	return buffer.size;
}

uint64_t copy_buffer_filled(void)
{
	return buffer.filled;
}

bool copy_buffer_take(void)
{
	return lock_try(&buffer.lock);
}

void copy_buffer_release(void)
{
	lock_give(&buffer.lock);
}

static bool begins(enum copy_way way, uint64_t offset)
{
	return way == COPY_PUT && offset == 0;
}

int64_t copy_buffer_check(enum copy_way way, uint64_t who, uint64_t offset, uint64_t bytes)
{
	uint64_t limit = way == COPY_PUT ? buffer.size : buffer.filled;

	if (!begins(way, offset) && who != buffer.owner && (way == COPY_PUT || who != COPY_KERNEL))
		return TRAPLINE_E_DENIED;
	/* No gaps, because they would show what another caller left there. */
	if (way == COPY_PUT && offset > buffer.filled && offset)
		return TRAPLINE_E_RANGE;
	return offset <= limit && bytes <= limit - offset ? 0 : TRAPLINE_E_RANGE;
}

void *copy_buffer_open(enum copy_way way, uint64_t who, uint64_t offset, uint64_t bytes)
{
	if (begins(way, offset)) {
		buffer.owner = who;
		buffer.filled = 0;
	}
	if (way == COPY_PUT && offset + bytes > buffer.filled)
		buffer.filled = offset + bytes;
	return buffer.memory + offset;
}
