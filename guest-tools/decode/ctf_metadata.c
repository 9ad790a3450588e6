// SPDX-License-Identifier: MIT
#include "ctf_metadata.h"

#include <inttypes.h>
#include <trace/vector.h>

#include "../formats/ctf_record.h"

/* Fields are aligned to bytes (a bit field to bits), because a reader would otherwise insert padding. */
static void write_integer(FILE *out, unsigned bits, unsigned align, unsigned base, const char *map)
{
	fprintf(out, "integer { size = %u; align = %u; signed = false; byte_order = le; base = %u;%s }", bits,
		align, base, map);
}

static void write_labels(FILE *out)
{
	fputs("enum vectors : ", out);
	write_integer(out, 8, 8, 10, "");
	fputs(" {\n", out);
	for (unsigned vector = 0; vector < VECTOR_COUNT; vector++)
		fprintf(out, "\t\"%s\" = %u,\n", vector_name(vector), vector);
	fprintf(out, "\t\"INT n\" = %u ... 255\n};\n\nenum types : ", (unsigned)VECTOR_COUNT);
	write_integer(out, 8, 8, 10, "");
	fputs(" {\n", out);
#define X(name, number, text, meaning) fprintf(out, "\t\"%s\" = %d,\n", text, number);
	TRAP_TYPES(X)
#undef X
	fputs("};\n\n", out);
}

/* CTF adds an offset, in seconds and ticks, to the clock. A negative one makes time 0 that of the log. */
static void write_clock(FILE *out, uint64_t tsc_start, uint32_t tsc_khz)
{
	uint64_t hz = tsc_khz ? tsc_khz * 1000ull : 1000000000;
	uint64_t seconds = (tsc_start + hz - 1) / hz;

	fprintf(out,
		"clock {\n\tname = tsc;\n\tdescription = \"the guest's TSC; time 0 is when Trapline became "
		"active\";\n"
		"\tfreq = %" PRIu64 ";\n\toffset_s = %s%" PRIu64 ";\n\toffset = %" PRIu64 ";\n};\n\n",
		hz, seconds ? "-" : "", seconds, seconds * hz - tsc_start);
}

static void write_packet(FILE *out)
{
	static const struct {
		const char *name, *map;
		unsigned bits;
	} fields[] = {
		{"timestamp_begin", " map = clock.tsc.value;", 64},
		{"timestamp_end", " map = clock.tsc.value;", 64},
		{"content_size", "", 64},
		{"packet_size", "", 64},
		{"events_discarded", "", 64},
		{"first_seq", "", 64},
		{"cpu_id", "", 32},
	};

	fputs("\tpacket.context := struct {\n", out);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		fputs("\t\t", out);
		write_integer(out, fields[i].bits, 8, 10, fields[i].map);
		fprintf(out, " %s;\n", fields[i].name);
	}
	fputs("\t};\n", out);
}

static const char *map_of(const char *name)
{
	return name[0] == 't' && name[1] == 'i' ? " map = clock.tsc.value;" : "";
}

#define INT(name, member, bits, base)                                                                        \
	fputs("\t\t", out);                                                                                  \
	write_integer(out, bits, 8, base, map_of(#name));                                                    \
	fputs(" " #name ";\n", out);
#define BITS(name, member, bits)                                                                             \
	fputs("\t\t", out);                                                                                  \
	write_integer(out, bits, 1, 10, "");                                                                 \
	fputs(" " #name ";\n", out);
#define ENUM(name, member, bits, labels) fputs("\t\tenum " #labels " " #name ";\n", out);
#define ARRAY(name, member, bits, count)                                                                     \
	fputs("\t\t", out);                                                                                  \
	write_integer(out, bits, 8, 16, "");                                                                 \
	fprintf(out, " " #name "[%d];\n", count);

static void write_event(FILE *out)
{
	fputs("event {\n\tname = \"trap\";\n\tfields := struct {\n", out);
	CTF_PAYLOAD(INT, BITS, ENUM, ARRAY)
	fputs("\t};\n};\n", out);
}

static void write_stream(FILE *out, bool packets)
{
	fputs("stream {\n", out);
	if (packets)
		write_packet(out);
	fputs("\tevent.header := struct {\n", out);
	CTF_HEADER(INT, BITS, ENUM, ARRAY)
	fputs("\t};\n};\n\n", out);
}

void ctf_metadata(FILE *out, bool packets, uint64_t tsc_start, uint32_t tsc_khz)
{
	fputs("/* CTF 1.8 */\n\ntrace {\n\tmajor = 1;\n\tminor = 8;\n\tbyte_order = le;\n};\n\n", out);
	fprintf(out,
		"env {\n\tdomain = \"trapline\";\n\ttracer_name = \"trapline\";\n\trecord_version = "
		"%d;\n};\n\n",
		TRAP_RECORD_VERSION);
	write_clock(out, tsc_start, tsc_khz);
	write_labels(out);
	write_stream(out, packets);
	write_event(out);
}
