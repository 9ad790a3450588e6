// SPDX-License-Identifier: MIT
/*
 * What the loader's files share. The loader is a UEFI application. It reads the configuration, puts the VMM
 * into memory that the firmware's map reserves, starts it, and starts the next image as the first program of
 * the guest.
 *
 * On any failure it prints one line, and the machine boots without Trapline.
 */
#ifndef TRAPLINE_LOADER_H
#define TRAPLINE_LOADER_H

#include <efi.h>
#include <efilib.h>
#include <stdbool.h>
#include <boot/blackbox_layout.h>
#include <boot/boot_info.h>
#include <boot/cmos_note.h>
#include <boot/names_layout.h>
#include <boot/uart_port.h>

#define LOADER_PATH_MAX 512 /* characters of a path on the volume, including the NUL */

struct loader {
	EFI_HANDLE image;         /* the loader itself */
	EFI_LOADED_IMAGE *loaded; /* how the loader was started */
	EFI_FILE_HANDLE root;     /* of the volume that the loader comes from; NULL: it has no file system */
	EFI_HANDLE next_volume;   /* the volume that has `next` */
	uint64_t tsc_start;
	struct trapline_config config;
	struct uart_port console; /* the UART that the configuration names */
	struct boot_screen screen;
};

/*
 * say.c: one line "trapline: ..." to three places: the firmware's console, the configured UART and the report
 * file.
 */
__attribute__((format(printf, 1, 2))) void say(const char *fmt, ...);
/* Sends all lines from now on, first those that were said before. Until now the three places were not known. */
void say_open(struct loader *l);
/* Returns whether lines go to a UART. Valid after say_open(). */
bool say_has_uart(void);
/* The VMM runs: from now on lines go to its console by VMCALL. */
void say_through_vmm(void);
/* Tells the VMM, if it runs, which program lies at [base, base + size). */
void say_image(const char *name, uint64_t base, uint64_t size);
/* The VMM does not run: returns to the firmware what say_open() took. */
void say_release(void);
/* Prints many lines, newlines included, to the UART and the report file. The firmware's console gets the first line. */
void say_long(const char *text);
/* The specification's name of a status, as EFI_NOT_FOUND. Valid until the next call. */
const char *say_status(EFI_STATUS status);

/* serial.c */
/* Makes the firmware release the UART at `port`, if it drives it. False: the firmware still drives it. */
bool serial_take(const struct uart_port *port);
/* Returns the UART to the firmware. False: none was taken. */
bool serial_return(void);

/* uart_write.c, on top of src/hw/ns16550.h */
void uart_open(const struct uart_port *port, uint32_t baud);
/*
 * Sends a text, "\n" as "\r\n". Does nothing if no UART answers there, because the VMM may hide it. The wait for
 * each character is limited.
 */
void uart_write(const struct uart_port *port, const char *text);

/* console_find.c: fills l->console from the configuration, the firmware's tables and the PCI bus. Says what is missing. */
void console_find(struct loader *l);
/* Decides what follows a triple fault if the configuration says auto: a report must be visible. Says so unless it is a reset. */
void console_settle(struct loader *l);

/* pci.c */
/* Finds the first serial card. False: there is none. */
bool pci_find_uart(struct uart_port *out);
/* Makes a card decode its addresses: a driver that releases the card turns that off. */
void pci_enable(const struct uart_port *port);

/* file.c: files of the volume that the loader comes from */
/* Converts a path of the configuration to the firmware's form: from the root, with backslashes. */
void file_path(CHAR16 out[LOADER_PATH_MAX], const char *path);
/* The loader's own path, without a NUL, at most `max` characters. Returns the length. */
size_t file_own_path(const struct loader *l, CHAR16 *path, size_t max);
EFI_STATUS file_volume(struct loader *l);
EFI_STATUS file_exists(const struct loader *l, const char *path);
/* The size of a file in bytes. */
EFI_STATUS file_size(const struct loader *l, const char *path, UINTN *size);
/* Reads at most `max` bytes; *len is the number read. EFI_BUFFER_TOO_SMALL: the file is longer. */
EFI_STATUS file_read(const struct loader *l, CHAR16 *path, char *buf, UINTN max, UINTN *len);
/* The first other volume that has the file, in the order of the firmware's handles; NULL: none has it. */
EFI_HANDLE file_elsewhere(const struct loader *l, const char *path);
EFI_STATUS file_append(const struct loader *l, const char *path, const char *text);
/* Writes a file anew. If it cannot be written as a whole, there is none afterwards. */
EFI_STATUS file_replace(const struct loader *l, const char *path, const void *bytes, UINTN size);

/* settings.c: reads trapline.conf and the load options into l->config, which holds the defaults */
void settings_load(struct loader *l);

/* symbols.c */
/*
 * Builds the block of names (names_layout.h) from the files of `symbols`, with one line about each, and from the list of loaded images.
 * Sets info->names_base and names_size; the size is 0 if there is no memory for it.
 */
void symbols_load(const struct loader *l, struct boot_info *info);
void symbols_release(struct boot_info *info);

/* images.c */
/* Adds the images that the firmware has loaded so far. The last entry stays free for the next image. */
void images_list(struct names_block *block);
/* The name of an image. */
void image_name(const EFI_LOADED_IMAGE *image, char to[NAMES_IMAGE_MAX]);

/* last_run.c */
#define LAST_TEXT_MAX (2 * BLACKBOX_TEXT_SIZE) /* size of the last run's text, including its NUL */

/* The previous run's black box, if one was found. */
struct last_run {
	uint64_t base; /* address of a copy; 0: none */
	uint64_t size;
	char *text; /* LAST_TEXT_MAX bytes for the VMM to fill */
	bool core_written;
};

/* Address of the nth place for a black box, from 0; 0: there are no more. */
uint64_t blackbox_place(const struct loader *l, unsigned n);
/*
 * Searches the last run's box, and prints whether there is one and whether memory survives a reset. Call it before
 * memory_take(), which takes the same place.
 *   reset  a reset certainly preceded this start
 */
void blackbox_find(const struct loader *l, struct last_run *last, bool reset);
/* Notes where this run's box lies. With `cmos` the next start needs the place when it knows that a reset preceded it. */
void blackbox_note_place(const struct loader *l, uint64_t box);
/* Erases the box when the region is given back, so that the next start does not take it for a run's. */
void blackbox_wipe(uint64_t box);
/* Writes the core in the last run's box to core_file, if no start has done that before. Sets last->core_written. */
void blackbox_write_core(const struct loader *l, struct last_run *last);
/* Prints the VMM's text about the last run to all places, and appends it to blackbox_file. */
void blackbox_print(const struct loader *l, const struct last_run *last);
void blackbox_release(struct last_run *last);
/* Writes date and time; leaves `out` unchanged if the firmware has no clock. */
void blackbox_now(char *out, size_t size);

/* cmos_recall.c */
/*
 * Reads the last run's note from the CMOS, if `cmos` is on. If the bytes hold other data it turns `cmos` off and
 * says so. Returns whether there is a note.
 */
bool cmos_fetch(struct loader *l, struct cmos_note *note);
/* Prints the note, unless the black box has the same story (`told`), and clears it. */
void cmos_tell(const struct loader *l, const struct cmos_note *note, bool told);

/* memory.c */
/*
 * Takes the VMM's memory, info->piece[]: in 2 MiB units, zeroed, reserved in the firmware's map for good. It is one piece if the
 * black box at its end can begin at one of its places. Otherwise the box is taken separately, and the rest in as few pieces as possible.
 *   pool  bytes of image and pool
 * Returns false if there is not enough memory; nothing is taken then.
 */
bool memory_take(const struct loader *l, uint64_t pool, uint64_t box, struct boot_info *info);
/*
 * Page tables that are the firmware's with the region at VMM_BASE on top (boot/transition.h).
 *   tables  where they lie, TRANSITION_PAGES; 0: nowhere
 * Returns the value for CR3; 0 after saying why not.
 */
uint64_t memory_transition(uint64_t region, uint64_t size, uint64_t *tables);
/* The highest free memory of `size` bytes below `limit`, at a multiple of 2 MiB, reserved in the firmware's map for good. 0: there is none. */
uint64_t memory_below(uint64_t size, uint64_t limit);
void memory_free(uint64_t base, uint64_t size);

/* capture.c */
/* Loads the capture kernel into memory that it takes: info->capture. Says so, or why not. Does nothing if none is configured. */
void capture_load(const struct loader *l, struct boot_info *info);
/* Tells the capture kernel of memory and ACPI, once all memory is taken and info->acpi_rsdp is known. */
void capture_finish(const struct loader *l, struct boot_info *info);
void capture_release(struct boot_info *info);

/* ram.c: fills ram[], ram_count and ram_top from the firmware's memory map */
bool ram_fill(struct boot_info *info);

/* acpi.c: fills hot[] and hot_count from the SRAT; ram_fill() removes what is in the firmware's map */
void acpi_hot(struct boot_info *info);

/* acpi.c: fills acpi_rsdp, pm1a_cnt, pm1b_cnt, reset_port and reset_value; absent ones stay 0 */
void acpi_fill(struct boot_info *info);
/* The UART in the SPCR table. False: there is none, or Trapline cannot drive it. */
bool acpi_uart(struct uart_port *out);
/* Physical address of a PCI function's configuration space in memory; 0: the MCFG table does not contain it. */
uint64_t acpi_pci_config(uint16_t function);

/* framebuffer.c: the firmware's screen; its base stays 0 where there is no framebuffer of 32-bit pixels */
void screen_find(struct boot_screen *screen);

/* clock.c: the TSC's frequency, measured */
uint64_t clock_tsc_khz(void);

/* this_cpu.c */
uint64_t cpu_apic_id(void);
/* Whether Trapline already runs, with the loader in its guest. */
bool cpu_is_guest(void);

/* mp.c: the other CPUs, by the firmware's MP services */
/*
 * Lists all CPUs in info->apic_id, this one first, and sets info->cpus. Returns false after saying why it
 * failed.
 */
bool mp_list(struct boot_info *info);
/*
 * Runs `procedure` on all other CPUs at once and waits until all have returned. Returns false if some did not,
 * after saying so.
 */
bool mp_run(void (*procedure)(void *), void *argument);

/*
 * vmm.c: starts the VMM under every CPU. Returns false if it does not run, after saying why; its memory is then
 * freed.
 */
bool vmm_start(struct loader *l);

/* launch.S */
/*
 * Calls the VMM's entry on this CPU.
 *   entry, info  see struct vmm_header
 *   launch       apic_id, number and phase are filled by the caller
 *   cr3          from memory_transition()
 * Returns 0 in the guest. Otherwise the VMM did not start on this CPU and nothing has changed: BOOT_PREPARED or
 * BOOT_REFUSED.
 */
uint64_t boot_launch(uint64_t entry, struct boot_info *info, struct boot_launch *launch, uint64_t cr3);

/* next_image.c */
/* Checks whether `next` exists, if it is set. Says so if not, and if it is on another volume. */
EFI_STATUS chain_check(struct loader *l);
/* Starts `next`. Returns when the image returns, or after saying why it did not start. */
EFI_STATUS chain_start(const struct loader *l);

#endif
