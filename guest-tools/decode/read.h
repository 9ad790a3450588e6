// SPDX-License-Identifier: MIT
/* Functions that the readers share. */
#ifndef DECODE_READ_H
#define DECODE_READ_H

#include "model.h"

/* In model.c: makes room for one more element after the first `count`. */
void *model_grow(void *array, size_t *room, size_t count, size_t size);

/* In clean.c: the printable text that a terminal would show of a line. `out` has room for length + 1 bytes. Returns the text's length. */
size_t clean_line(char *out, const char *line, size_t length);

/* In logfmt.c: splits e->text into e->field. */
void logfmt_split(struct model *m, struct entry *e);

/* In read_json.c: turns an object that trapctl has printed back into its line. Returns false if the line is not such an object. */
bool json_line(struct model *m, const char *line, size_t length, const char **text);

/* In line_kind.c: the kind of a line. *at is set to the beginning of Trapline's own text. */
enum entry_kind line_kind(const char *line, struct entry *e, const char **at);

/* In line_kind.c: returns the text of a line of Linux, after its time, or NULL if the line has no such time. */
const char *printk_text(const char *line);

/* In record_text.c: make e->record from the fields of a trap, mark or watch line, and add the registers of a `regs` line. */
void record_of_fields(struct model *m, struct entry *e);
void record_add_registers(struct entry *record, const struct entry *regs);

/* In record_line.c: makes the line of a binary record. */
void record_to_line(struct model *m, struct entry *e);

/*
 * In number.c: read a number at the beginning of a text. Return its length in characters; 0 if there is none or it is too large.
 *   text_number  decimal, or hexadecimal with 0x
 *   text_hex     hexadecimal without 0x
 */
size_t text_number(const char *text, uint64_t *value);
size_t text_hex(const char *text, uint64_t *value);

#endif
