// SPDX-License-Identifier: MIT
/*
 * A core of a running Linux with all of its memory: the CPUs' notes are those of the core that Trapline has just made, the memory and the
 * note VMCOREINFO are those of /proc/kcore. That file has the RAM of the firmware's map, without Trapline's own. Pages of zeroes become holes
 * of a file. A disk has no holes: there they are written over what it had.
 */
#define _GNU_SOURCE
#include "core.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KCORE     "/proc/kcore"
#define PAGE      4096u
#define LOADS_MAX 4096
#define NOTES_MAX (16u << 20)
#define UNKNOWN   (~0ull) /* p_paddr of what is no RAM, as the kernel has it */
#define CPUS_MAX  1024
#define NAME_ROOM 16 /* of a note's name that is looked at */

/* The file that is made. */
struct full {
	int from, to;
	bool holes; /* what is not written reads as zeroes */
	Elf64_Phdr load[LOADS_MAX + 1];
	uint64_t at[LOADS_MAX + 1]; /* where it is in /proc/kcore */
	unsigned loads;
	unsigned char *notes;
	uint64_t notes_size;
	uint64_t end, written; /* the file's length; bytes that are no holes */
};

static bool read_all(int file, void *to, size_t n, uint64_t at)
{
	while (n) {
		ssize_t part = pread(file, to, n, (off_t)at);

		if (part <= 0)
			return false;
		to = (char *)to + part;
		at += (uint64_t)part;
		n -= (size_t)part;
	}
	return true;
}

static bool write_all(struct full *f, const void *from, size_t n, uint64_t at)
{
	f->written += n;
	while (n) {
		ssize_t part = pwrite(f->to, from, n, (off_t)at);

		if (part <= 0)
			return false;
		from = (const char *)from + part;
		at += (uint64_t)part;
		n -= (size_t)part;
	}
	return true;
}

static uint64_t up(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) & ~(unit - 1);
}

/* The next note's offset in a block; `size` at its end, or if the note is not whole. */
static uint64_t next_note(const unsigned char *notes, uint64_t size, uint64_t at, Elf64_Nhdr *note)
{
	uint64_t next;

	if (size - at < sizeof(*note))
		return size;
	memcpy(note, notes + at, sizeof(*note));
	next = at + sizeof(*note) + up(note->n_namesz, 4) + up(note->n_descsz, 4);
	return next > size ? size : next;
}

static bool has_name(const unsigned char *note, uint64_t size, const char *name)
{
	return size >= sizeof(Elf64_Nhdr) + NAME_ROOM &&
	       !strcmp((const char *)note + sizeof(Elf64_Nhdr), name);
}

static void add_notes(struct full *f, const unsigned char *from, uint64_t size)
{
	memcpy(f->notes + f->notes_size, from, size);
	f->notes_size += size;
}

/* The notes with a name, of a block of them; "": all. */
static void copy_notes(struct full *f, const unsigned char *notes, uint64_t size, const char *name)
{
	Elf64_Nhdr note;

	for (uint64_t at = 0, next; at < size; at = next) {
		next = next_note(notes, size, at, &note);
		if (!*name || has_name(notes + at, size - at, name))
			add_notes(f, notes + at, next - at);
	}
}

/* The headers of an ELF file; NULL: it is none. */
static Elf64_Phdr *read_headers(int file, unsigned *count)
{
	Elf64_Phdr *headers;
	Elf64_Ehdr h;

	if (!read_all(file, &h, sizeof(h), 0) || memcmp(h.e_ident, ELFMAG, SELFMAG) || h.e_phnum > LOADS_MAX)
		return NULL;
	*count = h.e_phnum;
	headers = calloc(h.e_phnum + 1u, sizeof(*headers));
	if (headers && !read_all(file, headers, h.e_phnum * sizeof(*headers), h.e_phoff)) {
		free(headers);
		return NULL;
	}
	return headers;
}

/* VMCOREINFO alone: the others are about the process that reads the file. */
static void add_kernels_notes(struct full *f, const Elf64_Phdr *p)
{
	unsigned char *notes = p->p_filesz < NOTES_MAX / 2 ? malloc(p->p_filesz) : NULL;

	if (notes && read_all(f->from, notes, p->p_filesz, p->p_offset))
		copy_notes(f, notes, p->p_filesz, "VMCOREINFO");
	free(notes);
}

/* A CPU's notes begin with NT_PRSTATUS, whose contents begin behind 20 bytes and have pr_pid at 32: the CPU's number and 1. */
static void note_cpu(const unsigned char *note, uint64_t size, uint32_t *thread)
{
	Elf64_Nhdr head;

	memcpy(&head, note, sizeof(head));
	if (head.n_type == NT_PRSTATUS && size >= 20 + 36 && has_name(note, size, "CORE"))
		memcpy(thread, note + 20 + 32, sizeof(*thread));
}

static void add_cpu(struct full *f, const unsigned char *notes, uint64_t size, uint32_t cpu)
{
	uint32_t thread = 0;
	Elf64_Nhdr note;

	for (uint64_t at = 0, next; at + sizeof(note) <= size; at = next) {
		next = next_note(notes, size, at, &note);
		note_cpu(notes + at, size - at, &thread);
		if (thread == cpu + 1)
			add_notes(f, notes + at, next - at);
	}
}

/* The notes of CPU 0 come first, as crash wants them; Trapline's begin with the CPU that made the core. */
static void add_cpus_notes(struct full *f, const struct core *c)
{
	const Elf64_Phdr *p = (const Elf64_Phdr *)(c->at + sizeof(Elf64_Ehdr));

	for (uint32_t cpu = 0; cpu < CPUS_MAX; cpu++)
		add_cpu(f, c->at + p->p_offset, p->p_filesz, cpu);
}

/* Whether a segment is RAM. The mapping of the kernel's image is the same memory once more, at the addresses of its symbols. */
static bool is_ram(const Elf64_Phdr *p)
{
	return p->p_type == PT_LOAD && p->p_paddr != UNKNOWN && p->p_filesz && p->p_filesz == p->p_memsz;
}

static bool take_memory(struct full *f)
{
	unsigned count = 0;
	Elf64_Phdr *p = read_headers(f->from, &count);

	for (unsigned i = 0; p && i < count; i++) {
		if (p[i].p_type == PT_NOTE)
			add_kernels_notes(f, &p[i]);
		if (!is_ram(&p[i]))
			continue;
		f->at[f->loads] = p[i].p_offset;
		f->load[f->loads] = p[i];
		f->load[f->loads++].p_align = 0; /* so crash takes it for a dump of kdump's */
	}
	free(p);
	return f->loads > 0;
}

/* The last pages may be holes. What is no regular file, as a disk, has a size of its own. */
static bool set_size(const struct full *f)
{
	return !ftruncate(f->to, (off_t)f->end) || errno == EINVAL;
}

static bool write_headers(struct full *f)
{
	Elf64_Ehdr h = {.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(h),
		.e_ehsize = sizeof(h),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (uint16_t)(f->loads + 1)};
	uint64_t at = sizeof(h) + (f->loads + 1) * sizeof(Elf64_Phdr);
	Elf64_Phdr notes = {.p_type = PT_NOTE, .p_offset = at, .p_filesz = f->notes_size, .p_align = 4};

	memcpy(h.e_ident, "\177ELF\2\1\1", 7);
	f->end = up(at + f->notes_size, PAGE);
	for (unsigned i = 0; i < f->loads; i++) {
		f->load[i].p_offset = f->end;
		f->end += up(f->load[i].p_filesz, PAGE);
	}
	return write_all(f, &h, sizeof(h), 0) && write_all(f, &notes, sizeof(notes), sizeof(h)) &&
	       write_all(f, f->load, f->loads * sizeof(f->load[0]), sizeof(h) + sizeof(notes)) &&
	       write_all(f, f->notes, f->notes_size, at) && set_size(f);
}

/* Pages that cannot be read, as those of a memory that is poisoned or taken away, are zeroes. */
static bool copy_memory(struct full *f, unsigned n)
{
	static unsigned char page[PAGE];
	static const unsigned char zeroes[PAGE];

	for (uint64_t done = 0; done < f->load[n].p_filesz; done += PAGE) {
		uint64_t left = f->load[n].p_filesz - done, part = left < PAGE ? left : PAGE;

		if (!read_all(f->from, page, part, f->at[n] + done))
			memset(page, 0, part);
		if (f->holes && !memcmp(page, zeroes, part))
			continue;
		if (!write_all(f, page, part, f->load[n].p_offset + done))
			return false;
	}
	return true;
}

/* A file is empty when it is opened, so it may have holes. A disk keeps what it had. */
static bool create(struct full *f, const char *file)
{
	struct stat s;

	f->to = core_create(file);
	f->holes = f->to >= 0 && !fstat(f->to, &s) && S_ISREG(s.st_mode);
	return f->to >= 0;
}

static int make(struct full *f, const struct core *c, const char *file)
{
	add_cpus_notes(f, c);
	if (!take_memory(f)) {
		fprintf(stderr, "trapctl: " KCORE " shows no memory\n");
		return STATUS_FAILED;
	}
	if (!create(f, file) || !write_headers(f))
		return core_file_failed(file);
	for (unsigned i = 0; i < f->loads; i++)
		if (!copy_memory(f, i))
			return core_file_failed(file);
	if (close(f->to))
		return core_file_failed(file);
	print_fields("core file=\"%s\" bytes=%llu written=%llu segments=%u of=this-run", file,
		(unsigned long long)f->end, (unsigned long long)f->written, f->loads);
	return STATUS_OK;
}

int core_full(const char *file)
{
	static struct full f;
	struct core c;
	int status;

	f.from = open(KCORE, O_RDONLY | O_CLOEXEC);
	if (f.from < 0)
		return core_file_failed(KCORE);
	status = core_fetch(&c);
	if (status != STATUS_OK)
		return status;
	f.notes = malloc(NOTES_MAX);
	status = f.notes ? make(&f, &c, file) : core_file_failed(file);
	free(f.notes);
	core_free(&c);
	close(f.from);
	return status;
}
