// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "trapline.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <trapline/device.h>
#include <unistd.h>

const char *trapline_error(int64_t error)
{
	switch (error) {
#define X(name, number, meaning)                                                                             \
	case name:                                                                                           \
		return meaning;
		TRAPLINE_ERRORS(X)
#undef X
	case TRAPLINE_NO_TRAPLINE:
		return "there is no Trapline beneath this system";
	case TRAPLINE_NO_MODULE:
		return "this needs Trapline's kernel module: modprobe trapline";
	case TRAPLINE_NO_RIGHT:
		return "this needs root: " TRAPLINE_DEVICE " refuses it";
	case TRAPLINE_SYSTEM:
		return strerror(errno);
	case TRAPLINE_REFUSED:
		return "this is refused";
	default:
		return "an error unknown to this version";
	}
}

/* Trapline accepts both instructions everywhere, but the CPU's own one is faster. */
static bool is_amd(void)
{
	static int known;
	unsigned eax, ebx, ecx, edx;

	if (!known) {
		__cpuid(0, eax, ebx, ecx, edx);
		known = ebx == signature_AMD_ebx || ebx == 0x6f677948 ? 1
								      : 2; /* Auth enticAMD, Hygo nGenuine */
	}
	return known == 1;
}

static void call_directly(struct trapline_registers *r)
{
	if (is_amd())
		__asm__ volatile(
			"vmmcall"
			: "+a"(r->rax), "+b"(r->rbx), "+c"(r->rcx), "+d"(r->rdx), "+S"(r->rsi), "+D"(r->rdi)
			:
			: "memory", "cc");
	else
		__asm__ volatile(
			"vmcall"
			: "+a"(r->rax), "+b"(r->rbx), "+c"(r->rcx), "+d"(r->rdx), "+S"(r->rsi), "+D"(r->rdi)
			:
			: "memory", "cc");
}

static sigjmp_buf refused;

static void on_signal(int signal)
{
	(void)signal;
	siglongjmp(refused, 1);
}

/*
 * Another hypervisor may answer the call in some way. Only Trapline returns the right number for the
 * name.
 */
static bool probe(void)
{
	struct sigaction catch = {.sa_handler = on_signal}, before_ill, before_segv;
	struct trapline_registers r = {.rax = 0, .rbx = (uint64_t) "version"};
	volatile bool there = false;

	sigaction(SIGILL, &catch, &before_ill);
	sigaction(SIGSEGV, &catch, &before_segv);
	if (!sigsetjmp(refused, 1)) {
		call_directly(&r);
		there = r.rax == TRAPLINE_CALL_version;
	}
	sigaction(SIGSEGV, &before_segv, NULL);
	sigaction(SIGILL, &before_ill, NULL);
	return there;
}

bool trapline_present(void)
{
	static int known;

	if (!known)
		known = probe() ? 1 : 2;
	return known == 1;
}

uint64_t trapline_lookup(const char *name)
{
	struct trapline_registers r = {.rax = 0, .rbx = (uint64_t)name};

	if (!trapline_present())
		return 0;
	call_directly(&r);
	return r.rax > 0 ? (uint64_t)r.rax : 0;
}

/* Converts errno of open() to an error of the library. */
static int open_error(void)
{
	return errno == EACCES || errno == EPERM ? TRAPLINE_NO_RIGHT : TRAPLINE_NO_MODULE;
}

/* Opens the device once. Returns its descriptor, or a negative error of the library. */
static int device(void)
{
	static int file = -1;

	if (file < 0)
		file = open(TRAPLINE_DEVICE, O_RDWR | O_CLOEXEC);
	if (file >= 0)
		return file;
	return open_error();
}

static int64_t system_error(void)
{
	return errno == EPERM || errno == EACCES ? TRAPLINE_NO_RIGHT : TRAPLINE_SYSTEM;
}

static int64_t call_by_module(struct trapline_registers *r)
{
	struct trapline_call_registers c = {r->rax, r->rbx, r->rcx, r->rdx, r->rsi, r->rdi};
	int file = device();

	if (file < 0)
		return file;
	if (ioctl(file, TRAPLINE_IOCTL_CALL, &c))
		return system_error();
	*r = (struct trapline_registers){c.rax, c.rbx, c.rcx, c.rdx, c.rsi, c.rdi};
	return r->rax;
}

/* Whether user mode may call the service. That does not change while Trapline runs. */
static bool may_call(uint64_t number)
{
	static uint64_t features;
	struct trapline_registers r = {.rax = TRAPLINE_CALL_version};

	if (!features) {
		call_directly(&r);
		features = r.rbx;
	}
	return number < 64 && features >> number & 1;
}

/*
 * A call that user mode may not make goes to the module at once. Trapline would count a refused call, and the count is
 * there to show the guest's errors. Without the module the call is made, so that Trapline returns the error.
 */
int64_t trapline_call(struct trapline_registers *r)
{
	struct trapline_registers direct = *r;
	bool allowed;

	if (!trapline_present())
		return r->rax = TRAPLINE_NO_TRAPLINE;
	allowed = may_call((uint64_t)r->rax);
	if (!allowed && device() >= 0)
		return r->rax = call_by_module(r);
	call_directly(&direct);
	if (!allowed && direct.rax == TRAPLINE_E_DENIED)
		return r->rax = device();
	*r = direct;
	return r->rax;
}

int64_t trapline_put(const void *buffer, size_t bytes, uint64_t offset)
{
	struct trapline_registers r = {
		TRAPLINE_CALL_put_virtual, (uint64_t)buffer, bytes, offset, TRAPLINE_PAGE_IN, 0};

	return trapline_call(&r);
}

int64_t trapline_get(void *buffer, size_t bytes, uint64_t offset)
{
	struct trapline_registers r = {
		TRAPLINE_CALL_get_virtual, (uint64_t)buffer, bytes, offset, TRAPLINE_PAGE_IN, 0};

	return trapline_call(&r);
}

int64_t trapline_about(char *text, size_t room)
{
	struct trapline_registers r = {TRAPLINE_CALL_about, (uint64_t)text, room - 1, TRAPLINE_PAGE_IN, 0, 0};

	if (trapline_call(&r) >= 0)
		text[r.rax] = '\0';
	return r.rax;
}

int64_t trapline_freeze(uint64_t seconds)
{
	struct trapline_registers r = {.rax = TRAPLINE_CALL_freeze, .rbx = seconds};

	return trapline_call(&r);
}

int64_t trapline_frozen(uint64_t *not_kept)
{
	struct trapline_registers r = {.rax = TRAPLINE_CALL_frozen};

	trapline_call(&r);
	*not_kept = r.rbx;
	return r.rax;
}

int64_t trapline_mark(const char *text)
{
	struct trapline_registers r = {
		TRAPLINE_CALL_mark, (uint64_t)text, strnlen(text, TRAPLINE_TEXT_MAX), TRAPLINE_PAGE_IN, 0, 0};
	int64_t error = trapline_call(&r);

	return error ? error : (int64_t)r.rbx;
}

int64_t trapline_dying(const char *text)
{
	struct trapline_registers r = {TRAPLINE_CALL_dying, (uint64_t)text, strnlen(text, TRAPLINE_TEXT_MAX),
		TRAPLINE_PAGE_IN, 0, 0};

	return trapline_call(&r);
}

/* A command is never cut: Trapline refuses one that is too long. */
int64_t trapline_command(const char *text)
{
	struct trapline_registers r = {
		TRAPLINE_CALL_command, (uint64_t)text, strlen(text), TRAPLINE_PAGE_IN, 0, 0};

	return trapline_call(&r);
}

int64_t trapline_answer(int64_t number, void *buffer, size_t room)
{
	struct trapline_registers r = {
		TRAPLINE_CALL_answer, (uint64_t)buffer, room, TRAPLINE_PAGE_IN, (uint64_t)number, 0};

	if (r.rcx > TRAPLINE_CALL_BYTES)
		r.rcx = TRAPLINE_CALL_BYTES;
	return trapline_call(&r);
}

int64_t trapline_core(uint64_t offset, void *buffer, size_t room, uint64_t *all, uint64_t *made)
{
	struct trapline_registers r = {
		TRAPLINE_CALL_core, (uint64_t)buffer, room, TRAPLINE_PAGE_IN, offset, 0};

	if (r.rcx > TRAPLINE_CALL_BYTES)
		r.rcx = TRAPLINE_CALL_BYTES;
	if (trapline_call(&r) >= 0) {
		*all = r.rdx;
		*made = r.rsi;
	}
	return r.rax;
}

int64_t trapline_trace_read(
	unsigned cpu, uint64_t *next, struct trap_record *records, size_t room, uint64_t *lost)
{
	struct trapline_registers r = {TRAPLINE_CALL_trace_read, (uint64_t)records, room * sizeof(*records),
		cpu, TRAPLINE_PAGE_IN, *next};
	int64_t n;

	if (r.rcx > TRAPLINE_CALL_BYTES)
		r.rcx = TRAPLINE_CALL_BYTES;
	n = trapline_call(&r);
	if (n < 0)
		return n;
	*next = r.rdi;
	*lost += r.rdx;
	return n;
}

const struct trap_record *trapline_ring(unsigned cpu, size_t *records, int64_t *error)
{
	struct trapline_ring_request request = {.cpu = cpu};
	int file = trapline_present() ? open(TRAPLINE_DEVICE, O_RDONLY | O_CLOEXEC) : -1;
	void *ring = MAP_FAILED;

	if (file >= 0 && !ioctl(file, TRAPLINE_IOCTL_RING, &request))
		ring = mmap(NULL, request.bytes, PROT_READ, MAP_SHARED, file, 0);
	*error = !trapline_present() ? TRAPLINE_NO_TRAPLINE : file < 0 ? open_error() : system_error();
	if (file >= 0)
		close(file); /* the mapping keeps the file open */
	*records = request.bytes / sizeof(struct trap_record);
	return ring == MAP_FAILED ? NULL : ring;
}

int64_t trapline_ended(struct trapline_ended *e)
{
	int file;

	if (!trapline_present())
		return TRAPLINE_NO_TRAPLINE;
	file = device();
	if (file < 0)
		return file;
	return ioctl(file, TRAPLINE_IOCTL_ENDED, e) ? system_error() : 0;
}

int64_t trapline_cred(struct trapline_cred *c, int *file)
{
	int64_t error;

	if (!trapline_present())
		return TRAPLINE_NO_TRAPLINE;
	*file = open(TRAPLINE_DEVICE, O_RDWR | O_CLOEXEC);
	if (*file < 0)
		return open_error();
	if (!ioctl(*file, TRAPLINE_IOCTL_CRED, c))
		return 0;
	error = system_error();
	close(*file);
	return error;
}

void *trapline_share(const char *name, size_t *bytes, int64_t *error)
{
	struct trapline_share_request request = {.bytes = *bytes};
	int file = trapline_present() ? open(TRAPLINE_DEVICE, O_RDWR | O_CLOEXEC) : -1;
	void *memory = MAP_FAILED;

	if (strlen(name) >= sizeof(request.name)) {
		if (file >= 0)
			close(file);
		errno = EINVAL;
		*error = TRAPLINE_SYSTEM;
		return NULL;
	}
	strncpy(request.name, name, sizeof(request.name) - 1);
	if (file >= 0 &&
		!ioctl(file, *bytes ? TRAPLINE_IOCTL_SHARE_CREATE : TRAPLINE_IOCTL_SHARE_ATTACH, &request))
		memory = mmap(NULL, request.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	*error = !trapline_present() ? TRAPLINE_NO_TRAPLINE : file < 0 ? open_error() : system_error();
	if (file >= 0)
		close(file);
	*bytes = request.bytes;
	return memory == MAP_FAILED ? NULL : memory;
}

void trapline_share_leave(void *memory, size_t bytes)
{
	munmap(memory, bytes);
}
