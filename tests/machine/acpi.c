// SPDX-License-Identifier: MIT
/* ACPI tables for Bochs' chipset, where OVMF has none of its own: RSDP, XSDT, FADT, FACS, DSDT and MADT. */
#include "starter.h"

#include <efilib.h>

#define MAX_CPUS 16

struct sdt_header {
	char signature[4];
	UINT32 length;
	UINT8 revision, checksum;
	char oem[6], oem_table[8];
	UINT32 oem_revision;
	char creator[4];
	UINT32 creator_revision;
} __attribute__((packed));

/* ACPI 6.4, 5.2.5.3 */
struct rsdp {
	char signature[8];
	UINT8 checksum;
	char oem[6];
	UINT8 revision;
	UINT32 rsdt, length;
	UINT64 xsdt;
	UINT8 extended_checksum, reserved[3];
} __attribute__((packed));

struct xsdt {
	struct sdt_header header;
	UINT64 tables[2];
} __attribute__((packed));

/* ACPI 4.0, table 5-9: version 4 of the table */
struct fadt {
	struct sdt_header header;
	UINT32 facs, dsdt;
	UINT8 reserved0, profile;
	UINT16 sci_irq;
	UINT32 smi_command;
	UINT8 acpi_enable, acpi_disable, s4bios, pstate;
	UINT32 pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer, gpe0, gpe1;
	UINT8 pm1_event_length, pm1_control_length, pm2_control_length, pm_timer_length;
	UINT8 gpe0_length, gpe1_length, gpe1_base, cst;
	UINT16 c2_latency, c3_latency, flush_size, flush_stride;
	UINT8 duty_offset, duty_width, day_alarm, month_alarm, century;
	UINT16 boot_flags;
	UINT8 reserved1;
	UINT32 flags;
	UINT8 reset_register[12], reset_value, reserved2[3];
	UINT64 x_facs, x_dsdt;
	UINT8 x_registers[8][12];
} __attribute__((packed));

_Static_assert(sizeof(struct fadt) == 244, "version 4 of the FADT");

struct facs {
	char signature[4];
	UINT32 length, hardware_signature, waking_vector, global_lock, flags;
	UINT64 x_waking_vector;
	UINT8 version, reserved[31];
} __attribute__((packed));

_Static_assert(sizeof(struct facs) == 64, "the FACS");

/* Name (\_S5, Package (4) { 0, 0, 0, 0 }): the SLP_TYP of power off, in ACPI machine language */
#define S5_AML 0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0, 0, 0, 0

struct dsdt {
	struct sdt_header header;
	UINT8 aml[12];
} __attribute__((packed));

struct madt_lapic {
	UINT8 type, length, processor, apic;
	UINT32 flags;
} __attribute__((packed));

struct madt_ioapic {
	UINT8 type, length, id, reserved;
	UINT32 address, first_gsi;
} __attribute__((packed));

struct madt_override {
	UINT8 type, length, bus, irq;
	UINT32 gsi;
	UINT16 flags;
} __attribute__((packed));

struct madt_lapic_nmi {
	UINT8 type, length, processor;
	UINT16 flags;
	UINT8 lint;
} __attribute__((packed));

struct madt {
	struct sdt_header header;
	UINT32 lapic_address, flags;
	struct madt_ioapic ioapic;
	struct madt_override timer, sci;
	struct madt_lapic_nmi nmi;
	struct madt_lapic lapics[MAX_CPUS]; /* last, because only as many as there are CPUs count */
} __attribute__((packed));

struct acpi {
	struct facs facs; /* first: it has to be aligned to 64 bytes */
	struct rsdp rsdp;
	struct xsdt xsdt;
	struct fadt fadt;
	struct dsdt dsdt;
	struct madt madt;
};

/* EFI_MP_SERVICES_PROTOCOL (PI 1.7, vol. 2 13.4), as far as the starter uses it */
struct mp_services {
	EFI_STATUS(EFIAPI *count)(struct mp_services *self, UINTN *all, UINTN *enabled);
};

static UINTN cpu_count(void)
{
	EFI_GUID guid = {0x3fdda605, 0xa76e, 0x4f46, {0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08}};
	struct mp_services *mp;
	UINTN all = 1, enabled;

	if (EFI_ERROR(LibLocateProtocol(&guid, (void **)&mp)) ||
		EFI_ERROR(uefi_call_wrapper(mp->count, 3, mp, &all, &enabled)))
		return 1;
	return all < MAX_CPUS ? all : MAX_CPUS;
}

/* The byte that makes the sum of all bytes 0. */
static UINT8 checksum(const void *table, UINTN size)
{
	const UINT8 *bytes = table;
	UINT8 sum = 0;

	for (UINTN i = 0; i < size; i++)
		sum += bytes[i];
	return -sum;
}

static void fill_header(struct sdt_header *header, const char *signature, UINT8 revision, UINT32 length)
{
	CopyMem(header->signature, (void *)signature, 4);
	CopyMem(header->oem, "TRAPLN", 6);
	CopyMem(header->oem_table, "STARTER ", 8);
	CopyMem(header->creator, "TRAP", 4);
	header->length = length;
	header->revision = revision;
	header->oem_revision = header->creator_revision = 1;
	header->checksum = checksum(header, length);
}

static void fill_facs(struct facs *facs)
{
	CopyMem(facs->signature, "FACS", 4);
	facs->length = sizeof *facs;
	facs->version = 2;
}

static void fill_dsdt(struct dsdt *dsdt)
{
	static const UINT8 aml[] = {S5_AML};

	CopyMem(dsdt->aml, (void *)aml, sizeof aml);
	fill_header(&dsdt->header, "DSDT", 2, sizeof *dsdt);
}

static void fill_fadt(struct fadt *fadt, struct acpi *acpi)
{
	fadt->facs = fadt->x_facs = (UINTN)&acpi->facs;
	fadt->dsdt = fadt->x_dsdt = (UINTN)&acpi->dsdt;
	fadt->sci_irq = 9;
	fadt->pm1a_event = ACPI_PM_BASE;
	fadt->pm1a_control = ACPI_PM_BASE + ACPI_PM1_CNT;
	fadt->pm_timer = ACPI_PM_BASE + ACPI_PM_TMR;
	fadt->pm1_event_length = 4;
	fadt->pm1_control_length = 2;
	fadt->pm_timer_length = 4;
	fadt->c2_latency = fadt->c3_latency = 0xfff; /* too long: no such state */
	fadt->boot_flags = 0x3;                      /* LEGACY_DEVICES, 8042 */
	fadt->flags = 0x1 | 0x4 | 0x20;              /* WBINVD, PROC_C1, SLP_BUTTON is no fixed one */
	fill_header(&fadt->header, "FACP", 4, sizeof *fadt);
}

static void fill_madt(struct madt *madt, UINTN cpus)
{
	madt->lapic_address = 0xfee00000;
	madt->flags = 1; /* there are 8259s as well */
	for (UINTN i = 0; i < cpus; i++)
		madt->lapics[i] = (struct madt_lapic){0, sizeof *madt->lapics, i, i, 1};
	/* Bochs numbers its I/O APIC after the CPUs, has the timer at its pin 2 and the SCI level-triggered.
	 */
	madt->ioapic = (struct madt_ioapic){1, sizeof madt->ioapic, cpus, 0, 0xfec00000, 0};
	madt->timer = (struct madt_override){2, sizeof madt->timer, 0, 0, 2, 0};
	madt->sci = (struct madt_override){2, sizeof madt->sci, 0, 9, 9, 0xf};
	madt->nmi = (struct madt_lapic_nmi){4, sizeof madt->nmi, 0xff, 0, 1};
	fill_header(&madt->header, "APIC", 3, sizeof *madt - (MAX_CPUS - cpus) * sizeof *madt->lapics);
}

static void fill_rsdp(struct rsdp *rsdp, struct xsdt *xsdt)
{
	CopyMem(rsdp->signature, "RSD PTR ", 8);
	CopyMem(rsdp->oem, "TRAPLN", 6);
	rsdp->revision = 2;
	rsdp->length = sizeof *rsdp;
	rsdp->xsdt = (UINTN)xsdt;
	rsdp->checksum = checksum(rsdp, 20); /* the part that ACPI 1.0 knew */
	rsdp->extended_checksum = checksum(rsdp, sizeof *rsdp);
}

static void fill_tables(struct acpi *acpi)
{
	fill_facs(&acpi->facs);
	fill_dsdt(&acpi->dsdt);
	fill_fadt(&acpi->fadt, acpi);
	fill_madt(&acpi->madt, cpu_count());
	acpi->xsdt.tables[0] = (UINTN)&acpi->fadt;
	acpi->xsdt.tables[1] = (UINTN)&acpi->madt;
	fill_header(&acpi->xsdt.header, "XSDT", 1, sizeof acpi->xsdt);
	fill_rsdp(&acpi->rsdp, &acpi->xsdt);
}

EFI_STATUS acpi_install_if_missing(EFI_SYSTEM_TABLE *system)
{
	EFI_GUID acpi20 = ACPI_20_TABLE_GUID;
	EFI_PHYSICAL_ADDRESS memory = 0xffffffff; /* the FADT's old fields are 32 bits wide */
	void *present;

	if (!EFI_ERROR(LibGetSystemConfigurationTable(&acpi20, &present)))
		return EFI_SUCCESS;

	UINTN pages = EFI_SIZE_TO_PAGES(sizeof(struct acpi));
	EFI_STATUS status = uefi_call_wrapper(
		BS->AllocatePages, 4, AllocateMaxAddress, EfiACPIReclaimMemory, pages, &memory);
	if (EFI_ERROR(status))
		return status;
	struct acpi *acpi = (struct acpi *)(UINTN)memory;
	ZeroMem(acpi, sizeof *acpi);
	fill_tables(acpi);
	return uefi_call_wrapper(BS->InstallConfigurationTable, 2, &acpi20, &acpi->rsdp);
}
