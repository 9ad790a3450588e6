// SPDX-License-Identifier: MIT
/*
 * The copies between the guest's memory and the copy buffer. One exit moves a few pages at most. The registers
 * hold the progress, as in REP MOVS: RIP stays at the VMCALL until all is copied, so that interrupts and #PFs for missing
 * pages are taken in between. Each chunk finds and checks all its pages before
 * the first byte moves.
 */
#include "hw/asm.h"
#include "hw/x86.h"
#include "mem/guest_ram.h"
#include "mem/layout.h"
#include "mem/paging.h"
#include "vendor.h"
#include "vmcall/copy_buffer.h"
#include "vmcall/caller.h"

/*
 * A page is 512 steps of REP MOVSQ. With finding and checking the pages, and the call's own cost, a chunk stays below the longest exit that
 * docs/performance.md allows. Linear memory takes a walk of the guest's tables a page.
 */
#define CHUNK_PAGES  7
#define LINEAR_PAGES 4

/* A chunk: pieces of guest-physical memory, each within one page. */
struct chunk {
	unsigned parts;
	uint64_t bytes;
	struct {
		uint64_t physical, bytes;
	} part[CHUNK_PAGES];
};

/* Finds the pieces of a chunk, as many as are accessible. Returns 0, or the error of the first piece. */
typedef int64_t gather(struct vmcall *call, enum copy_way way, struct chunk *c);

static bool page_in(const struct vmcall *call)
{
	return call->arg[ARG_RSI] & TRAPLINE_PAGE_IN;
}

static void add_part(struct chunk *c, uint64_t physical, uint64_t bytes)
{
	c->part[c->parts].physical = physical;
	c->part[c->parts++].bytes = bytes;
	c->bytes += bytes;
}

static uint64_t to_page_end(uint64_t address, uint64_t bytes)
{
	uint64_t room = PAGE_SIZE - (address & (PAGE_SIZE - 1));

	return bytes < room ? bytes : room;
}

static int64_t gather_physical(struct vmcall *call, enum copy_way way, struct chunk *c)
{
	uint64_t at = call->arg[ARG_RBX], left = call->arg[ARG_RCX];

	while (left && c->parts < CHUNK_PAGES) {
		uint64_t bytes = to_page_end(at, left);

		if (!guest_is_ram(at))
			return TRAPLINE_E_MEMORY;
		add_part(c, at, bytes);
		at += bytes;
		left -= bytes;
	}
	return 0;
}

static int64_t gather_virtual(struct vmcall *call, enum copy_way way, struct chunk *c)
{
	enum guest_access_kind kind = way == COPY_PUT ? GUEST_READ : GUEST_WRITE;
	uint64_t at = call->arg[ARG_RBX], left = call->arg[ARG_RCX];
	struct guest_view view;
	struct guest_page page;

	caller_view(call, &view);
	while (left && c->parts < LINEAR_PAGES) {
		uint64_t bytes = to_page_end(at, left);
		enum guest_access_result result = guest_access(&view, at, kind, &page);

		/* The pieces before this one are copied first; the next chunk reports the fault. */
		if (result != ACCESS_OK)
			return c->parts ? 0 : caller_fault(call, result, &page, at, page_in(call));
		add_part(c, page.physical, bytes);
		at += bytes;
		left -= bytes;
	}
	return 0;
}

/* The number of entries to read at once: up to the end of the list's page, so that RBX names an entry that cannot be read. */
static unsigned entries(const struct vmcall *call)
{
	uint64_t left = call->arg[ARG_RCX];
	uint64_t room = to_page_end(call->arg[ARG_RBX], CHUNK_PAGES * sizeof(uint64_t)) / sizeof(uint64_t);

	return (unsigned)(left < room * PAGE_SIZE ? (left + PAGE_SIZE - 1) / PAGE_SIZE : room);
}

/* Each entry is read once, and this copy is checked and used. */
static int64_t gather_pages(struct vmcall *call, enum copy_way way, struct chunk *c)
{
	uint64_t left = call->arg[ARG_RCX], list[CHUNK_PAGES];
	unsigned pages = entries(call);
	int64_t error = caller_read(call, call->arg[ARG_RBX], list, pages * sizeof(list[0]), page_in(call));

	if (error)
		return error;
	for (unsigned i = 0; i < pages; i++) {
		uint64_t bytes = left < PAGE_SIZE ? left : PAGE_SIZE;

		if (list[i] & (PAGE_SIZE - 1))
			return TRAPLINE_E_ADDRESS;
		if (!guest_is_ram(list[i]))
			return TRAPLINE_E_MEMORY;
		add_part(c, list[i], bytes);
		left -= bytes;
	}
	return 0;
}

/* This cannot fail: every piece is RAM, and the copy buffer was checked. */
static void move(const struct chunk *c, enum copy_way way, uint8_t *buffer)
{
	for (unsigned i = 0; i < c->parts; i++) {
		if (way == COPY_PUT)
			guest_ram_read(c->part[i].physical, buffer, c->part[i].bytes);
		else
			guest_ram_write(c->part[i].physical, buffer, c->part[i].bytes);
		buffer += c->part[i].bytes;
	}
}

static void advance(struct vmcall *call, const struct chunk *c, bool list)
{
	vmcall_return(call, ARG_RBX, call->arg[ARG_RBX] + (list ? c->parts * 8 : c->bytes));
	vmcall_return(call, ARG_RCX, call->arg[ARG_RCX] - c->bytes);
	vmcall_return(call, ARG_RDX, call->arg[ARG_RDX] + c->bytes);
}

/* Copies one chunk, with the copy buffer taken. If there is an error after some pieces, these are copied first. */
static int64_t copy_chunk(struct vmcall *call, enum copy_way way, gather *find, bool list)
{
	uint64_t offset = call->arg[ARG_RDX], left = call->arg[ARG_RCX], who = caller_owner(call);
	struct chunk c = {0};
	int64_t error = copy_buffer_check(way, who, offset, left);

	if (error)
		return error;
	error = find(call, way, &c);
	if (error && !c.parts)
		return error;
	move(&c, way, copy_buffer_open(way, who, offset, c.bytes));
	advance(call, &c, list);
	return error ? error : c.bytes == left ? 0 : VMCALL_AGAIN;
}

static int64_t copy(struct vmcall *call, enum copy_way way, gather *find, bool list)
{
	int64_t result;

	if (!copy_buffer_take())
		return VMCALL_AGAIN;
	result = copy_chunk(call, way, find, list);
	copy_buffer_release();
	return result;
}

int64_t vmcall_put_physical(struct vmcall *call)
{
	return copy(call, COPY_PUT, gather_physical, false);
}

int64_t vmcall_get_physical(struct vmcall *call)
{
	return copy(call, COPY_GET, gather_physical, false);
}

int64_t vmcall_put_pages(struct vmcall *call)
{
	return copy(call, COPY_PUT, gather_pages, true);
}

int64_t vmcall_get_pages(struct vmcall *call)
{
	return copy(call, COPY_GET, gather_pages, true);
}

int64_t vmcall_put_virtual(struct vmcall *call)
{
	return copy(call, COPY_PUT, gather_virtual, false);
}

int64_t vmcall_get_virtual(struct vmcall *call)
{
	return copy(call, COPY_GET, gather_virtual, false);
}

#define REGISTERS 4 /* RBX, RCX, RDX, RSI */

/* Copies the bytes of the caller's four registers, one after the other, in the caller's width. */
static int64_t copy_registers(struct vmcall *call, enum copy_way way)
{
	uint64_t each = call->width == UINT32_MAX ? 4 : 8, offset = call->arg[ARG_RDI],
		 who = caller_owner(call);
	int64_t error = copy_buffer_check(way, who, offset, REGISTERS * each);
	uint8_t *buffer;

	if (error)
		return error;
	buffer = copy_buffer_open(way, who, offset, REGISTERS * each);
	for (unsigned i = 0; i < REGISTERS; i++, buffer += each) {
		if (way == COPY_PUT)
			__builtin_memcpy(buffer, &call->arg[i], each);
		else
			__builtin_memcpy(&call->arg[i], buffer, each);
	}
	for (unsigned i = 0; way == COPY_GET && i < REGISTERS; i++)
		vmcall_return(call, (enum vmcall_arg)i, call->arg[i]);
	return 0;
}

static int64_t registers(struct vmcall *call, enum copy_way way)
{
	int64_t result;

	if (!copy_buffer_take())
		return VMCALL_AGAIN;
	result = copy_registers(call, way);
	copy_buffer_release();
	return result;
}

int64_t vmcall_put_registers(struct vmcall *call)
{
	return registers(call, COPY_PUT);
}

int64_t vmcall_get_registers(struct vmcall *call)
{
	return registers(call, COPY_GET);
}
