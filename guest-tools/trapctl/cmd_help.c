// SPDX-License-Identifier: MIT
/* The help of a command beyond its usage line. */
#include "lib/array.h"
#include "trapctl.h"

#include <string.h>

static const struct {
	const char *command, *text;
} more[] = {
	{"trace", "\nAll that the rings hold is read first and printed then.\n"
		  "  --follow         goes on with what comes, until it is killed\n"
		  "  --keep           freezes the rings first, for a minute: the next commands find the same "
		  "records\n"
		  "  --last=N         the newest N of those that are wanted\n"
		  "  --cpu=N          of one CPU\n"
		  "  --vector=LIST    names (gp, #PF), numbers, all, none, with + and - before them\n"
		  "  --cpl=N          3: user mode, 0: the kernel\n"
		  "  --rip=FROM[-TO]  --cr3=N  --as=N\n"
		  "  --pid=N          the process that user addresses belong to, alive, or ended by an "
		  "exception: `trapctl ended`\n"
		  "  --pid=ended      the one that has ended last\n"
		  "  --no-marks       without the lines of `trapctl mark`\n"},
	{"stats", "\n  --exits          exits by kind and CPU in place of exceptions\n"},
	{"filter", "\nA LIST is made of names (gp, #PF), numbers, all and none, with + and - before them.\n"},
	{"freeze", "\nRecords that come meanwhile are kept beside the rings, 256 of each CPU. When the time "
		   "is over, or with\n"
		   "`trapctl thaw`, these are in the rings, under the numbers that they would have had; what "
		   "was older is\n"
		   "counted as not kept. SECONDS are 3600 at most; once more begins the time anew.\n"},
	{"dying", "\nThe words are the reason, 120 bytes of them. The system goes on; what Trapline has told "
		  "is on its console, "
		  "and the\nnext start shows it if the system ends without another word.\n"},
	{"call", "\nnumbers are decimal or 0x..; text:TEXT is the address of a text, buffer:BYTES that of a "
		 "buffer, which is\n"
		 "shown afterwards. `trapctl status` lists the names, docs/vmcall.md says what they do.\n"},
	{"share", "\n  list             the shares that are open\n"
		  "  create           makes one, for as long as COMMAND runs, or until it is killed\n"
		  "  read, write      to standard output, from standard input\n"},
	{"console", "\n`trapctl console help` lists its commands. What stops or resets the machine is the "
		    "operator's alone.\n"},
};

const char *help_more(const char *command)
{
	for (unsigned i = 0; i < ARRAY_SIZE(more); i++)
		if (!strcmp(more[i].command, command))
			return more[i].text;
	return "";
}
