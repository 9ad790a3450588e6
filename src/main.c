// SPDX-License-Identifier: MIT
/*
 * The start. The loader calls vmm_main() on each CPU, on the loader's stack and with the firmware's mappings in the lower half
 * (boot_info.h: enum boot_phase). If BOOT_ENTER succeeds it does not return: the CPU continues in the loader, as a guest.
 */
#include "apic/apic.h"
#include "apic/flush.h"
#include "log/log.h"
#include "console/poll.h"
#include "gdb/gdb.h"
#include "log/screen.h"
#include "hw/asm.h"
#include "hw/probe.h"
#include "cpu/cpu.h"
#include "apic/park.h"
#include "cpu/host_trap.h"
#include "exit/apic_seen.h"
#include "exit/watch_change.h"
#include "exit/work.h"
#include "exit/init_sipi.h"
#include "report/fault.h"
#include "cpu/idt.h"
#include "hw/msr.h"
#include "exit/io.h"
#include "hw/features.h"
#include "hw/lock.h"
#include "lib/array.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mem/host_map.h"
#include "mem/pool.h"
#include "stage2/stage2.h"
#include "blackbox/blackbox.h"
#include "report/guest_names.h"
#include "report/recall.h"
#include "vendor.h"
#include "version.h"
#include "vmcall/vmcall.h"

extern const char image_size[]; /* linker.ld: an absolute symbol */

const char vendor_absent[] = "it does not have the boot CPU's virtualization extension";
const struct vendor *vendor;

uint64_t vmm_main(struct boot_info *info, struct boot_launch *launch);

__attribute__((section(".header"), used)) static const struct vmm_header header = {
	.magic = VMM_HEADER_MAGIC,
	.version = BOOT_INFO_VERSION,
	.info_size = sizeof(struct boot_info),
	.image_size = (uint64_t)image_size,
	.entry = (uint64_t)vmm_main,
};

/* The only place that chooses the vendor. Returns NULL, or why neither works. */
static const char *choose_vendor(void)
{
	static const struct vendor *const all[] = {&svm_vendor, &vmx_vendor};

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		const char *error = all[i]->life.probe();

		if (error == vendor_absent)
			continue;
		vendor = all[i];
		return error;
	}
	return "this CPU has neither AMD-V (CPUID Fn8000_0001 ECX.SVM) nor VT-x (CPUID leaf 1 ECX.VMX)";
}

/* The host's handler had an NMI, at any point. */
static void nmi(struct cpu *cpu)
{
	cpu_note_nmi(cpu);
	if (cpu->vendor)
		vendor->exits.watch(cpu, WATCH_ENTRY, true);
}

static const struct host_trap_takers takers = {.nmi = nmi,
	.init = init_sipi_note_init,
	.machine_check = exit_note_machine_check,
	.fault = fault_screen};

/* Runs once, on the boot CPU, before the VMM has page tables of its own. */
static const char *take_over(const struct boot_info *info)
{
	features_init(probe_or);
	if (!features.nx)
		return "this CPU has no NX, or the firmware has turned it off (\"Execute Disable\" in its "
		       "setup)";
	memcpy(&boot_info, info, sizeof(boot_info));
	host_trap_init(&takers);
	idt_init();
	for (uint32_t i = 0; i < info->piece_count; i++) {
		uint64_t image = i == BOOT_PIECE_IMAGE ? info->image_size : 0;

		if (i != BOOT_PIECE_BOX)
			pool_add(info->piece[i].base + image, info->piece[i].size - image);
	}
	return host_map_init(&boot_info) ? NULL : "the VMM's memory is too small for its page tables";
}

static const char *start_all(void)
{
	const char *error = stage2_init();

	if (!error && !io_init())
		error = "the VMM's memory is too small for the I/O permission map";
	if (!error)
		error = vmcall_init();
	if (!error)
		error = apic_init();
	if (!error)
		error = vendor->life.init();
	return error;
}

static const char *create_cpus(const struct boot_info *info)
{
	for (uint32_t n = 0; n < info->cpus; n++)
		if (!cpu_create(n, info->apic_id[n]) || !apic_seen_init(cpus[n]))
			return "the VMM's memory is too small for this many CPUs";
	return NULL;
}

/*
 * The boot CPU enters last, when the others can no longer undo their entry. So each step that may fail on it is tried before
 * they start.
 */
static const char *try_this_cpu(const struct boot_launch *launch)
{
	const char *error = vendor->life.cpu_init(cpus[0], launch);

	if (!error)
		vendor->life.cpu_undo(cpus[0]);
	return error;
}

static uint64_t prepare(struct boot_info *info, const struct boot_launch *launch)
{
	const char *error = take_over(info);

	if (!error)
		error = choose_vendor();
	if (!error && !blackbox_init(info))
		error = "the VMM's memory is too small for the records of this many CPUs";
	if (!error)
		error = start_all();
	/* One piece of memory, which has to be taken while the first piece of the pool is whole. */
	if (!error && !guest_names_take(info))
		error = "the VMM's memory is too small for the symbols";
	if (!error)
		error = create_cpus(info);
	if (!error && info->cpus > 1)
		error = try_this_cpu(launch);
	if (error) {
		snprintf(info->error, sizeof(info->error), "%s", error);
		return BOOT_REFUSED;
	}
	snprintf(info->vmm_version, sizeof(info->vmm_version), "%s", TRAPLINE_VERSION);
	memcpy(boot_info.vmm_version, info->vmm_version, sizeof(boot_info.vmm_version));
	console_init();
	watch_begin();
	gdb_init();
	screen_init();
	blackbox_open(TRAPLINE_VERSION, vendor->name);
	if (info->last_base)
		blackbox_core_take((const struct blackbox_header *)info->last_base, info->last_core_written);
	blackbox_recall(info); /* the last run's addresses have no names in this one */
	guest_names_begin();
	return BOOT_PREPARED;
}

static struct {
	struct lock lock;         /* one CPU at a time, because the pool has no lock */
	_Atomic uint32_t arrived; /* CPUs that are ready, or have failed */
	_Atomic bool failed;
	_Atomic int decision; /* for all CPUs: the first one that can decide does */
} start = {.lock = LOCK_FREE};

static bool start_cpu(struct boot_info *info, const struct boot_launch *launch, struct cpu *cpu)
{
	const char *error;

	lock_take(&start.lock, cpu_pause);
	error = vendor->life.probe();
	if (!error)
		error = features_compare(probe_or);
	if (!error)
		error = apic_cpu_init(cpu);
	if (!error)
		error = vendor->life.cpu_init(cpu, launch);
	if (error && !info->error[0])
		snprintf(info->error, sizeof(info->error), "CPU %u (APIC id %u): %s", cpu->number,
			cpu->apic_id, error);
	if (error)
		atomic_store(&start.failed, true);
	lock_give(&start.lock);
	return !error;
}

enum {
	UNDECIDED,
	GO_IN,
	GO_BACK
};

/*
 * A CPU that is ready holds SMIs back on AMD-V, and the firmware's handlers wait for all CPUs. moment() is for CPUs that are beneath
 * the guest.
 */
static void wait_a_turn(bool ready)
{
	if (ready)
		vendor->events.let_in(true);
	cpu_pause();
	if (ready)
		vendor->events.let_in(false);
}

/* All CPUs but the boot CPU meet here. Returns false on all of them if one failed or did not arrive in time. */
static bool wait_for_others(bool ready)
{
	uint64_t since = rdtsc(), limit = boot_info.tsc_khz * BOOT_WAIT_MS;
	int undecided = UNDECIDED;
	bool all;

	atomic_fetch_add(&start.arrived, 1);
	do {
		all = atomic_load(&start.arrived) == boot_info.cpus - 1;
		wait_a_turn(ready);
	} while (!all && rdtsc() - since < limit);
	atomic_compare_exchange_strong(
		&start.decision, &undecided, all && !atomic_load(&start.failed) ? GO_IN : GO_BACK);
	return atomic_load(&start.decision) == GO_IN;
}

static uint64_t enter(struct boot_info *info, const struct boot_launch *launch)
{
	struct cpu *cpu = cpus[launch->number];
	bool ready;

	host_map_load();
	ready = start_cpu(info, launch, cpu);
	if (cpu->number == 0 ? ready : wait_for_others(ready))
		vendor->life.run(cpu);
	if (ready)
		vendor->life.cpu_undo(cpu);
	return BOOT_REFUSED;
}

/* CPUs may differ: prints what any of them uses, and what any of them misses. */
static void say_mitigations(void)
{
	char used[MITIGATION_NAMES_MAX], missing[MITIGATION_NAMES_MAX];
	struct mitigations all = {0};

	for (unsigned n = 0; n < boot_info.cpus; n++) {
		all.used |= cpus[n]->mitigations.used;
		all.missing |= cpus[n]->mitigations.missing;
	}
	log_print("trapline: mitigations=%s missing=%s", mitigation_names(used, sizeof(used), all.used),
		mitigation_names(missing, sizeof(missing), all.missing));
}

/* The first function on a CPU's own stack. When the last CPU has entered, the firmware's mappings are no longer needed. */
void cpu_entered(void)
{
	uint32_t active;

	atomic_store(&this_cpu()->beneath, true);
	/* A CPU that is not beneath the guest gets no NMI: one that has just called cpus_park() sent none here. */
	cpu_park_if_asked(this_cpu());
	/* Changes since the other CPUs entered were announced before this CPU could be kicked. */
	flush_serve(this_cpu());
	active = atomic_fetch_add(&cpus_active, 1) + 1;
	if (active < boot_info.cpus)
		return;
	log_print("trapline: active version=%s backend=%s cpus=%u", TRAPLINE_VERSION, vendor->name, active);
	say_mitigations();
	vmcall_announce();
	apic_say_way();
	host_map_close();
}

uint64_t vmm_main(struct boot_info *info, struct boot_launch *launch)
{
	uint64_t result;

	launch->efer = rdmsr(MSR_EFER);
	result = launch->phase == BOOT_PREPARE ? prepare(info, launch) : enter(info, launch);
	wrmsr(MSR_EFER, launch->efer);
	return result;
}
