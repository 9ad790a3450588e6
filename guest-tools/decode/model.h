/*
 * What trapline-decode has read, of any form: entries in the order of the input. Readers (read_*.c) make them, link.c says
 * what belongs together, symbols (place.c) names their addresses, writers (writers.def) print them.
 *
 * The input is hostile. A reader believes nothing: texts are printable ASCII, whatever was read, and NUL-terminated; a
 * number that does not fit is not known. All memory lives as long as the model.
 */
#ifndef DECODE_MODEL_H
#define DECODE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <trapline/record.h>

enum entry_kind {
	ENTRY_OTHER,  /* no line of Trapline's */
	ENTRY_RECORD, /* a binary record: its text is made from it, and begins with trap or mark */
#define ENTRY_KIND(enumerator, name, begins, where, meaning) ENTRY_##enumerator,
#include "kinds.def"
#undef ENTRY_KIND
	ENTRY_KINDS
};

/* One name=value of a line; name "" is a word without one. Quotes and their escapes are off. */
struct field {
	const char *name, *value;
	bool quoted, cut; /* cut: the line ended within the quotes */
};

/*
 * Which members of a record are known: a line has not all of them. One bit each; those of gpr[] are KNOWN_GPR(n).
 * What TRAP_HAS_... and TRAP_DURING guard is known where `flags` is, as far as the flag says so.
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

/* A function that an address is in. The innermost inlined one first; the last is the one that was compiled. */
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
	const char *field; /* where it stands: "at", "by", "rip", "to", "stack", "rsp" */
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
	const char *text; /* of Trapline's line alone; of another one all of it, printable */
	const char *end;  /* the line end as it was read: "\r\n", "\n", "" */
	unsigned source;  /* which input, from 0 */
	size_t line;      /* of that input, from 1; of a binary one which record */

	struct field *field;
	size_t fields;

	struct trap_record *record; /* NULL: the line is no record's */
	uint64_t known;             /* which members of it */
	int64_t us;                 /* microseconds since Trapline became active, NOT_KNOWN */
	int cpu;                    /* NOT_KNOWN */

	unsigned run;   /* which start of Trapline's it tells of: 0 before the first `active` */
	bool last;      /* told of the run before, by a line of the next one's: `run` is that run */
	bool before;    /* in a report: a record from before the chain */
	unsigned story; /* which report it stands in, from 1; NO_STORY */
	size_t of; /* by, regs, stack, walk, idt: the record's or `stands` entry that it tells more of; NO_ENTRY */

	struct place *place;
	size_t places;
};

/*
 * A report: of an end (verdict), of a triple fault, of a fault of Trapline's own. Entries from `first` to `last` are in it,
 * but for those with another or no story: other programs' lines between them.
 */
struct story {
	enum entry_kind kind; /* ENTRY_VERDICT, ENTRY_TRIPLE, ENTRY_FAULT */
	size_t first, last;
	size_t verdict; /* the entry that judges it, NO_ENTRY */
	size_t record; /* the first record in it, NO_ENTRY: the one it is about, or the beginning of the chain */
	unsigned run;
	bool again; /* "as told above": seq= and cpu= of the record are in the verdict's text */
};

/* A start of Trapline's. run[0] is what came before the first one. */
struct run {
	size_t active; /* its line, NO_ENTRY */
	const char *version, *backend;
	int cpus; /* NOT_KNOWN */
};

struct model {
	struct entry *entry;
	size_t entries, entry_room;
	struct story *story; /* story[0] is none */
	size_t stories, story_room;
	struct run *run;
	size_t runs, run_room;
	uint64_t tsc_start; /* of binary records */
	uint32_t tsc_khz;   /* 0: not known */
	struct chunk *chunk;
};

/* model.c. Out of memory ends the program. */
void model_begin(struct model *m);
void model_end(struct model *m);
struct entry *model_add(struct model *m, enum entry_kind kind); /* all else empty or not known */
void *model_alloc(struct model *m, size_t bytes);               /* zeroed */
char *model_text(struct model *m, const char *text, size_t length);

/* An entry's field by name, the first of them; NULL: none. The n-th word without a name, from 0. */
const char *entry_field(const struct entry *e, const char *name);
const char *entry_word(const struct entry *e, size_t n);
bool entry_number(
	const struct entry *e, const char *name, uint64_t *value); /* decimal or 0x, nothing behind it */

const char *kind_name(enum entry_kind kind);

/*
 * for (size_t i = 0; (i = entry_next(m, i, ENTRY_BY)) != NO_ENTRY; i++): entries of one kind from i on.
 * record_next(): those with a record. story_next(): those of one story.
 */
size_t entry_next(const struct model *m, size_t from, enum entry_kind kind);
size_t record_next(const struct model *m, size_t from);
size_t story_next(const struct model *m, size_t from, unsigned story);

/*
 * Readers. `bytes` is copied. What it is goes by its content. NULL, or why it cannot be read.
 */
const char *read_any(struct model *m, unsigned source, const char *bytes, size_t length);
void read_text(struct model *m, unsigned source, const char *bytes, size_t length);
const char *read_records(struct model *m, unsigned source, const char *bytes, size_t length);

/* Behind the last input: stories, runs, what belongs to what. */
void link_entries(struct model *m);

#endif
