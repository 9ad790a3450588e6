// SPDX-License-Identifier: MIT
/* Parses addresses of the operator: sums of numbers and registers. Pure. */
#ifndef TRAPLINE_ADDRESS_H
#define TRAPLINE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <trapline/record.h>

/* X(name, member of a trap record) */
/* clang-format off */
#define ADDRESS_REGISTERS(X)                                                                                 \
	X(rax, gpr[TRAP_RAX]) X(rbx, gpr[TRAP_RBX]) X(rcx, gpr[TRAP_RCX]) X(rdx, gpr[TRAP_RDX])              \
	X(rsi, gpr[TRAP_RSI]) X(rdi, gpr[TRAP_RDI]) X(rbp, gpr[TRAP_RBP]) X(rsp, gpr[TRAP_RSP])              \
	X(r8,  gpr[TRAP_R8])  X(r9,  gpr[TRAP_R9])  X(r10, gpr[TRAP_R10]) X(r11, gpr[TRAP_R11])              \
	X(r12, gpr[TRAP_R12]) X(r13, gpr[TRAP_R13]) X(r14, gpr[TRAP_R14]) X(r15, gpr[TRAP_R15])              \
	X(rip, rip) X(cr2, cr2) X(cr3, cr3) X(csbase, cs_base) X(ssbase, ss_base) X(dsbase, ds_base)         \
	X(esbase, es_base) X(fsbase, fs_base) X(gsbase, gs_base)
/* clang-format on */

/* The name of register n, from 0; NULL after the last. */
const char *address_register(unsigned n);

/*
 * Parses term { ("+" | "-") term }. A term is a number, decimal or 0x hexadecimal, or the name of a register, with its value
 * in the record. Sums are cut to 64 bits. False: the text is not an address.
 */
bool address_parse(const char *text, const struct trap_record *r, uint64_t *value);

#endif
