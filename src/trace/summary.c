// SPDX-License-Identifier: MIT
#include "trace/summary.h"
#include "trace/text.h"

static void add_row(struct text *t, const char *mnemonic, const char *name, uint64_t kernel, uint64_t user)
{
	text_add(t, "%-5s %-27s %20llu %20llu %20llu\n", mnemonic, name, (unsigned long long)(kernel + user),
		(unsigned long long)kernel, (unsigned long long)user);
}

size_t summary_format(char *out, size_t size, const struct trap_counts *counts)
{
	struct text t = text_on(out, size);
	uint64_t kernel = 0, user = 0;

	text_add(&t, "%-5s %-27s %20s %20s %20s\n", "trap", "", "count", "kernel", "user");
	for (unsigned i = 0; i < VECTOR_COUNT; i++) {
		kernel += counts->kernel[i];
		user += counts->user[i];
		if (counts->kernel[i] || counts->user[i])
			add_row(&t, vector_table[i].mnemonic, vector_table[i].name, counts->kernel[i],
				counts->user[i]);
	}
	add_row(&t, "all", "", kernel, user);
	return t.length;
}
