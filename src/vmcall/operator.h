// SPDX-License-Identifier: MIT
/* Messages between the guest and the operator at the console. */
#ifndef TRAPLINE_VMCALL_OPERATOR_H
#define TRAPLINE_VMCALL_OPERATOR_H

#include <stdbool.h>
#include <stdint.h>
#include <trapline/abi.h>
#include "vmcall/vmcall.h"

/*
 * Queues a message of the operator until a guest calls `hear`.
 *   text  1 to TRAPLINE_TEXT_MAX bytes; the rest is cut off
 * False: eight messages are already waiting.
 */
bool operator_send(const char *text);

/*
 * Prints a line of the guest on this CPU to the operator.
 *   text  printable characters
 */
void operator_say(struct cpu *cpu, char *text);

/*
 * Reads a text argument: its address in RBX, its length in RCX, flags in RDX. Unprintable characters become dots.
 * Returns 0, or the result of the service.
 */
int64_t operator_take_text(struct vmcall *call, char text[TRAPLINE_TEXT_MAX + 1]);

#endif
