# SPDX-License-Identifier: MIT
"""VMCALL: the articles' programs, memory shared both ways, hostile calls, the kernel module and trapctl."""

import base64
import json
import re
import subprocess

from lib import logs
from lib.console import Console
from lib.gdb import OPTIONS
from lib.machine import BUILD, LINUX, Skip, expect, on
from test_console import wait_for_guest
from test_linux import under_trapline

MODULE = BUILD / "guest-tools/modules/trapline/trapline.ko"


def programs(machine, items, conf="", **variables):
    """The Linux guest runs these programs and modules, see tests/linux/init.h; Trapline prints only what they cause."""
    if any(item.startswith("insmod:") for item in items) and not MODULE.exists():
        raise Skip("no kernel headers, so no modules (make deps)")
    append = f"trapline.mode=boot trapline.run={','.join(items)}"
    run = machine.linux(append, CONF=machine.conf(f"print = none\n{conf}"), **variables)
    return run.expect_status(0).expect_no_fault().expect_line("GUEST-DONE", "guest")


def said(run, item):
    """The output of an item, and its exit status."""
    text = run.guest.partition(f"\nrun {item}\n")[2]
    before, found, after = text.partition(f"run name={item} status=")
    expect(found, f"{item} did not end; see {run.out}/guest.log")
    return before.splitlines(), int(after.split()[0])


def expect_said(run, item, *lines, status=0):
    output, ended = said(run, item)
    expect(ended == status, f"{item} ended with {ended}: {output}")
    for line in lines:
        expect(any(line in other for other in output), f"{item} did not say \"{line}\": {output}")


def expect_printed(run, *lines):
    """On Trapline's console, in this order."""
    rest = run.trapline
    for line in lines:
        before, found, rest = rest.partition(f"\n{line}")
        expect(found, f"no \"{line}\" on the console, or not in this order; see {run.out}/trapline.log")


def test_articles_virtual(machine):
    """A user program without privileges passes the address of a variable; Trapline prints abc and writes foo."""
    run = under_trapline(machine).expect_status(0).expect_no_fault()
    expect_said(run, "nobody:foo_virtual", "buf: abc", "buf: foo")
    expect_printed(run, "[vmmcall foo] a", "[vmmcall foo] b", "[vmmcall foo] c")


@on("svm")
def test_articles_registers(machine):
    """A user program passes three registers and prints what comes back."""
    run = programs(machine, ["nobody:foo_registers"], "example_foo = registers\n")
    expect_said(run, "nobody:foo_registers", "ret: 10")
    expect_printed(run, "rbx = 1", "rcx = 2", "rdx = 3")


def physical(machine):
    return programs(machine, ["foo_physical", "insmod:foo_module", "log:[foo]"], "example_foo = physical\n")


@on("svm")
def test_articles_pagemap(machine):
    """A user program finds the physical address of locked memory in pagemap and passes that."""
    run = physical(machine)
    expect_said(run, "foo_physical", "buf: abc", "buf: foo")
    expect_printed(run, "[vmmcall foo] buf = abc")


@on("svm")
def test_articles_kernel(machine):
    """A kernel module passes the physical address of a kmalloc buffer."""
    run = physical(machine)
    expect_said(run, "log:[foo]", "[foo] buf: abc", "[foo] buf: foo")
    expect_printed(run, "[vmmcall foo] buf = abc", "[vmmcall foo] buf = abc")


@on("svm")
def test_foo_is_off(machine):
    """Without example_foo there is no service foo, and the articles' programs say so."""
    run = programs(machine, ["foo_registers", "foo_physical", "nobody:copies"])
    expect_said(run, "foo_registers", 'vmmcall "foo" failed', status=1)
    expect_said(run, "foo_physical", "vmcall foo failed.", status=1)


@on("svm")
def test_copies(machine):
    """User space copies 16 MiB each way, out of and into memory that is untouched, copied on write, read-only or absent."""
    run = programs(machine, ["foo_registers", "foo_physical", "nobody:copies"])
    output, status = said(run, "nobody:copies")
    failed = [line for line in output if not line.endswith(" ok")]
    expect(status == 0 and len(output) > 15, f"{failed}; see {run.out}/guest.log")


@on("svm", "vmx")
def test_hostile_calls(machine):
    """A million random calls (fewer on Bochs): only documented errors, no write outside of the given memory, no host fault."""
    calls = 1000000 if machine.backend == "svm" else 10000
    run = machine.guest("vmcalls", ARGS=f"n={calls}").expect_status(0).expect_no_fault()
    failed = [line for line in run.guest_lines("case ") if not line.endswith(" ok")] + run.guest_lines("wrong ")
    expect(not failed, "\n".join(failed))
    run.expect_line(f"storm calls={calls}", "guest").expect_line("result failed=0", "guest")


@on("svm", "svm-bochs", "vmx")
def test_real_mode(machine):
    """Protected mode without paging and real mode call as 64-bit mode does, with registers of 32 bits and linear addresses."""
    run = machine.guest("modes", ARGS="calls=1").expect_status(0).expect_no_fault()
    values = [row["value"] for row in logs.records(run.guest, "case") if "value" in row][-8:]
    # `version` is number 1, this is version 1 of the ABI, and a kernel may call every service; 63 is not a service.
    for by_name, abi, services, none in (values[:4], values[4:]):
        expect((by_name, abi, none) == ("00000001", "00000001", "ffffffff"), f"{values}; see {run.out}/guest.log")
        expect(int(services, 16) >> 1 & 1 and int(services, 16) > 0xffff, f"{values}; see {run.out}/guest.log")


TOOLS = (
    "trapctl:status:--help",
    "trapctl:ping:10",
    "trapctl:stats",
    "nobody:trapctl:ping:10",
    "nobody:trapctl:stats",
    "insmod:trapline",
    "nobody:trapctl:mark:from:user:space",
    "trapctl:status",
    "trapctl:stats:--exits",
    "trapctl:trace:--last=3",
    "trapctl:trace:--json:--last=1:--vector=pf",
    "trapctl:filter",
    "trapctl:filter:ud,gp",
    "trapctl:console:message:hello:operator",
    "nobody:trapctl:console:status",
    "trapctl:console:status",
    "trapctl:console:help",
    "trapctl:console:reg:all",
    "trapctl:console:mem:rsp:8",
    "trapctl:console:stat",
    "trapctl:console:traps:vec=pf:2",
    "trapctl:console:disas",
    "trapctl:console:walk:0",
    "trapctl:console:traps:200",
    "trapctl:console:filter:vec=ud",
    "trapctl:console:filter:vec=nonsense",
    "trapctl:console:stop",
    "trapctl:console:reset",
    "trapctl:console:mem:host:0xffffc00000000000",
    "trapctl:console:nonsense",
    "trapctl:call:version",
    "trapctl:call:no.such",
    "trapctl:nonsense",
    "trapctl:share:read:nothing",
    "rings",
    "nobody:trapctl:share:list",
    "shares",
    "rmmod:trapline",
)


def tools(machine):
    return programs(machine, TOOLS)


@on("svm")
def test_core(machine):
    """trapctl core: gdb opens the file, and finds the call at RIP and the stack; --full has the memory that Linux has."""
    core = ["core:--last:/none", "core:/live.core", "core:--full:/dev/null"]
    run = programs(machine, ["insmod:trapline", *(f"trapctl:{words}" for words in core), "busybox:base64:/live.core"], CPUS=2)
    expect_said(run, "trapctl:core:--last:/none", "Trapline keeps none", status=5)
    expect_said(run, "trapctl:core:/live.core", 'core file="/live.core" bytes=', "of=this-run")
    core = run.out / "live.core"
    core.write_bytes(base64.b64decode("".join(said(run, "busybox:base64:/live.core")[0])))
    lines = (f"core-file {core}", "x/i $pc", "x/gx $rsp", "info threads")
    command = ["gdb", *OPTIONS, *(word for line in lines for word in ("-ex", line))]
    text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=True).stdout
    expect(re.search(r"^=> 0xffffffff[0-9a-f]+:\s+vmmcall", text, re.M) and "LWP 1" in text and "LWP 2" in text, f"{core}: {text}")
    expect(re.search(r"^0xffff[0-9a-f]{12}:\s+0x[0-9a-f]{16}$", text, re.M), f"{core}: {text}")
    full = logs.fields(said(run, "trapctl:core:--full:/dev/null")[0][-1])
    expect(int(full["bytes"]) > 800 << 20 and 16 << 20 < int(full["written"]) < int(full["bytes"]), f"{full}")


@on("svm")
def test_trapctl(machine):
    """Each sub-command does what it says and ends with the status that its manual page promises."""
    run = tools(machine)
    expect_said(run, "trapctl:ping:10", "ping count=10 us=")
    expect_said(run, "trapctl:stats", "", status=4)
    expect_said(run, "nobody:trapctl:ping:10", "ping count=10 us=")
    expect_said(run, "nobody:trapctl:stats", "trapctl: stats: this needs ", status=4)
    expect_said(run, "trapctl:status", "backend: svm", "abi: 1", "cpus: 1", "frozen: no", "user: version mark", "kernel: status stats")
    expect_said(run, "trapctl:filter", "printed: none")
    expect_said(run, "trapctl:call:version", "rax=1 rbx=0x")
    expect_said(run, "trapctl:call:no.such", "no service has the name no.such", status=5)
    expect_said(run, "trapctl:nonsense", "usage: trapctl", status=2)
    expect_said(run, "trapctl:share:read:nothing", "there is no share named nothing", status=5)
    expect_printed(run, 'trapline: message cpu=0 cpl=0 text="hello operator"')


@on("svm")
def test_trapctl_console(machine):
    """The console's commands inside the guest: answers of many pieces, errors, and commands that only the operator may use."""
    run = tools(machine)
    item = "trapctl:console:"
    expect_said(run, f"nobody:{item}status", "this needs ", status=4)
    expect_said(run, f"{item}status", "status version=", "guest=runs", "cpu n=0 apic=0 state=runs", "refused cpu=0", " vmcall=")
    expect_said(run, f"{item}help", "  regs       the guest's registers", "help COMMAND explains a command")
    expect_said(run, f"{item}reg:all", "sees only the CPU that calls it", status=1)
    expect_said(run, f"{item}mem:rsp:8", 'mem at=0x')
    expect_said(run, f"{item}stat", "it can be short for status, stats", status=1)
    expect_said(run, f"{item}traps:vec=pf:2", "name=#PF")
    # RIP is at the call itself.
    expect_said(run, f"{item}disas", 'insn="vmmcall" here=rip')
    expect_said(run, f"{item}walk:0", "walk PML4E at=0x", "the address is not mapped", status=1)
    traps = [line for line in said(run, f"{item}traps:200")[0] if line.startswith(("trap ", "mark "))]
    expect(len(traps) == 200 and len("".join(traps)) > 3 * 4096, f"{len(traps)} of 200 records; see {run.out}")
    numbers = [logs.number(logs.fields(line)["seq"]) for line in traps]
    expect(numbers == list(range(numbers[0], numbers[0] + 200)), f"records are missing: {numbers}")
    expect_said(run, f"{item}filter:vec=ud", "filter vec=UD")
    expect_said(run, f"{item}filter:vec=nonsense", "the filter is unchanged", status=1)
    for refused in ("stop", "reset"):
        expect_said(run, f"{item}{refused}", "only the operator", status=1)
    expect_said(run, f"{item}mem:host:0xffffc00000000000", "may not read", status=1)
    expect_said(run, f"{item}nonsense", "no such command", status=1)


@on("svm")
def test_console_both(machine):
    """The operator gives commands while the guest does: each gets its own complete answers."""
    if not MODULE.exists():
        raise Skip("no kernel headers, so no modules (make deps)")
    items = ["insmod:trapline", *["trapctl:console:traps:400"] * 12]
    append = f"norandmaps trapline.mode=boot trapline.run={','.join(items)}"
    with Console(machine, **LINUX, APPEND=append, CONF=machine.conf("print = none\n")) as console:
        wait_for_guest(console, "run name=trapctl:console")  # the module's notes are printed, and are behind us
        console.logfmt()
        for count in range(1, 12):
            answer = console.ask_ok(f"traps {count}")
            records = answer.records("trap") + answer.records("mark")  # the module's own notes may be the newest
            expect(len(records) == count, f"{len(records)} of {count} records")
            if count % 4 == 0:
                console.ask_ok("stop")
                expect(console.ask_ok("status").records("status")[0]["guest"] == "stopped", "it runs on")
                console.ask_ok("go")
        console.ended()
        text = logs.clean((console.out / "guest.log").read_bytes())
    answers = text.split("run trapctl:console:traps:400\n")[1:]
    expect(len(answers) == 12 and "GUEST-DONE" in text, f"{len(answers)} answers; see {console.out}")
    for answer in answers:
        records = [line for line in answer.partition("run name=")[0].splitlines() if line.startswith(("trap ", "mark "))]
        numbers = [int(logs.fields(record)["seq"]) for record in records]
        wanted = list(range(max(1, numbers[-1] - 399), numbers[-1] + 1))
        expect(numbers == wanted, f"{len(numbers)} of {len(wanted)} records; see {console.out}/guest.log")


@on("svm")
def test_marks(machine):
    """A mark of user space is a record in the trace and a line on the console."""
    run = tools(machine)
    marks = [mark for mark in logs.records(run.trapline, "mark") if mark["text"] == "from user space"]
    expect(len(marks) == 1 and marks[0]["cpl"] == "3", f"{marks}; see {run.out}/trapline.log")
    output, _ = said(run, "trapctl:trace:--last=3")
    expect(any('text="from user space"' in line for line in output) or len(output) == 3, f"{output}")


@on("svm")
def test_trace(machine):
    """trapctl prints the records in the words of the console, and as JSON; the mapped ring holds the same ones."""
    run = tools(machine)
    output, status = said(run, "trapctl:trace:--last=3")
    expect(status == 0 and len(output) == 3 and all(line.startswith(("trap seq=", "mark seq=")) for line in output), output)
    expect_said(run, "trapctl:trace:--json:--last=1:--vector=pf", '{"kind":"trap","seq":', '"vec":14,"name":"#PF"')
    expect_said(run, "rings", "rings ok")


@on("svm")
def test_shares(machine):
    """Two processes, and the kernel module, exchange data through a share, which ends with its owner."""
    run = tools(machine)
    output, status = said(run, "shares")
    failed = [line for line in output if not line.endswith(" ok")]
    expect(status == 0 and output, f"{failed}; see {run.out}/guest.log")
    expect_said(run, "nobody:trapctl:share:list", "this needs", status=4)


@on("svm")
def test_bare(machine):
    """Without Trapline every tool says so, with its own exit status, and none dies of the VMCALL."""
    items = ["trapctl:status", "nobody:trapctl:trace", "foo_registers", "insmod:trapline"]
    run = machine.linux(f"trapline.mode=boot trapline.run={','.join(items)}", TRAPLINE=0).expect_status(0)
    expect_said(run, "trapctl:status", "there is no Trapline beneath this system", status=3)
    expect_said(run, "nobody:trapctl:trace", "there is no Trapline", status=3)
    expect_said(run, "foo_registers", 'vmmcall "foo" failed', status=1)
    expect_said(run, "insmod:trapline", status=1)


@on("svm")
def test_every_cpu_at_once(machine):
    """Two processes on two CPUs call without pause: each gets what it has put, or learns that the buffer is another's by now."""
    run = programs(machine, ["nobody:hammer"], CPUS=2).expect_active(machine.vendor, cpus=2)
    expect_said(run, "nobody:hammer", "hammer cpus=2 calls=24000 ok")


@on("svm")  # the launcher has no way in to COM2 on Bochs
def test_operator(machine):
    """The operator reads a share, writes to it and sends a message; the guest finds both."""
    if not MODULE.exists():
        raise Skip("no kernel headers, so no modules (make deps)")
    append = "norandmaps no_timer_check trapline.mode=boot trapline.run=insmod:trapline,operator"
    with Console(machine, **LINUX, APPEND=append, CONF=machine.conf("print = none\n")) as console:
        wait_for_guest(console, "operator waits")
        console.logfmt()
        share = console.ask_ok("shares").records("share")
        expect([(one["name"], one["bytes"]) for one in share] == [("operator", "8192")], f"{share}")
        lines = console.ask_ok("shares operator 4090 20").records("share")
        text = "".join(line["text"] for line in lines)
        expect(text == "from.the.guest......", f"{lines}")
        console.ask_ok("shares operator 0 write from the operator")
        console.ask_ok("message a line for the guest")
        said = wait_for_guest(console, "operator share=")
    expect(said == {"share": "from the operator", "message": "a line for the guest"}, f"{said}")


def records_of(run, item, words=("trap ",)):
    """The records that `trapctl trace` printed."""
    output, status = said(run, item)
    expect(status == 0, f"{item} ended with {status}: {output}")
    return [logs.fields(line) for line in output if line.startswith(words)]


@on("svm")
def test_undisturbed(machine):
    """Looking does not push out the record: after forty commands the one exception is still in a small ring."""
    look = "trapctl:trace:--vector=ud"
    items = ["insmod:trapline", "dies:ud", *["trapctl:stats", "trapctl:trace:--last=3"] * 20, look, "trapctl:status:--json"]
    run = programs(machine, items, "ring = 2048\n")
    traps = records_of(run, look)
    expect(len(traps) == 1 and traps[0]["insn"] == "ud2", f"{traps}; see {run.out}/guest.log")
    # Of the guest itself: the fork that starts each command, and its end. And a call by the module was not refused before.
    status = json.loads(said(run, "trapctl:status:--json")[0][1])
    expect(status["records"] - int(traps[0]["seq"]) < 42 * 40, f"{status}, after {traps[0]['seq']}")
    expect(status["refused"] == 0, f"{status}")


@on("svm")
def test_frozen(machine):
    """Frozen rings do not change; lost records are counted; afterwards the newest records are there."""
    look = "trapctl:trace:--vector=ud"
    state = "trapctl:status:--json"
    items = ["insmod:trapline", "dies:ud", "trapctl:freeze", *["trapctl:stats"] * 12, "dies:null", look, state, "trapctl:thaw"]
    run = programs(machine, [*items, "trapctl:trace:--last=400"], "ring = 256\n")
    expect_said(run, "trapctl:freeze", "freeze frozen=60 not_kept=0")
    traps = records_of(run, look)
    expect(len(traps) == 1 and traps[0]["insn"] == "ud2", f"{traps}; see {run.out}/guest.log")
    status = json.loads(said(run, state)[0][1])
    expect(0 < status["frozen"] <= 60 and status["not_kept"] > 0, f"{status}")
    thawed = logs.fields(said(run, "trapctl:thaw")[0][0])
    expect(thawed["frozen"] == "0" and int(thawed["not_kept"]) >= status["not_kept"], f"{thawed}, before {status}")
    run.expect_line(f'trapline: not kept cpu=0 records={thawed["not_kept"]} why="the ring was frozen"')
    after = records_of(run, "trapctl:trace:--last=400", ("trap ", "mark "))
    seqs = [int(trap["seq"]) for trap in after]
    expect(seqs == list(range(seqs[0], seqs[0] + len(seqs))) and len(seqs) == 256, f"{len(seqs)} from {seqs[0]}")
    null = [trap for trap in after if trap.get("cr2") == "0x30"]
    expect(len(null) == 1 and int(null[0]["seq"]) > int(traps[0]["seq"]) + 256, f"{null}; see {run.out}/guest.log")


@on("svm")
def test_freeze_ends(machine):
    """A freeze ends by itself; trace --keep begins one; two CPUs freeze separately; the operator can freeze as well."""
    state = "trapctl:status:--json"
    items = ["insmod:trapline", "trapctl:trace:--keep:--last=1", "trapctl:stats", "trapctl:console:freeze:1", "busybox:sleep:3"]
    run = programs(machine, [*items, state, "trapctl:console:freeze:0"], CPUS=2)
    expect_said(run, "trapctl:console:freeze:1", "freeze frozen=1 not_kept=0")
    expect_said(run, "trapctl:console:freeze:0", "from 1 to 3600, or off", status=1)
    status = json.loads(said(run, state)[0][1])
    expect(status["frozen"] == 0 and status["not_kept"] == 0, f"{status}")


@on("svm")
def test_ended(machine):
    """A process that died of an exception: its name, and the place in a file, although its maps are gone."""
    items = ["insmod:trapline", "dies:null", "dies:ud", "trapctl:ended", "trapctl:trace:--vector=ud:--pid=ended"]
    run = programs(machine, [*items, "trapctl:trace:--vector=pf:--cpl=3:--pid=ended", "rmmod:trapline", "dies:ud"])
    pids = [said(run, f"dies:{way}")[0][0].partition("=")[2] for way in ("ud", "null")]
    expect_said(run, "trapctl:ended", f'ended pid={pids[0]} name="dies" signal=SIGILL', f'pid={pids[1]} name="dies" signal=SIGSEGV')
    ud = records_of(run, "trapctl:trace:--vector=ud:--pid=ended")
    place = int(ud[0]["at"].rpartition(":")[2], 16) - 0x400000
    expect(len(ud) == 1 and ud[0]["sym"] == f"/bin/dies+{place:#x}", f"{ud}; see {run.out}/guest.log")
    # The other one's write through NULL was in page tables of its own.
    others = [trap for trap in records_of(run, "trapctl:trace:--vector=pf:--cpl=3:--pid=ended") if trap.get("cr2") == "0x30"]
    expect(len(others) == 1 and "sym" not in others[0], f"{others}; see {run.out}/guest.log")


EVERY_COMMAND = (
    "status",
    "stats",
    "stats:--exits",
    "trace:--last=9",
    "trace:--vector=pf:--cpl=0:--last=9",
    "filter",
    "freeze:5",
    "thaw",
    "ended",
    "mark:a:line",
    "call:version",
    "call:status",
    "share:create:shared:4096:/bin/trapctl:--json:share:list",
    "console:status",
    "console:help",
    "console:walk:0x401000",
    "console:regs",
    "console:disas",
    "console:exits",
    "console:stats",
    "ping:10",
    "version",
)


@on("svm")
def test_json(machine):
    """With --json each line of every command is an object with a kind, and there is at least one."""
    items = [f"trapctl:--json:{command}" for command in EVERY_COMMAND]
    run = programs(machine, ["insmod:trapline", "dies:ud", *items])
    for item in items:
        output, status = said(run, item)
        kinds = [json.loads(line)["kind"] for line in output]
        expect(kinds and status == 0, f"{item} ended with {status}: {output}")


@on("svm")
def test_help(machine):
    """Each command describes itself, in two ways; trapctl prints its version and Trapline's; a superfluous word is an error."""
    items = ["trapctl:help:freeze", "trapctl:trace:--help", "trapctl:help:nonsense", "trapctl:--version", "trapctl:version:x"]
    run = programs(machine, items)
    expect_said(run, "trapctl:help:freeze", "freeze [SECONDS]", "beside the rings")
    expect_said(run, "trapctl:trace:--help", "trace [--follow]", "--keep")
    expect_said(run, "trapctl:help:nonsense", "usage: trapctl COMMAND", status=2)
    expect_said(run, "trapctl:--version", "trapctl ", "trapline ", "backend svm")
    expect_said(run, "trapctl:version:x", "usage: trapctl version", status=2)
