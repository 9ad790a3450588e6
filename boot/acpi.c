// SPDX-License-Identifier: MIT
/*
 * ACPI as far as the VMM needs it: the ports that put the machine to sleep and that reset it, the firmware's
 * UART, and the address of PCI's configuration space. The tables are found from the RSDP through the XSDT or
 * RSDT (ACPI specification 6.5, 5.2.5 to 5.2.9). A damaged table counts as absent.
 */
#include <lib/string.h>
#include "loader.h"
#include "spcr.h"
#include "srat.h"

#define TABLE_MAX 0x100000     /* a longer table is taken for damaged */
#define HOT_MAX   (1ull << 42) /* bytes of hot-pluggable memory: 32 MiB of page tables */

enum {
	RSDP_REVISION = 15,
	RSDP_RSDT = 16,
	RSDP_LENGTH = 20,
	RSDP_XSDT = 24,
	RSDP_V1_SIZE = 20,
	RSDP_V2_SIZE = 36
};
enum {
	TABLE_LENGTH = 4,
	TABLE_HEADER = 36
};
enum {
	FADT_PM1A_CNT = 64,
	FADT_PM1B_CNT = 68,
	FADT_FLAGS = 112,
	FADT_RESET_REG = 116,
	FADT_RESET_VALUE = 128,
	FADT_X_PM1A_CNT = 172,
	FADT_X_PM1B_CNT = 184,
};
/* MCFG, PCI firmware specification 3.0, 4.1.2: after the header and 8 bytes, one entry for a range of buses */
enum {
	MCFG_ENTRIES = 44,
	MCFG_ENTRY = 16,
	MCFG_BASE = 0,
	MCFG_SEGMENT = 8,
	MCFG_FIRST_BUS = 10,
	MCFG_LAST_BUS = 11
};
/* Generic address structure, ACPI specification 5.2.3.2 */
enum {
	GAS_SPACE = 0,
	GAS_ADDRESS = 4,
	GAS_SIZE = 12,
	GAS_SPACE_IO = 1
};

#define FLAG_RESET_REG_SUP (1u << 10)

/* Reads a little-endian number of `size` bytes that need not be aligned. */
static uint64_t get(const uint8_t *p, size_t size)
{
	uint64_t v = 0;

	memcpy(&v, p, size);
	return v;
}

static bool sums_to_zero(const uint8_t *p, size_t size)
{
	uint8_t sum = 0;

	while (size--)
		sum += *p++;
	return sum == 0;
}

static const uint8_t *rsdp_find(void)
{
	static EFI_GUID v2 = ACPI_20_TABLE_GUID, v1 = ACPI_TABLE_GUID;
	const EFI_GUID *wanted[] = {&v2, &v1};

	for (size_t w = 0; w < 2; w++)
		for (UINTN i = 0; i < ST->NumberOfTableEntries; i++)
			if (!memcmp(&ST->ConfigurationTable[i].VendorGuid, wanted[w], sizeof(EFI_GUID)))
				return ST->ConfigurationTable[i].VendorTable;
	return NULL;
}

static const uint8_t *table_at(uint64_t address)
{
	const uint8_t *t = (const uint8_t *)address;

	if (!t)
		return NULL;
	uint64_t length = get(t + TABLE_LENGTH, 4);
	return length >= TABLE_HEADER && length <= TABLE_MAX && sums_to_zero(t, length) ? t : NULL;
}

/* Finds a table through an XSDT (entries of 8 bytes) or an RSDT (entries of 4). */
static const uint8_t *table_in(const uint8_t *root, size_t entry, const char *name)
{
	if (!root)
		return NULL;
	uint64_t length = get(root + TABLE_LENGTH, 4);
	for (uint64_t at = TABLE_HEADER; at + entry <= length; at += entry) {
		uint64_t address = get(root + at, entry);
		if (address && !memcmp((const void *)address, name, 4))
			return table_at(address);
	}
	return NULL;
}

static const uint8_t *table_find(const char *name)
{
	const uint8_t *rsdp = rsdp_find(), *table = NULL;

	if (!rsdp || memcmp(rsdp, "RSD PTR ", 8) || !sums_to_zero(rsdp, RSDP_V1_SIZE))
		return NULL;
	if (rsdp[RSDP_REVISION] >= 2 && get(rsdp + RSDP_LENGTH, 4) >= RSDP_V2_SIZE &&
		sums_to_zero(rsdp, RSDP_V2_SIZE))
		table = table_in(table_at(get(rsdp + RSDP_XSDT, 8)), 8, name);
	return table ? table : table_in(table_at(get(rsdp + RSDP_RSDT, 4)), 4, name);
}

/* The I/O port in the address structure at `offset`; 0: it is absent or not in I/O space. */
static uint16_t gas_port(const uint8_t *fadt, size_t offset)
{
	if (get(fadt + TABLE_LENGTH, 4) < offset + GAS_SIZE || fadt[offset + GAS_SPACE] != GAS_SPACE_IO)
		return 0;
	uint64_t address = get(fadt + offset + GAS_ADDRESS, 8);
	return address <= 0xffff ? (uint16_t)address : 0;
}

/* The X_ field if it is not zero, otherwise the old field (ACPI specification table 5.9). */
static uint16_t pm1_port(const uint8_t *fadt, size_t x_offset, size_t offset)
{
	uint16_t port = gas_port(fadt, x_offset);

	if (port || get(fadt + TABLE_LENGTH, 4) < offset + 4)
		return port;
	uint64_t old = get(fadt + offset, 4);
	return old <= 0xffff ? (uint16_t)old : 0;
}

void acpi_fill(struct boot_info *info)
{
	const uint8_t *fadt = table_find("FACP");

	info->acpi_rsdp = (uint64_t)rsdp_find();
	if (!fadt)
		return;
	info->pm1a_cnt = pm1_port(fadt, FADT_X_PM1A_CNT, FADT_PM1A_CNT);
	info->pm1b_cnt = pm1_port(fadt, FADT_X_PM1B_CNT, FADT_PM1B_CNT);
	if (get(fadt + TABLE_LENGTH, 4) > FADT_RESET_VALUE &&
		get(fadt + FADT_FLAGS, 4) & FLAG_RESET_REG_SUP) {
		info->reset_port = gas_port(fadt, FADT_RESET_REG);
		info->reset_value = fadt[FADT_RESET_VALUE];
	}
}

void acpi_hot(struct boot_info *info)
{
	const uint8_t *srat = table_find("SRAT");
	uint64_t hot = 0;

	if (!srat)
		return;
	info->hot_count = srat_hot(srat, get(srat + TABLE_LENGTH, 4), info->hot, BOOT_MAX_HOT);
	for (uint32_t n = 0; n < info->hot_count; n++)
		hot += info->hot[n].size;
	if (hot <= HOT_MAX)
		return;
	info->hot_count = 0;
	say("memory can be plugged in at %lu GiB of addresses, too many for Trapline's tables: code there "
	    "will not be "
	    "read",
		(unsigned long)(hot >> 30));
}

bool acpi_uart(struct uart_port *out)
{
	const uint8_t *spcr = table_find("SPCR");

	return spcr && spcr_parse(spcr, get(spcr + TABLE_LENGTH, 4), out);
}

uint64_t acpi_pci_config(uint16_t function)
{
	const uint8_t *mcfg = table_find("MCFG");
	uint64_t length = mcfg ? get(mcfg + TABLE_LENGTH, 4) : 0;
	unsigned bus = function >> 8;

	for (uint64_t at = MCFG_ENTRIES; at + MCFG_ENTRY <= length; at += MCFG_ENTRY) {
		const uint8_t *e = mcfg + at;

		/* The base belongs to bus 0, even if the range begins at another bus. */
		if (!get(e + MCFG_SEGMENT, 2) && bus >= e[MCFG_FIRST_BUS] && bus <= e[MCFG_LAST_BUS])
			return get(e + MCFG_BASE, 8) + ((uint64_t)function << 12);
	}
	return 0;
}
