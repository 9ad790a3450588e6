// SPDX-License-Identifier: MIT
/* /dev/trapline of the kernel module in guest-tools/module. For user and kernel space. */
#ifndef TRAPLINE_DEVICE_H
#define TRAPLINE_DEVICE_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include <trapline/abi.h>

#define TRAPLINE_DEVICE "/dev/trapline"

/*
 * Calls a service from kernel mode, for a process with CAP_SYS_ADMIN. The registers are those of docs/vmcall.md, except
 * for memory: a FROM or INTO argument is an address in the process, and the module copies its bytes, at most
 * TRAPLINE_CALL_BYTES. TRAPLINE_PAGE_IN is not needed. Services with LIST, PHYSICAL or NAME arguments fail
 * with EPERM.
 */
struct trapline_call_registers {
	__s64 rax; /* in: the number; out: the result */
	__u64 rbx, rcx, rdx, rsi, rdi;
};

#define TRAPLINE_CALL_BYTES 65536

/*
 * A share: named memory of the kernel, which exists as long as a file has it open. TRAPLINE_SHARE_CREATE
 * makes one of `bytes` and attaches this file to it. TRAPLINE_SHARE_ATTACH attaches to an existing one and
 * fills in `bytes`. mmap() of the file then maps its memory. Errors: EEXIST, ENOENT; EBUSY: this file is
 * already attached.
 */
struct trapline_share_request {
	__u64 bytes;
	char name[TRAPLINE_SHARE_NAME];
};

/*
 * A CPU's ring, for a process with CAP_SYS_ADMIN. Fills in `bytes`; mmap() of the file then maps the ring
 * read-only.
 */
struct trapline_ring_request {
	__u32 cpu;
	__u32 reserved; /* 0 */
	__u64 bytes;
};

/*
 * A process that died of a signal for an exception of its own, for a process with CAP_SYS_ADMIN.
 *   index  in: 0 for the newest
 * ENOENT: there are no more.
 */
struct trapline_ended {
	__u32 index;
	__s32 pid;
	__u64 cr3; /* of its page tables */
	__u32 signal;
	char name[20];
	/* its executable mappings, as lines of /proc/PID/maps, as many as fit, NUL-terminated */
	char maps[8192];
};

/*
 * Where the credentials of a process are in the kernel's memory, for a process with CAP_SYS_ADMIN.
 *   pid  in: a process or thread, as the caller's PID namespace numbers it
 * The task and the credentials are not freed before the file is closed, or asks again. Errors: ESRCH: there is none, or it is ending;
 * EOPNOTSUPP: in this kernel the members do not follow each other.
 */
struct trapline_cred {
	__s32 pid;
	__u32 reserved; /* 0 */
	__u64 pointers; /* linear address of the task's two pointers to credentials, real_cred and cred */
	__u64 pointer_bytes; /* of both */
	__u64 ids;           /* linear address of what real_cred points to, from uid to cap_ambient */
	__u64 id_bytes;
};

#define TRAPLINE_IOCTL_CALL         _IOWR('T', 1, struct trapline_call_registers)
#define TRAPLINE_IOCTL_SHARE_CREATE _IOWR('T', 2, struct trapline_share_request)
#define TRAPLINE_IOCTL_SHARE_ATTACH _IOWR('T', 3, struct trapline_share_request)
#define TRAPLINE_IOCTL_RING         _IOWR('T', 4, struct trapline_ring_request)
#define TRAPLINE_IOCTL_ENDED        _IOWR('T', 5, struct trapline_ended)
#define TRAPLINE_IOCTL_CRED         _IOWR('T', 7, struct trapline_cred)

#endif
