// SPDX-License-Identifier: MIT
/* What the two halves of the stub share: session.c has the line, stub.c answers packets. */
#ifndef TRAPLINE_GDB_SESSION_H
#define TRAPLINE_GDB_SESSION_H

#include "cpu/cpu.h"
#include "gdb/packet.h"
#include "trace/text.h"

/* What follows the reply to a packet. */
enum gdb_then {
	GDB_WAIT,   /* the next packet */
	GDB_RUN,    /* there is no reply: the guest runs, and the reply says why it stopped */
	GDB_LEAVE,  /* the guest runs, and the line is the console's again */
	GDB_MONITOR /* a console command is to be carried out; session->command is its text */
};

enum gdb_order {
	GDB_STAY,
	GDB_GO,
	GDB_STEP
};

struct gdb_session {
	uint32_t cpu;                 /* the one that registers and memory are read of */
	uint8_t signal;               /* of the last stop */
	uint32_t next_cpu;            /* the first CPU that qsThreadInfo still has to name */
	bool without_acks;            /* QStartNoAckMode */
	uint8_t order[BOOT_MAX_CPUS]; /* GDB_RUN: enum gdb_order of each */
	struct {
		uint8_t why; /* enum run_stop */
		uint16_t watch;
	} stop; /* the last one, as it was told */
	struct text reply;
	char data[GDB_DATA_MAX + 1];        /* its text */
	char command[GDB_DATA_MAX / 2 + 1]; /* GDB_MONITOR */
};

static inline void gdb_reply_begin(struct gdb_session *s)
{
	s->reply = text_on(s->data, sizeof(s->data));
}

#define GDB_SIGINT  2
#define GDB_SIGTRAP 5
#define GDB_SIGTERM 15

/*
 * Carries out a packet on the CPU that session->cpu names, or on any stopped one if that one has not stopped.
 *   packet  its data, n bytes and a NUL
 */
enum gdb_then gdb_stub_answer(struct gdb_session *s, struct cpu *cpu, const char *packet, size_t n);

/* Makes the reply that says why and where the guest stopped. */
void gdb_stub_stopped(struct gdb_session *s);

/* The signal that stands for an exception, as Linux has them. */
uint8_t gdb_stub_signal(uint8_t vector);

#endif
