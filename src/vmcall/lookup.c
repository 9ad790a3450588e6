/* RAX = 0: from a service's name to its number. */
#include "mem/guest_ram.h"
#include "vmcall/caller.h"
#include "vmcall/policy.h"

/* Room for the longest name and the words that it is read in. */
union buffer {
	char text[POLICY_NAME_SIZE];
	uint64_t word[POLICY_NAME_SIZE / 8];
};

/* Bytes of the name, without its NUL; POLICY_NAME_SIZE when it is longer than any name can be. */
static unsigned length(const union buffer *b, unsigned room)
{
	unsigned n = 0;

	while (n < room && b->text[n])
		n++;
	return n;
}

static void read_words(uint64_t physical, union buffer *b)
{
	for (unsigned i = 0; i < POLICY_NAME_SIZE / 8; i++)
		guest_read64(physical + 8 * i, &b->word[i]);
}

/* Zeros behind the name: names are compared as a whole. */
static void cut(union buffer *b, unsigned n)
{
	while (n < POLICY_NAME_SIZE)
		b->text[n++] = 0;
}

/* The part of the name in one page. Returns 0 or what the lookup returns. */
static int64_t read_part(struct vmcall *call, const struct guest_view *view, unsigned have, union buffer *b)
{
	uint64_t linear = call->arg[ARG_RBX] + have;
	unsigned room = 4096 - (unsigned)(linear & 4095);
	struct guest_page page;
	enum guest_access_result result = guest_access(view, linear, GUEST_READ, &page);

	if (result == ACCESS_FAULT && !view->user)
		return TRAPLINE_E_FAULT;
	if (result != ACCESS_OK)
		return caller_fault(call, result, &page, linear, true);
	if (room > POLICY_NAME_SIZE - have)
		room = POLICY_NAME_SIZE - have;
	if (room == POLICY_NAME_SIZE)
		read_words(page.physical, b);
	else
		guest_ram_read(page.physical, b->text + have, room);
	return 0;
}

/* No name is as long as the buffer: what fills it is none. The second page is touched only where the name
 * goes on there. */
static int64_t read_name(struct vmcall *call, union buffer *b)
{
	unsigned first = 4096 - (unsigned)(call->arg[ARG_RBX] & 4095);
	struct guest_view view;
	int64_t error;
	unsigned n;

	caller_view(call->cpu, &view);
	error = read_part(call, &view, 0, b);
	n = length(b, first < POLICY_NAME_SIZE ? first : POLICY_NAME_SIZE);
	if (!error && n == first && n < POLICY_NAME_SIZE) {
		error = read_part(call, &view, n, b);
		n = length(b, POLICY_NAME_SIZE);
	}
	cut(b, n);
	return error;
}

int64_t vmcall_lookup(struct vmcall *call)
{
	struct check_limits limits;
	union buffer name = {{0}};
	int64_t error;
	uint64_t number;

	caller_limits(call->cpu, &limits);
	if (!check_linear(call->arg[ARG_RBX], TRAPLINE_NAME_MAX, limits.linear_bits))
		return 0;
	error = read_name(call, &name);
	if (error)
		return error == VMCALL_AGAIN ? error : 0;
	number = policy_number(name.text);
	return vmcall_exists(number) ? (int64_t)number : 0;
}
