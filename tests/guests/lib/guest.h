/*
 * What every guest program starts from: its main function, COM1, its load options, and the way out.
 *
 * The output goes to COM1's registers and not through the firmware's console: it has to come out the same
 * bare and under Trapline, from ring 0 with interrupts off and with page tables and an IDT that the firmware
 * has never seen.
 */
#ifndef GUEST_GUEST_H
#define GUEST_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <efi.h>

extern EFI_SYSTEM_TABLE *guest_firmware;
extern EFI_HANDLE guest_image;

/* The program itself; its result is what the firmware gets. The library prints `end name=` after it returns.
 */
extern const char guest_name[];
EFI_STATUS guest_main(void);

/* Prints to COM1, waiting for room in the UART. The formats are those of src/lib/printf.h, one line at most
 * 512. */
__attribute__((format(printf, 1, 2))) void print(const char *format, ...);

/*
 * The load options as words: guest_option("poweroff") is true for the word itself, guest_value("skip") is
 * what follows "skip=" or NULL. guest_listed(list, name) looks for a name in a comma-separated list.
 */
bool guest_option(const char *word);
const char *guest_value(const char *key);
bool guest_listed(const char *list, const char *name);

/* With the load option "freeze": Trapline's rings stand still for a minute from here on. */
void guest_freeze(void);

/* Asks the firmware for a reset or a power off; comes back when it has none. */
void guest_reset(EFI_RESET_TYPE how);

/*
 * Which CPU, and which of its stand-ins: rows that an emulator is known to get wrong say so by these bits.
 * Taken from the brand string, which Trapline passes through.
 */
#define EMU_QEMU      0x1
#define EMU_BOCHS_SVM 0x2
#define EMU_BOCHS_VMX 0x4
#define EMU_BOCHS     (EMU_BOCHS_SVM | EMU_BOCHS_VMX)
unsigned guest_emulator(void);
bool guest_under_trapline(void);

#endif
