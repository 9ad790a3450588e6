#include "mem/stage2.h"
#include "cpu/asm.h"
#include "lib/string.h"
#include "mem/pool.h"
#include "vendor.h"

/* Mapped at once where the CPU has no 1 GiB pages; what lies above is mapped when it is used. */
#define EAGER_LIMIT_2M (64ull << 30)

struct page_tables stage2_tables;
static uint64_t sink, physical_limit;

static uint64_t physical_address_limit(void)
{
	unsigned bits = cpuid(0x80000000, 0).eax >= 0x80000008 ? cpuid(0x80000008, 0).eax & 0xff : 36;

	return 1ull << (bits > 48 ? 48 : bits); /* four levels reach that far */
}

static bool map(uint64_t base, uint64_t size)
{
	return paging_map(&stage2_tables, base, base, size, vendor->stage2_bits(true));
}

bool stage2_is_hidden(uint64_t gpa)
{
	return gpa - boot_info.region_base < boot_info.region_size;
}

static bool hide_region(void)
{
	uint64_t base = boot_info.region_base;

	for (uint64_t at = base; at < base + boot_info.region_size; at += PAGE_SIZE)
		if (!paging_map(&stage2_tables, at, sink, PAGE_SIZE, vendor->stage2_bits(false)))
			return false;
	return true;
}

const char *stage2_init(void)
{
	uint64_t eager;

	stage2_tables = (struct page_tables){
		.root = pool_alloc(1),
		.offset = POOL_BASE,
		.link = vendor->stage2_bits(true) & 7,
		.present = 7, /* nested tables: present; EPT: any of read, write, execute */
		.largest = vendor->stage2_largest(),
		.alloc = pool_alloc,
	};
	sink = pool_alloc(1);
	physical_limit = physical_address_limit();
	eager = stage2_tables.largest == 3 || physical_limit < EAGER_LIMIT_2M ? physical_limit : EAGER_LIMIT_2M;
	if (!stage2_tables.root || !sink || !map(0, eager) || !hide_region())
		return "the VMM's memory is too small for the second-level page tables";
	memset(pool_virt(sink), 0xff, PAGE_SIZE);
	return NULL;
}

bool stage2_map_late(uint64_t gpa)
{
	gpa &= ~(LARGE_PAGE - 1);
	return gpa < physical_limit && map(gpa, LARGE_PAGE);
}

void stage2_open_sink(struct cpu *cpu, uint64_t gpa)
{
	unsigned level;
	uint64_t *leaf = paging_leaf(&stage2_tables, gpa, &level);

	*leaf = sink | vendor->stage2_bits(true);
	cpu->sink_gpa = gpa;
	cpu->work |= CPU_WORK_SINK;
}

void stage2_close_sink(struct cpu *cpu)
{
	unsigned level;
	uint64_t *leaf = paging_leaf(&stage2_tables, cpu->sink_gpa, &level);

	if (cpu->exit.kind == EXIT_STAGE2 && cpu->exit.address >> 12 == cpu->sink_gpa >> 12)
		return; /* it has just been opened */
	*leaf = sink | vendor->stage2_bits(false);
	memset(pool_virt(sink), 0xff, PAGE_SIZE);
	vendor->stage2_flush(cpu);
	cpu->work &= ~CPU_WORK_SINK;
}
