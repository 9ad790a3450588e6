// SPDX-License-Identifier: MIT
/* The help of a command beyond its usage line. */
#include "lib/array.h"
#include "trapctl.h"

#include <string.h>

static const struct {
	const char *command, *text;
} more[] = {
	{"trace", "\nReads all records of the rings, then prints them.\n"
		  "  --follow         then prints new records as they come, until it is killed\n"
		  "  --keep           freezes the rings for a minute first: later commands find the same "
		  "records\n"
		  "  --last=N         the newest N of the records that match\n"
		  "  --cpu=N          only this CPU\n"
		  "  --vector=LIST    names (gp, #PF), numbers, all, none; + and - add and remove\n"
		  "  --cpl=N          3: user mode, 0: the kernel\n"
		  "  --rip=FROM[-TO]  --cr3=N  --as=N\n"
		  "  --pid=N          a process that runs, or that an exception has ended (`trapctl "
		  "ended`)\n"
		  "  --pid=ended      the process that ended last\n"
		  "  --no-marks       without the lines of `trapctl mark`\n"},
	{"stats", "\n  --exits          counts exits by kind and CPU instead of exceptions\n"},
	{"filter", "\nA LIST has names (gp, #PF), numbers, all and none; + and - add and remove.\n"},
	{"freeze",
		"\nMeanwhile the newest 256 records of each CPU are stored beside the rings. When the time "
		"is over, or with\n"
		"`trapctl thaw`, they move into the rings and have the numbers that they would have had. "
		"Older ones are\n"
		"counted as not kept. SECONDS is 3600 at most; another freeze starts the time again.\n"},
	{"dying", "\nThe words give the reason, in 120 bytes at most. The system continues. Trapline's "
		  "report is "
		  "on its console;\nif the system then ends without another report, the next start shows "
		  "this one.\n"},
	{"core", "\n  --last           the core of the run before, which Trapline keeps until another one is "
		 "made\n"
		 "  --full           all memory of Linux, from /proc/kcore, beside the registers: as large "
		 "as the "
		 "memory in use\n"
		 "Without an option the pages that matter: `gdb vmlinux FILE` shows where each CPU is.\n"},
	{"bench",
		"\nRuns bare or under Trapline, on one CPU: the median of many rounds, and low and high, "
		"between which half "
		"of them lie.\n"
		"  --rounds=N       31 by default, 5 to 10000\n"
		"  --cpu=N          the CPU to run on; the current one by default\n"
		"  --save FILE      writes the run to a file\n"
		"  --against FILE   compares with such a file, of a bare run for example\n"
		"unit=tsc is ticks of the time stamp counter, unit=cycles core cycles, which root has unless "
		"the kernel lets\nothers count them. ud, bp, pf and fork contain the kernel's part.\n"},
	{"call", "\nNumbers are decimal or 0x... text:TEXT passes the address of a text, buffer:BYTES that "
		 "of a "
		 "buffer, which is\n"
		 "printed afterwards. `trapctl status` lists the names; docs/vmcall.md explains them.\n"},
	{"share", "\n  list             lists the shares that exist\n"
		  "  create           makes a share that exists while COMMAND runs, or until trapctl is "
		  "killed\n"
		  "  read, write      copies it to standard output, or from standard input\n"},
	{"watch", "\nWATCH has the words of the console, docs/watch.md has them all. In the place of an "
		  "address:\n"
		  "  symbol [MODULE:]NAME[+OFFSET][/BYTES]\n"
		  "                   a variable or function of the kernel (vmlinux:NAME) or of a module\n"
		  "  --follow         prints the hits as they come, until Ctrl-C; then the watch is deleted\n"
		  "  --hits=N         the same, until there are N of them\n"
		  "  -- COMMAND...    the same, while COMMAND runs\n"
		  "cred watches the credentials of a process, and follows them until it ends; writes by the "
		  "kernel's "
		  "own functions\n"
		  "are no hits. A WORD is deny, once, rate=N and the like.\n"
		  "exec watches for supervisor code outside of this kernel and its modules.\n"},
	{"console", "\n`trapctl console help` lists its commands. Commands that stop or reset the "
		    "machine are the operator's alone.\n"},
};

const char *help_more(const char *command)
{
	for (unsigned i = 0; i < ARRAY_SIZE(more); i++)
		if (!strcmp(more[i].command, command))
			return more[i].text;
	return "";
}
