/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the module's files, and by other modules that use shares. */
#ifndef TRAPLINE_MODULE_H
#define TRAPLINE_MODULE_H

#include <linux/mm.h>
#include <linux/version.h>
#include <trapline/device.h>
#include <trapline/services.h>

/* module_vmcall.c: whether Trapline answers, and one call; the result is also in r->rax. */
bool trapline_present(void);
s64 trapline_vmcall(struct trapline_call_registers *r);

/*
 * module_share.c. Exported: a kernel module may own a share, or use one that a process has made. Each create and
 * attach needs a put. trapline_share_end(), which only the owner calls, removes the share's name; the last put frees
 * its pages. create and attach return an ERR_PTR() on failure. address is NULL if there is no
 * room.
 */
struct trapline_shared;
struct trapline_shared *trapline_share_create(const char *name, u64 bytes);
struct trapline_shared *trapline_share_attach(const char *name);
void *trapline_share_address(struct trapline_shared *share);
u64 trapline_share_bytes(const struct trapline_shared *share);
void trapline_share_end(struct trapline_shared *share);
void trapline_share_put(struct trapline_shared *share);

int trapline_share_mmap(struct trapline_shared *share, struct vm_area_struct *vma);
void trapline_share_forget(void);
void trapline_share_end_all(void);

/* module_ended.c: processes that an exception has ended. get: e->index chooses one, 0 the newest; returns -ENOENT. */
int trapline_ended_begin(void);
void trapline_ended_stop(void);
long trapline_ended_get(struct trapline_ended *e);

/* module_cred.c: where a process's credentials are. They stay there until drop() of what get() has filled in. */
struct trapline_cred_held {
	struct task_struct *task;
	const struct cred *cred;
};
long trapline_cred_get(struct trapline_cred *c, struct trapline_cred_held *held);
void trapline_cred_drop(struct trapline_cred_held *held);

/* module_exec.c: keeps the ranges of the watch of execution. */
void trapline_exec_begin(void);
void trapline_exec_stop(void);

/* module_names.c: marks that say where this kernel and its modules are, and where in its file a process has ended. */
void trapline_names_begin(void);
void trapline_names_stop(void);
void trapline_names_process(pid_t pid, unsigned long base, unsigned long bytes, u64 offset, const char *path);

/* module_panic.c: reports a panic to Trapline. */
void trapline_panic_begin(void);
void trapline_panic_stop(void);

/* module_process.c: tells Trapline which process owns each address space. */
void trapline_process_begin(void);
void trapline_process_stop(void);

static inline void trapline_forbid_write(struct vm_area_struct *vma)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_clear(vma, VM_MAYWRITE);
#else
	vma->vm_flags &= ~VM_MAYWRITE;
#endif
}

#endif
