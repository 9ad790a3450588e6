/* How much memory the VMM takes: docs/smp.md, "Memory". Pure: tested on the host. */
#ifndef TRAPLINE_BUDGET_H
#define TRAPLINE_BUDGET_H

#include <stdint.h>
#include <boot/boot_info.h>

#define BUDGET_RING_MIN 64 /* as CONFIG_LIMITS has it */

/* Records of each CPU's ring. asked: those of trapline.conf, or 0, then all rings together take 64 MiB at most. */
uint32_t budget_ring(uint32_t asked, uint32_t cpus);

/* Bytes beside the image: page tables, what is one CPU's, and the copy buffer. */
uint64_t budget_pool(const struct trapline_config *c, const struct boot_info *info);

/* Bytes of the black box, which has the rings, reserves and histories. c->ring is what budget_ring() made of it. */
uint64_t budget_box(const struct trapline_config *c, uint32_t cpus);

#endif
