/*
 * The start. The loader calls vmm_main() once on each CPU, on its own stack and with the firmware's mappings in the lower
 * half; where it succeeds it does not return: the CPU goes on in the loader, as a guest.
 */
#include "console/console.h"
#include "cpu/asm.h"
#include "cpu/cpu.h"
#include "cpu/idt.h"
#include "cpu/msr.h"
#include "exit/io.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mem/host_map.h"
#include "mem/pool.h"
#include "mem/stage2.h"
#include "vendor.h"
#include "version.h"

extern const char image_size[]; /* linker.ld: an absolute symbol */

const struct vendor *vendor;

uint64_t vmm_main(struct boot_info *info, struct boot_launch *launch);

__attribute__((section(".header"), used)) static const struct vmm_header header = {
	.magic = VMM_HEADER_MAGIC,
	.version = BOOT_INFO_VERSION,
	.info_size = sizeof(struct boot_info),
	.image_size = (uint64_t)image_size,
	.entry = (uint64_t)vmm_main,
};

/* The one place that chooses. Returns NULL or why neither will do. */
static const char *choose_vendor(void)
{
	static const struct vendor *const all[] = {&svm_vendor, &vmx_vendor};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i]->present()) {
			vendor = all[i];
			return vendor->probe();
		}
	return "this CPU has neither AMD-V (CPUID Fn8000_0001 ECX.SVM) nor VT-x (CPUID leaf 1 ECX.VMX)";
}

/* What is done once, on the boot CPU, before there is a page table of our own. */
static const char *take_over(const struct boot_info *info)
{
	memcpy(&boot_info, info, sizeof(boot_info));
	idt_init();
	pool_init(info->region_base + info->image_size, info->region_size - info->image_size);
	return host_map_init(&boot_info) ? NULL : "the VMM's memory is too small for its page tables";
}

static const char *start_all(void)
{
	const char *error = stage2_init();

	if (!error && !io_init())
		error = "the VMM's memory is too small for the I/O permission map";
	if (!error)
		error = vendor->init();
	return error;
}

static const char *start_cpu(struct boot_launch *launch, struct cpu **out)
{
	struct cpu *cpu = cpu_create((uint32_t)launch->number, (uint32_t)launch->apic_id);

	if (!cpu)
		return "the VMM's memory is too small for this CPU";
	*out = cpu;
	return vendor->cpu_init(cpu, launch);
}

/* The first thing on a CPU's own stack: when it is the last CPU, nobody needs the firmware's mappings any more. */
void cpu_entered(void)
{
	if (atomic_load(&cpus_active) == boot_info.cpus)
		host_map_close();
}

static uint64_t refuse(struct boot_info *info, const char *why)
{
	snprintf(info->error, sizeof(info->error), "%s", why);
	return 1;
}

uint64_t vmm_main(struct boot_info *info, struct boot_launch *launch)
{
	const char *error;
	struct cpu *cpu;

	launch->efer = rdmsr(MSR_EFER);
	error = take_over(info);
	if (!error)
		error = choose_vendor();
	if (!error)
		error = start_all();
	if (!error)
		error = start_cpu(launch, &cpu);
	if (error) {
		wrmsr(MSR_EFER, launch->efer);
		return refuse(info, error);
	}
	snprintf(info->vmm_version, sizeof(info->vmm_version), "%s", TRAPLINE_VERSION);
	console_init();
	console_print("trapline: active version=%s backend=%s cpus=%u", TRAPLINE_VERSION, vendor->name,
		atomic_fetch_add(&cpus_active, 1) + 1);
	vendor->run(cpu);
}
