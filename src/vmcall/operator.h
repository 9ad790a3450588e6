/* Messages between the guest and the operator at the console. */
#ifndef TRAPLINE_VMCALL_OPERATOR_H
#define TRAPLINE_VMCALL_OPERATOR_H

#include <stdbool.h>
#include <stdint.h>
#include <trapline/abi.h>

/*
 * From the operator: waits until a guest calls `hear`.
 *   text  1 to TRAPLINE_TEXT_MAX bytes count; the rest is cut off
 * False when eight messages are waiting already.
 */
bool operator_send(const char *text);

#endif
