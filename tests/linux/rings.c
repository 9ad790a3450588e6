// SPDX-License-Identifier: MIT
/* The mapped ring of CPU 0 holds what trace_read copies, and cannot be written. One line: "rings ok". */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "../../guest-tools/lib/trapline.h"

int main(void)
{
	struct trap_record copy;
	const struct trap_record *ring;
	uint64_t next, lost = 0;
	size_t records;
	int64_t error, seq;

	ring = trapline_ring(0, &records, &error);
	if (!ring) {
		printf("rings: %s\n", trapline_error(error));
		return 1;
	}
	seq = trapline_mark("in the ring");
	next = (uint64_t)seq;
	if (seq <= 0 || trapline_trace_read(0, &next, &copy, 1, &lost) != 1) {
		printf("rings: mark=%lld\n", (long long)seq);
		return 1;
	}
	if (copy.seq != (uint64_t)seq || memcmp(&copy, &ring[(size_t)seq % records], sizeof(copy))) {
		printf("rings: another record, seq=%llu and %llu\n", (unsigned long long)copy.seq,
			(unsigned long long)ring[(size_t)seq % records].seq);
		return 1;
	}
	if (!mprotect((void *)ring, 4096, PROT_READ | PROT_WRITE)) {
		printf("rings: the mapping can be made writable\n");
		return 1;
	}
	printf("rings ok\n");
	return 0;
}
