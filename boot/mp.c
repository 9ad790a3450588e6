// SPDX-License-Identifier: MIT
/*
 * The other CPUs, by the firmware's MP services: UEFI Platform Initialization specification vol. 2 13.4.
 * gnu-efi does not define the protocol.
 */
#include "loader.h"

#define CPU_IS_BSP  0x1u
#define CPU_ENABLED 0x2u

#define READY_TRIES 100 /* for a second: just after another run the firmware may not have all CPUs back yet */
#define READY_US    10000

#define TIMEOUT_US (2 * BOOT_WAIT_MS * 1000ull) /* the VMM's own limit ends first */

/* The structure has room for members of later versions of the specification, because the firmware fills all members of its version. */
struct processor_information {
	UINT64 id; /* APIC identifier */
	UINT32 status;
	UINT32 package, core, thread;
	UINT32 extended[6];
	UINT32 room[32];
};

typedef VOID(EFIAPI *ap_procedure)(VOID *argument);

struct mp_services {
	EFI_STATUS(EFIAPI *count)(struct mp_services *, UINTN *all, UINTN *enabled);
	EFI_STATUS(EFIAPI *information)(struct mp_services *, UINTN number, struct processor_information *);
	EFI_STATUS(EFIAPI *start_all)
	(struct mp_services *, ap_procedure, BOOLEAN one_by_one, EFI_EVENT, UINTN microseconds,
		VOID *argument, UINTN **failed);
	EFI_STATUS(EFIAPI *start_one)
	(struct mp_services *, ap_procedure, UINTN number, EFI_EVENT, UINTN microseconds, VOID *argument,
		BOOLEAN *finished);
	VOID *switch_bsp, *enable, *who_am_i;
};

static struct mp_services *services;
static struct {
	void (*procedure)(void *);
	void *argument;
} call;

/*
 * Without the protocol the other CPUs cannot be reached. The VMM then keeps the guest from starting them as
 * well.
 */
static bool locate(void)
{
	EFI_GUID guid = {0x3fdda605, 0xa76e, 0x4f46, {0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08}};
	EFI_STATUS status = BS->LocateProtocol(&guid, NULL, (void **)&services);

	if (!EFI_ERROR(status))
		return true;
	say("the firmware has no MP services (%s): all CPUs but this one stay stopped", say_status(status));
	services = NULL;
	return false;
}

static bool add(struct boot_info *info, UINTN number)
{
	struct processor_information cpu;
	EFI_STATUS status = services->information(services, number, &cpu);

	if (EFI_ERROR(status)) {
		say("the firmware does not describe CPU %lu (%s); booting without Trapline", number,
			say_status(status));
		return false;
	}
	if (cpu.status & CPU_IS_BSP)
		return true;
	if (!(cpu.status & CPU_ENABLED)) {
		say("CPU with APIC id %lu is disabled by the firmware: it stays stopped", cpu.id);
		return true;
	}
	if (info->cpus == BOOT_MAX_CPUS) {
		say("there are more than %u CPUs; booting without Trapline", BOOT_MAX_CPUS);
		return false;
	}
	info->apic_id[info->cpus++] = (uint32_t)cpu.id;
	return true;
}

bool mp_list(struct boot_info *info)
{
	UINTN all, enabled;

	info->apic_id[0] = (uint32_t)cpu_apic_id();
	info->cpus = 1;
	if (!locate())
		return true;
	EFI_STATUS status = services->count(services, &all, &enabled);
	if (EFI_ERROR(status)) {
		say("the firmware does not report how many CPUs there are (%s); booting without Trapline",
			say_status(status));
		return false;
	}
	for (UINTN n = 0; n < all; n++)
		if (!add(info, n))
			return false;
	return true;
}

static VOID EFIAPI on_other(VOID *unused)
{
	call.procedure(call.argument);
}

/*
 * Without an event the firmware's call returns when all CPUs are done. The firmware may refuse events at this
 * time.
 */
bool mp_run(void (*procedure)(void *), void *argument)
{
	EFI_STATUS status = EFI_NOT_READY;

	call.procedure = procedure;
	call.argument = argument;
	for (unsigned n = 0; status == EFI_NOT_READY && n < READY_TRIES; n++) {
		if (n)
			BS->Stall(READY_US);
		status = services->start_all(services, on_other, FALSE, NULL, TIMEOUT_US, NULL, NULL);
	}
	if (EFI_ERROR(status))
		say("the firmware cannot run the other CPUs (%s)", say_status(status));
	return !EFI_ERROR(status);
}
