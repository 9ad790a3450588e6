// SPDX-License-Identifier: MIT
#include "module_code.h"
#include "find_file.h"
#include "layout.h"
#include "read.h"
#include "lib/array.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PAGE         4096
#define CODE_MIN     10 /* number of bytes that must be the same */
#define PROBES       16 /* number of records that are searched for */
#define COMPARED     64 /* addresses whose code is compared with a module's file */
#define PATCH_MOST   16 /* bytes that the kernel patches at one place */
#define MODULE_SPACE 0xffffffffa0000000ull

/* A record whose code is searched for. */
struct probe {
	const struct trap_record *r;
	unsigned run;
	size_t found; /* places in all files */
	const char *name;
	uint64_t offset, size;
};

struct search {
	struct model *m;
	struct probe probe[PROBES];
	size_t probes;
};

/* Marks the bytes of a section that the loader changes, one mark each from `at` on. */
static void mark_relocated(Elf *elf, const struct code_section *c, uint64_t at, size_t n, bool *relocated)
{
	GElf_Shdr s;
	GElf_Rela rela;

	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		Elf_Data *data;

		if (!gelf_getshdr(scn, &s) || s.sh_type != SHT_RELA || s.sh_info != elf_ndxscn(c->scn))
			continue;
		data = elf_getdata(scn, NULL);
		for (int i = 0; data && gelf_getrela(data, i, &rela); i++)
			for (uint64_t b = rela.r_offset; b < rela.r_offset + 8; b++)
				if (b >= at && b - at < n &&
					(b < rela.r_offset + 4 || GELF_R_TYPE(rela.r_info) == R_X86_64_64))
					relocated[b - at] = true;
	}
}

static bool is_code_at(Elf *elf, const struct code_section *c, const uint8_t *bytes, uint64_t at,
	const struct trap_record *r)
{
	bool relocated[TRAP_CODE_MAX] = {false};
	size_t same = 0;

	/* Relocations are read only for places that may match. */
	for (size_t i = 0; i < r->code_len && (i < 2 || same < 2); i++)
		same += bytes[at + i] == r->code[i];
	if (same < 2)
		return false;
	mark_relocated(elf, c, at, r->code_len, relocated);
	same = 0;
	for (size_t i = 0; i < r->code_len; i++) {
		if (!relocated[i] && bytes[at + i] != r->code[i])
			return false;
		same += !relocated[i];
	}
	return same >= CODE_MIN;
}

static void search_code(struct search *s, Elf *elf, const char *name, const struct code_section *c,
	uint64_t size, struct probe *p)
{
	Elf_Data *data = c->header.sh_type == SHT_NOBITS ? NULL : elf_rawdata(c->scn, NULL);
	uint64_t first = (p->r->rip - c->offset) % PAGE;

	for (uint64_t at = first; data && data->d_buf && at + p->r->code_len <= data->d_size; at += PAGE) {
		if (!is_code_at(elf, c, data->d_buf, at, p->r))
			continue;
		/* The same module may lie in two folders. */
		if (!p->found || strcmp(p->name, name) || p->offset != c->offset + at)
			p->found++;
		p->name = name;
		p->offset = c->offset + at;
		p->size = size;
	}
}

static void search_file(void *context, const char *path, const char *name)
{
	struct search *s = context;
	struct code_section c = {0};
	int file = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf = file < 0 ? NULL : elf_begin(file, ELF_C_READ_MMAP, NULL);
	const char *kept = model_text(s->m, name, strlen(name));
	uint64_t size = elf_kind(elf) == ELF_K_ELF ? layout_size(elf, false) : 0;

	while (size && layout_next(elf, false, &c))
		for (size_t i = 0; i < s->probes; i++)
			search_code(s, elf, kept, &c, size, &s->probe[i]);
	elf_end(elf);
	if (file >= 0)
		close(file);
}

static bool is_probe(const struct notes *n, const struct model *m, const struct options *o, size_t i)
{
	const struct entry *e = &m->entry[i];
	const uint64_t wanted = KNOWN(RIP) | KNOWN(CODE) | KNOWN(CPL) | KNOWN(MODE);

	return (e->known & wanted) == wanted && !e->record->cpl && e->record->mode == 64 &&
	       e->record->code_len >= CODE_MIN && e->record->rip >= MODULE_SPACE && !o->bases &&
	       !notes_module(n, m, i, e->record->rip);
}

static void take_probe(struct search *s, const struct entry *e)
{
	for (size_t k = 0; k < s->probes; k++)
		if (s->probe[k].r->rip == e->record->rip && s->probe[k].run == e->run)
			return;
	if (s->probes < PROBES)
		s->probe[s->probes++] = (struct probe){.r = e->record, .run = e->run};
}

void module_code_find(struct notes *n, struct model *m, const struct options *o)
{
	struct search s = {.m = m};

	for (size_t i = 0; o->modules && (i = record_next(m, i)) != NO_ENTRY; i++)
		if (is_probe(n, m, o, i))
			take_probe(&s, &m->entry[i]);
	if (!s.probes)
		return;
	elf_version(EV_CURRENT);
	find_modules(o, search_file, &s);
	for (size_t i = 0; i < s.probes; i++) {
		const struct probe *p = &s.probe[i];

		if (p->found == 1)
			notes_add(n, p->name, p->r->rip - p->offset, p->size, p->run);
	}
}

/* Lists of code that the kernel changes while it runs. An entry's relocation has the place. */
static bool lists_patches(Elf *elf, const GElf_Shdr *s)
{
	static const char *const names[] = {".rela.altinstructions", ".rela.smp_locks",
		".rela.parainstructions", ".rela.retpoline_sites", ".rela.return_sites", ".rela.call_sites",
		".rela.ibt_endbr_seal", ".rela.static_call_sites", ".rela__jump_table", ".rela__mcount_loc"};
	size_t strings;
	const char *name = elf_getshdrstrndx(elf, &strings) ? NULL : elf_strptr(elf, strings, s->sh_name);

	for (size_t i = 0; name && i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return s->sh_type == SHT_RELA;
	return false;
}

/* Finds a relocation's place in the section. Returns false if it belongs to another section. */
static bool place_of(Elf *elf, const GElf_Shdr *list, const GElf_Rela *rela, size_t section, uint64_t *at)
{
	Elf_Scn *scn = elf_getscn(elf, list->sh_link);
	Elf_Data *symbols = scn ? elf_getdata(scn, NULL) : NULL;
	GElf_Sym symbol;

	if (!symbols || !gelf_getsym(symbols, (int)GELF_R_SYM(rela->r_info), &symbol) ||
		symbol.st_shndx != section)
		return false;
	*at = symbol.st_value + (uint64_t)rela->r_addend;
	return true;
}

/* Marks the bytes that the kernel may have patched, one mark each from `at` on. */
static void mark_patched(Elf *elf, const struct code_section *c, uint64_t at, size_t n, bool *patched)
{
	GElf_Shdr s;
	GElf_Rela rela;
	uint64_t begin;

	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		Elf_Data *data =
			gelf_getshdr(scn, &s) && lists_patches(elf, &s) ? elf_getdata(scn, NULL) : NULL;

		for (int i = 0; data && gelf_getrela(data, i, &rela); i++) {
			if (!place_of(elf, &s, &rela, elf_ndxscn(c->scn), &begin))
				continue;
			for (uint64_t b = begin; b < begin + PATCH_MOST; b++)
				if (b >= at && b - at < n)
					patched[b - at] = true;
		}
	}
}

static bool differs_at(Elf *elf, const struct code_section *c, uint64_t at, const struct trap_record *r)
{
	Elf_Data *data = c->header.sh_type == SHT_NOBITS ? NULL : elf_rawdata(c->scn, NULL);
	bool changes[TRAP_CODE_MAX] = {false};
	const uint8_t *bytes;
	size_t n;

	if (!data || !data->d_buf || at >= data->d_size)
		return false;
	bytes = (const uint8_t *)data->d_buf + at;
	n = data->d_size - at < r->code_len ? data->d_size - at : r->code_len;
	if (!memcmp(bytes, r->code, n))
		return false;
	mark_relocated(elf, c, at, n, changes);
	mark_patched(elf, c, at, n, changes);
	for (size_t i = 0; i < n; i++)
		if (!changes[i] && bytes[i] != r->code[i])
			return true;
	return false;
}

static bool differs(Elf *elf, const struct module_note *note, const struct trap_record *r)
{
	uint64_t offset = r->rip - note->base;
	struct code_section c = {0};

	while (layout_next(elf, note->init, &c))
		if (offset >= c.offset && offset - c.offset < c.header.sh_size)
			return differs_at(elf, &c, offset - c.offset, r);
	return false;
}

/* Each address is compared once. Their number is limited, because each comparison takes time. */
static bool is_new(uint64_t *seen, size_t *count, uint64_t rip)
{
	for (size_t i = 0; i < *count; i++)
		if (seen[i] == rip)
			return false;
	if (*count == COMPARED)
		return false;
	seen[(*count)++] = rip;
	return true;
}

/* Whether a record is of 64-bit code at CPL 0 in this module, while it was loaded at this place. */
static bool is_inside(const struct notes *n, const struct model *m, size_t i, const struct module_note *note)
{
	const uint64_t wanted = KNOWN(RIP) | KNOWN(CODE) | KNOWN(CPL) | KNOWN(MODE);
	const struct entry *e = &m->entry[i];
	const struct module_note *by;

	if (e->run != note->run || (e->known & wanted) != wanted || e->record->cpl || e->record->mode != 64 ||
		e->record->rip - note->base >= note->size)
		return false;
	by = notes_module(n, m, i, e->record->rip);
	return !by || (by->base == note->base && by->since == note->since);
}

static bool any_differs(
	Elf *elf, const struct notes *n, const struct model *m, const struct module_note *note)
{
	uint64_t seen[COMPARED] = {0};
	size_t count = 0;

	for (size_t i = 0; (i = record_next(m, i)) != NO_ENTRY; i++)
		if (is_inside(n, m, i, note) && is_new(seen, &count, m->entry[i].record->rip) &&
			differs(elf, note, m->entry[i].record))
			return true;
	return false;
}

bool module_code_differs(
	const struct notes *n, const struct model *m, const struct module_note *note, const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf;
	bool found;

	elf_version(EV_CURRENT);
	elf = file < 0 ? NULL : elf_begin(file, ELF_C_READ_MMAP, NULL);
	found = elf_kind(elf) == ELF_K_ELF && any_differs(elf, n, m, note);
	elf_end(elf);
	if (file >= 0)
		close(file);
	return found;
}
