// SPDX-License-Identifier: MIT
#include "notes.h"
#include "search.h"
#include "options.h"
#include "read.h"

#include <stdlib.h>
#include <string.h>

#define INIT         ".init"
#define SOON         16   /* entries between a record and the mark of its process's end */
#define MODULES_MOST 4096 /* each address is searched in all of them */

/* The same module may be loaded at this place again: that is no other module. */
static bool is_same(const struct module_note *a, const struct module_note *b)
{
	return a->base == b->base && a->size == b->size && a->init == b->init && !strcmp(a->name, b->name);
}

static bool overlap(const struct module_note *a, const struct module_note *b)
{
	return a->base < b->base + b->size && b->base < a->base + a->size;
}

/*
 * A module at this place ends those that were there, because Linux does not report the initialisation code that it frees. Returns true if
 * the note is already there.
 */
static bool make_way(struct notes *n, const struct module_note *note)
{
	for (size_t k = 0; k < n->modules; k++) {
		struct module_note *old = &n->module[k];

		if (old->run != note->run || old->until != NO_ENTRY || !overlap(old, note))
			continue;
		if (is_same(old, note))
			return true;
		old->until = note->since;
	}
	return false;
}

/* Returns the note that ended first, or NULL if all modules are still loaded. */
static struct module_note *oldest(struct notes *n)
{
	struct module_note *found = NULL;

	for (size_t k = 0; k < n->modules; k++)
		if (n->module[k].until != NO_ENTRY && (!found || n->module[k].until < found->until))
			found = &n->module[k];
	return found;
}

static void add_note(struct notes *n, const struct module_note *note)
{
	struct module_note *old;

	if (make_way(n, note))
		return;
	if (n->modules < MODULES_MOST) {
		n->module = model_grow(n->module, &n->module_room, n->modules, sizeof(*note));
		n->module[n->modules++] = *note;
		return;
	}
	if (!n->forgets)
		complain("more than %d modules in the log: some get no names", MODULES_MOST);
	n->forgets = true;
	old = oldest(n);
	if (old)
		*old = *note;
}

void notes_add(struct notes *n, const char *name, uint64_t base, uint64_t size, unsigned run)
{
	struct module_note note = {.name = name, .base = base, .size = size, .run = run, .until = NO_ENTRY};

	add_note(n, &note);
}

static void take_module(struct notes *n, const struct entry *e, size_t i, const struct field *f)
{
	struct module_note note = {.run = e->run, .since = i, .until = NO_ENTRY, .name = f->name};
	size_t length = strlen(f->name), init = strlen(INIT), at = text_number(f->value, &note.base), more;

	more = at && f->value[at] == '+' ? text_number(f->value + at + 1, &note.size) : 0;
	if (!more || f->value[at + 1 + more] || !note.size || note.base + note.size < note.base)
		return;
	if (length > init && !strcmp(f->name + length - init, INIT)) {
		((char *)f->name)[length - init] = '\0';
		note.init = true;
	}
	add_note(n, &note);
}

/* BASE+SIZE; the rest of the text is the file's name, which may have blanks. */
static void take_process(struct notes *n, const struct entry *mark, size_t i, const struct entry *words)
{
	struct process_note note = {.at = i, .file = strstr(entry_field(mark, "text"), " file=")};
	const char *base = entry_field(words, "base");
	size_t at = base ? text_number(base, &note.base) : 0;

	if (!at || base[at] != '+' || !text_number(base + at + 1, &note.size) || !note.file ||
		!entry_number(words, "offset", &note.offset))
		return;
	note.file += strlen(" file=");
	n->process = model_grow(n->process, &n->process_room, n->processes, sizeof(note));
	n->process[n->processes++] = note;
}

static void end_modules(struct notes *n, unsigned run, size_t i)
{
	for (size_t k = 0; k < n->modules; k++)
		if (n->module[k].run == run && n->module[k].until == NO_ENTRY)
			n->module[k].until = i;
}

static void end_module(struct notes *n, const struct entry *e, size_t i, const char *name)
{
	for (size_t k = 0; k < n->modules; k++)
		if (n->module[k].run == e->run && n->module[k].until == NO_ENTRY &&
			!strcmp(n->module[k].name, name))
			n->module[k].until = i;
}

/* Returns true if an earlier mark gives another address. */
static bool take_symbol(struct kernel_note *k, const struct field *f)
{
	struct symbol_note s = {.name = f->name};
	size_t n = text_number(f->value, &s.address);

	if (!n || f->value[n])
		return false;
	for (size_t i = 0; i < k->symbols; i++)
		if (!strcmp(k->symbol[i].name, s.name))
			return k->symbol[i].address != s.address;
	if (k->symbols < SYMBOLS_MAX)
		k->symbol[k->symbols++] = s;
	return false;
}

/* Returns true if an earlier mark has another value. */
static bool take_word(const char **word, const char *value)
{
	bool other = *word && strcmp(*word, value);

	*word = value;
	return other;
}

/* Another kernel took over (kexec): the modules of the first one are gone. */
static void take_kernel_field(struct notes *n, const struct entry *e, size_t i, const struct field *f)
{
	struct kernel_note *k = &n->kernel[e->run];
	bool other = false;

	if (!strcmp(f->name, "release"))
		other = take_word(&k->release, f->value);
	else if (!strcmp(f->name, "build"))
		other = take_word(&k->build_id, f->value);
	else if (*f->name)
		other = take_symbol(k, f);
	if (!other)
		return;
	k->replaced = true;
	end_modules(n, e->run, i);
}

bool notes_slide_fits(uint64_t slide)
{
	return slide % SLIDE_STEP == 0 && slide < IMAGE_MOST;
}

static void set_slide(struct kernel_note *k, uint64_t slide)
{
	k->slide_differs |= k->has_slide && k->slide != slide;
	k->slide = slide;
	k->has_slide = true;
}

/* trapline: slide=0x1a000000 from WITNESSES symbols=FILE, or slide=-0x... */
static void take_logged(struct kernel_note *k, const struct entry *e)
{
	const char *text = entry_field(e, "slide");
	bool down = text && *text == '-';
	uint64_t slide;
	size_t n = text ? text_number(text + down, &slide) : 0;

	if (!n || text[down + n])
		return;
	slide = down ? -slide : slide;
	k->logged_differ |= k->has_logged && k->logged_slide != slide;
	k->logged_slide = slide;
	k->has_logged = true;
}

/* If the line ends within the text, its last number may be incomplete. */
static bool is_torn(const struct entry *e)
{
	return e->fields && e->field[e->fields - 1].cut;
}

static void take_mark(struct notes *n, struct model *m, size_t i)
{
	const struct entry *e = &m->entry[i];
	const char *text = entry_field(e, "text");
	struct entry words = {.text = text ? text : ""};
	const char *kind;

	if (e->record->cpl || !(e->known & KNOWN(CPL)) || is_torn(e))
		return;
	logfmt_split(m, &words);
	kind = entry_word(&words, 0);
	if (kind && !strcmp(kind, "process"))
		take_process(n, e, i, &words);
	for (size_t k = 1; kind && k < words.fields; k++) {
		const struct field *f = &words.field[k];

		if (!strcmp(kind, "kernel"))
			take_kernel_field(n, e, i, f);
		else if (!strcmp(kind, "modules") && !strcmp(f->name, "gone"))
			end_module(n, e, i, f->value);
		else if (!strcmp(kind, "modules"))
			take_module(n, e, i, f);
	}
}

/* Kernel Offset: 0x1a000000 from 0xffffffff81000000 (relocation range: ...), or Kernel Offset: disabled. Any program can write it. */
static void take_panic(struct notes *n, const struct entry *e)
{
	static const char begins[] = "Kernel Offset: ", from[] = " from 0x";
	const char *at = printk_text(e->text);
	uint64_t slide, linked;
	size_t length;

	if (!at || strncmp(at, begins, strlen(begins)))
		return;
	at += strlen(begins);
	if (!strcmp(at, "disabled"))
		set_slide(&n->kernel[e->run], 0);
	length = text_number(at, &slide);
	if (!length || strncmp(at + length, from, strlen(from)))
		return;
	length += strlen(from);
	if (text_hex(at + length, &linked) && linked == LINKED_AT && notes_slide_fits(slide))
		set_slide(&n->kernel[e->run], slide);
}

void notes_take(struct notes *n, struct model *m)
{
	*n = (struct notes){.kernel = model_alloc(m, m->runs * sizeof(*n->kernel))};
	for (size_t i = 0; i < m->entries; i++) {
		const struct entry *e = &m->entry[i];

		if (e->record && e->record->type == TRAP_TYPE_MARK)
			take_mark(n, m, i);
		else if (e->kind == ENTRY_SLIDE)
			take_logged(&n->kernel[e->run], e);
		else if (e->kind == ENTRY_OTHER)
			take_panic(n, e);
	}
}

void notes_free(struct notes *n)
{
	free(n->module);
	free(n->process);
}

const struct module_note *notes_module(
	const struct notes *n, const struct model *m, size_t entry, uint64_t address)
{
	const struct module_note *before = NULL, *after = NULL;

	for (size_t k = 0; k < n->modules; k++) {
		const struct module_note *note = &n->module[k];

		if (note->run != m->entry[entry].run || address < note->base ||
			address - note->base >= note->size)
			continue;
		if (note->since > entry)
			after = after && after->since <= note->since ? after : note;
		else if (!before || note->since >= before->since)
			before = note;
	}
	/* Another module was, or may have been, at this address before. */
	if (!before)
		return n->forgets ? NULL : after;
	return before->until < entry ? NULL : before;
}

static uint64_t entry_of(const void *notes, size_t i)
{
	return ((const struct notes *)notes)->process[i].at;
}

const struct process_note *notes_process(
	const struct notes *n, const struct model *m, size_t entry, uint64_t address)
{
	const struct entry *e = &m->entry[entry];

	for (size_t k = first_above(n->processes, entry, entry_of, n);
		k < n->processes && n->process[k].at - entry <= SOON; k++) {
		const struct process_note *p = &n->process[k];

		if (m->entry[p->at].run == e->run && m->entry[p->at].cpu == e->cpu)
			return address >= p->base && address - p->base < p->size ? p : NULL;
	}
	return NULL;
}
