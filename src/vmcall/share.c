// SPDX-License-Identifier: MIT
#include "vmcall/share.h"
#include "hw/asm.h"
#include "hw/lock.h"
#include "lib/string.h"
#include "mem/guest_ram.h"
#include "mem/layout.h"
#include "vmcall/caller.h"
#include "vmcall/check.h"

#define BATCH      128  /* entries of a list that one exit reads */
#define OPENING_MS 1000 /* an opening that has rested for longer is given up */

_Static_assert(TRAPLINE_SHARE_NAME == CHECK_NAME_MAX, "one length of names");

/* Which call opens a share: what it asks for, and where it stands. Two processes may have their stacks at one address. */
struct opening {
	char name[TRAPLINE_SHARE_NAME];
	uint64_t bytes, list, rip, rsp, owner;
};

static struct share {
	char name[TRAPLINE_SHARE_NAME]; /* empty: the share is not open */
	uint64_t bytes;
	uint64_t *page;
	/* A call reads the list in parts, in several exits. Until it is open the share belongs to that call. */
	struct opening opening;
	unsigned done;  /* entries that were read; 0: nobody opens it */
	uint64_t since; /* the last part */
} shares[TRAPLINE_SHARES];

/* Held for a part of a list, or for a page. If a guest's call does not get it, the guest executes the call again. */
static struct lock lock = LOCK_FREE;

void share_init(uint64_t *memory)
{
	for (unsigned i = 0; i < TRAPLINE_SHARES; i++)
		shares[i].page = memory + i * SHARE_PAGES_MAX;
}

static bool is_open(const struct share *s)
{
	return s->name[0];
}

static struct share *find(const char *name)
{
	for (unsigned i = 0; i < TRAPLINE_SHARES; i++)
		if (is_open(&shares[i]) && !strcmp(shares[i].name, name))
			return &shares[i];
	return NULL;
}

/*
 * Not if its call never came back: the CPU got an INIT, or the task has died. If the guest sets its TSC back, the time counts as passed, and the
 * call begins anew.
 */
static bool is_opening(const struct share *s)
{
	return s->done && rdtsc() - s->since < boot_info.tsc_khz * OPENING_MS;
}

static struct share *free_one(void)
{
	for (unsigned i = 0; i < TRAPLINE_SHARES; i++)
		if (!is_open(&shares[i]) && !is_opening(&shares[i]))
			return &shares[i];
	return NULL;
}

/* The share that this call has begun to open, or else a free one. */
static struct share *take_one(const struct opening *opening)
{
	struct share *s;

	for (unsigned i = 0; i < TRAPLINE_SHARES; i++)
		if (is_opening(&shares[i]) && !memcmp(&shares[i].opening, opening, sizeof(*opening)))
			return &shares[i];
	s = free_one();
	if (s) {
		s->opening = *opening;
		s->done = 0;
	}
	return s;
}

static uint64_t pages_of(uint64_t bytes)
{
	return (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
}

static bool pages_good(const uint64_t *page, unsigned n, int64_t *error)
{
	*error = 0;
	for (unsigned i = 0; i < n && !*error; i++)
		*error = page[i] & (PAGE_SIZE - 1) ? TRAPLINE_E_ADDRESS
			 : guest_is_ram(page[i])   ? 0
						   : TRAPLINE_E_MEMORY;
	return !*error;
}

/* Reads the next part of the list, each entry once, to its final place: the share is not open yet, so nobody else uses it. */
static int64_t read_part(struct vmcall *call, struct share *s, unsigned pages, bool page_in)
{
	unsigned left = pages - s->done, n = left < BATCH ? left : BATCH;
	uint64_t *page = s->page + s->done;
	int64_t error =
		caller_read(call, call->arg[ARG_RCX] + s->done * 8, page, n * sizeof(page[0]), page_in);

	if (error || !pages_good(page, n, &error) || n == left)
		return error;
	s->done += n;
	s->since = rdtsc();
	return VMCALL_AGAIN;
}

/* Reads the name up to its end, page by page, because the page after its end may be missing. */
static int64_t read_name(struct vmcall *call, uint64_t linear, char *name, bool page_in)
{
	unsigned first = (unsigned)(PAGE_SIZE - (linear & (PAGE_SIZE - 1))), n = CHECK_NAME_MAX;
	int64_t error;

	memset(name, 0, CHECK_NAME_MAX);
	if (first < n)
		n = first;
	error = caller_read(call, linear, name, n, page_in);
	if (!error && n < CHECK_NAME_MAX && check_length(name, n) == n)
		error = caller_read(call, linear + n, name + n, CHECK_NAME_MAX - n, page_in);
	if (error)
		return error;
	n = check_name(name);
	memset(name + n, 0, CHECK_NAME_MAX - n); /* all bytes are visible to others */
	return n ? 0 : TRAPLINE_E_ARGUMENT;
}

/* A list of one part is read at once, and nobody has to find its call again. */
static struct share *place_for(const struct vmcall *call, const char *name, unsigned pages)
{
	struct opening opening = {.bytes = call->arg[ARG_RDX], .list = call->arg[ARG_RCX]};
	struct share *s;

	if (pages > BATCH) {
		memcpy(opening.name, name, sizeof(opening.name));
		opening.rip = vendor->state.get(call->cpu, GUEST_RIP);
		opening.rsp = vendor->state.get(call->cpu, GUEST_RSP);
		opening.owner = caller_owner(call);
		return take_one(&opening);
	}
	s = free_one();
	if (s)
		s->done = 0;
	return s;
}

/* The name is read again in each exit, because an interrupt may have led to another call meanwhile. */
static int64_t open_share(struct vmcall *call)
{
	uint64_t bytes = call->arg[ARG_RDX];
	bool page_in = call->arg[ARG_RSI] & TRAPLINE_PAGE_IN;
	char name[CHECK_NAME_MAX];
	struct share *s;
	int64_t error;

	if (!bytes || bytes > SHARE_PAGES_MAX * PAGE_SIZE)
		return TRAPLINE_E_RANGE;
	error = read_name(call, call->arg[ARG_RBX], name, page_in);
	if (error)
		return error;
	if (find(name))
		return TRAPLINE_E_EXISTS;
	s = place_for(call, name, (unsigned)pages_of(bytes));
	if (!s)
		return TRAPLINE_E_FULL;
	error = read_part(call, s, (unsigned)pages_of(bytes), page_in);
	if (error == VMCALL_AGAIN)
		return error;
	s->done = 0;
	if (error)
		return error;
	s->bytes = bytes;
	memcpy(s->name, name, sizeof(name));
	return s - shares + 1;
}

int64_t vmcall_share_open(struct vmcall *call)
{
	int64_t result;

	if (!lock_try(&lock))
		return VMCALL_AGAIN;
	result = open_share(call);
	lock_give(&lock);
	return result;
}

static int64_t close_share(uint64_t number)
{
	if (number) {
		if (number > TRAPLINE_SHARES || !is_open(&shares[number - 1]))
			return TRAPLINE_E_MISSING;
		shares[number - 1].name[0] = '\0';
		return 0;
	}
	for (unsigned i = 0; i < TRAPLINE_SHARES; i++) {
		shares[i].name[0] = '\0';
		shares[i].done = 0;
	}
	return 0;
}

int64_t vmcall_share_close(struct vmcall *call)
{
	int64_t result;

	if (!lock_try(&lock))
		return VMCALL_AGAIN;
	result = close_share(call->arg[ARG_RBX]);
	lock_give(&lock);
	return result;
}

/* Called with the lock held. */
static bool describe(unsigned n, struct trapline_share *out)
{
	if (n >= TRAPLINE_SHARES || !is_open(&shares[n]))
		return false;
	*out = (struct trapline_share){
		.number = n + 1, .pages = (uint32_t)pages_of(shares[n].bytes), .bytes = shares[n].bytes};
	memcpy(out->name, shares[n].name, sizeof(out->name));
	return true;
}

int64_t vmcall_share_list(struct vmcall *call)
{
	uint64_t room = call->arg[ARG_RCX] / sizeof(struct trapline_share);
	struct trapline_share list[TRAPLINE_SHARES];
	unsigned count = 0;
	int64_t error;

	if (!lock_try(&lock))
		return VMCALL_AGAIN;
	for (unsigned i = 0; i < TRAPLINE_SHARES && count < room; i++)
		count += describe(i, &list[count]);
	lock_give(&lock);
	error = caller_write(call, call->arg[ARG_RBX], list, count * sizeof(list[0]),
		call->arg[ARG_RDX] & TRAPLINE_PAGE_IN);
	return error ? error : (int64_t)count;
}

/* The operator's side waits for the lock, which another CPU holds briefly. */
bool share_at(unsigned n, struct trapline_share *out)
{
	bool there;

	lock_take(&lock, cpu_pause);
	there = describe(n, out);
	lock_give(&lock);
	return there;
}

uint32_t share_find(const char *name)
{
	struct share *s;

	lock_take(&lock, cpu_pause);
	s = find(name);
	lock_give(&lock);
	return s ? (uint32_t)(s - shares + 1) : 0;
}

/* Copies page by page under the lock, so that a close in between ends it. */
static uint64_t copy(uint32_t number, uint64_t offset, char *buffer, uint64_t bytes, bool write)
{
	const struct share *s = &shares[number - 1];
	uint64_t done = 0;

	if (number - 1 >= TRAPLINE_SHARES || !is_open(s) || offset >= s->bytes)
		return 0;
	if (bytes > s->bytes - offset)
		bytes = s->bytes - offset;
	if (bytes > PAGE_SIZE)
		bytes = PAGE_SIZE;
	while (done < bytes) {
		uint64_t at = offset + done, in_page = at & (PAGE_SIZE - 1);
		uint64_t part = bytes - done < PAGE_SIZE - in_page ? bytes - done : PAGE_SIZE - in_page;
		uint64_t physical = s->page[at / PAGE_SIZE] + in_page;

		if (!(write ? guest_ram_write(physical, buffer + done, part)
			    : guest_ram_read(physical, buffer + done, part)))
			break;
		done += part;
	}
	return done;
}

uint64_t share_read(uint32_t number, uint64_t offset, void *buffer, uint64_t bytes)
{
	uint64_t done;

	lock_take(&lock, cpu_pause);
	done = copy(number, offset, buffer, bytes, false);
	lock_give(&lock);
	return done;
}

uint64_t share_write(uint32_t number, uint64_t offset, const void *buffer, uint64_t bytes)
{
	uint64_t done;

	lock_take(&lock, cpu_pause);
	done = copy(number, offset, (char *)buffer, bytes, true);
	lock_give(&lock);
	return done;
}
