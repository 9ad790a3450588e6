/* Which services there are and which of them user mode may call, from trapline.conf. Pure. */
#ifndef TRAPLINE_VMCALL_POLICY_H
#define TRAPLINE_VMCALL_POLICY_H

#include <stdint.h>
#include <boot/config.h>

struct policy {
	uint64_t there; /* one bit a service, by number */
	uint64_t user;
};

/* Returns the first word of user_calls that names no service; NULL: all do. It is ignored. */
const char *policy_init(struct policy *p, const struct trapline_config *config);

/* The number behind a name, once policy_init() was called; 0 when there is none. `name`: POLICY_NAME_SIZE
 * bytes, zeros behind its end. */
#define POLICY_NAME_SIZE 24
uint64_t policy_number(const char *name);

#endif
