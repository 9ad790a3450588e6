// SPDX-License-Identifier: MIT
/* The state of a CPU after INIT, on either vendor: SDM vol. 3A table 10-1, APM vol. 2 14.1.3 and table 14-1. */
#ifndef TRAPLINE_RESET_STATE_H
#define TRAPLINE_RESET_STATE_H

#define RESET_RIP      0xfff0
#define RESET_SELECTOR 0xf000
#define RESET_BASE     0xffff0000
#define RESET_LIMIT    0xffff /* of every segment and table */
#define RESET_DR6      0xffff0ff0
#define RESET_DR7      0x400
#define RESET_CR0      (1ull << 4) /* ET; INIT does not change CD and NW */

/* Bits 7:0 of an access-rights word */
#define RESET_CODE 0x9b /* present, code, readable, accessed */
#define RESET_DATA 0x93
#define RESET_LDT  0x82
#define RESET_TSS  0x8b

#endif
