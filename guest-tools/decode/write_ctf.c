// SPDX-License-Identifier: MIT
/*
 * Writes a folder for babeltrace2 and Trace Compass: metadata, and a stream for each CPU with its records as they lie in the ring,
 * ordered by number. A packet ends where numbers are missing, and the next packet counts them.
 */
#include "ctf_metadata.h"
#include "options.h"
#include "timeline.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static FILE *open_in(const char *folder, const char *name)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = n > 0 && (size_t)n < sizeof(path) ? fopen(path, "wb") : NULL;

	if (!file)
		complain("%s/%s: %s", folder, name, strerror(errno));
	return file;
}

static bool close_in(FILE *file, const char *folder)
{
	bool failed = ferror(file);

	failed |= fclose(file) != 0;
	if (failed)
		complain("%s: %s", folder, strerror(errno));
	return !failed;
}

static int by_cpu(const void *left, const void *right)
{
	const struct trap_record *a = *(const struct trap_record *const *)left,
				 *b = *(const struct trap_record *const *)right;

	if (a->cpu != b->cpu)
		return a->cpu < b->cpu ? -1 : 1;
	return (a->seq > b->seq) - (a->seq < b->seq);
}

/* Time must not go back in a stream. A record that does so is of another run. */
static size_t drop_backward(const struct trap_record **record, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		const struct trap_record *before = kept ? record[kept - 1] : NULL;

		if (!before || before->cpu != record[i]->cpu ||
			(before->seq < record[i]->seq && before->tsc <= record[i]->tsc))
			record[kept++] = record[i];
	}
	if (kept < count)
		complain("%zu records of another run are left out: a CTF trace has one run", count - kept);
	return kept;
}

/* Only binary records have all fields. */
static const struct trap_record **whole_records(const struct timeline *t, size_t *count)
{
	const struct trap_record **record = calloc(t->records + 1, sizeof(struct trap_record *));

	*count = 0;
	for (size_t i = 0; record && i < t->records; i++)
		if (t->record[i].e->kind == ENTRY_RECORD)
			record[(*count)++] = t->record[i].e->record;
	if (record) {
		qsort(record, *count, sizeof(*record), by_cpu);
		*count = drop_backward(record, *count);
	}
	return record;
}

/* Counts the records that follow each other without a gap. */
static size_t row_of(const struct trap_record **record, size_t count)
{
	size_t n = 1;

	while (n < count && record[n]->seq == record[n - 1]->seq + 1)
		n++;
	return n;
}

static void write_packet(FILE *out, const struct trap_record **record, size_t n, uint64_t discarded)
{
	uint64_t bits = 8 * (sizeof(struct ctf_packet) + n * sizeof(struct trap_record));
	struct ctf_packet p = {
		.timestamp_begin = record[0]->tsc,
		.timestamp_end = record[n - 1]->tsc,
		.content_size = bits,
		.packet_size = bits,
		.events_discarded = discarded,
		.first_seq = record[0]->seq,
		.cpu_id = record[0]->cpu,
	};

	fwrite(&p, sizeof(p), 1, out);
	for (size_t i = 0; i < n; i++)
		fwrite(record[i], sizeof(**record), 1, out);
}

/* Writes one CPU's records. The records before its first one were lost as well. */
static bool write_stream(const char *folder, const struct trap_record **record, size_t count)
{
	uint64_t discarded = record[0]->seq - 1;
	char name[16];
	FILE *out;

	snprintf(name, sizeof(name), "cpu%u", record[0]->cpu);
	out = open_in(folder, name);
	if (!out)
		return false;
	for (size_t i = 0, n; i < count; i += n) {
		if (i)
			discarded += record[i]->seq - record[i - 1]->seq - 1;
		n = row_of(record + i, count - i);
		write_packet(out, record + i, n, discarded);
	}
	return close_in(out, folder);
}

static bool write_streams(const char *folder, const struct trap_record **record, size_t count)
{
	bool good = true;

	for (size_t i = 0, n; i < count; i += n) {
		for (n = 1; i + n < count && record[i + n]->cpu == record[i]->cpu;)
			n++;
		good &= write_stream(folder, record + i, n);
	}
	return good;
}

static bool write_metadata(const char *folder, const struct model *m)
{
	FILE *out = open_in(folder, "metadata");

	if (!out)
		return false;
	ctf_metadata(out, true, m->tsc_start, m->tsc_khz);
	return close_in(out, folder);
}

/* Streams of another run would become part of this one. */
static bool has_trace(const char *folder)
{
	DIR *files = opendir(folder);
	bool found = false;

	for (struct dirent *file; files && !found && (file = readdir(files));)
		found = !strcmp(file->d_name, "metadata") || !strncmp(file->d_name, "cpu", 3);
	if (files)
		closedir(files);
	return found;
}

static bool make_folder(const char *folder)
{
	if (mkdir(folder, 0777) && errno != EEXIST) {
		complain("%s: %s", folder, strerror(errno));
		return false;
	}
	if (has_trace(folder)) {
		complain("%s: it contains a trace (metadata, cpu*): remove it, or choose another folder",
			folder);
		return false;
	}
	return true;
}

static int write_folder(const struct model *m, const char *folder, const struct timeline *t)
{
	size_t count;
	const struct trap_record **record = whole_records(t, &count);
	bool good = false;

	if (!record || !count)
		complain("%s: no binary records in the input: lines of a log do not have all fields of CTF's "
			 "records",
			folder);
	else if (make_folder(folder))
		good = write_metadata(folder, m) && write_streams(folder, record, count);
	free(record);
	return good ? STATUS_DONE : STATUS_FAILED;
}

int write_ctf(const struct model *m, FILE *out, const struct write_options *options)
{
	struct timeline t;
	int status;

	if (!options->file) {
		complain("ctf needs a folder: --format=ctf:FOLDER");
		return STATUS_USAGE;
	}
	timeline_make(&t, m);
	status = write_folder(m, options->file, &t);
	timeline_free(&t);
	return status;
}

int write_ctf_metadata(const struct model *m, FILE *out, const struct write_options *options)
{
	ctf_metadata(out, false, m->tsc_start, m->tsc_khz);
	return 0;
}
