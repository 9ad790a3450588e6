/* SPDX-License-Identifier: MIT */
#ifndef FAKE_LINUX_MM_H
#define FAKE_LINUX_MM_H

#include <linux/kernel.h>
#include <linux/version.h>

struct vm_area_struct {
	unsigned long vm_flags;
};

#define VM_MAYWRITE 0x20ul

static inline void vm_flags_clear(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags &= ~flags;
}

#endif
