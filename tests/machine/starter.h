// SPDX-License-Identifier: MIT
/* Shared by the files of the starter: see starter.c. */
#ifndef STARTER_H
#define STARTER_H

#include <efi.h>

/* Where OVMF puts the power management registers of the i440fx's PIIX4, Bochs' chipset. */
#define ACPI_PM_BASE 0xb000
#define ACPI_PM1_CNT 4
#define ACPI_PM_TMR  8
#define ACPI_SLP_EN  (1 << 13) /* with SLP_TYP 0, which is S5 on a PIIX4 */

/*
 * Gives the operating system ACPI tables when the firmware has none, as OVMF on Bochs: without a MADT Linux
 * starts no second CPU, without a FADT and \_S5 it cannot power off. Nothing happens where there are tables
 * already.
 */
EFI_STATUS acpi_install_if_missing(EFI_SYSTEM_TABLE *system);

/* Turns the firmware's 5-level paging on, where a file on the ESP asks for it: five_levels.c. */
EFI_STATUS five_levels_if_asked(EFI_HANDLE volume);

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

#endif
