/*
 * Why VMRUN refused a guest: the checks of APM vol. 2 15.5.1, of the event in 15.20 and of nested paging in 15.25.3 and
 * 15.25.4, each with the field it looks at. The CPU only says VMEXIT_INVALID. Pure: tested on the host.
 */
#ifndef TRAPLINE_SVM_CHECK_H
#define TRAPLINE_SVM_CHECK_H

#include "svm/vmcb.h"

struct svm_check {
	const struct vmcb *vmcb;
	/* once for each check that fails: the field, what is in it, and what is wrong with it */
	void (*fail)(const char *field, uint64_t value, const char *why);
	unsigned physical_bits;
};

/* Returns how many checks fail. */
unsigned svm_check_vmcb(const struct svm_check *c);

#endif
