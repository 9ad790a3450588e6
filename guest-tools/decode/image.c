// SPDX-License-Identifier: MIT
#include "image.h"
#include "layout.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>

struct image {
	Dwfl *dwfl;
	Dwfl_Module *module;
	Elf *elf;
	GElf_Addr bias; /* libdwfl's addresses minus the file's */
	char *file;
	char *debug_path;
	Dwfl_Callbacks callbacks;
};

static Dwfl_Module *report(struct image *i, const char *name)
{
	Dwfl_Module *module;

	i->callbacks = (Dwfl_Callbacks){.find_debuginfo = dwfl_standard_find_debuginfo,
		.section_address = dwfl_offline_section_address,
		.debuginfo_path = i->debug_path ? &i->debug_path : NULL};
	i->dwfl = dwfl_begin(&i->callbacks);
	if (!i->dwfl)
		return NULL;
	dwfl_report_begin(i->dwfl);
	module = dwfl_report_offline(i->dwfl, name, i->file, -1);
	dwfl_report_end(i->dwfl, NULL, NULL);
	return module;
}

struct image *image_open(const char *file, const char *name, char *debug_path)
{
	struct image *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->file = strdup(file);
	i->debug_path = debug_path;
	i->module = report(i, name);
	i->elf = i->module ? dwfl_module_getelf(i->module, &i->bias) : NULL;
	if (i->elf)
		return i;
	complain("%s: %s", file, dwfl_errmsg(-1));
	image_close(i);
	return NULL;
}

void image_close(struct image *i)
{
	if (!i)
		return;
	dwfl_end(i->dwfl);
	free(i->file);
	free(i);
}

const char *image_file(const struct image *i)
{
	return i->file;
}

bool image_has_lines(const struct image *i)
{
	Dwarf_Addr bias;

	return dwfl_module_getdwarf(i->module, &bias) != NULL;
}

/* The first entry of the table is not a symbol. */
bool image_has_symbols(const struct image *i)
{
	return dwfl_module_getsymtab(i->module) > 1;
}

void image_build_id(const struct image *i, char text[BUILD_ID_TEXT])
{
	const unsigned char *bits;
	GElf_Addr at;
	int n = dwfl_module_build_id(i->module, &bits, &at);

	text[0] = '\0';
	for (int b = 0; b < n && 2 * b + 2 < BUILD_ID_TEXT; b++)
		sprintf(text + 2 * b, "%02x", bits[b]);
}

bool image_symbol(const struct image *i, const char *name, uint64_t *address)
{
	int n = dwfl_module_getsymtab(i->module);

	for (int s = 1; s < n; s++) {
		GElf_Addr value;
		GElf_Sym symbol;
		const char *its = dwfl_module_getsym_info(i->module, s, &symbol, &value, NULL, NULL, NULL);

		if (its && !strcmp(its, name) && symbol.st_shndx != SHN_UNDEF) {
			*address = value;
			return true;
		}
	}
	return false;
}

static Elf_Scn *code_section(const struct image *i, uint64_t address, GElf_Shdr *s)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(i->elf, scn)))
		if (gelf_getshdr(scn, s) && layout_is_code(s) && address - i->bias >= s->sh_addr &&
			address - i->bias - s->sh_addr < s->sh_size)
			return scn;
	return NULL;
}

bool image_is_code(const struct image *i, uint64_t address)
{
	GElf_Shdr s;

	return code_section(i, address, &s) != NULL;
}

size_t image_code(const struct image *i, uint64_t address, uint8_t *bytes, size_t room)
{
	GElf_Shdr s;
	Elf_Scn *scn = code_section(i, address, &s);
	Elf_Data *data = scn && s.sh_type != SHT_NOBITS ? elf_rawdata(scn, NULL) : NULL;
	uint64_t at = address - i->bias - (scn ? s.sh_addr : 0);
	size_t n;

	if (!data || !data->d_buf || at >= data->d_size)
		return 0;
	n = data->d_size - at < room ? data->d_size - at : room;
	memcpy(bytes, (const uint8_t *)data->d_buf + at, n);
	return n;
}

uint64_t image_module_size(const struct image *i, bool init)
{
	return layout_size(i->elf, init);
}

bool image_in_module(const struct image *i, uint64_t offset, bool init, uint64_t *address)
{
	struct code_section c = {0};

	while (layout_next(i->elf, init, &c))
		if (offset >= c.offset && offset - c.offset < c.header.sh_size) {
			*address = c.header.sh_addr + i->bias + (offset - c.offset);
			return true;
		}
	return false;
}

static bool is_function(Dwarf_Die *die)
{
	return dwarf_tag(die) == DW_TAG_subprogram || dwarf_tag(die) == DW_TAG_inlined_subroutine;
}

/* Returns the compiled scopes that contain an address, innermost first. The caller frees them. */
static int scopes_at(const struct image *i, uint64_t address, Dwarf_Die **scopes)
{
	Dwarf_Addr bias;
	Dwarf_Die *cu = dwfl_module_addrdie(i->module, address, &bias), innermost;
	int n = cu ? dwarf_getscopes(cu, address - bias, scopes) : 0;

	if (n <= 0)
		return 0;
	innermost = (*scopes)[0];
	free(*scopes);
	n = dwarf_getscopes_die(&innermost, scopes);
	return n < 0 ? 0 : n;
}

static const char *copy(struct model *m, const char *text)
{
	return text ? model_text(m, text, strlen(text)) : NULL;
}

static void take_line(struct model *m, const struct image *i, uint64_t address, struct frame *f)
{
	Dwfl_Line *line = dwfl_module_getsrc(i->module, address);

	if (line)
		f->file = copy(m, dwfl_lineinfo(line, NULL, &f->line, NULL, NULL, NULL));
}

/* The place into which a function was inlined is the line of the frame around it. */
static void take_call(struct model *m, Dwarf_Die *die, struct frame *f)
{
	Dwarf_Attribute attribute;
	Dwarf_Word file = 0, line = 0;
	Dwarf_Files *files;
	Dwarf_Die cu;
	size_t n;

	if (!dwarf_diecu(die, &cu, NULL, NULL) || dwarf_getsrcfiles(&cu, &files, &n) ||
		dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &attribute), &file) || file >= n)
		return;
	dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &attribute), &line);
	f->file = copy(m, dwarf_filesrc(files, file, NULL, NULL));
	f->line = (int)line;
}

/* Adds the functions of these scopes. The innermost frame already has its line. */
static size_t take_scopes(struct model *m, Dwarf_Die *scopes, int n, struct frame *frames)
{
	size_t count = 0;

	for (int s = 0; s < n; s++) {
		struct frame *f = &frames[count];

		if (!is_function(&scopes[s]))
			continue;
		f->function = copy(m, dwarf_diename(&scopes[s]));
		f->inlined = dwarf_tag(&scopes[s]) == DW_TAG_inlined_subroutine;
		count++;
		if (f->inlined)
			take_call(m, &scopes[s], f + 1);
	}
	return count;
}

/* A part that the compiler splits off has a name like function.cold. */
static bool is_part_of(const char *symbol, const char *function)
{
	size_t n = function ? strlen(function) : 0;

	return n && symbol && !strncmp(symbol, function, n) && symbol[n] == '.';
}

static bool names_code(const GElf_Sym *s)
{
	return GELF_ST_TYPE(s->st_info) == STT_FUNC || GELF_ST_TYPE(s->st_info) == STT_NOTYPE;
}

/*
 * The last symbol at or before an address of assembly, as in the kernel's own backtraces: libdw prefers one whose size reaches the
 * address to a label in it that is closer. *offset: in: from the symbol that libdw has found; out: from the label.
 * Returns `name` if that is the closest.
 */
static const char *closest_label(const struct image *i, uint64_t address, const char *name, GElf_Off *offset)
{
	int n = dwfl_module_getsymtab(i->module);
	GElf_Shdr section;

	if (!code_section(i, address, &section))
		return name;
	for (int s = 1; s < n; s++) {
		GElf_Addr value;
		GElf_Sym symbol;
		const char *its = dwfl_module_getsym_info(i->module, s, &symbol, &value, NULL, NULL, NULL);

		if (its && *its && names_code(&symbol) && symbol.st_shndx != SHN_ABS && value <= address &&
			address - value < *offset && value - i->bias >= section.sh_addr) {
			*offset = address - value;
			name = its;
		}
	}
	return name;
}

/* If DWARF has no name for the compiled function, the symbol's is used; its offset as well, if both are the same function. */
static void take_symbol(
	struct model *m, const struct image *i, uint64_t address, Dwarf_Die *function, struct frame *f)
{
	Dwarf_Addr bias, low;
	GElf_Off offset;
	GElf_Sym symbol;
	const char *name = dwfl_module_addrinfo(i->module, address, &offset, &symbol, NULL, NULL, NULL);

	if (name && !function)
		name = closest_label(i, address, name, &offset);
	f->offset = name ? offset : 0;
	if (is_part_of(name, f->function)) {
		f->function = copy(m, name);
	} else if (function && f->function && (!name || strcmp(name, f->function))) {
		dwfl_module_getdwarf(i->module, &bias);
		if (!dwarf_entrypc(function, &low) && address >= low + bias)
			f->offset = address - low - bias;
	} else if (!f->function) {
		f->function = copy(m, name);
	}
}

static Dwarf_Die *compiled_function(Dwarf_Die *scopes, int n)
{
	for (int s = 0; s < n; s++)
		if (dwarf_tag(&scopes[s]) == DW_TAG_subprogram)
			return &scopes[s];
	return NULL;
}

size_t image_frames(
	struct model *m, const struct image *i, uint64_t address, bool after, struct frame **frames)
{
	Dwarf_Die *scopes = NULL;
	uint64_t at = after ? address - 1 : address;
	int n = scopes_at(i, at, &scopes);
	struct frame *f = model_alloc(m, (size_t)(n + 2) * sizeof(*f));
	size_t count;

	take_line(m, i, at, f);
	count = take_scopes(m, scopes, n, f);
	if (!count || f[count - 1].inlined)
		count++;
	take_symbol(m, i, at, compiled_function(scopes, n), &f[count - 1]);
	f[count - 1].offset += after;
	free(scopes);
	*frames = f;
	return f[count - 1].function ? count : 0;
}
