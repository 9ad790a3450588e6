/* Few lines about many CPUs. Pure: tested on the host. */
#ifndef TRAPLINE_CPU_LIST_H
#define TRAPLINE_CPU_LIST_H

#include "hw/cpu_set.h"
#include "trace/text.h"

#define CPU_LIST_ALL 8 /* CPUs that are told of one by one */

/* "cpu=5", or numbers and ranges: "cpus=0,3-70,72". */
void cpu_list_add(struct text *t, const struct cpu_set *set);

/* Whether a report would say the same of two CPUs. */
typedef bool (*cpu_list_same)(uint32_t a, uint32_t b);

/*
 * CPU n, and where there are many the others of which the same is to be said.
 *   told  those that are done with; the result joins them
 */
struct cpu_set cpu_list_take(struct cpu_set *told, uint32_t count, uint32_t n, cpu_list_same same);

/* The TSC of what CPU n recorded last; 0: nothing. */
typedef uint64_t (*cpu_list_when)(const void *context, uint32_t n);

/*
 * Of `count` CPUs those that a report goes into: all, or where there are many the CPU_LIST_ALL that recorded something last.
 *   first  one that is among them in any case
 */
struct cpu_set cpu_list_newest(uint32_t count, uint32_t first, cpu_list_when when, const void *context);

#endif
