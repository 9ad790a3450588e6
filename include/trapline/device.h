/* /dev/trapline, which the kernel module in guest-tools/module provides. User and kernel space. */
#ifndef TRAPLINE_DEVICE_H
#define TRAPLINE_DEVICE_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include <trapline/abi.h>

#define TRAPLINE_DEVICE "/dev/trapline"

/*
 * A service called from kernel mode, for a process with CAP_SYS_ADMIN. Registers as in docs/vmcall.md, but
 * for memory: a FROM or INTO argument is an address in the process, whose bytes, TRAPLINE_CALL_BYTES at most,
 * the module copies to and fro, TRAPLINE_PAGE_IN is not needed, and services with LIST, PHYSICAL or NAME
 * arguments are not to be had (EPERM).
 */
struct trapline_call_registers {
	__s64 rax; /* in: the number; out: the result */
	__u64 rbx, rcx, rdx, rsi, rdi;
};

#define TRAPLINE_CALL_BYTES 65536

/*
 * A share: memory of the kernel's under a name, for as long as somebody has it open. TRAPLINE_SHARE_CREATE
 * makes one of `bytes` and attaches this file to it, TRAPLINE_SHARE_ATTACH attaches to one that is there and
 * fills in `bytes`. mmap() of the file is then its memory. EEXIST, ENOENT, EBUSY: this file is attached
 * already.
 */
struct trapline_share_request {
	__u64 bytes;
	char name[TRAPLINE_SHARE_NAME];
};

/* A CPU's ring, for a process with CAP_SYS_ADMIN: mmap() of the file is then the ring, read-only. Fills in
 * `bytes`. */
struct trapline_ring_request {
	__u32 cpu;
	__u32 reserved; /* 0 */
	__u64 bytes;
};

/*
 * A process that a signal has ended which was an exception of its own, for a process with CAP_SYS_ADMIN. In: index, 0 for
 * the newest. ENOENT: no more are kept.
 */
struct trapline_ended {
	__u32 index;
	__s32 pid;
	__u64 cr3; /* where its page tables began */
	__u32 signal;
	char name[20];
	char maps
		[8192]; /* what could be executed, as lines of /proc/PID/maps, as many as fit; NUL behind them */
};

#define TRAPLINE_IOCTL_CALL         _IOWR('T', 1, struct trapline_call_registers)
#define TRAPLINE_IOCTL_SHARE_CREATE _IOWR('T', 2, struct trapline_share_request)
#define TRAPLINE_IOCTL_SHARE_ATTACH _IOWR('T', 3, struct trapline_share_request)
#define TRAPLINE_IOCTL_RING         _IOWR('T', 4, struct trapline_ring_request)
#define TRAPLINE_IOCTL_ENDED        _IOWR('T', 5, struct trapline_ended)

#endif
