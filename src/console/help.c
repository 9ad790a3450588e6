// SPDX-License-Identifier: MIT
/* help: in columns for people, as key=value for scripts. */
#include "console/command.h"
#include "log/log.h"
#include "console/input.h"
#include "lib/printf.h"
#include "lib/string.h"

#define WIDTH 76

static bool for_scripts(const struct command_call *call)
{
	return call->source == COMMAND_OPERATOR && input_output == INPUT_LOGFMT;
}

static void reply_line(const struct command *c)
{
	log_reply("help name=%s arguments=\"%s\" text=\"%s\"", c->name, c->arguments, c->help);
}

/* The length up to the first comma, colon or semicolon. */
static int in_short(const char *text)
{
	int n = 0;

	while (text[n] && text[n] != ',' && text[n] != ':' && text[n] != ';')
		n++;
	return n;
}

/* The number of characters that go into one line. */
static int line_of(const char *text)
{
	int n = (int)strlen(text), at = WIDTH;

	if (n <= WIDTH)
		return n;
	while (at && text[at] != ' ')
		at--;
	return at ? at : WIDTH;
}

static void reply_text(const struct command *c)
{
	const char *text = c->help;

	log_reply("%s %s", c->name, c->arguments);
	while (*text) {
		int n = line_of(text);

		log_reply("  %.*s", n, text);
		text += n;
		text += *text == ' ';
	}
}

static void reply_all(const struct command_call *call)
{
	for (unsigned i = 0; i < command_count; i++) {
		const struct command *c = &command_table[i];

		if (for_scripts(call))
			reply_line(c);
		else if (call->source == COMMAND_OPERATOR || c->where != OPERATOR)
			log_reply("  %-10s %.*s", c->name, in_short(c->help), c->help);
	}
	if (!for_scripts(call))
		log_reply("help COMMAND explains a command; names can be shortened; Tab completes words and "
			  "lists them");
}

const char *command_help(struct command_call *call)
{
	const char *name = call->tokens.count > 1 ? call->tokens.at[1] : NULL;
	const struct command *c = name ? command_find(name, strlen(name)) : NULL;

	if (call->tokens.count > 2)
		return command_usage;
	if (name && !c)
		return command_not_found(name);
	if (!c)
		reply_all(call);
	else if (for_scripts(call))
		reply_line(c);
	else
		reply_text(c);
	return NULL;
}
