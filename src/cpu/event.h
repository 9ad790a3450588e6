// SPDX-License-Identifier: MIT
/*
 * The neutral event: reported by an exit, or injected into the guest. Vendor code converts it from and to the
 * hardware's format (SDM vol. 3C 25.9.2 and 25.8.3, APM vol. 2 15.7.2 and 15.20).
 */
#ifndef TRAPLINE_EVENT_H
#define TRAPLINE_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <trapline/record.h>

struct event {
	bool valid;
	bool has_error;
	uint8_t vector;
	uint8_t type; /* enum trap_type */
	uint32_t error;
};

#endif
