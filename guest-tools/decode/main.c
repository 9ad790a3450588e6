/* trapline-decode: reads what Trapline has written, names its addresses, and writes it in one of several forms. */
#include "options.h"
#include "place.h"
#include "read_file.h"

#include <errno.h>
#include <string.h>

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

static int read_inputs(struct model *m, const struct options *o)
{
	int status = STATUS_DONE;

	if (!o->inputs)
		return read_input(m, 0, "-");
	for (size_t i = 0; i < o->inputs; i++)
		if (read_input(m, (unsigned)i, o->input[i]))
			status = STATUS_FAILED;
	return status;
}

static bool knows_something(const struct model *m)
{
	for (size_t i = 0; i < m->entries; i++)
		if (m->entry[i].kind != ENTRY_OTHER)
			return true;
	return false;
}

static int write_output(const struct model *m, const struct options *o, const struct output *to)
{
	struct write_options w = {.color = o->color && !to->file,
		.title = o->inputs ? o->input[0] : "standard input",
		.file = to->file};
	bool opened = to->file && !writes_folder(to->write);
	FILE *out = opened ? fopen(to->file, "w") : stdout;
	int status;

	if (!out) {
		complain("%s: %s", to->file, strerror(errno));
		return STATUS_FAILED;
	}
	status = to->write(m, out, &w);
	if (fflush(out) || ferror(out)) {
		complain("%s: %s", to->file ? to->file : "standard output", strerror(errno));
		status = STATUS_FAILED;
	}
	if (opened)
		fclose(out);
	return status;
}

int main(int argc, char **argv)
{
	struct options o;
	struct model m;
	int status = options_take(&o, argc, argv), no_symbols = 0;

	if (status >= 0)
		return status;
	model_begin(&m);
	status = read_inputs(&m, &o);
	link_entries(&m);
	no_symbols = place_entries(&m, &o);
	for (size_t i = 0; i < o.outputs; i++) {
		int written = write_output(&m, &o, &o.output[i]);

		status = status ? status : written;
	}
	if (!status && !knows_something(&m))
		status = STATUS_NOTHING;
	model_end(&m);
	return status ? status : no_symbols;
}
