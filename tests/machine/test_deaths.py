# SPDX-License-Identifier: MIT
"""What is told of a death, with the default configuration: the instruction, the address and the cause, within 15 lines.

deaths.py has the list, and each of it is a test here. What the guest itself says it is about to do is what the telling is held
against. It is looked for on the line, from the verdict or the report on; where the machine is reset, in what the next start
prints of the black box, in blackbox_file and in report_file too. Where Linux goes on it is the record's line, behind a mark.
"""

import re
import subprocess
import time

import deaths
from lib import logs
from lib.console import Console
from lib.machine import BUILD, LINUX, Failure, Skip, expect, on

LINES = 15
# Ten is what is promised. On Bochs' VT-x Linux warns of what that CPU lacks, by a UD2 of its own: one line. The pages that Linux maps as it
# touches them are there when a line would be printed; where the host stands still for half a second a few of them may not be.
HEALTHY_WARNINGS = {"svm": 0, "vmx": 1}
HEALTHY_PAGES = 4
MODULE = BUILD / "guest-tools/modules/death/death.ko"
INITRD = BUILD / "linux/deaths.img"
# At most two keys: the files for what the loader finds.
FILES = "report_file = \\report.txt\nblackbox_file = \\last.txt\n"
BOX_WRITTEN = "black box: written to"
SAYS = re.compile(r"death name=(\S+) at=(0x[0-9a-f]+) address=(0x[0-9a-f]+)")
# The beginning of a report, on the line and in a file.
ENDS = re.compile(r"^trapline: (verdict|triple fault|halted|end of guest|last run: )")
# How far behind the beginning of a call, through a register or direct, its return address is.
CALL_BYTES = (2, 3, 5)
VERDICT_SECONDS = 20
REPORT_SECONDS = 3


def words(death):
    """The arguments of die.c, one after the other."""
    return (death.die,) if isinstance(death.die, str) else death.die


def what_guest_says(text, name):
    """The instruction's place and the address that it touches, as the guest printed them; None if it did not."""
    said = [found.groups()[1:] for found in SAYS.finditer(text) if found.group(1) == name]
    return tuple(logs.number(value) for value in said[0]) if said else (None, None)


class Expected:
    """One death, with the addresses that are only known afterwards."""

    def __init__(self, death, guest):
        self.death = death
        says_at, says_address = what_guest_says(guest, words(death)[0])
        self.call = says_at
        self.address = says_address if death.address is None else death.address
        self.at = {None: says_at, deaths.TOUCHED: says_address}.get(death.at, death.at)

    def missing(self, where, lines):
        """Which of the three, and of the caller if there is one, is missing in these lines."""
        end = self.death.end
        judged = end != deaths.RUNS_ON and (end != deaths.SILENT or where != "line")
        told = {
            "instruction": any(self.names_place(line) for line in lines),
            "caller": not self.death.caller or any(self.names_caller(line) for line in lines),
            "address": not self.death.has_address or any(self.names_address(line) for line in lines),
            "cause": any(self.names_cause(line, judged) for line in lines),
        }
        return [what for what, there in told.items() if not there]

    def names_place(self, line):
        """at= is this place, or that of the program whose addresses are not known before; insn= is the instruction."""
        there = logs.fields(line)
        at, insn = there.get("at", ""), there.get("insn", "")
        here = ":" in at and (self.at is None or logs.place(at)[1] == self.at)
        return here and bool(re.search(self.death.insn, insn))

    def names_caller(self, line):
        found = re.match(r"\s*by\??\s+(0x[0-9a-f]+)", line)
        returns = logs.number(found.group(1)) if found else 0
        return bool(found) and (self.call is None or returns - self.call in CALL_BYTES)

    def names_address(self, line):
        return bool(re.search(rf"(cr2=|mem=|:|address |at )0x0*{self.address:x}\b", line))

    def names_cause(self, line, judged):
        """In the verdict's words, or those of the record if no end was judged."""
        there = line.startswith("trapline: verdict") if judged else self.names_place(line)
        return there and bool(re.search(self.death.cause, line))


def after_mark(text, death):
    """The line from where the guest began to die; all of it if the guest sets no mark."""
    return text.partition(f'text="die {words(death)[0]}"')[2] or text


def end_lines(text):
    """The first lines of the report of an end."""
    lines = [line.removeprefix("last| ").strip() for line in text.splitlines()]
    first = next((i for i, line in enumerate(lines) if ENDS.match(line)), len(lines))
    return lines[first : first + LINES]


def judge(death, expected, places):
    """`places`: the outputs, and their lines. A known gap counts as one, and must still exist."""
    expect(not death.has_address or expected.address is not None, f"the guest did not die of {death.die}")
    lacking = {where: lacks for where, lines in places.items() if (lacks := expected.missing(where, lines))}
    gaps = [f"{where}: no {', no '.join(lacks)}" for where, lacks in lacking.items()]
    if death.missing and gaps:
        raise Skip(f"a gap: {death.missing}: {'; '.join(gaps)}")
    expect(not death.missing, "it is told now: deaths.py still has it as a gap")
    if gaps:
        where = next(iter(lacking))
        raise Failure("; ".join(gaps) + "".join(f"\n{where}: {line[:250]}" for line in places[where]))


def boot(items):
    """The words for Linux' init that make it run these."""
    if not MODULE.exists():
        raise Skip("the kernel module is not built: no headers of the guest's kernel")
    return f"trapline.mode=boot trapline.run={','.join(['insmod:death', *items])}"


def program(death):
    """Those that make it die so."""
    die = "exec:die" if death is deaths.INIT else "die"
    return f"{boot([f'{die}:{word}' for word in words(death)])} {death.append}".strip()


def together(machine):
    """All deaths that the kernel survives, in one boot. The floods come first, while their places are new; a second later the rate has lines again."""
    first, others = ([f"die:{word}" for death in listed for word in words(death)] for listed in (deaths.IN_FLOOD, deaths.IN_KERNEL + deaths.IN_USER))
    return machine.linux(boot(first + ["busybox:sleep:1"] + others), INITRD=INITRD).expect_status(0).expect_active(machine.vendor)


def runs_on(death):
    def test(machine):
        run = together(machine)
        mark = f'text="die {death.die}"'
        lines = run.trapline.splitlines()
        marks = [i for i, line in enumerate(lines) if line.startswith("mark ") and mark in line]
        expect(marks, f"no mark {mark}; see {run.out}/trapline.log")
        own = [line for line in lines[marks[0] + 1 :][:LINES]]
        until = next((i for i, line in enumerate(own) if line.startswith(("mark ", "trapline: "))), len(own))
        judge(death, Expected(death, run.guest), {"line": own[:until]})

    return test


def esp_file(run, name):
    """A file of the ESP as the run left it, empty when it is not there."""
    command = ["mtype", "-i", str(run.out / "esp.img"), f"::/{name}"]
    return logs.clean(subprocess.run(command, capture_output=True, timeout=60, check=False).stdout)


def resets(death, machine):
    """Runs a machine that the death resets, and that prints the report at its next start."""
    variables = {"CONF": machine.conf(FILES), "REBOOT": 1, "UNTIL": BOX_WRITTEN, "TIMEOUT": 240}
    if death.extra:
        variables["EXTRA"] = death.extra
    if death in deaths.GUESTS:
        run = machine.guest("triple", ARGS=f"way={death.die}", **variables)
    else:
        run = machine.linux(program(death), INITRD=INITRD, **variables)
    return run.expect_status(0).expect_active(machine.vendor).expect_line(BOX_WRITTEN)


def line_before_reset(text, death):
    text = after_mark(text.partition("trapline: active ")[2].partition("trapline: last run: ")[0], death)
    return text.splitlines()[1 : LINES + 1] if death.end == deaths.SILENT else end_lines(text)


def ends(death):
    def test(machine):
        if machine.backend == "vmx":  # a second start would take Bochs another half a minute
            run = machine.guest("triple", ARGS=f"way={death.die}").expect_status(3).expect_active(machine.vendor)
            return judge(death, Expected(death, run.guest), {"line": line_before_reset(run.trapline, death)})
        run = resets(death, machine)
        places = {
            "line": line_before_reset(run.trapline, death),
            "black box": end_lines(run.trapline[run.trapline.index("trapline: last run: ") :]),
            "blackbox_file": end_lines(esp_file(run, "last.txt")),
            "report_file": end_lines(esp_file(run, "report.txt")),
        }
        return judge(death, Expected(death, run.guest), places)

    return test


def halts(death):
    def test(machine):
        run = machine.guest("early", ARGS=f"break={death.die}").expect_status(0).expect_active(machine.vendor)
        where = f"see {run.out}/trapline.log"
        addresses = {trap.get("cr2") for trap in run.traps}
        expect(addresses <= {hex(death.address)}, f"what its handler has mended is printed: {addresses}; {where}")
        judge(death, Expected(death, run.guest), {"line": end_lines(run.trapline)})

    return test


def wait_for_death(console, death):
    """Runs until the guest announces its death, and then long enough for it."""
    log = console.out / "guest.log"
    end = time.monotonic() + 240
    while time.monotonic() < end:
        guest = logs.clean(log.read_bytes()) if log.exists() else ""
        if what_guest_says(guest, words(death)[0])[0] is not None:
            return read_for(console, 2)
        console.read()
    raise Failure(f"the guest did not die; see {console.out}")


def read_for(console, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        console.read()


def wait_for_verdict(console):
    """The verdict, if there is one, and the lines after it."""
    end = time.monotonic() + VERDICT_SECONDS
    while time.monotonic() < end:
        console.read()
        if b"trapline: verdict " in console.data:
            return read_for(console, REPORT_SECONDS)


def hangs(death):
    def test(machine):
        options = f"console=ttyS0,115200 norandmaps no_timer_check {program(death)}"
        variables = {**LINUX, "INITRD": INITRD, "APPEND": options, "CPUS": death.cpus}
        with Console(machine, **variables) as console:
            wait_for_death(console, death)
            if death.operator:
                console.send(b"\rstop\r")
            wait_for_verdict(console)
            # The socket has all of the line; QEMU's own log repeats letters.
            line, guest = logs.clean(console.data), logs.clean((console.out / "guest.log").read_bytes())
        judge(death, Expected(death, guest), {"line": end_lines(after_mark(line, death))})

    return test


def make_tests():
    kinds = ((deaths.IN_KERNEL, runs_on), (deaths.IN_USER, runs_on), (deaths.LINUX, ends), ((deaths.INIT,), ends), (deaths.PANICS, ends), (deaths.HANGS, hangs), (deaths.GUESTS, ends), (deaths.EARLY, halts))
    for listed, make in kinds:
        for death in listed:
            test = on(*death.backends)(make(death))
            test.__doc__ = f"{death.name.replace('_', ' ')}, {death.end}: instruction, address and cause are told."
            globals()[f"test_{death.name}"] = test


make_tests()


@on("svm")
def test_in_a_flood(machine):
    """Thousands of #PF and #UD that a program handles are beyond the rate. A death right behind them, at another place, has its line."""
    run = together(machine)
    for death in deaths.IN_FLOOD:
        own = after_mark(run.trapline, death).partition("\nmark ")[0]
        judge(death, Expected(death, run.guest), {"line": own.splitlines()})
    for name in "#PF", "#UD":
        lost = [int(total) for total in re.findall(rf"^trapline: limited name={name} lines=\d+ total=(\d+)", run.trapline, re.M)]
        expect(lost and lost[-1] > 5000, f"{lost} of {name} were beyond the rate; see {run.out}/trapline.log")


def expect_healthy(run, most):
    """A healthy guest causes no report: no verdict, and no record except a warning of the guest itself."""
    where = f"see {run.out}/trapline.log"
    expect("verdict" not in run.trapline, f"a verdict on a healthy guest; {where}")
    pages = [trap for trap in run.traps if trap["cpl"] == "0" and trap["name"] == "#PF"]
    traps = [trap for trap in run.traps if trap not in pages]
    expect(len(pages) <= HEALTHY_PAGES, f"{len(pages)} lines of pages: {pages}; {where}")
    expect(len(traps) <= most, f"{len(traps)} lines; {where}")
    recorded = [line for line in run.trapline.splitlines() if re.match(r"#PF\s+page fault\s+\d*[1-9]", line)]
    own = [trap for trap in traps if trap["cpl"] != "0" or trap["insn"] != "ud2"]
    expect(not own, f"what is printed is no warning of Linux' own: {own}; {where}")
    expect(recorded, f"no page fault was recorded, so that there was nothing to leave out; {where}")


def boots_healthily(machine, cpus):
    run = machine.linux("trapline.mode=forks trapline.n=10", CPUS=cpus).expect_status(0).expect_active(machine.vendor, cpus)
    expect_healthy(run.expect_line("forks n=10 ok=10", "guest"), HEALTHY_WARNINGS[machine.vendor])


@on("svm", "vmx")
def test_healthy_boot(machine):
    """A healthy boot of Debian's kernel and ten processes: no verdict, and almost no line."""
    boots_healthily(machine, 1)


@on("svm")
def test_healthy_boot_smp(machine):
    """The same on two CPUs."""
    boots_healthily(machine, 2)
