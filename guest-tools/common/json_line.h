// SPDX-License-Identifier: MIT
/* Lines of logfmt as JSON (RFC 8259): the same for trapctl --json and trapline-decode --format=json. */
#ifndef TRAPLINE_JSON_LINE_H
#define TRAPLINE_JSON_LINE_H

#include <stddef.h>
#include <stdio.h>

/* Writes a string, with its quotes. Bytes that are not printable ASCII become '?'. */
void json_string(FILE *out, const char *text, size_t n);

/*
 * Each name=value of a line becomes ,"name":value with the comma. A value is a number where it is one of JSON's; code bytes
 * and what is quoted are strings. Words without a value are put together, as "text".
 */
void json_members(FILE *out, const char *fields);

/* Writes the whole line without the braces: "kind" with its first word, then its members. */
void json_line_members(FILE *out, const char *line);

#endif
