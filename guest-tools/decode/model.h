// SPDX-License-Identifier: MIT
/*
 * The entries that trapline-decode has read from inputs of any form, in the order of the inputs. Readers (read_*.c) make them, link.c
 * finds what belongs together, place.c names the addresses, and the writers (writers.def) print the result.
 *
 * The input may be hostile. Whatever was read, a text is printable ASCII and NUL-terminated, and a number that does not fit is NOT_KNOWN.
 * All memory is freed by model_end().
 */
#ifndef DECODE_MODEL_H
#define DECODE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <trapline/record.h>

enum entry_kind {
	ENTRY_OTHER,  /* a line of another program */
	ENTRY_RECORD, /* a binary record; its text is made from it and begins with trap or mark */
#define ENTRY_KIND(enumerator, name, begins, where, meaning) ENTRY_##enumerator,
#include "kinds.def"
#undef ENTRY_KIND
	ENTRY_KINDS
};

/* One name=value of a line, without quotes and escapes. A word without a value has the name "". */
struct field {
	const char *name, *value;
	bool quoted, cut; /* cut: the line ended before the closing quote */
};

/*
 * The known members of a record, one bit each, as a line does not have all of them. Those of gpr[] are KNOWN_GPR(n). A member that a flag
 * (TRAP_HAS_..., TRAP_DURING) guards is known if `flags` is known and has that flag.
 */
/* clang-format off */
#define KNOWN_MEMBERS(X)                                                                                     \
	X(SEQ) X(CPU) X(TSC) X(VECTOR) X(TYPE) X(FLAGS) X(CS) X(RIP) X(MODE) X(CPL) X(CODE) X(CR2) X(CR3)    \
	X(FS_BASE) X(GS_BASE) X(SEGMENTS) X(CR0) X(CR4) X(EFER) X(RFLAGS) X(DR6) X(LINK) X(STACK32)
/* clang-format on */
enum known_bit {
#define X(name) KNOWN_BIT_##name,
	KNOWN_MEMBERS(X)
#undef X
	KNOWN_BIT_GPR, /* the first of 16 */
	KNOWN_BITS = KNOWN_BIT_GPR + TRAP_GPRS
};
#define KNOWN(name)  (1ull << KNOWN_BIT_##name)
#define KNOWN_GPR(n) (1ull << (KNOWN_BIT_GPR + (n)))
#define KNOWN_ALL    ((1ull << KNOWN_BITS) - 1)
_Static_assert(KNOWN_BITS < 64, "the mask has room");

/* A function that contains an address. In an array, the innermost inlined function is first, the compiled one is last. */
struct frame {
	const char *function; /* NULL: not known */
	uint64_t offset;      /* from the beginning of the compiled function */
	const char *module;   /* NULL: the kernel itself */
	const char *file;     /* NULL: not known */
	int line;             /* 0: not known */
	bool inlined;
};

/* An address of an entry that has a name. */
struct place {
	const char *field; /* the field with the address: "at", "by", "rip", "to", "stack", "rsp" */
	uint64_t address;
	struct frame *frame;
	size_t frames;
};

#define NOT_KNOWN (-1)
#define NO_ENTRY  ((size_t)-1)
#define NO_STORY  0

struct entry {
	enum entry_kind kind;
	const char *
		raw; /* as it was read, colours and other programs' text included, any byte; without its line end */
	size_t raw_length;
	const char *text; /* the line without colours and other text before it, printable */
	const char *end;  /* the line end as it was read: "\r\n", "\n", "" */
	unsigned source;  /* index of the input, from 0 */
	size_t line;      /* line number in the input, from 1; number of the record in a binary input */

	struct field *field;
	size_t fields;

	struct trap_record *record; /* NULL: the line is not of a record */
	uint64_t known;             /* mask of its known members */
	int64_t us;                 /* microseconds since Trapline became active, or NOT_KNOWN */
	int cpu;                    /* or NOT_KNOWN */

	unsigned run;   /* index of the run that it belongs to; 0 before the first `active` */
	bool last;      /* the following run has printed it from the black box; `run` is the run before */
	bool before;    /* in a report: the record was made before the chain began */
	unsigned story; /* index of its report, from 1; NO_STORY outside */
	size_t of; /* for by, regs, stack, walk and idt: the entry of the record or `stands` line that they belong to; else NO_ENTRY */

	struct place *place;
	size_t places;
};

/*
 * A report: of an end (verdict), a triple fault, or a fault of Trapline itself. Its entries are those from `first` to `last` with its
 * number in `story`. The others in between are lines of other programs.
 */
struct story {
	enum entry_kind kind; /* ENTRY_VERDICT, ENTRY_TRIPLE, ENTRY_FAULT */
	size_t first, last;
	size_t verdict; /* the entry with the verdict, or NO_ENTRY */
	size_t record; /* its first record, or NO_ENTRY: the record that it is about, or the beginning of the chain */
	unsigned run;
	bool again; /* "same cause as above": the verdict has the seq= and cpu= of the record */
};

/* A start of Trapline. run[0] has the entries before the first start. */
struct run {
	size_t active; /* the entry of its `active` line, or NO_ENTRY */
	const char *version, *backend;
	int cpus; /* NOT_KNOWN */
};

struct model {
	struct entry *entry;
	size_t entries, entry_room;
	struct story *story; /* story[0] is unused */
	size_t stories, story_room;
	struct run *run;
	size_t runs, run_room;
	uint64_t tsc_start; /* of binary records */
	uint32_t tsc_khz;   /* 0: not known */
	struct chunk *chunk;
};

/* In model.c. Without memory the program ends. */
void model_begin(struct model *m);
void model_end(struct model *m);
struct entry *model_add(struct model *m, enum entry_kind kind); /* its members are empty or not known */
void *model_alloc(struct model *m, size_t bytes);               /* zeroed */
char *model_text(struct model *m, const char *text, size_t length);

/*
 * entry_field(): the value of the first field with this name. entry_word(): the n-th word without a name, from 0. Both return NULL if
 * there is none.
 */
const char *entry_field(const struct entry *e, const char *name);
const char *entry_word(const struct entry *e, size_t n);
bool entry_number(
	const struct entry *e, const char *name, uint64_t *value); /* decimal or 0x, with nothing behind it */

const char *kind_name(enum entry_kind kind);

/*
 * Iterators: for (size_t i = 0; (i = entry_next(m, i, ENTRY_BY)) != NO_ENTRY; i++).
 *   entry_next   entries of one kind
 *   record_next  entries with a record
 *   story_next   entries of one story
 */
size_t entry_next(const struct model *m, size_t from, enum entry_kind kind);
size_t record_next(const struct model *m, size_t from);
size_t story_next(const struct model *m, size_t from, unsigned story);

/* Readers. They copy `bytes`; read_any() finds the form from the content. Return NULL, or the reason why the input cannot be read. */
const char *read_any(struct model *m, unsigned source, const char *bytes, size_t length);
void read_text(struct model *m, unsigned source, const char *bytes, size_t length);
const char *read_records(struct model *m, unsigned source, const char *bytes, size_t length);

/* Call it after the last input: it finds the stories, the runs, and the entries that belong together. */
void link_entries(struct model *m);

#endif
