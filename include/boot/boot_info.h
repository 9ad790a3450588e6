// SPDX-License-Identifier: MIT
/*
 * What the loader passes to the VMM. Both are built from one tree, and the VMM is a blob inside the .efi. Magic, version and
 * size are checked nevertheless, so that a mixed build is reported instead of crashing.
 */
#ifndef TRAPLINE_BOOT_INFO_H
#define TRAPLINE_BOOT_INFO_H

#include <stdint.h>
#include <boot/config.h>
#include <boot/uart_port.h>

#define BOOT_INFO_MAGIC   0x494c5052545f4254ull
#define BOOT_INFO_VERSION 8
#define BOOT_MAX_RAM      1024
#define BOOT_MAX_HOT      16
#define BOOT_MAX_CPUS     1024
#define BOOT_MAX_PIECES   16

/* Where the VMM's image is linked (linker.ld); the loader maps it there for the first call. */
#define VMM_BASE 0xffffffff80000000ull

/* At offset 0 of the VMM's image (src/main.c). */
#define VMM_HEADER_MAGIC 0x454e494c50415254ull /* "TRAPLINE" */
struct vmm_header {
	uint64_t magic;
	uint32_t version;   /* BOOT_INFO_VERSION of its build */
	uint32_t info_size; /* sizeof(struct boot_info) of its build */
	/* bytes in memory, .bss included, a multiple of 4096; the blob ends before .bss */
	uint64_t image_size;
	uint64_t entry; /* virtual address of: uint64_t vmm_main(struct boot_info *, struct boot_launch *) */
};

/* Guest-physical RAM from the firmware's memory map: ascending, merged, in 4 KiB units. */
struct boot_range {
	uint64_t base;
	uint64_t size;
};

/*
 * The VMM is called in two steps, so that either all CPUs enter or none does. First BOOT_PREPARE on the boot CPU only. If
 * there are other CPUs, it tries every step of an entry that could fail later. Then BOOT_ENTER on all other CPUs at once,
 * where each waits for the others. Last BOOT_ENTER on the boot CPU.
 */
enum boot_phase {
	BOOT_PREPARE,
	BOOT_ENTER
};

/* The results of vmm_main(). BOOT_ENTER returns 0 in the guest, or BOOT_REFUSED. */
#define BOOT_REFUSED  1
#define BOOT_PREPARED 2

/* The longest time that a CPU waits in BOOT_ENTER for the others. */
#define BOOT_WAIT_MS 10000

/* One CPU's state at the call, where the guest continues. Filled by boot/launch.S. */
struct boot_launch {
	uint64_t rip; /* in the loader */
	uint64_t rsp;
	uint64_t rflags;
	uint64_t cr3;     /* the firmware's */
	uint64_t apic_id; /* of this CPU (CPUID leaf 1 or 0xb) */
	uint64_t number;  /* Trapline's number of this CPU; 0 is the boot CPU */
	uint64_t efer;    /* the firmware's; filled by the VMM before it sets bits of its own */
	uint64_t phase;   /* enum boot_phase */
};

#define BOOT_ERROR_MAX 160

/* The pieces of the VMM's memory, in units of 2 MiB. The first contains the image, then pool. The later ones are pool. */
enum boot_piece {
	BOOT_PIECE_IMAGE,
	BOOT_PIECE_BOX, /* the black box: include/boot/blackbox_layout.h */
	BOOT_PIECE_MORE
};

/* A framebuffer of 32-bit pixels. */
struct boot_screen {
	uint64_t base;  /* physical; 0: none */
	uint32_t width; /* pixels */
	uint32_t height;
	uint32_t stride; /* pixels from one row to the next */
	uint32_t reserved;
};

struct boot_info {
	uint64_t magic;
	uint32_t version;
	uint32_t size;
	uint32_t piece_count;
	uint32_t reserved_count;
	struct boot_range piece[BOOT_MAX_PIECES]; /* the VMM's memory, reserved in the firmware's map */
	/* the capture kernel's (capture_layout.h), reserved as well; size 0: none */
	struct boot_range capture;
	uint64_t image_size;
	uint64_t last_base; /* a copy of the last run's black box, in the loader's memory; 0: none */
	uint64_t last_size;
	uint64_t last_core_written; /* 1: this start has written that box's core to core_file */
	/* in the loader's memory: the buffer for the VMM's text about the last run; 0: none */
	uint64_t last_text;
	uint64_t last_text_size;
	uint64_t names_base;       /* the block of include/boot/names_layout.h, in the loader's memory */
	uint64_t names_size;       /* its bytes; 0: none */
	char started[24];          /* date and time, or empty */
	struct boot_screen screen; /* as the firmware left it */
	uint64_t tsc_khz;          /* measured with the firmware's Stall() */
	uint64_t tsc_start;        /* TSC when the loader started: t=0 of the log */
	uint64_t acpi_rsdp;        /* 0: none */
	uint32_t cpus;             /* CPUs that the loader starts; the boot CPU is number 0 */
	uint32_t apic_id[BOOT_MAX_CPUS];
	uint16_t pm1a_cnt; /* I/O port of the ACPI PM1a control block; 0: none */
	uint16_t pm1b_cnt;
	uint16_t reset_port; /* FADT RESET_REG, if it is an I/O port; 0: none */
	uint8_t reset_value;
	uint8_t reserved[5];
	uint64_t ram_top; /* one past the highest RAM address */
	uint32_t ram_count;
	uint32_t hot_count;
	struct boot_range ram[BOOT_MAX_RAM];
	/* where memory may appear later: not in the firmware's map, in 2 MiB units */
	struct boot_range hot[BOOT_MAX_HOT];
	struct trapline_config config;
	struct uart_port console;   /* base 0: there is none */
	char vmm_version[32];       /* written by the VMM for the loader */
	char error[BOOT_ERROR_MAX]; /* written by the VMM for the loader: why it did not start, one line */
};

#endif
