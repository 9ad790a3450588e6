#include "module_code.h"
#include "find_file.h"
#include "layout.h"
#include "read.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PAGE         4096
#define CODE_MIN     10 /* bytes that have to be the same */
#define PROBES       16 /* records that are looked for */
#define MODULE_SPACE 0xffffffffa0000000ull

/* A record whose code is looked for. */
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

/* Which bytes of a section the loader changes: one mark each from `at` on. */
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

	/* The relocations are looked for only where it might be. */
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

static void look_in(struct search *s, Elf *elf, const char *name, const struct code_section *c, uint64_t size,
	struct probe *p)
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

static uint64_t size_of(Elf *elf)
{
	struct code_section c = {0};
	uint64_t end = 0;

	while (layout_next(elf, false, &c))
		end = c.offset + c.header.sh_size;
	return (end + PAGE - 1) / PAGE * PAGE;
}

static void look_in_file(void *context, const char *path, const char *name)
{
	struct search *s = context;
	struct code_section c = {0};
	int file = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf = file < 0 ? NULL : elf_begin(file, ELF_C_READ_MMAP, NULL);
	const char *kept = model_text(s->m, name, strlen(name));
	uint64_t size = elf_kind(elf) == ELF_K_ELF ? size_of(elf) : 0;

	while (size && layout_next(elf, false, &c))
		for (size_t i = 0; i < s->probes; i++)
			look_in(s, elf, kept, &c, size, &s->probe[i]);
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
	find_modules(o, look_in_file, &s);
	for (size_t i = 0; i < s.probes; i++) {
		const struct probe *p = &s.probe[i];

		if (p->found == 1)
			notes_add(n, p->name, p->r->rip - p->offset, p->size, p->run);
	}
}
