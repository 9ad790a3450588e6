// SPDX-License-Identifier: MIT
/*
 * Why VMRUN refused a guest: the checks of APM vol. 2 15.5.1, of the event in 15.20 and of nested paging in 15.25.3 and
 * 15.25.4, each with its field. The CPU itself only reports VMEXIT_INVALID. Pure: tested on the host.
 */
#ifndef TRAPLINE_SVM_CHECK_H
#define TRAPLINE_SVM_CHECK_H

#include "svm/vmcb.h"

struct svm_check_row {
	const char *field, *why;
	const char *guest; /* why the guest cannot cause it, or what is done then */
};

/* All checks, also in docs/vendors.md; the last row has no field. */
extern const struct svm_check_row svm_check_rows[];

struct svm_check {
	const struct vmcb *vmcb;
	void (*fail)(const struct svm_check_row *row, uint64_t value); /* called for each check that fails */
	unsigned physical_bits;
};

/* Returns the number of checks that fail. */
unsigned svm_check_vmcb(const struct svm_check *c);

#endif
