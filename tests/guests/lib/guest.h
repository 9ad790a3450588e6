// SPDX-License-Identifier: MIT
/*
 * Shared by all guest programs: the main function, COM1, the load options, and the end.
 *
 * The output goes to COM1's registers and not through the firmware's console, because it has to be the same
 * bare and under Trapline, from ring 0 with interrupts off and with page tables and an IDT that the firmware
 * does not know.
 */
#ifndef GUEST_GUEST_H
#define GUEST_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <efi.h>

extern EFI_SYSTEM_TABLE *guest_firmware;
extern EFI_HANDLE guest_image;

/* The program itself; its result goes to the firmware. The library prints `end name=` after it returns. */
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

/* With the load option "freeze": freezes Trapline's rings for a minute. */
void guest_freeze(void);

/* A page at this physical address, which a test knows without asking; `otherwise` if the firmware uses it. */
#define GUEST_WATCHED 0x10000000ull
void *guest_page_at(uint64_t address, const void *otherwise);

/*
 * With the load option watched=tables:w,stacks:rw and so on: watches this memory, if `what` is listed, and prints a line with the words.
 * With the option operator it is only printed: the test sets the watch on the console, and guest_wait_for_watches() waits for a key on COM1.
 */
void guest_watch(const char *what, const void *at, uint64_t size);
void guest_wait_for_watches(void);

/*
 * Carries out a command of Trapline's console (VMCALL `command`). With a word, each line of the answer is printed after it.
 * Returns whether the command's status is ok; false without Trapline.
 */
bool guest_command(const char *word, const char *command);

/* Request a reset or a power-off from the firmware; return if the firmware has none. */
void guest_reset(EFI_RESET_TYPE how);

/*
 * Identifies the CPU or its emulator: rows that an emulator is known to get wrong name it by these bits.
 * Derived from the brand string, which Trapline passes through.
 */
#define EMU_QEMU      0x1
#define EMU_BOCHS_SVM 0x2
#define EMU_BOCHS_VMX 0x4
#define EMU_BOCHS     (EMU_BOCHS_SVM | EMU_BOCHS_VMX)
unsigned guest_emulator(void);
bool guest_under_trapline(void);

#endif
