// SPDX-License-Identifier: MIT
/* trapline-decode: reads Trapline's output, names its addresses, and writes it in several formats. */
#include "find_file.h"
#include "output.h"
#include "place.h"
#include "read_file.h"

static int read_input(struct model *m, unsigned source, const char *name)
{
	size_t length;
	char *bytes = read_file(name, &length);
	const char *why;

	if (!bytes)
		return STATUS_FAILED;
	why = read_any(m, source, bytes, length);
	if (why)
		complain("%s: %s", name, why);
	free_file(bytes);
	return why ? STATUS_FAILED : STATUS_DONE;
}

/* Returns the number of inputs that cannot be read. */
static size_t read_inputs(struct model *m, const struct options *o)
{
	size_t unread = 0;

	if (!o->inputs)
		return read_input(m, 0, "-") != STATUS_DONE;
	for (size_t i = 0; i < o->inputs; i++)
		unread += read_input(m, (unsigned)i, o->input[i]) != STATUS_DONE;
	return unread;
}

static bool knows_something(const struct model *m)
{
	for (size_t i = 0; i < m->entries; i++)
		if (m->entry[i].kind != ENTRY_OTHER)
			return true;
	return false;
}

static int write_outputs(const struct model *m, const struct options *o)
{
	int status = STATUS_DONE;

	for (size_t i = 0; i < o->outputs; i++) {
		int written = write_output(m, o, &o->output[i]);

		status = status ? status : written;
	}
	return status;
}

/* Without any input nothing is written, and earlier outputs stay. */
static int decode_inputs(struct model *m, const struct options *o)
{
	size_t unread = read_inputs(m, o);
	int no_symbols, status;

	if (unread == (o->inputs ? o->inputs : 1))
		return STATUS_FAILED;
	link_entries(m);
	no_symbols = place_entries(m, o);
	if (!find_folders(o))
		no_symbols = STATUS_NO_SYMBOLS;
	status = write_outputs(m, o);
	if (unread)
		return STATUS_FAILED;
	if (!status && !knows_something(m))
		return STATUS_NOTHING;
	return status ? status : no_symbols;
}

int main(int argc, char **argv)
{
	struct options o;
	struct model m;
	int status = options_take(&o, argc, argv);

	if (status >= 0)
		return status;
	model_begin(&m);
	status = decode_inputs(&m, &o);
	model_end(&m);
	return status;
}
