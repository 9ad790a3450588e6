// SPDX-License-Identifier: MIT
/*
 * A file of records: this header, which is as long as a record, then records. Records of one CPU are in their order; those of different
 * CPUs may be in any order. A ring (trace_map) holds the same without the header.
 */
#ifndef TRAPLINE_RECORD_FILE_H
#define TRAPLINE_RECORD_FILE_H

#include <stdint.h>
#include <trapline/record.h>

#define RECORD_FILE_MAGIC "trapline-records" /* 16 bytes, without a NUL */

struct record_file {
	char magic[16];
	uint32_t version;     /* TRAP_RECORD_VERSION */
	uint32_t record_size; /* sizeof(struct trap_record) */
	uint64_t tsc_start;   /* the TSC at t=0 */
	uint32_t tsc_khz;     /* 0: not known */
	uint32_t cpus;
	uint8_t reserved[216]; /* 0 */
};

_Static_assert(sizeof(struct record_file) == sizeof(struct trap_record), "records behind it stay aligned");

#endif
