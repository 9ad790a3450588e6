// SPDX-License-Identifier: MIT
/* CTF's description of a stream of records: TSDL, CTF 1.8. */
#ifndef DECODE_CTF_METADATA_H
#define DECODE_CTF_METADATA_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The header of a packet of records. The metadata describes it as the packet's context. */
struct __attribute__((packed)) ctf_packet {
	uint64_t timestamp_begin, timestamp_end; /* TSC */
	uint64_t content_size, packet_size;      /* bits */
	uint64_t events_discarded;               /* records of this CPU that were lost so far */
	uint64_t first_seq;
	uint32_t cpu_id;
};

/*
 *   packets    whether records come in packets: otherwise a stream is nothing but records, as a ring is
 *   tsc_start  the TSC at time 0
 *   tsc_khz    0: not known, time is in ticks then, as if they were nanoseconds
 */
void ctf_metadata(FILE *out, bool packets, uint64_t tsc_start, uint32_t tsc_khz);

#endif
