// SPDX-License-Identifier: MIT
/*
 * The guest's RAM on the host, in place of src/mem/guest_ram.h: an array whose pages can become something other
 * than RAM. Unit tests and fuzz targets put this folder first (-iquote tests/fake) and define fake_ram once.
 */
#ifndef TRAPLINE_GUEST_RAM_H
#define TRAPLINE_GUEST_RAM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "hw/asm.h"
#include "mem/layout.h"

#define FAKE_PAGES 48
#define FAKE_RAM   (FAKE_PAGES * 4096ull)

struct fake_ram {
	_Alignas(4096) uint8_t bytes[FAKE_RAM]; /* must be first: GUEST_RAM */
	bool absent[FAKE_PAGES];                /* a device, Trapline's own memory, nothing */
	bool restless; /* an entry of the page tables changes before it is exchanged */
};

static inline bool fake_there(uint64_t physical, uint64_t n)
{
	if (physical >= FAKE_RAM || n > FAKE_RAM - physical)
		return false;
	for (uint64_t page = physical / 4096; n && page <= (physical + n - 1) / 4096; page++)
		if (fake_ram.absent[page])
			return false;
	return true;
}

static inline bool guest_read64(uint64_t physical, uint64_t *value)
{
	if (!fake_there(physical, 8))
		return false;
	memcpy(value, fake_ram.bytes + physical, 8);
	return true;
}

/* Direct accesses to the VMM's view of the guest's RAM. */
static inline bool fake_load64(const void *from, uint64_t *value)
{
	return guest_read64((uint64_t)from - GUEST_RAM, value);
}
#define load64_safe fake_load64

/* The VMM's own memory: it is not mapped there. */
static inline uint64_t fake_copy(void *to, const void *from, uint64_t n)
{
	return n;
}
#define copy_safe fake_copy

static inline bool guest_ram_read(uint64_t physical, void *to, uint64_t n)
{
	if (!fake_there(physical, n))
		return false;
	memcpy(to, fake_ram.bytes + physical, n);
	return true;
}

static inline bool guest_ram_write(uint64_t physical, const void *from, uint64_t n)
{
	if (!fake_there(physical, n))
		return false;
	memcpy(fake_ram.bytes + physical, from, n);
	return true;
}

static inline bool guest_is_ram(uint64_t physical)
{
	return fake_there(physical & ~4095ull, 8);
}

static inline bool guest_exchange64(uint64_t physical, uint64_t from, uint64_t to)
{
	uint64_t now;

	if (fake_ram.restless || !guest_read64(physical, &now) || now != from)
		return false;
	return guest_ram_write(physical, &to, 8);
}

static inline bool guest_exchange32(uint64_t physical, uint32_t from, uint32_t to)
{
	uint32_t now;

	if (fake_ram.restless || !guest_ram_read(physical, &now, 4) || now != from)
		return false;
	return guest_ram_write(physical, &to, 4);
}

#endif
