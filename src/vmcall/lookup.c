// SPDX-License-Identifier: MIT
/* RAX = 0: finds a service's number by its name. */
#include "lib/string.h"
#include "mem/guest_ram.h"
#include "vmcall/caller.h"
#include "vmcall/policy.h"

/* Room for the longest name, and the words in which it is read. */
union buffer {
	char text[POLICY_NAME_SIZE];
	uint64_t word[POLICY_NAME_SIZE / 8];
};

/* What is no RAM reads as zero: another CPU may have changed the page tables. */
static void read_words(uint64_t physical, union buffer *b)
{
	for (unsigned i = 0; i < POLICY_NAME_SIZE / 8; i++)
		if (!guest_read64(physical + 8 * i, &b->word[i]))
			b->word[i] = 0;
}

/* The part of the name before or after the end of a page. */
SLOW_PATH static void read_bytes(uint64_t physical, unsigned room, unsigned have, union buffer *b)
{
	memset(b->text + have, 0, POLICY_NAME_SIZE - have);
	guest_ram_read(
		physical, b->text + have, room < POLICY_NAME_SIZE - have ? room : POLICY_NAME_SIZE - have);
}

/* Marks the lowest zero byte of a word by its top bit; bytes above it may be marked wrongly. */
static uint64_t zero_bytes(uint64_t word)
{
	return (word - 0x0101010101010101) & ~word & 0x8080808080808080;
}

/*
 * Fills the bytes after the name with zeros, because names are compared as a whole. False: the name does not end in the buffer, so it is
 * longer than any service's name.
 */
static bool cut(union buffer *b)
{
	unsigned i = 0;
	uint64_t zeros;

	while (!(zeros = zero_bytes(b->word[i])))
		if (++i == POLICY_NAME_SIZE / 8)
			return false;
	b->word[i] &= ((zeros & -zeros) >> 7) - 1;
	while (++i < POLICY_NAME_SIZE / 8)
		b->word[i] = 0;
	return true;
}

/* Reads the part of the name in one page. Returns 0 or the result of the lookup. */
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
	if (!have && room >= POLICY_NAME_SIZE)
		read_words(page.physical, b);
	else
		read_bytes(page.physical, room, have, b);
	return 0;
}

/* Accesses the second page only if the name continues there. */
static int64_t read_name(struct vmcall *call, const struct guest_view *view, union buffer *b)
{
	unsigned first = 4096 - (unsigned)(call->arg[ARG_RBX] & 4095);
	int64_t error = read_part(call, view, 0, b);

	if (!error && first < POLICY_NAME_SIZE && check_length(b->text, first) == first)
		error = read_part(call, view, first, b);
	return error;
}

int64_t vmcall_lookup(struct vmcall *call)
{
	union buffer name;
	struct guest_view view;
	uint64_t number = 0;
	int64_t error;

	caller_view(call, &view);
	if (!check_linear(call->arg[ARG_RBX], TRAPLINE_NAME_MAX,
		    guest_linear_bits(&view.paging, call->width > UINT32_MAX)))
		return 0;
	error = read_name(call, &view, &name);
	if (error)
		return error == VMCALL_AGAIN ? error : 0;
	if (cut(&name))
		number = policy_number(name.text);
	return vmcall_exists(number) ? (int64_t)number : 0;
}
