// SPDX-License-Identifier: MIT
#include "symbol_map.h"
#include "lib/string.h"

#define FUNCTION_MOST 4096        /* assumed size of the last function: no symbol follows it */
#define NOT_CODE      100         /* rank of data: a function ends here */
#define LINUX_GRAIN   0x200000ull /* the least CONFIG_PHYSICAL_ALIGN of a 64-bit kernel */
#define PAGE          0x1000ull
#define REACH         0xffffffffull

/* A part of the file's text. */
struct part {
	const char *at, *end;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct part *p)
{
	while (p->at < p->end && is_blank(*p->at))
		p->at++;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hex(struct part *p, uint64_t *value)
{
	unsigned digits = 0;

	*value = 0;
	if (p->end - p->at > 2 && p->at[0] == '0' && (p->at[1] | 0x20) == 'x')
		p->at += 2;
	for (; p->at < p->end && digit(*p->at) >= 0; p->at++, digits++)
		*value = *value << 4 | (uint64_t)digit(*p->at);
	return digits && digits <= 16;
}

/* Takes a word that may appear in a line of the log. */
static bool take_name(struct part *p, struct part *name)
{
	name->at = p->at;
	while (p->at < p->end && !is_blank(*p->at)) {
		if (*p->at <= ' ' || *p->at > '~' || *p->at == '"' || *p->at == '\\')
			return false;
		p->at++;
	}
	name->end = p->at;
	return name->end > name->at;
}

static bool is_word(const struct part *p, const char *word)
{
	size_t n = (size_t)(p->end - p->at);

	return n == strlen(word) && !memcmp(p->at, word, n);
}

static bool is_code(char type)
{
	return type == 'T' || type == 't' || type == 'W' || type == 'w';
}

/* Prefers global names, and names without the underscore of section symbols such as _text. */
static uint16_t rank(char type, const char *name)
{
	static const char order[] = "TWtw";
	uint16_t n = 0;

	while (order[n] != type)
		n++;
	return (uint16_t)(n + (*name == '_' ? sizeof(order) : 0));
}

static void add(struct symbol_map *m, uint64_t address, uint16_t rank, const struct part *name)
{
	size_t length = (size_t)(name->end - name->at);

	if (length >= NAMES_NAME_MAX) {
		length = NAMES_NAME_MAX - 1;
		m->cut++;
	}
	m->line[m->lines++] = (struct symbol_line){
		.address = address,
		.at = (uint32_t)(name->at - m->text),
		.length = (uint16_t)length,
		.rank = rank,
	};
}

/* Absolute and undefined symbols have no place in memory. */
static bool has_place(char type)
{
	return type != 'A' && type != 'a' && type != 'U';
}

/* `hex type name`. In /proc/kallsyms `[module]` may follow; modules move with every boot. */
static void read_line(struct symbol_map *m, struct part p)
{
	struct part name;
	uint64_t address;
	char type;

	skip_blanks(&p);
	if (p.at == p.end)
		return;
	if (!take_hex(&p, &address) || p.end - p.at < 4 || !is_blank(p.at[0]) || !is_blank(p.at[2])) {
		m->bad++;
		return;
	}
	type = p.at[1];
	p.at += 2;
	skip_blanks(&p);
	if (!take_name(&p, &name)) {
		m->bad++;
		return;
	}
	skip_blanks(&p);
	if (p.at < p.end && *p.at == '[')
		m->modules++;
	else if (is_code(type))
		add(m, address, rank(type, name.at), &name);
	else if (has_place(type))
		add(m, address, NOT_CODE, &(struct part){name.at, name.at});
	m->data += !is_code(type);
	if (is_code(type) && (is_word(&name, "entry_SYSCALL_64") || is_word(&name, "startup_64")))
		m->grain = LINUX_GRAIN;
}

size_t symbol_map_lines(const char *text, size_t size)
{
	size_t n = 1;

	for (size_t i = 0; i < size; i++)
		n += text[i] == '\n';
	return n;
}

static bool is_before(const struct symbol_line *a, const struct symbol_line *b)
{
	if (a->address != b->address)
		return a->address < b->address;
	return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void swap(struct symbol_line *a, struct symbol_line *b)
{
	struct symbol_line t = *a;

	*a = *b;
	*b = t;
}

/* Insertion sort, because most files are sorted. Returns false if this takes too long. */
static bool sort_nearly(struct symbol_line *line, uint32_t n)
{
	uint64_t moves = 16 + 4ull * n;

	for (uint32_t i = 1; i < n; i++)
		for (uint32_t k = i; k && is_before(&line[k], &line[k - 1]); k--) {
			if (!moves--)
				return false;
			swap(&line[k], &line[k - 1]);
		}
	return true;
}

static void sift(struct symbol_line *line, uint32_t root, uint32_t n)
{
	for (uint32_t child; (child = 2 * root + 1) < n; root = child) {
		if (child + 1 < n && is_before(&line[child], &line[child + 1]))
			child++;
		if (!is_before(&line[root], &line[child]))
			return;
		swap(&line[root], &line[child]);
	}
}

/* Heap sort: in place, and fast for every order. */
static void sort_heap(struct symbol_line *line, uint32_t n)
{
	for (uint32_t i = n / 2; i--;)
		sift(line, i, n);
	for (uint32_t i = n; i-- > 1;) {
		swap(&line[0], &line[i]);
		sift(line, 0, i);
	}
}

/* Finds the 4 GiB with the most functions, because distances have 32 bits. */
static void find_window(struct symbol_map *m)
{
	uint32_t best = 0, inside = 0, last = 0, all = 0;

	m->first = m->last = 0;
	for (uint32_t first = 0; first < m->lines; first++) {
		bool code = m->line[first].rank != NOT_CODE;

		while (last < m->lines && m->line[last].address - m->line[first].address < REACH)
			inside += m->line[last++].rank != NOT_CODE;
		if (code && inside > best) {
			best = inside;
			m->first = first;
			m->last = last;
		}
		inside -= code;
		all += code;
	}
	m->far = all - best;
}

/* Walks along the entries of the table. The name is empty if data follows a function. */
struct walk {
	const struct symbol_map *m;
	uint32_t next;
	bool named; /* the last entry is a function */
	uint64_t address;
	struct part name;
};

static bool walk_next(struct walk *w)
{
	const struct symbol_map *m = w->m;

	while (w->next < m->last) {
		const struct symbol_line *l = &m->line[w->next++];
		bool code = l->rank != NOT_CODE,
		     again = w->next - 1 > m->first && l->address == l[-1].address;

		if (again || (!code && !w->named))
			continue;
		w->named = code;
		w->address = l->address;
		w->name = (struct part){m->text + l->at, m->text + l->at + l->length};
		return true;
	}
	if (!w->named)
		return false;
	w->named = false;
	w->address += FUNCTION_MOST;
	w->name.end = w->name.at;
	return w->address - m->line[m->first].address <= REACH;
}

static void measure(struct symbol_map *m)
{
	struct walk w = {.m = m, .next = m->first};
	uint32_t code = 0;

	for (uint32_t i = m->first; i < m->last; i++)
		code += m->line[i].rank != NOT_CODE;
	while (walk_next(&w)) {
		m->count++;
		m->strings_size += (uint32_t)(w.name.end - w.name.at) + 1;
		m->names += w.named;
	}
	m->aliases = code - m->names;
}

void symbol_map_read(struct symbol_map *m, const char *text, size_t size, struct symbol_line *line)
{
	struct part rest = {text, text + size};

	*m = (struct symbol_map){.text = text, .line = line, .grain = PAGE};
	while (rest.at < rest.end) {
		struct part p = {rest.at, rest.at};

		while (p.end < rest.end && *p.end != '\n')
			p.end++;
		rest.at = p.end + (p.end < rest.end);
		read_line(m, p);
	}
	if (!sort_nearly(line, m->lines))
		sort_heap(line, m->lines);
	find_window(m);
	measure(m);
}

static size_t places(const struct symbol_map *m)
{
	return ((size_t)m->count + NAMES_STRIDE - 1) / NAMES_STRIDE;
}

size_t symbol_map_size(const struct symbol_map *m)
{
	return (sizeof(uint32_t) * (m->count + places(m)) + m->strings_size + 7) & ~7ull;
}

void symbol_map_put(const struct symbol_map *m, struct names_map *to, void *block, uint32_t at)
{
	uint32_t *offset = (uint32_t *)((char *)block + at), *place = offset + m->count, n = 0, used = 0;
	char *strings = (char *)(place + places(m));
	struct walk w = {.m = m, .next = m->first};

	to->base = m->count ? m->line[m->first].address : 0;
	to->grain = m->grain;
	to->count = m->count;
	to->offsets = at;
	to->places = to->offsets + (uint32_t)sizeof(uint32_t) * m->count;
	to->strings = to->places + (uint32_t)(sizeof(uint32_t) * places(m));
	to->strings_size = m->strings_size;
	for (; walk_next(&w); n++) {
		size_t length = (size_t)(w.name.end - w.name.at);

		offset[n] = (uint32_t)(w.address - to->base);
		if (n % NAMES_STRIDE == 0)
			place[n / NAMES_STRIDE] = used;
		memcpy(strings + used, w.name.at, length);
		strings[used + length] = '\0';
		used += (uint32_t)length + 1;
	}
}

/* Takes the word after a path: a slide, or the name of an image. */
static const char *take_place(const char *word, size_t n, struct names_map *map)
{
	struct part p = {word, word + n};

	if (n && word[0] == '0') {
		map->how = NAMES_GIVEN;
		return take_hex(&p, &map->slide) && p.at == p.end ? NULL
								  : "its slide is not a hexadecimal number";
	}
	if (n >= NAMES_IMAGE_MAX)
		return "its image's name is too long";
	map->how = n ? NAMES_OF_IMAGE : NAMES_FOUND;
	memcpy(map->image, word, n);
	return NULL;
}

static void keep_file(struct names_map *map, const char *path)
{
	size_t n = strlen(path), from = n < NAMES_FILE_MAX ? 0 : n - (NAMES_FILE_MAX - 1);

	memcpy(map->file, path + from, n - from + 1);
}

bool symbol_map_item(const char **rest, char *path, size_t size, struct names_map *map, const char **why)
{
	const char *at = *rest, *word;
	size_t n = 0;

	while (is_blank(*at) || *at == ',')
		at++;
	*rest = at;
	if (!*at)
		return false;
	memset(map, 0, sizeof(*map));
	while (*at && *at != ',' && !is_blank(*at) && n < size - 1)
		path[n++] = *at++;
	path[n] = '\0';
	*why = *at && *at != ',' && !is_blank(*at) ? "its path is too long" : NULL;
	while (is_blank(*at))
		at++;
	for (word = at; *at && *at != ',' && !is_blank(*at);)
		at++;
	if (!*why)
		*why = take_place(word, (size_t)(at - word), map);
	while (is_blank(*at))
		at++;
	if (!*why && *at && *at != ',')
		*why = "it has more words than a path and where its code lies";
	while (*at && *at != ',')
		at++;
	*rest = at;
	keep_file(map, path);
	return true;
}
