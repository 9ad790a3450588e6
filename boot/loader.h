/*
 * What the loader's files share. The loader is a UEFI application: it reads the configuration, puts the VMM
 * into memory that the firmware's map reserves, starts it, and starts the next image as the first thing in
 * the guest.
 *
 * Whatever goes wrong is one line, and the machine goes on booting without Trapline.
 */
#ifndef TRAPLINE_LOADER_H
#define TRAPLINE_LOADER_H

#include <efi.h>
#include <efilib.h>
#include <stdbool.h>
#include <boot/blackbox_layout.h>
#include <boot/boot_info.h>
#include <boot/cmos_note.h>
#include <boot/uart_port.h>

#define LOADER_PATH_MAX 512 /* characters of a path on the volume, the NUL among them */

struct loader {
	EFI_HANDLE image;         /* our own */
	EFI_LOADED_IMAGE *loaded; /* how we were started */
	EFI_FILE_HANDLE root;     /* of the volume we were loaded from; NULL: it has no file system */
	EFI_HANDLE next_volume;   /* the one that has `next`: ours, or another */
	uint64_t tsc_start;
	struct trapline_config config;
	struct uart_port console; /* the one that the configuration means */
	struct boot_screen screen;
};

/* say.c: one line "trapline: ..." to the firmware's console, the UART of the configuration and the report
 * file. */
__attribute__((format(printf, 1, 2))) void say(const char *fmt, ...);
/* From here on lines are sent, with those that were said before: until now the three places were not known.
 */
void say_open(struct loader *l);
/* Whether there is a UART that lines go to. Once they are sent. */
bool say_has_uart(void);
/* The VMM runs: from here on it is asked to print on its line what is said. */
void say_through_vmm(void);
/* The VMM does not run: what say_open() took from the firmware goes back. */
void say_release(void);
/* Many lines, newlines included, as they are: to the UART and the report file; the firmware's console gets the first. */
void say_long(const char *text);
/* As the specification names it: EFI_NOT_FOUND; valid until the next call. */
const char *say_status(EFI_STATUS status);

/* serial.c */
/* Makes the firmware let go of the UART at `port`, if it drives it. False: it still does. */
bool serial_take(const struct uart_port *port);
/* Gives it back. Returns whether there was one. */
bool serial_return(void);

/* uart_write.c: by src/hw/ns16550.h */
void uart_open(const struct uart_port *port, uint32_t baud);
/* Sends a text, "\n" as "\r\n". Does nothing while no UART answers there: the VMM may hide it. Never waits
 * for ever. */
void uart_write(const struct uart_port *port, const char *text);

/* console_find.c: l->console, from the configuration, the firmware's tables and the PCI bus. Says what is not there. */
void console_find(struct loader *l);
/* What a triple fault leads to where the configuration leaves it open: it must not be silent. Says so where it is not a reset. */
void console_settle(struct loader *l);

/* pci.c */
/* The first serial card. False: there is none. */
bool pci_find_uart(struct uart_port *out);
/* Makes the card, if it is one, decode its addresses: a driver that lets go of it turns that off. */
void pci_enable(const struct uart_port *port);

/* file.c: files of the volume we were loaded from */
/* A path of the configuration as the firmware wants it: from the root, with backslashes. */
void file_path(CHAR16 out[LOADER_PATH_MAX], const char *path);
/* The path that we were loaded from, without a NUL, `max` characters of it at most; returns how many. */
size_t file_own_path(const struct loader *l, CHAR16 *path, size_t max);
EFI_STATUS file_volume(struct loader *l);
EFI_STATUS file_exists(const struct loader *l, const char *path);
/* Reads at most `max` bytes; *len says how many. EFI_BUFFER_TOO_SMALL: there is more. */
EFI_STATUS file_read(const struct loader *l, CHAR16 *path, char *buf, UINTN max, UINTN *len);
/* The first other volume that has the file, in the order of the firmware's handles; NULL: none has. */
EFI_HANDLE file_elsewhere(const struct loader *l, const char *path);
EFI_STATUS file_append(const struct loader *l, const char *path, const char *text);

/* settings.c: trapline.conf beside our own file and the load options, on top of what l->config holds */
void settings_load(struct loader *l);

/* last_run.c */
#define LAST_TEXT_MAX (2 * BLACKBOX_TEXT_SIZE) /* what the VMM makes of the last run, its NUL included */

/* The black box of the run before, where there is one. */
struct last_run {
	uint64_t base; /* a copy of it; 0: none */
	uint64_t size;
	char *text; /* LAST_TEXT_MAX bytes for the VMM to fill */
};

/* Address of the nth place, from 0, where a black box may lie; 0: no more. */
uint64_t blackbox_place(const struct loader *l, unsigned n);
/*
 * Looks for the last run's, and says in one line whether there is one and memory survives a reset. Before memory_region(): it
 * takes the same place.
 *   reset  the start follows a reset for certain
 */
void blackbox_find(const struct loader *l, struct last_run *last, bool reset);
/* This run's lies here: with `cmos` the next start is to know, behind a reset for certain, where it has to be. */
void blackbox_note_place(const struct loader *l, uint64_t box);
/* The region is given back: nobody takes its black box for a run's. */
void blackbox_wipe(uint64_t box);
/* What the VMM made of it, to where lines go, and to blackbox_file. */
void blackbox_print(const struct loader *l, const struct last_run *last);
void blackbox_release(struct last_run *last);
/* Date and time; unchanged where the firmware has no clock. */
void blackbox_now(char *out, size_t size);

/* cmos_recall.c */
/*
 * What the last run has left in the CMOS, where `cmos` says where that is. Turns `cmos` off, with a line, where the bytes are
 * somebody else's. Returns whether there is a note.
 */
bool cmos_fetch(struct loader *l, struct cmos_note *note);
/* Says it in one line, unless the black box tells the same, and clears it. */
void cmos_tell(const struct loader *l, const struct cmos_note *note, bool told);

/* memory.c */
/*
 * The VMM's memory: 2 MiB aligned, zeroed, reserved in the firmware's map for good.
 *   size  a multiple of 2 MiB
 *   box   how much of it, at its end, is the black box; that begins at one of its places if one is free
 * Returns its address; 0 after saying why there is none.
 */
uint64_t memory_region(const struct loader *l, uint64_t size, uint64_t box);
/* Page tables that are the firmware's with the region at VMM_BASE on top. Returns their CR3; 0 after saying
 * why not. */
uint64_t memory_transition(uint64_t region, uint64_t size);
void memory_free(uint64_t base, uint64_t size);

/* ram.c: fills ram[], ram_count and ram_top from the firmware's memory map */
bool ram_fill(struct boot_info *info);

/* acpi.c: fills hot[] and hot_count from the SRAT; ram_fill() takes out what the firmware's map has */
void acpi_hot(struct boot_info *info);

/* acpi.c: fills acpi_rsdp, pm1a_cnt, pm1b_cnt, reset_port and reset_value; what is not there stays 0 */
void acpi_fill(struct boot_info *info);
/* The UART in the SPCR table. False: there is none, or it is not of our kind. */
bool acpi_uart(struct uart_port *out);
/* Physical address of a PCI function's configuration space in memory; 0: it is not in the MCFG table. */
uint64_t acpi_pci_config(uint16_t function);

/* framebuffer.c: the firmware's screen; its base stays 0 where there is no framebuffer of 32-bit pixels */
void screen_find(struct boot_screen *screen);

/* clock.c: the TSC's frequency, measured */
uint64_t clock_tsc_khz(void);

/* this_cpu.c */
uint64_t cpu_apic_id(void);
/* Trapline runs already: we are its guest. */
bool cpu_is_guest(void);

/* mp.c: the other CPUs, through the firmware's MP services */
/* Lists all CPUs in info->apic_id, this one first, and sets info->cpus. Returns false after saying why it
 * cannot be. */
bool mp_list(struct boot_info *info);
/*
 * Runs `procedure` on every other CPU at once and waits until all are back. Returns false after saying that
 * some are not.
 */
bool mp_run(void (*procedure)(void *), void *argument);

/* vmm.c: starts the VMM under every CPU. Returns false after saying why it does not run; nothing of it is
 * left then. */
bool vmm_start(struct loader *l);

/* launch.S */
/*
 * Calls the VMM's entry on this CPU.
 *   entry, info  see struct vmm_header
 *   launch       apic_id, number and phase are filled
 *   cr3          from memory_transition()
 * Returns 0 in the guest; otherwise the VMM did not start on this CPU and all is as before: BOOT_PREPARED or
 * BOOT_REFUSED.
 */
uint64_t boot_launch(uint64_t entry, struct boot_info *info, struct boot_launch *launch, uint64_t cr3);

/* next_image.c */
/* Whether `next` is there, if there is one; says so if not, and if it is on another volume. */
EFI_STATUS chain_check(struct loader *l);
/* Starts `next`. Returns when it returns, or after saying why it did not start. */
EFI_STATUS chain_start(const struct loader *l);

#endif
