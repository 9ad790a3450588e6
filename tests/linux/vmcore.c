// SPDX-License-Identifier: MIT
/* In a capture kernel (docs/capture.md): prints what /proc/vmcore says of the dead guest. */
#include "init.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <unistd.h>

#define PROGRAMS_MAX 2048
#define NOTES_MAX    (1 << 20)

static void print_cpu(const struct elf_prstatus *s)
{
	const struct user_regs_struct *r = (const struct user_regs_struct *)s->pr_reg;

	printf("vmcore cpu thread=%d rip=0x%llx rsp=0x%llx cs=0x%llx\n", s->pr_pid, r->rip, r->rsp, r->cs);
}

/* The lines of VMCOREINFO that name the kernel. */
static void print_info(const char *text, size_t size)
{
	for (const char *line = text; line < text + size; line += strcspn(line, "\n") + 1)
		if (!strncmp(line, "OSRELEASE=", 10) || !strncmp(line, "KERNELOFFSET=", 13))
			printf("vmcore info %.*s\n", (int)strcspn(line, "\n"), line);
}

static void print_notes(const char *at, size_t size)
{
	for (const char *end = at + size; at + sizeof(Elf64_Nhdr) <= end;) {
		const Elf64_Nhdr *n = (const Elf64_Nhdr *)at;
		const char *name = at + sizeof *n, *body = name + ((n->n_namesz + 3) & ~3u);

		at = body + ((n->n_descsz + 3) & ~3u);
		if (at > end)
			return;
		if (n->n_type == NT_PRSTATUS && !strcmp(name, "CORE"))
			print_cpu((const struct elf_prstatus *)body);
		else if (!strcmp(name, "VMCOREINFO"))
			print_info(body, n->n_descsz);
	}
}

/* Reads each page of it: the kernel maps the dead guest's memory as it goes along. */
static void read_all(int file, const Elf64_Phdr *p)
{
	static unsigned long long page[512];
	unsigned long long bytes = 0, sum = 0;

	for (Elf64_Off at = 0; at < p->p_filesz; at += sizeof page) {
		ssize_t n = pread(file, page, sizeof page, (off_t)(p->p_offset + at));

		if (n <= 0)
			break;
		bytes += (unsigned long long)n;
		for (size_t i = 0; i < (size_t)n / sizeof page[0]; i++)
			sum += page[i];
	}
	printf("vmcore memory at=0x%llx bytes=%llu read=%llu sum=0x%llx\n", (unsigned long long)p->p_paddr,
		(unsigned long long)p->p_memsz, bytes, sum);
}

void print_vmcore(void)
{
	static Elf64_Phdr program[PROGRAMS_MAX];
	static char notes[NOTES_MAX];
	Elf64_Ehdr e = {0};
	int file = open("/proc/vmcore", O_RDONLY);

	if (file < 0 || pread(file, &e, sizeof e, 0) != sizeof e || e.e_phnum > PROGRAMS_MAX) {
		puts("vmcore none");
		return;
	}
	pread(file, program, e.e_phnum * sizeof *program, (off_t)e.e_phoff);
	printf("vmcore type=%d machine=%d programs=%d\n", e.e_type, e.e_machine, e.e_phnum);
	for (int i = 0; i < e.e_phnum; i++) {
		ssize_t n;

		if (program[i].p_type == PT_LOAD)
			read_all(file, &program[i]);
		if (program[i].p_type != PT_NOTE)
			continue;
		n = pread(file, notes, sizeof notes, (off_t)program[i].p_offset);
		print_notes(notes, n > 0 ? (size_t)n : 0);
	}
	close(file);
}
