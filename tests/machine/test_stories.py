# SPDX-License-Identifier: MIT
"""The stories of ends that come one after the other, and of those that only the guest or its APIC can tell.

What is told once is not told again: the second end has one line, while the black box and the files still have all of it.
"""

import re
import time

import deaths
import test_console as consoles
import test_deaths as suite
from lib import logs
from lib.console import Console
from lib.machine import BUILD, LINUX, Skip, expect, on

FIELD = deaths.FIELD
MODULE = BUILD / "guest-tools/modules/trapline/trapline.ko"
LINE_LIMIT = 64  # a story's lines, and a few around it
ROOT_LINE = re.compile(rf"^trap seq=.*insn=\"{FIELD}\"")
ANSWER = re.compile(rb"^status version=.*\n", re.M)


def death(name, die, append="", end=deaths.HANG, cause=deaths.WROTE):
    return deaths.Death(name, die, FIELD, cause, end, append=append)


def verdicts(text):
    return [line for line in text.splitlines() if line.startswith("trapline: verdict ")]


def linux(machine, dying, **variables):
    options = f"console=ttyS0,115200 norandmaps no_timer_check {suite.program(dying)}"
    return Console(machine, **{**LINUX, "INITRD": suite.INITRD, "APPEND": options, **variables})


def wait_until(console, pattern, seconds=60):
    """The line from the guest's mark on, once it contains this."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        console.read()
        text = logs.clean(console.data)
        if re.search(pattern, text, re.M):
            suite.read_for(console, suite.REPORT_SECONDS)
            return logs.clean(console.data)
    raise AssertionError(f"no line like {pattern}; see {console.out}")


def expect_again(line, end):
    expect(re.search(rf'^trapline: verdict "same cause as above, seq=\d+ cpu=0: .*address 0x30.*; \d+\.\d s later {end}', line), line)


@on("svm")
def test_panic_told_once(machine):
    """A panic that resets: its story when the APIC goes off, one line at the reset; the next start and both files have all of it."""
    dying = death("panic_with_timeout", "null-write", "oops=panic panic=1", deaths.RESET)
    run = suite.resets(dying, machine)
    line = suite.after_mark(run.trapline.partition("trapline: last run: ")[0], dying)
    told = verdicts(line)
    expect(len(told) == 2, f"{len(told)} verdicts; see {run.out}/trapline.log")
    expect("turned its local APIC off" in told[0] and "panic" in told[0], told[0])
    expect_again(told[1], "the guest reset the machine")
    rest = line.partition(told[1])[2]
    expect(not ROOT_LINE.search(rest) and "\n  regs " not in rest, f"it is told twice; see {run.out}/trapline.log")
    expected = suite.Expected(dying, run.guest)
    last = run.trapline[run.trapline.index("trapline: last run: ") :]
    for where, text in (("black box", last), ("file", suite.esp_file(run, "last.txt")), ("report", suite.esp_file(run, "report.txt"))):
        lines = suite.end_lines(text)
        expect(not expected.missing(where, lines), f"{where}: {lines}")
        expect(re.search(r"^last\|   regs rip=", text, re.M), f"{where}: no registers")


@on("svm")
def test_second_death_is_told(machine):
    """An important exception after the first story gets a full story, however soon."""
    dying = death("reset_after_two", ("null-write", "apic-blink", "null-read", "reset-cf9"), "", deaths.RESET)
    run = suite.resets(dying, machine)
    told = verdicts(suite.after_mark(run.trapline.partition("trapline: last run: ")[0], dying))
    expect(len(told) == 2 and "address 0x30" in told[0] and "address 0x18" in told[1], f"{told}")
    expect("same cause as above" not in told[1].partition("address 0x18")[0], told[1])


@on("svm")
def test_init_to_the_boot_cpu(machine):
    """An INIT to the boot CPU, like some boards' reset: the kernel's earlier fault is reported, then the INIT is carried out."""
    dying = death("reset_init", ("null-write", "reset-init"))
    with linux(machine, dying) as console:
        text = wait_until(console, "^trapline: end of guest: the boot CPU got an INIT", 240)
    line = suite.after_mark(text, dying)
    told = verdicts(line)
    # Another one may follow, because the restarted firmware need not get far.
    expect(told and "address 0x30" in told[0] and told[0].rstrip('"').endswith("INIT, and begins at the reset vector"), f"{told}")
    expect(re.search(r"^  stands cpu=0 at=.* insn=\"jmp ", line, re.M), f"not where it stood; see {console.out}")


@on("svm")
def test_apic_off_by_msr(machine):
    """IA32_APIC_BASE turns the APIC off: it is reported as for SVR, and the console answers."""
    dying = death("apic_base", ("null-write", "apic-base"))
    with linux(machine, dying) as console:
        text = wait_until(console, "^trapline: verdict ", 240)
        told = verdicts(suite.after_mark(text, dying))
        expect(len(told) == 1 and "address 0x30" in told[0] and "turned its local APIC off (IA32_APIC_BASE)" in told[0], f"{told}")
        console.send(b"\rstatus\r")
        console.wait_for(ANSWER.pattern)


@on("svm")
def test_panic_hears(machine):
    """One CPU after a panic for ever, its APIC off: a key gets an answer, and `stop` prints one line about the earlier story."""
    dying = death("panic_for_ever", "null-write", "oops=panic panic=0")
    with linux(machine, dying) as console:
        wait_until(console, "^trapline: verdict .*local APIC", 240)
        console.send(b"\rstatus\r")
        console.wait_for(ANSWER.pattern)
        console.logfmt()
        answer = console.ask_ok("stop")
        told = verdicts("\n".join(answer.lines))
        expect(len(told) == 1, f"{told}")
        expect_again(told[0], "the operator stopped it")
        expect("  regs " not in "\n".join(answer.lines), "it is told twice")
        exits = console.ask_ok("exits 4").records("exit")
        expect(exits and all(one["name"] == "PAUSE" for one in exits), f"{exits}")
        console.ask_ok("go")


@on("svm", "vmx", "svm-bochs")
def test_apic_off_hears(machine):
    """A guest that has switched its local APIC off and waits, by PAUSE or by HLT: the console answers."""
    for way in {"svm": ("alone", "idle"), "vmx": ("alone", "x2apic")}.get(machine.backend, ("alone",)):
        with consoles.hang(machine, way) as console:
            consoles.wait_for_guest(console, "hang way=")
            console.logfmt()
            console.ask_ok("regs")
            console.send(b"reset\r")
            expect(console.ended() == 3, "reset did not reset the machine")


def trapline_run(first, dying, append=""):
    """The kernel's command line: Trapline's module in the guest, then the death."""
    if not suite.MODULE.exists() or not MODULE.exists():
        raise Skip("the kernel modules are not built: no headers of the guest's kernel")
    items = ",".join(["insmod:trapline", "insmod:death", *first, *(f"die:{word}" for word in suite.words(dying))])
    return f"trapline.mode=boot trapline.run={items} {append}".strip()


@on("svm")
def test_panic_text(machine):
    """A panic without an exception: the module reports it, with its text and the callers; the next start has all of that."""
    dying = deaths.Death("panic", "panic", "", "", deaths.RESET)
    run = machine.linux(
        trapline_run([], dying, "panic=1"), INITRD=suite.INITRD, CONF=machine.conf(suite.FILES), REBOOT=1, UNTIL=suite.BOX_WRITTEN, TIMEOUT=240
    )
    run.expect_status(0).expect_active(machine.vendor)
    told = verdicts(run.trapline.partition("trapline: last run: ")[0])
    words = "the guest said that it is dying: a kernel that gives up"
    expect(len(told) == 2 and words in told[0] and f"same cause as above, {words}; " in told[1] and "reset the machine" in told[1], f"{told}")
    last = run.trapline[run.trapline.index("trapline: last run: ") :]
    for text in (last, suite.esp_file(run, "last.txt"), suite.esp_file(run, "report.txt")):
        lines = suite.end_lines(text)
        expect(any(line.startswith("trapline: verdict ") and words in line for line in lines), f"{lines}")
        expect(sum(line.startswith("by 0x") for line in lines) >= 2, f"nobody called: {lines}")


@on("svm")
def test_panic_text_after_an_oops(machine):
    """A panic after an oops: its story when the APIC goes off; the module adds its text in one line."""
    dying = death("panic_with_timeout", "null-write")
    run = machine.linux(trapline_run([], dying, "oops=panic panic=-1"), INITRD=suite.INITRD, TIMEOUT=240)
    run.expect_active(machine.vendor)
    told = verdicts(run.trapline)
    expect(len(told) == 3 and "local APIC" in told[0], f"{told}")
    expect_again(told[1], "the guest said that it is dying: Fatal exception")
    expect_again(told[2], "the guest reset the machine")


@on("svm")
def test_trapctl_dying(machine):
    """trapctl dying: root's report is printed, and kept for the next start; a user's is refused. The guest runs on."""
    items = ["nobody:trapctl:dying:no", "trapctl:--json:dying:the:disk:is:gone", "trapctl:dying", "trapctl:status"]
    run = machine.linux(f"trapline.mode=boot trapline.run=insmod:trapline,{','.join(items)}").expect_status(0)
    told = verdicts(run.trapline)
    words = "the guest said that it is dying: the disk is gone"
    expect(words in told[0] and "same cause as above" not in told[0], f"{told}")
    # The second word, the APIC's and the power's end: one line each, but where the host takes ten seconds to get there.
    expect(3 <= len(told) <= 4 and all(f"same cause as above, {words}" in line for line in told[1:]), f"{told}")
    for item, status in zip(items, (4, 0, 0, 0)):
        run.expect_line(f"run name={item} status={status}", "guest")
    run.expect_line('{"kind":"dying","reported":"yes"}', "guest")
