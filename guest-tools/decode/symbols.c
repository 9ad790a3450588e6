// SPDX-License-Identifier: MIT
#include "symbols.h"
#include "find_file.h"
#include "layout.h"
#include "module_code.h"
#include "read.h"

#include <stdlib.h>
#include <string.h>

#define KERNEL_HALF (1ull << 63)

static void check_image(struct symbols *s, const struct image *i)
{
	if (image_has_lines(i))
		return;
	if (image_has_symbols(i)) {
		complain("%s: no debug information in the file or in --debug-dir: functions are named "
			 "without files "
			 "and lines",
			image_file(i));
		return;
	}
	complain("%s: no debug information and no symbols in the file (a vmlinuz has none) or in --debug-dir",
		image_file(i));
	s->useless = true;
}

static struct image *open_image(struct symbols *s, const char *file, const char *name)
{
	struct image *i = image_open(file, name, s->debug_path);

	if (i)
		check_image(s, i);
	else
		s->useless = true;
	return i;
}

/* Opens the given kernel, or the one that the log names. */
static void open_kernel(struct symbols *s, size_t runs)
{
	char *found = NULL;

	for (size_t run = 0; !found && !s->options->vmlinux && run < runs; run++)
		if (s->notes.kernel[run].release)
			found = find_kernel(s->options, s->notes.kernel[run].release);
	if (s->options->vmlinux || found)
		s->kernel = open_image(s, found ? found : s->options->vmlinux, "kernel");
	free(found);
}

void symbols_begin(struct symbols *s, struct model *m, const struct options *o)
{
	*s = (struct symbols){.options = o, .debug_path = debug_path(o)};
	notes_take(&s->notes, m);
	module_code_find(&s->notes, m, o);
	s->slid = model_alloc(m, m->runs * sizeof(*s->slid));
	s->mapped = model_alloc(m, m->runs * sizeof(*s->mapped));
	s->slide = model_alloc(m, m->runs * sizeof(*s->slide));
	s->map_slide = model_alloc(m, m->runs * sizeof(*s->map_slide));
	open_kernel(s, m->runs);
	s->map = o->map ? map_read(o->map) : NULL;
	s->useless |= o->map && !s->map;
	slide_find(s, m);
}

void symbols_end(struct symbols *s)
{
	for (size_t i = 0; i < s->modules; i++)
		image_close(s->module[i].image);
	free(s->module);
	image_close(s->kernel);
	map_close(s->map);
	notes_free(&s->notes);
	free(s->debug_path);
}

/* Without --module and --base, a module's name and offset are enough. */
static void complain_of_module(struct symbols *s, const char *name)
{
	if (!s->options->modules && !s->options->bases)
		return;
	complain("module %s: no %s.ko in the folders of --module: its functions get no names", name, name);
	s->useless = true;
}

static bool is_complained_of(const struct symbols *s, const char *name)
{
	for (size_t i = 0; i < s->modules; i++)
		if (!strcmp(s->module[i].note.name, name) && !s->module[i].image)
			return true;
	return false;
}

static bool note_differs(const struct symbols *s, const struct model *m, const struct module_note *note,
	const struct image *image)
{
	return layout_pages(note->size) != image_module_size(image, note->init) ||
	       module_code_differs(&s->notes, m, note, image_file(image));
}

/* One mark names the module's code and its initialisation code, and both are in one file. */
static bool is_other_module(const struct symbols *s, const struct model *m, const struct module_note *note,
	const struct image *image)
{
	for (size_t i = 0; i < s->notes.modules; i++) {
		const struct module_note *one = &s->notes.module[i];

		if (one->run == note->run && one->since == note->since && one->base != note->base &&
			!strcmp(one->name, note->name) && note_differs(s, m, one, image))
			return true;
	}
	return note_differs(s, m, note, image);
}

static struct image *open_module(struct symbols *s, const struct model *m, struct module_note *note)
{
	char *file = find_module(s->options, note->name, s->notes.kernel[note->run].release);
	bool told = is_complained_of(s, note->name);
	struct image *image = file ? open_image(s, file, note->name) : NULL;

	if (!file && !told)
		complain_of_module(s, note->name);
	free(file);
	if (image && !note->size)
		note->size = image_module_size(image, note->init);
	if (!image || !is_other_module(s, m, note, image))
		return image;
	if (!told)
		complain("%s: it belongs to another build than the log's module %s: its functions get no "
			 "names",
			image_file(image), note->name);
	s->useless = true;
	image_close(image);
	return NULL;
}

/* It is searched for once. The note of --base has no size. */
static struct image *module_image(struct symbols *s, const struct model *m, const struct module_note *note)
{
	struct module_image new = {.note = *note};

	for (size_t i = 0; i < s->modules; i++) {
		const struct module_note *have = &s->module[i].note;

		if (!strcmp(have->name, note->name) && have->run == note->run && have->base == note->base &&
			have->since == note->since && have->init == note->init)
			return s->module[i].image;
	}
	new.image = open_module(s, m, &new.note);
	s->module = model_grow(s->module, &s->module_room, s->modules, sizeof(*s->module));
	s->module[s->modules++] = new;
	return new.image;
}

static size_t name_frames(struct model *m, struct frame *frame, size_t n, const char *module)
{
	for (size_t i = 0; i < n; i++)
		frame[i].module = model_text(m, module, strlen(module));
	return n;
}

static size_t module_frames(struct symbols *s, struct model *m, const struct module_note *note,
	uint64_t offset, bool after, struct frame **frames)
{
	struct image *image = module_image(s, m, note);
	uint64_t address;

	if (!image || !image_in_module(image, offset, note->init, &address))
		return 0;
	return name_frames(m, *frames, image_frames(m, image, address, after, frames), note->name);
}

static size_t given_frames(
	struct symbols *s, struct model *m, unsigned run, uint64_t address, bool after, struct frame **frames)
{
	size_t n = 0;

	for (size_t i = 0; !n && i < s->options->bases; i++) {
		const struct base *b = &s->options->base[i];
		struct module_note note = {
			.name = b->module, .base = b->address, .run = run, .until = NO_ENTRY};

		if (address >= b->address)
			n = module_frames(s, m, &note, address - b->address, after, frames);
	}
	return n;
}

/* Without the module's file its name and the offset are still known. */
static size_t noted_frames(
	struct symbols *s, struct model *m, size_t i, uint64_t address, bool after, struct frame **frames)
{
	const struct module_note *note = notes_module(&s->notes, m, i, address);
	size_t n = note ? module_frames(s, m, note, address - note->base, after, frames) : 0;

	if (!note || n)
		return n;
	*frames = model_alloc(m, sizeof(**frames));
	(*frames)->offset = address - note->base;
	return name_frames(m, *frames, 1, note->name);
}

/* In a map of another boot each module is at another address. */
static size_t map_frames(
	struct symbols *s, struct model *m, unsigned run, uint64_t address, struct frame **frames)
{
	const char *module, *name;
	uint64_t offset, slide = s->map_slide[run];

	name = s->mapped[run] ? map_find(s->map, address - slide, &offset, &module) : NULL;
	if (!name || (module && slide))
		return 0;
	*frames = model_alloc(m, sizeof(**frames));
	**frames = (struct frame){.function = model_text(m, name, strlen(name)),
		.offset = offset,
		.module = module ? model_text(m, module, strlen(module)) : NULL};
	return 1;
}

/* The functions of programs are not searched for. */
static size_t process_frames(
	struct symbols *s, struct model *m, size_t i, uint64_t address, struct frame **frames)
{
	const struct process_note *p = notes_process(&s->notes, m, i, address);

	if (!p || !m->entry[i].record || m->entry[i].record->cpl != 3)
		return 0;
	*frames = model_alloc(m, sizeof(**frames));
	(*frames)->offset = address - p->base + p->offset;
	return name_frames(m, *frames, 1, p->file);
}

size_t symbols_frames(
	struct symbols *s, struct model *m, size_t i, uint64_t address, bool after, struct frame **frames)
{
	unsigned run = m->entry[i].run;
	size_t n;

	if (!(address & KERNEL_HALF))
		return process_frames(s, m, i, address, frames);
	n = given_frames(s, m, run, address, after, frames);
	if (!n)
		n = noted_frames(s, m, i, address, after, frames);
	if (n)
		return n;
	if (s->kernel && s->slid[run] && image_is_code(s->kernel, address - s->slide[run]))
		n = image_frames(m, s->kernel, address - s->slide[run], after, frames);
	return n ? n : map_frames(s, m, run, address, frames);
}
