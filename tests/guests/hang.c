/*
 * Hangs in a way that a debugger has to find: the load option way= says how. Only a reset, or whoever looks
 * at it from below, ends it.
 *
 *   loop   waits for a word in memory that nobody ever writes, with interrupts on
 *   storm  raises #UD as fast as it can, with interrupts off; the handler goes on behind it
 *   quiet  the same with #PF, which Trapline does not print by default
 */
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/trap.h"

const char guest_name[] = "hang";

/* Behind the instruction of two bytes that faulted; over an error code first. */
__asm__(".pushsection .text\n"
	".balign 16\n"
	"hang_skip_error: lea 8(%rsp), %rsp\n"
	"hang_skip: addq $2, (%rsp)\n"
	"iretq\n"
	".popsection\n");
extern const uint8_t hang_skip[], hang_skip_error[];

static void loop(void)
{
	static volatile uint32_t flag;

	print("hang waits=0x%lx\n", (uint64_t)&flag);
	__asm__ volatile("sti");
	while (!flag)
		;
}

static void storm(void)
{
	machine_take();
	machine_set_handler(VECTOR_UD, hang_skip);
	for (;;)
		__asm__ volatile("ud2");
}

static void quiet(void)
{
	machine_take();
	machine_set_handler(VECTOR_PF, hang_skip_error);
	for (;;)
		__asm__ volatile("mov (%0), %%al" : : "S"(PAGE_ABSENT) : "al");
}

static const struct {
	const char *name;
	void (*hang)(void);
} ways[] = {{"loop", loop}, {"storm", storm}, {"quiet", quiet}};

EFI_STATUS guest_main(void)
{
	const char *way = guest_value("way");

	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!guest_listed(way ? way : "loop", ways[i].name))
			continue;
		print("hang way=%s\n", ways[i].name);
		ways[i].hang();
	}
	return EFI_SUCCESS;
}
