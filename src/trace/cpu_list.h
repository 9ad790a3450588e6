// SPDX-License-Identifier: MIT
/* Lists of CPUs for reports: few lines even with many CPUs. Pure: tested on the host. */
#ifndef TRAPLINE_CPU_LIST_H
#define TRAPLINE_CPU_LIST_H

#include "hw/cpu_set.h"
#include "trace/text.h"

/* Up to this many CPUs, a report lists each one by itself. */
#define CPU_LIST_ALL 8

/* Adds "cpu=5" for one CPU, numbers and ranges for more: "cpus=0,3-70,72". */
void cpu_list_add(struct text *t, const struct cpu_set *set);

/* Whether a report has the same text for both CPUs. */
typedef bool (*cpu_list_same)(uint32_t a, uint32_t b);

/*
 * The CPUs that one entry of a report covers: CPU n and, with more than CPU_LIST_ALL CPUs, all later ones with the same text.
 *   told   CPUs that an earlier entry covers; the returned ones are added
 *   count  CPUs of the machine
 */
struct cpu_set cpu_list_take(struct cpu_set *told, uint32_t count, uint32_t n, cpu_list_same same);

/* The TSC of CPU n's newest record, or 0 without a record. */
typedef uint64_t (*cpu_list_when)(const void *context, uint32_t n);

/*
 * The CPUs whose records a report shows: all of them, or with more than CPU_LIST_ALL CPUs the CPU_LIST_ALL with the newest records.
 *   count  CPUs of the machine
 *   first  a CPU that is always among them
 */
struct cpu_set cpu_list_newest(uint32_t count, uint32_t first, cpu_list_when when, const void *context);

#endif
