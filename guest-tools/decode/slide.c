// SPDX-License-Identifier: MIT
/*
 * Finds each run's slide: the distance of the kernel from its file's linked addresses. It comes from the kernel's marks, the option, other
 * lines of the log, or the code of the records, which must match the file. If it is not certain, there is none.
 */
#include "symbols.h"

#include <string.h>

#define CODE_MIN  8
#define CODE_SURE 12 /* bytes: enough for one record alone */
#define PROBES    32

enum answer {
	NOTHING,
	FOUND,
	CONTRADICTION
};

/* Without a vmlinux the symbols come from the map. */
static bool where_linked(const struct symbols *s, bool by_map, const char *name, uint64_t *address)
{
	return by_map ? map_symbol(s->map, name, address) : image_symbol(s->kernel, name, address);
}

/* The marks give the addresses of some symbols. Two must agree on a slide that KASLR can make, and none may contradict it. */
static enum answer slide_by_symbols(struct symbols *s, unsigned run, bool by_map, uint64_t *slide)
{
	const struct kernel_note *k = &s->notes.kernel[run];
	uint64_t linked;
	size_t found = 0;
	bool differs = false;

	for (size_t i = 0; i < k->symbols; i++) {
		if (!where_linked(s, by_map, k->symbol[i].name, &linked))
			continue;
		if (!found++)
			*slide = k->symbol[i].address - linked;
		differs |= k->symbol[i].address - linked != *slide || *slide % SLIDE_STEP;
	}
	if (!differs)
		return found > 1 ? FOUND : NOTHING;
	complain("%s: it belongs to another kernel: its symbols contradict the marks in the log",
		by_map ? s->options->map : image_file(s->kernel));
	s->useless = true;
	return CONTRADICTION;
}

static bool is_other_build(struct symbols *s, unsigned run)
{
	const struct kernel_note *k = &s->notes.kernel[run];
	char id[BUILD_ID_TEXT] = "";

	if (s->kernel)
		image_build_id(s->kernel, id);
	if (!k->build_id || !*id || !strcmp(id, k->build_id))
		return false;
	complain("%s: it belongs to another kernel: its build id is %s, and the log's kernel%s%s has %s. "
		 "Debian "
		 "has the debug information of each kernel in linux-image-RELEASE-dbg",
		image_file(s->kernel), id, k->release ? " " : "", k->release ? k->release : "", k->build_id);
	s->useless = true;
	return true;
}

/* A record of the kernel's code, not a module's. */
static bool is_probe(const struct symbols *s, const struct model *m, size_t i, unsigned run)
{
	const struct entry *e = &m->entry[i];
	const uint64_t wanted = KNOWN(RIP) | KNOWN(CODE) | KNOWN(CPL) | KNOWN(MODE);

	return e->record && e->run == run && (e->known & wanted) == wanted && !e->record->cpl &&
	       e->record->mode == 64 && e->record->code_len >= CODE_MIN && e->record->rip >= LINKED_AT &&
	       e->record->rip - LINKED_AT < IMAGE_MOST && !notes_module(&s->notes, m, i, e->record->rip);
}

static size_t take_probes(
	const struct symbols *s, const struct model *m, unsigned run, const struct trap_record **probe)
{
	size_t n = 0, k;

	for (size_t i = 0; n < PROBES && (i = record_next(m, i)) != NO_ENTRY; i++) {
		if (!is_probe(s, m, i, run))
			continue;
		for (k = 0; k < n && probe[k]->rip != m->entry[i].record->rip; k++)
			;
		if (k == n)
			probe[n++] = m->entry[i].record;
	}
	return n;
}

/* Counts the records with the file's code at this slide, and finds the longest of them, in bytes. */
static size_t count_fits(
	const struct symbols *s, const struct trap_record **probe, size_t n, uint64_t slide, size_t *longest)
{
	uint8_t code[TRAP_CODE_MAX];
	size_t fits = 0;

	*longest = 0;
	for (size_t i = 0; i < n; i++) {
		size_t length = probe[i]->code_len;

		if (image_code(s->kernel, probe[i]->rip - slide, code, length) < length ||
			memcmp(code, probe[i]->code, length))
			continue;
		fits++;
		if (length > *longest)
			*longest = length;
	}
	return fits;
}

/* Exactly one slide must fit. The running kernel patches its code, so not every record has the file's. */
static bool slide_by_code(struct symbols *s, const struct model *m, unsigned run)
{
	const struct trap_record *probe[PROBES];
	size_t n = s->kernel ? take_probes(s, m, run, probe) : 0, longest;
	unsigned slides = 0;

	for (uint64_t slide = 0; n && slide < IMAGE_MOST; slide += SLIDE_STEP) {
		size_t fits = count_fits(s, probe, n, slide, &longest);

		if (!fits)
			continue;
		slides++;
		if (fits > 1 || longest >= CODE_SURE)
			s->slide[run] = slide;
		else
			slides++;
	}
	return slides == 1;
}

/* Finds the slide for the map, whose addresses may be the running kernel's. Returns false if the map is another kernel's. */
static bool slide_map(struct symbols *s, unsigned run)
{
	uint64_t text, *slide = &s->map_slide[run];
	enum answer marks = slide_by_symbols(s, run, true, slide);

	if (marks == NOTHING && s->slid[run])
		*slide = map_symbol(s->map, "_text", &text) ? LINKED_AT + s->slide[run] - text
			 : map_is_of_running(s->map)        ? 0
							    : s->slide[run];
	if (marks != CONTRADICTION && *slide && map_is_of_running(s->map))
		complain("%s: it is from another boot than run %u: it names no functions of modules",
			s->options->map, run);
	return marks != CONTRADICTION;
}

/* The slide that the option gives, or that Linux printed as it died. */
static bool slide_given(const struct symbols *s, unsigned run, uint64_t *slide)
{
	const struct kernel_note *k = &s->notes.kernel[run];

	*slide = s->options->has_slide ? s->options->slide : k->slide;
	return s->options->has_slide || (k->has_slide && !k->slide_differs);
}

/* The marks are right: only the kernel sets them. */
static void compare_given(const struct symbols *s, unsigned run)
{
	uint64_t given, text = LINKED_AT;

	if (!s->kernel)
		map_symbol(s->map, "_text", &text);
	if (slide_given(s, run, &given) && LINKED_AT + given != text + s->slide[run])
		complain("run %u: %s contradicts the kernel's marks: the marks are used", run,
			s->options->has_slide ? "--slide" : "Linux' \"Kernel Offset:\"");
}

/* Linux moves by whole steps. Trapline's map may be of something else than the kernel. */
static bool slide_by_trapline(struct symbols *s, unsigned run)
{
	const struct kernel_note *k = &s->notes.kernel[run];

	s->slide[run] = k->logged_slide;
	return k->has_logged && !k->logged_differ && notes_slide_fits(k->logged_slide);
}

static bool has_kernel_records(const struct model *m, unsigned run)
{
	for (size_t i = 0; (i = record_next(m, i)) != NO_ENTRY; i++)
		if (m->entry[i].run == run && !m->entry[i].record->cpl &&
			m->entry[i].record->rip >= LINKED_AT)
			return true;
	return false;
}

/* The records cannot be assigned to the two kernels, because the second one sets its mark long after it has begun. */
static bool is_replaced(const struct symbols *s, unsigned run)
{
	if (s->notes.kernel[run].replaced)
		complain("run %u: another kernel took over (kexec): addresses of the kernels get no names",
			run);
	return s->notes.kernel[run].replaced;
}

/* Returns false, after a message, if the kernel's addresses get no names. */
static bool find_slide(struct symbols *s, const struct model *m, unsigned run)
{
	enum answer marks =
		is_other_build(s, run) ? CONTRADICTION : slide_by_symbols(s, run, !s->kernel, &s->slide[run]);

	if (marks == FOUND)
		compare_given(s, run);
	else if (marks == NOTHING)
		s->slid[run] = slide_given(s, run, &s->slide[run]) || slide_by_code(s, m, run) ||
			       slide_by_trapline(s, run);
	s->slid[run] |= marks == FOUND;
	return marks != CONTRADICTION;
}

static void find_of_run(struct symbols *s, const struct model *m, unsigned run)
{
	if (is_replaced(s, run) || !find_slide(s, m, run))
		return;
	s->mapped[run] = s->map && (s->slid[run] || map_is_of_running(s->map)) && slide_map(s, run);
	if (!s->slid[run] && !s->mapped[run] && has_kernel_records(m, run))
		complain("run %u: the log does not show where the kernel was: its addresses get no names. "
			 "Give "
			 "--slide=0x..., or load Trapline's module in the guest next time",
			run);
}

void slide_find(struct symbols *s, const struct model *m)
{
	for (unsigned run = 0; (s->kernel || s->map) && run < m->runs; run++)
		find_of_run(s, m, run);
}
