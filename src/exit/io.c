// SPDX-License-Identifier: MIT
/*
 * Three kinds of ports exit: the console's, which is hidden from the guest, with PCI's data ports if it is a card;
 * those that end the machine, so that the last lines are printed first; and the gates of address line 20. On VT-x
 * the 8259s' ports are the fourth kind.
 */
#include "exit/io.h"
#include <boot/cmos_note.h>
#include "exit/handlers.h"
#include "log/log.h"
#include "log/turn.h"
#include "hw/asm.h"
#include "hw/lock.h"
#include "cpu/moment.h"
#include "exit/a20.h"
#include "exit/breakpoint.h"
#include "exit/exception.h"
#include "exit/run_stop.h"
#include "exit/pic.h"
#include "exit/shutdown.h"
#include "lib/string.h"
#include "log/cmos.h"
#include "mem/pool.h"
#include "trace/vector.h"
#include "vendor.h"

#define IO_MAP_PAGES   3
#define UART_PORTS     8
#define SLP_EN         (1u << 13) /* ACPI 4.8.3.2.1, PM1 control */
#define KBC_RESET      0xf0       /* pulse output lines: bit 0 clear resets; the usual value is 0xfe */
#define RESET_CF9      0xcf9
#define PCI_ADDRESS    0xcf8 /* PCI local bus specification 3.0, 3.2.2.3.2 */
#define PCI_DATA       0xcfc
#define PCI_DATA_PORTS 4
#define PCI_ENABLE     (1u << 31)
#define PCI_SELECTS    0x80ffff00u
#define CF9_SYSTEM     (1u << 1)
#define CF9_RESET      (1u << 2)

static uint64_t map;
static bool power_watched;
/* Protects the map, which all CPUs share: a byte of it has the ports of several devices. */
static struct lock lock = LOCK_FREE;

uint64_t io_map_phys(void)
{
	return map;
}

/* Called with the lock held, once CPUs run. */
static void set_exits(unsigned port, unsigned count, bool on)
{
	uint8_t *bits = pool_virt(map);

	for (unsigned p = port; p < port + count; p++)
		bits[p / 8] = (uint8_t)(on ? bits[p / 8] | 1u << p % 8 : bits[p / 8] & ~(1u << p % 8));
}

/* For ports that exit only at times. The condition is tested again with the lock held, so that the last caller sets the right state. */
static void follow(unsigned port, bool *is, bool (*wants)(void))
{
	if (*is == wants())
		return;
	lock_take(&lock, cpu_pause);
	*is = wants();
	set_exits(port, 1, *is);
	lock_give(&lock);
}

static void update_a20(void)
{
	static bool data_exits;

	follow(A20_KBC_DATA, &data_exits, a20_wants_data);
}

static void watch_power(bool on)
{
	if (boot_info.pm1a_cnt)
		set_exits(boot_info.pm1a_cnt, 2, on);
	if (boot_info.pm1b_cnt)
		set_exits(boot_info.pm1b_cnt, 2, on);
	if (boot_info.reset_port)
		set_exits(boot_info.reset_port, 1, on);
	set_exits(RESET_CF9, 1, on);
	set_exits(A20_PORT_A, 1, true); /* both can also end the machine, and always exit */
	set_exits(A20_KBC_COMMAND, 1, true);
	power_watched = on;
}

static void hide_console(bool on)
{
	const struct uart_port *uart = &boot_info.console;

	if (uart->base && !uart->memory)
		set_exits((unsigned)uart->base, UART_PORTS, on);
	if (uart->pci)
		set_exits(PCI_DATA, PCI_DATA_PORTS, on);
	boot_info.config.hide_console = on;
}

bool io_watches(enum io_watched what)
{
	return what == IO_POWER ? power_watched : boot_info.config.hide_console;
}

bool io_can_switch(enum io_watched what)
{
	const struct uart_port *uart = &boot_info.console;

	return what == IO_POWER || (uart->base && !uart->memory && !uart->pci);
}

void io_watch(enum io_watched what, bool on)
{
	lock_take(&lock, cpu_pause);
	if (what == IO_POWER)
		watch_power(on);
	else
		hide_console(on);
	lock_give(&lock);
}

static bool pic_watched;

void io_watch_pic(void)
{
	pic_watched = true;
	set_exits(PIC_SLAVE, 2, true);
	set_exits(PIC_CLEAR_BUSY, 1, true);
}

void io_update_pic(void)
{
	static bool master_exits;

	if (pic_watched)
		follow(PIC_MASTER, &master_exits, pic_wants_master);
}

bool io_init(void)
{
	map = pool_alloc(IO_MAP_PAGES);
	if (!map)
		return false;
	if (boot_info.config.hide_console)
		hide_console(true);
	watch_power(true);
	if (boot_info.config.cmos)
		set_exits(CMOS_INDEX, 2, true);
	return true;
}

/* Whether the data ports currently access this function's configuration space. */
static bool selects(uint16_t function)
{
	return (inl(PCI_ADDRESS) & PCI_SELECTS) == (PCI_ENABLE | (uint32_t)function << 8);
}

static bool overlaps(const struct exit_io *io, uint64_t base, unsigned count)
{
	return io->port < base + count && io->port + io->size > base;
}

/* An access that begins below a hidden port also counts, because some of its bytes would reach the port. */
static bool is_hidden(const struct exit_io *io)
{
	const struct uart_port *uart = &boot_info.console;

	if (!boot_info.config.hide_console)
		return false;
	if (uart->pci && overlaps(io, PCI_DATA, PCI_DATA_PORTS) && selects(uart->function))
		return true;
	return uart->base && !uart->memory && overlaps(io, uart->base, UART_PORTS);
}

/*
 * The firmware may serve such a port by SMIs: its handler provides what IN reads, and may carry out a PM1 write. The SMI has to come
 * with the instruction, although AMD-V would hold it back.
 */
static uint32_t port_in(uint16_t port, unsigned size)
{
	uint32_t value;

	moment_open();
	value = size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
	moment_close();
	return value;
}

static void port_out(uint16_t port, unsigned size, uint32_t value)
{
	moment_open();
	if (size == 1)
		outb(port, (uint8_t)value);
	else if (size == 2)
		outw(port, (uint16_t)value);
	else
		outl(port, value);
	moment_close();
}

/* Accesses to the RTC's ports, between which a note may be written. */
static void cmos_access(const struct exit_io *io, uint32_t *value)
{
	cmos_begin();
	if (io->in) {
		*value = port_in(io->port, io->size);
	} else {
		port_out(io->port, io->size, *value);
		cmos_written(io->port, io->size, *value);
	}
	cmos_end();
}

/* Whether a write of `size` bytes to `port` sets SLP_EN of the PM1 control register at `pm1`. */
static bool sets_slp_en(uint16_t pm1, unsigned port, unsigned size, uint32_t value)
{
	unsigned shift = 8 * (port - pm1);

	return pm1 && port - pm1 < 2 && (value & ((1ull << 8 * size) - 1)) << shift & SLP_EN;
}

static bool sleeps(const struct exit_io *io, uint32_t value)
{
	return sets_slp_en(boot_info.pm1a_cnt, io->port, io->size, value) ||
	       sets_slp_en(boot_info.pm1b_cnt, io->port, io->size, value);
}

/* What a byte ends, in words; NULL: nothing. */
static const char *byte_ending(unsigned port, uint8_t value)
{
	if (boot_info.reset_port && port == boot_info.reset_port && value == boot_info.reset_value)
		return "the guest reset the machine (ACPI reset register)";
	if (port == RESET_CF9 && (value & CF9_RESET))
		return "the guest reset the machine (port 0xcf9)";
	if (port == A20_PORT_A && (value & 1))
		return "the guest reset the CPU (port 0x92)";
	if (port == A20_KBC_COMMAND && (value & KBC_RESET) == KBC_RESET && !(value & 1))
		return "the guest reset the machine (keyboard controller)";
	return NULL;
}

/* A write of several bytes goes to several ports. */
static uint8_t byte_of(uint32_t value, unsigned n)
{
	return (uint8_t)(value >> 8 * n);
}

/* What a write to a watched port ends, in words; NULL: nothing. */
static const char *ending(const struct exit_io *io, uint32_t value)
{
	const char *end = NULL;

	if (sleeps(io, value))
		return "the guest turned the machine off or put it to sleep (ACPI PM1 control)";
	for (unsigned n = 0; n < io->size && !end; n++)
		end = byte_ending(io->port + n, byte_of(value, n));
	return end;
}

/*
 * Whether a write that ends the machine resets only the CPU. On Intel's chipsets that is INIT. It would exit in the guest, and
 * the firmware's first code, which sets up the machine, would run as a guest. Bit 1 of 0xcf9 requests a full reset.
 */
static bool byte_resets_cpu(unsigned port, uint8_t value)
{
	return byte_ending(port, value) && (port == A20_PORT_A || port == A20_KBC_COMMAND ||
						   (port == RESET_CF9 && !(value & CF9_SYSTEM)));
}

static bool resets_cpu(const struct exit_io *io, uint32_t value)
{
	for (unsigned n = 0; n < io->size; n++)
		if (byte_resets_cpu(io->port + n, byte_of(value, n)))
			return true;
	return false;
}

static void end_machine(const struct exit_io *io, uint32_t value, const char *why)
{
	shutdown_report(why, sleeps(io, value) ? SHUTDOWN_OFF : SHUTDOWN_RESET);
	if (vendor->traits->reset_is_init && resets_cpu(io, value))
		shutdown_reset();
}

static bool is_pic(const struct exit_io *io)
{
	return pic_watched &&
	       (overlaps(io, PIC_MASTER, 1) || overlaps(io, PIC_SLAVE, 2) || overlaps(io, PIC_CLEAR_BUSY, 1));
}

/* Byte by byte, as the 8259s get them; bytes that are not for them are dropped. */
static void pic_out(const struct exit_io *io, uint32_t value)
{
	for (unsigned n = 0; n < io->size; n++)
		if (pic_write((uint16_t)(io->port + n), byte_of(value, n)))
			port_out((uint16_t)(io->port + n), 1, byte_of(value, n));
	io_update_pic();
}

static void watched_out(const struct exit_io *io, uint32_t value)
{
	const char *end = power_watched ? ending(io, value) : NULL;

	if (cmos_is_port(io->port, io->size)) {
		cmos_access(io, &value);
		return;
	}
	if (end)
		end_machine(io, value, end);
	if (is_pic(io))
		pic_out(io, value);
	else if (a20_write(io, &value))
		port_out(io->port, io->size, value);
	update_a20();
}

static uint32_t watched_in(const struct exit_io *io)
{
	uint32_t value = 0;

	if (cmos_is_port(io->port, io->size)) {
		cmos_access(io, &value);
		return value;
	}
	value = a20_read(io, port_in(io->port, io->size));
	update_a20();
	return value;
}

/* RAX after IN of this size: 8 and 16 bits keep the rest, 32 bits clear it. */
static uint64_t merge_in(uint64_t rax, unsigned size, uint32_t value)
{
	if (size == 4)
		return value;
	return size == 2 ? (rax & ~0xffffull) | (value & 0xffff) : (rax & ~0xffull) | (value & 0xff);
}

/*
 * INS and OUTS to such a port, which no real system uses. The port stops exiting, and the CPU runs the instruction:
 * exact for the guest, although the console may become visible. A gate of line 20 keeps exiting, because without the line the VMM would crash.
 */
static void give_up_port(struct cpu *cpu, const struct exit_io *io)
{
	if (a20_is_port(io->port, io->size)) {
		cpu->stats.bad_guest[BAD_PORT]++;
		exception_raise(cpu, VEC_GP, 0);
		return;
	}
	log_line("trapline: string I/O to port 0x%x, which is no longer watched from here on", io->port);
	lock_take(&lock, cpu_pause);
	if (cmos_is_port(io->port, io->size)) {
		set_exits(CMOS_INDEX, 2, false);
		cmos_give_up();
	}
	set_exits(io->port, io->size, false);
	lock_give(&lock);
}

/* A 32-bit write to the configuration address does not reach 0xcf9, although it exits because of that port. */
static bool is_pci_address(const struct exit_io *io)
{
	return io->port == PCI_ADDRESS && io->size == 4 && !io->in && !io->string;
}

/* A reset while a debugger looks: the CPU stops at the instruction, and carries it out when it comes there next. */
static bool stops_first(struct cpu *cpu, const struct exit_io *io, uint32_t value)
{
	uint64_t rip;
	bool told;

	if (!atomic_load(&run_stops_resets) || !power_watched || sleeps(io, value) || !ending(io, value))
		return false;
	rip = vendor->state.get(cpu, GUEST_RIP);
	told = cpu->run.told_reset && cpu->run.reset_rip == rip;
	cpu->run.told_reset = !told;
	cpu->run.reset_rip = rip;
	if (!told)
		run_stop(cpu, RUN_RESET);
	return !told;
}

void exit_io(struct cpu *cpu)
{
	const struct exit_io *io = &cpu->exit.io;
	uint64_t *rax = &cpu->gpr[TRAP_RAX], met;

	turn_poll(cpu);
	if (io->string) {
		give_up_port(cpu, io);
		return;
	}
	if (!io->in && stops_first(cpu, io, (uint32_t)*rax))
		return;
	if (is_pci_address(io))
		outl(PCI_ADDRESS, (uint32_t)*rax);
	else if (io->in)
		*rax = merge_in(*rax, io->size, is_hidden(io) ? ~0u : watched_in(io));
	else if (!is_hidden(io))
		watched_out(io, (uint32_t)*rax);
	met = breakpoint_io(cpu, io->port, io->size);
	if (met)
		vendor->exits.skip(cpu, (unsigned)vendor->state.get(cpu, GUEST_IO_LENGTH), met);
	else
		exit_skip(cpu);
}
