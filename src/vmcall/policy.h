// SPDX-License-Identifier: MIT
/* The services that exist and those that user mode may call, by trapline.conf. Pure. */
#ifndef TRAPLINE_VMCALL_POLICY_H
#define TRAPLINE_VMCALL_POLICY_H

#include <stdint.h>
#include <boot/config.h>

struct policy {
	uint64_t there; /* services that exist: one bit each, by number */
	uint64_t user;
};

/* Returns the first word of user_calls that names no service, which is ignored; NULL: there is none. */
const char *policy_init(struct policy *p, const struct trapline_config *config);

/*
 * The number of a name, after policy_init(); 0: no service has it.
 *   name  POLICY_NAME_SIZE bytes, with zeros after its end
 */
#define POLICY_NAME_SIZE 24
uint64_t policy_number(const char *name);

#endif
