// SPDX-License-Identifier: MIT
/* VMCALL: from the number to the service. */
#include "vmcall/vmcall.h"
#include "exit/handlers.h"
#include "exit/longest.h"
#include "exit/quick.h"
#include "log/log.h"
#include "lib/string.h"
#include "mem/guest_access.h"
#include "mem/pool.h"
#include "vendor.h"
#include "vmcall/copy_buffer.h"
#include "vmcall/caller.h"
#include "vmcall/check.h"
#include "vmcall/policy.h"
#include "vmcall/share.h"

struct service {
	vmcall_service *serve; /* NULL: no service */
	bool arguments;        /* it has arguments */
	bool checked;          /* one of them needs a check */
	uint8_t kind[ARG_COUNT];
};

#define UNCHECKED (1u << KIND_NONE | 1u << KIND_ANY | 1u << KIND_BYTES)
#define KINDS(a, b, c, d, e)                                                                                 \
	(1u << KIND_##a | 1u << KIND_##b | 1u << KIND_##c | 1u << KIND_##d | 1u << KIND_##e)

#define X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors)                                                \
	[number] = {vmcall_##name, (KINDS(rbx, rcx, rdx, rsi, rdi) & ~(1u << KIND_NONE)) != 0,               \
		(KINDS(rbx, rcx, rdx, rsi, rdi) & ~UNCHECKED) != 0,                                          \
		{KIND_##rbx, KIND_##rcx, KIND_##rdx, KIND_##rsi, KIND_##rdi}},
static const struct service services[TRAPLINE_CALL_LIMIT] = {TRAPLINE_SERVICES(X)};
#undef X

static struct policy policy;
bool vmcall_null_for_all;
static const char *bad_word; /* in user_calls */

const char *vmcall_init(void)
{
	uint64_t bytes = (uint64_t)boot_info.config.copy_buffer << 20;
	uint64_t lists = pool_alloc(SHARE_MEMORY / PAGE_SIZE), buffer = pool_alloc(bytes / PAGE_SIZE);

	if (!lists || !buffer)
		return "the VMM's memory is too small for the copy buffer of trapline.conf";
	copy_buffer_init(pool_virt(buffer), bytes);
	share_init(pool_virt(lists));
	bad_word = policy_init(&policy, &boot_info.config);
	vmcall_null_for_all = policy.there & policy.user & 1ull << TRAPLINE_CALL_null;
	return NULL;
}

void vmcall_announce(void)
{
	char word[POLICY_NAME_SIZE];

	if (!bad_word)
		return;
	memcpy(word, bad_word, POLICY_NAME_SIZE - 1);
	word[POLICY_NAME_SIZE - 1] = '\0';
	log_print("trapline: user_calls: no service has the name at \"%s\"; it is ignored", word);
}

bool vmcall_exists(uint64_t number)
{
	return number < TRAPLINE_CALL_LIMIT && policy.there >> number & 1;
}

uint64_t vmcall_features(bool user)
{
	return user ? policy.there & policy.user : policy.there;
}

static void take_arguments(struct vmcall *call)
{
	const uint64_t *gpr = call->cpu->gpr, width = call->width;

	call->arg[ARG_RBX] = gpr[TRAP_RBX] & width;
	call->arg[ARG_RCX] = gpr[TRAP_RCX] & width;
	call->arg[ARG_RDX] = gpr[TRAP_RDX] & width;
	call->arg[ARG_RSI] = gpr[TRAP_RSI] & width;
	call->arg[ARG_RDI] = gpr[TRAP_RDI] & width;
}

/* Not inlined, because many calls do not need it. The services that take long are among these. */
SLOW_PATH static int64_t serve_checked(struct vmcall *call, const struct service *s)
{
	struct check_limits limits;
	int64_t result;

	if (call->cpu->turn_due) { /* the call is made again after the console's turn */
		call->cpu->turn_due = false;
		return VMCALL_AGAIN;
	}
	call->cpu->exit.is_long = true;
	caller_limits(call, &limits);
	result = check_arguments(s->kind, call->arg, &limits);
	if (!result)
		result = s->serve(call);
	exit_measure(call->cpu);
	return result;
}

static int64_t serve(struct vmcall *call, uint64_t number)
{
	const struct service *s;

	if (number >= TRAPLINE_CALL_LIMIT || !(vmcall_features(vmcall_user(call)) >> number & 1))
		return vmcall_exists(number) ? TRAPLINE_E_DENIED : TRAPLINE_E_NUMBER;
	s = &services[number];
	if (s->arguments) {
		take_arguments(call);
		if (s->checked)
			return serve_checked(call, s);
	}
	return s->serve(call);
}

static int64_t lookup(struct vmcall *call)
{
	call->arg[ARG_RBX] = call->cpu->gpr[TRAP_RBX] & call->width;
	return vmcall_lookup(call);
}

/* These are not refusals: callers poll with the first, and test with the second whether there is anything. */
static bool is_answer(int64_t error)
{
	return error == TRAPLINE_E_EMPTY || error == TRAPLINE_E_MISSING;
}

/* Not inlined, because `null` needs nothing of it. */
__attribute__((noinline)) static void call_service(struct cpu *cpu)
{
	uint64_t caller = vendor->state.get(cpu, GUEST_CALLER), number;
	struct vmcall call;
	int64_t result;

	call.cpu = cpu;
	call.width = (uint8_t)caller == 64 ? ~0ull : UINT32_MAX;
	call.cpl = caller >> 8;
	number = cpu->gpr[TRAP_RAX] & call.width;
	result = number ? serve(&call, number) : lookup(&call);
	if (result < 0) {
		if (result == VMCALL_AGAIN) {
			vendor->state.set(cpu, GUEST_SHADOW, 0);
			return;
		}
		if (!is_answer(result))
			cpu->stats.bad_guest[BAD_VMCALL]++;
	}
	cpu->gpr[TRAP_RAX] = (uint64_t)result & call.width;
	exit_skip(cpu);
}

/* No service has this number, in either width. */
__attribute__((noinline)) static void refuse(struct cpu *cpu)
{
	bool wide = vendor->state.get(cpu, GUEST_CODE_MODE) == 64;

	cpu->stats.bad_guest[BAD_VMCALL]++;
	cpu->gpr[TRAP_RAX] = wide ? (uint64_t)TRAPLINE_E_NUMBER : (uint32_t)TRAPLINE_E_NUMBER;
	exit_skip(cpu);
}

/* Every call runs this: it has no loops, and reads only what the call needs. */
void exit_vmcall(struct cpu *cpu)
{
	uint64_t number = cpu->gpr[TRAP_RAX];

	if (vmcall_is_null(cpu)) {
		cpu->gpr[TRAP_RAX] = 0; /* its only result: vmcall_null() */
		exit_skip(cpu);
	} else if ((uint32_t)number >= TRAPLINE_CALL_LIMIT) {
		refuse(cpu);
	} else {
		call_service(cpu);
	}
}
