// SPDX-License-Identifier: MIT
/* Instructions that C cannot express. The _safe functions use the fix-up table (src/cpu/idt.c) and never fault. */
#ifndef TRAPLINE_ASM_H
#define TRAPLINE_ASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* If the instruction at `at` faults, execution continues at `go_on`; rdmsr_safe() shows the pattern. */
#define FIXUP_ENTRY(at, go_on)                                                                               \
	".pushsection .fixup_table, \"a\"\n\t.quad " at ", " go_on "\n\t.popsection\n\t"

/* `bad` is an operand that is not 0 before. It is 0 afterwards if the instruction has not faulted. */
#define ASM_TRY(instruction, bad) "1: " instruction "\n\txor " bad ", " bad "\n2:\n\t" FIXUP_ENTRY("1b", "2b")

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

/* Returns false, with *value unchanged, if RDMSR raises #GP. */
static inline bool rdmsr_safe(uint32_t msr, uint64_t *value)
{
	uint32_t lo = 0, hi = 0, bad = 1;

	__asm__ volatile(ASM_TRY("rdmsr", "%2") : "+a"(lo), "+d"(hi), "+r"(bad) : "c"(msr));
	if (!bad)
		*value = (uint64_t)hi << 32 | lo;
	return !bad;
}

/* Returns false if WRMSR raises #GP. */
static inline bool wrmsr_safe(uint32_t msr, uint64_t value)
{
	uint32_t bad = 1;

	__asm__ volatile(ASM_TRY("wrmsr", "%0")
			 : "+r"(bad)
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
	return !bad;
}

/* Returns false if MOV to CR0 raises #GP. */
static inline bool write_cr0_safe(uint64_t value)
{
	uint32_t bad = 1;

	__asm__ volatile(ASM_TRY("mov %1, %%cr0", "%0") : "+r"(bad) : "r"(value) : "memory");
	return !bad;
}

/* Returns false if XSETBV raises #GP or #UD. */
static inline bool xsetbv_safe(uint32_t xcr, uint64_t value)
{
	uint32_t bad = 1;

	__asm__ volatile(ASM_TRY("xsetbv", "%0")
			 : "+r"(bad)
			 : "c"(xcr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
	return !bad;
}

/* Reads 8 bytes that may not be mapped, in one instruction. Returns false, with *value unchanged, if the read faults. */
static inline bool load64_safe(const void *from, uint64_t *value)
{
	uint64_t v;

	__asm__ volatile goto("1: mov (%1), %0\n\t" FIXUP_ENTRY("1b", "%l[bad]")
			      : "=r"(v)
			      : "r"(from)
			      : "memory"
			      : bad);
	*value = v;
	return true;
bad:
	return false;
}

/* Writes 8 bytes that may not be mapped. Returns false, with nothing written, if the write faults. */
static inline bool store64_safe(void *to, uint64_t value)
{
	__asm__ volatile goto("1: mov %1, (%0)\n\t" FIXUP_ENTRY("1b", "%l[bad]")
			      :
			      : "r"(to), "r"(value)
			      : "memory"
			      : bad);
	return true;
bad:
	return false;
}

/* LOCK CMPXCHG on memory that may not be mapped. Returns false, with nothing written, if it faults or *at is not `from`. */
static inline bool exchange64_safe(void *at, uint64_t from, uint64_t to)
{
	uint8_t done = 0;

	__asm__ volatile("1: lock cmpxchg %3, (%2)\n\t"
			 "sete %0\n"
			 "2:\n\t" FIXUP_ENTRY("1b", "2b")
			 : "+q"(done), "+a"(from)
			 : "r"(at), "r"(to)
			 : "memory", "cc");
	return done;
}

static inline bool exchange32_safe(void *at, uint32_t from, uint32_t to)
{
	uint8_t done = 0;

	__asm__ volatile("1: lock cmpxchg %3, (%2)\n\t"
			 "sete %0\n"
			 "2:\n\t" FIXUP_ENTRY("1b", "2b")
			 : "+q"(done), "+a"(from)
			 : "r"(at), "r"(to)
			 : "memory", "cc");
	return done;
}

/* The guest's XCR0, which stays in the CPU while the VMM runs. With features.xsave the host's CR4 allows it. */
static inline uint64_t read_xcr0(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

/* The guest's PKRU, which stays in the CPU while the VMM runs. The host's CR4 may not allow reading it. */
static inline uint32_t read_pkru(void)
{
	uint32_t value;

	__asm__ volatile(".byte 0x0f, 0x01, 0xee" : "=a"(value) : "c"(0) : "edx"); /* RDPKRU */
	return value;
}

/*
 * Copies n bytes; source and destination may not be mapped. Returns the number of bytes not copied: 0 is success. Eight bytes at a time, as
 * memcpy() does; if these fault, the bytes before the fault are copied one by one.
 */
static inline uint64_t copy_safe(void *to, const void *from, uint64_t n)
{
	uint64_t left = n / 8;

	__asm__ volatile("1: rep movsq\n"
			 "2: lea (%3,%2,8), %2\n"
			 "3: rep movsb\n"
			 "4:\n\t" FIXUP_ENTRY("1b", "2b") FIXUP_ENTRY("3b", "4b")
			 : "+&D"(to), "+&S"(from), "+&c"(left)
			 : "r"(n % 8)
			 : "memory");
	return left;
}

/* The linear address in DR0 to DR3. On SVM these are the guest's, because an exit does not change them. */
static inline uint64_t debug_address(unsigned n)
{
	uint64_t v;

	switch (n) {
	case 0:
		__asm__ volatile("mov %%dr0, %0" : "=r"(v));
		break;
	case 1:
		__asm__ volatile("mov %%dr1, %0" : "=r"(v));
		break;
	case 2:
		__asm__ volatile("mov %%dr2, %0" : "=r"(v));
		break;
	default:
		__asm__ volatile("mov %%dr3, %0" : "=r"(v));
		break;
	}
	return v;
}

static inline void clear_debug_addresses(void)
{
	__asm__ volatile("mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2; mov %0, %%dr3" : : "r"(0ull));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint16_t inw(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

/* n bytes, one after the other, to the same port. */
static inline void outsb(uint16_t port, const void *bytes, size_t n)
{
	__asm__ volatile("rep outsb" : "+S"(bytes), "+c"(n) : "d"(port) : "memory");
}

static inline void outw(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static inline void outl(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

static inline void cpu_pause(void)
{
	__asm__ volatile("pause");
}

static inline void wbinvd(void)
{
	__asm__ volatile("wbinvd" : : : "memory");
}

#define ASM_CONTROL_REGISTER(reg)                                                                            \
	static inline uint64_t read_##reg(void)                                                              \
	{                                                                                                    \
		uint64_t v;                                                                                  \
		__asm__ volatile("mov %%" #reg ", %0" : "=r"(v));                                            \
		return v;                                                                                    \
	}                                                                                                    \
	static inline void write_##reg(uint64_t v)                                                           \
	{                                                                                                    \
		__asm__ volatile("mov %0, %%" #reg : : "r"(v) : "memory");                                   \
	}

ASM_CONTROL_REGISTER(cr0)
ASM_CONTROL_REGISTER(cr2)
ASM_CONTROL_REGISTER(cr3)
ASM_CONTROL_REGISTER(cr4)
ASM_CONTROL_REGISTER(dr6)
ASM_CONTROL_REGISTER(dr7)

static inline void invlpg(volatile const void *at)
{
	__asm__ volatile("invlpg %0" : : "m"(*(volatile const char *)at) : "memory");
}

#define ASM_SELECTOR(reg)                                                                                    \
	static inline uint16_t read_##reg(void)                                                              \
	{                                                                                                    \
		uint16_t v;                                                                                  \
		__asm__ volatile("mov %%" #reg ", %0" : "=r"(v));                                            \
		return v;                                                                                    \
	}

ASM_SELECTOR(es)
ASM_SELECTOR(cs)
ASM_SELECTOR(ss)
ASM_SELECTOR(ds)
ASM_SELECTOR(fs)
ASM_SELECTOR(gs)

/* The operand of LGDT and LIDT. */
struct __attribute__((packed)) descriptor_table {
	uint16_t limit;
	uint64_t base;
};

static inline struct descriptor_table sgdt(void)
{
	struct descriptor_table t;

	__asm__ volatile("sgdt %0" : "=m"(t));
	return t;
}

static inline struct descriptor_table sidt(void)
{
	struct descriptor_table t;

	__asm__ volatile("sidt %0" : "=m"(t));
	return t;
}

static inline uint16_t str(void)
{
	uint16_t v;

	__asm__ volatile("str %0" : "=r"(v));
	return v;
}

static inline uint16_t sldt(void)
{
	uint16_t v;

	__asm__ volatile("sldt %0" : "=r"(v));
	return v;
}

#endif
