# SPDX-License-Identifier: MIT
"""Watches that are set in a Linux guest, by trapctl: a module that overwrites another's structure, and one that changes a process's rights."""

import os
import re
import subprocess

from lib import logs
from lib.machine import BUILD, ROOT, Skip, expect, on

INITRD = str(BUILD / "linux/watch.img")
MODULES = BUILD / "guest-tools/modules/victim"
SOURCE = ROOT / "tests/linux/watch/victim/culprit.c"
DECODE = BUILD / "guest-tools/bin/trapline-decode"
WRITTEN = b"circulation-pump-2\0"[16:]  # what the name does not have room for
STATE = "pump: state "
SECONDS = 60


def session(machine):
    """The guest's lines, the hits that trapctl has printed, and the run: one boot for all of these tests."""
    if machine.backend == "vmx" and not os.environ.get("WATCH"):
        raise Skip("make test-watch")  # minutes on Bochs
    if not (MODULES / "culprit.ko").exists():
        raise Skip("the kernel module is not built: no headers of the guest's kernel")
    run = "insmod:trapline,insmod:victim,insmod:culprit,busybox:sh:/lib/session.sh,busybox:sh:/lib/rights.sh"
    done = machine.linux(f"trapline.mode=boot trapline.run={run}", INITRD=INITRD, CPUS=2)
    done.expect_status(0).expect_active(machine.vendor, cpus=2).expect_no_fault()
    hits = [hit for hit in logs.records(done.guest, "watch") if "seq" in hit]
    return done, done.guest.splitlines(), hits


def instruction(sym):
    """The instruction at function+offset of the module, in objdump's words."""
    function, offset = re.fullmatch(r"(\S+)\+(0x[0-9a-f]+) \[culprit\]", sym).groups()
    text = subprocess.run(["objdump", "-d", "-M", "intel", "--no-show-raw-insn", MODULES / "culprit.ko"], capture_output=True, text=True, check=True).stdout
    code = re.search(rf"^([0-9a-f]+) <{re.escape(function)}>:\n(.*?)\n\n", text + "\n", re.M | re.S)
    expect(code, f"culprit.ko has no function {function}")
    at = int(code[1], 16) + int(offset, 16)
    found = re.search(rf"^ *{at:x}:\t(.*)$", code[2], re.M)
    expect(found, f"no instruction of {function} is at +{offset}")
    return re.sub(r"\s+", " ", found[1])


def source_line(text):
    return next(n for n, line in enumerate(SOURCE.read_text().splitlines(), 1) if text in line)


def command(lines, begins):
    """What a command of session.sh has printed."""
    at = next((i for i, line in enumerate(lines) if line.startswith(f"# {begins}")), None)
    expect(at is not None, f"no command {begins}")
    rest = lines[at + 1 :]
    end = next(i for i, line in enumerate(rest) if line.startswith(("# ", "run name=")))
    return rest[:end]


@on("svm", "vmx")
def test_overwriter(machine):
    """One command finds who overwrites a structure: each byte beyond the name has a hit, with function, offset, and the values before and after."""
    run, lines, hits = session(machine)
    states = [line for line in lines if line.startswith(STATE)]
    expect(states == [f"{STATE}0x1", f"{STATE}0x322d"], f"the structure was not overwritten: {states}")
    said = command(lines, "trapctl watch add w symbol victim:pump+16/8 --")
    added = logs.fields(said[0])
    expect(said[0].startswith("watch added=") and added["symbol"] == "victim:pump" and added["bytes"] == "8", f"added: {said[0]}")
    mine = [hit for hit in hits if hit["id"] == added["added"]]
    expect(len(said) == 1 + len(mine), f"other lines as well: {said}")
    values = [(logs.number(hit["mem"]) - logs.number(added["addr"]), logs.number(hit["old"]), logs.number(hit["new"])) for hit in mine]
    before = (1, 0, 0)
    expect(values == [(i, before[i], byte) for i, byte in enumerate(WRITTEN)], f"hits: {values}")
    for hit in mine:
        expect(hit["sym"].startswith("rename_device+"), f"sym={hit['sym']}")
        expect(re.match(r"mov BYTE PTR \[rdi", instruction(hit["sym"])), f"{hit['sym']} is {instruction(hit['sym'])}")
    expect(not command(lines, "trapctl watch list"), "the watch is still there")


@on("svm", "vmx")
def test_line(machine):
    """The same hits in the serial log: trapline-decode names the guilty line."""
    run, _, _ = session(machine)
    done = subprocess.run([DECODE, f"--module={MODULES}", run.out / "trapline.log"], capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False)
    told = re.findall(r"^watch .*\n    at (\S+)\+0x[0-9a-f]+ \[culprit\] \S*/culprit\.c:(\d+)$", done.stdout, re.M)
    copy, root = source_line("*to++ = *from;"), source_line("WRITE_ONCE(cred->uid.val")
    expect([int(line) for _, line in told] == [copy] * len(WRITTEN) + [root], f"lines {told}, not {copy} and {root}: {done.stderr}")


@on("svm", "vmx")
def test_rights(machine):
    """A process's credentials: setuid() is not told, a module that writes to them is, also to those that setuid() has made."""
    run, lines, hits = session(machine)
    who = [line for line in lines if line.startswith("rights ")]
    expect(who == ["rights uid=0 euid=0", "rights uid=1000 euid=1000", "rights uid=0 euid=1000"], f"the process: {who}")
    told = logs.records(run.guest, "cred")
    expect(len(told) == 2 and told[0]["ids"] != told[1]["ids"], f"the credentials have not moved once: {told}")
    # Without a watch the second time: the pair of them is deleted when the process has ended.
    listed = [watch for watch in logs.records(run.guest, "watch") if "what" in watch]
    expect(len(listed) == 2 and listed[0].get("excepted") == "2", f"commit_creds() writes two pointers: {listed}")
    expect("excepted" not in listed[1] and listed[1]["hits"] == "0", f"the new credentials were written: {listed}")
    mine = hits[len(WRITTEN) :]
    expect(len(mine) == 1, f"hits: {mine}; see {run.out}/guest.log")
    expect(mine[0]["sym"].startswith("steal_root"), f"sym={mine[0]['sym']}")
    expect(re.match(r"mov DWORD PTR \[rdi", instruction(mine[0]["sym"])), instruction(mine[0]["sym"]))
    expect((mine[0]["old"], mine[0]["new"], mine[0]["size"]) == ("0x3e8", "0x0", "4"), f"values: {mine[0]}")


def shape(line):
    """A line without what is another number in each run."""
    line = re.sub(r"\b(seq|cpu|t|pid|as)=\S+", r"\1=N", line)
    return re.sub(r"0xf{4}[0-9a-f]{12}|phys=0x[0-9a-f]+|code=[0-9a-f]+", "N", line)


@on("svm")
def test_page(machine):
    """The session of docs/watch.md is what a machine prints: in each line, the parts between "..." in their order."""
    _, lines, _ = session(machine)
    page = (ROOT / "docs/watch.md").read_text()
    expect(f"culprit.c:{source_line('*to++ = *from;')}\n" in page, "docs/watch.md has another guilty line")
    for begins in ("# cat /proc/victim", "cred pid="):
        shown = re.search(rf"^ *```\n *({begins}.*?)^ *```$", page, re.M | re.S)
        at = next((i for i, line in enumerate(lines) if line.startswith(begins)), None)
        expect(shown and at is not None, f"docs/watch.md or the machine shows no {begins}")
        for line, real in zip(shown[1].splitlines(), lines[at:]):
            pattern = ".*".join(re.escape(shape(part.strip())) for part in line.split("..."))
            expect(re.fullmatch(pattern, shape(real)), f"docs/watch.md has: {line}\na machine: {real}")
