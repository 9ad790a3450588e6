/* Messages between the guest and the operator at the console. */
#ifndef TRAPLINE_VMCALL_OPERATOR_H
#define TRAPLINE_VMCALL_OPERATOR_H

#include <stdbool.h>
#include <stdint.h>
#include <trapline/abi.h>
#include "vmcall/vmcall.h"

/*
 * From the operator: waits until a guest calls `hear`.
 *   text  1 to TRAPLINE_TEXT_MAX bytes count; the rest is cut off
 * False when eight messages are waiting already.
 */
bool operator_send(const char *text);

/* A line from the guest on this CPU to the operator, on the console. Printable characters. */
void operator_say(struct cpu *cpu, char *text);

/*
 * A text argument: at RBX, its length in RCX, flags in RDX. What is not printable becomes a dot. Returns 0, or
 * what the service returns.
 */
int64_t operator_take_text(struct vmcall *call, char text[TRAPLINE_TEXT_MAX + 1]);

#endif
