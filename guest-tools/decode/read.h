/* Between the readers. */
#ifndef DECODE_READ_H
#define DECODE_READ_H

#include "model.h"

/* model.c: room for one more behind `count` of them. */
void *model_grow(void *array, size_t *room, size_t count, size_t size);

/* clean.c: what a terminal would show of a line, printable; returns its length, `out` has room for length + 1. */
size_t clean_line(char *out, const char *line, size_t length);

/* logfmt.c: e->field from e->text. */
void logfmt_split(struct model *m, struct entry *e);

/* read_json.c: an object of trapctl's becomes the line that it was made of. false: it is none. */
bool json_line(struct model *m, const char *line, size_t length, const char **text);

/* line_kind.c: what a line is; *at is where Trapline's own text begins. */
enum entry_kind line_kind(const char *line, struct entry *e, const char **at);

/* record_text.c: e->record from the fields of a trap, a mark or a watch; what a line of registers adds to it. */
void record_of_fields(struct model *m, struct entry *e);
void record_add_registers(struct entry *record, const struct entry *regs);

/* record_line.c: the line of a binary record. */
void record_to_line(struct model *m, struct entry *e);

/*
 * number.c: a number, 0x or decimal, at the beginning of a text, or hexadecimal without 0x: how many characters; 0: none
 * there, or it is too large.
 */
size_t text_number(const char *text, uint64_t *value);
size_t text_hex(const char *text, uint64_t *value);

#endif
