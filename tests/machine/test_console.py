# SPDX-License-Identifier: MIT
"""The console, used as by a person and as by a script: with the guest running, stopped, hung and storming."""

import random
import re
import socket
import tempfile
import time

from lib import logs
from lib.console import Console
from lib.machine import GUESTS, LINUX, expect, on

# How often: keys go into Bochs' UART at the pace of a person.
OVERLONG = {"svm": 5000, "vmx": 400}
NOISE = {"svm": 2000, "vmx": 200}
SEED = 7


def hang(machine, way, **variables):
    return Console(machine, EFI=GUESTS / "hang.efi", ARGS=f"way={way}", **variables)


def wait_for_guest(console, word, times=1, seconds=300):
    """The guest's own line on COM1, once it contains the text so many times, because the log grows while it is read."""
    end = time.monotonic() + seconds
    log = console.out / "guest.log"
    while time.monotonic() < end:
        text = logs.clean(log.read_bytes()) if log.exists() else ""
        found = [line for line in text.split("\n")[:-1] if line.startswith(word)]
        if len(found) >= times:
            return logs.fields(found[-1])
        console.read()
    raise AssertionError(f"the guest did not say {word}; see {console.out}")


def look_into(console, flag):
    """Finds the loop in which the guest hangs, as its operator would."""
    regs = console.ask_ok("regs").records("regs")
    expect(regs[0]["stopped"] == "yes", f"{regs[0]}")
    code = console.ask_ok("disas").records("disas")
    expect(code[0].get("here") == "rip", f"{code}")
    expect(logs.number(code[0]["at"]) == logs.place(regs[0]["at"])[1], f"{code[0]} {regs[0]}")
    memory = console.ask_ok(f"mem {flag} 4").records("mem")
    expect(memory[0]["bytes"].startswith("00 00 00 00"), f"{memory}")
    walk = console.ask_ok(f"walk {flag}").records("walk")
    found = [row["physical"] for row in walk if "physical" in row]  # the second level's row follows
    expect([logs.number(at) for at in found] == [logs.number(flag)], f"{walk}")
    physical = console.ask_ok(f"mem phys {flag} 4").records("mem")
    expect(physical[0]["bytes"] == memory[0]["bytes"], f"{physical}")
    return regs[0]["at"]


def look_by_register(console):
    """Registers are accepted wherever an address is; the stack names the callers."""
    values = {name: int(value, 16) for row in console.ask_ok("regs").records("regs") for name, value in row.items() if re.fullmatch(r"[0-9a-f]{16}", value)}
    for name, offset in (("rsp", 0), ("rsp", 8), ("rip", -16), ("cr3", 0x10)):
        address = f"{name}{offset:+d}" if offset else name
        kind = "phys " if name == "cr3" else ""
        lines = console.ask_ok(f"mem {kind}{address} 16").lines[:-1]
        expect(lines == console.ask_ok(f"mem {kind}{values[name] + offset:#x} 16").lines[:-1], f"{address}: {lines}")
    expect(console.ask_ok("walk rip").lines[:-1] == console.ask_ok(f"walk {values['rip']:#x}").lines[:-1], "walk rip")
    first = console.ask_ok("disas rip-2+2 1").records("disas")[0]
    expect(first.get("here") == "rip", f"{first}")
    callers = [line.split() for line in console.ask_ok("bt").lines if line.startswith("  by ")]
    expect(callers, "nobody called")
    for line in ({"rip": words[1], **logs.fields(" ".join(words))} for words in callers):
        expect(line["how"] in ("call", "frame", "guess"), f"{line}")
        pushed = console.ask_ok(f"mem {line['stack']} 8").records("mem")
        bytes_there = bytes.fromhex("".join(row["bytes"].replace(" --", "").replace(" ", "") for row in pushed))
        expect(int.from_bytes(bytes_there, "little") == logs.number(line["rip"]), f"{line}: {pushed}")


@on("svm", "vmx")
def test_hung_guest(machine):
    """A guest that hangs in a loop is stopped, analysed, and runs on."""
    with hang(machine, "loop") as console:
        flag = wait_for_guest(console, "hang waits=")["waits"]
        console.logfmt()
        console.ask_ok("stop")
        at = look_into(console, flag)
        expect(look_into(console, flag) == at, "a stopped guest moved")
        look_by_register(console)
        before = console.ask_ok("exits 4").lines
        console.ask_ok("go")
        expect(not console.ask("go").ok, "go twice")
        time.sleep(1)
        expect(console.ask_ok("exits 4").lines[:-1] != before[:-1], "the guest did not run on")
        status = console.ask_ok("status").records("status")
        expect(status[0]["guest"] == "runs", f"{status}")
        console.send(b"reset\r")
        expect(console.ended() == 3, "reset did not reset the machine")


@on("vmx")
def test_deaf_guest(machine):
    """With interrupts off and no exits VT-x's preemption timer lets the console answer."""
    with hang(machine, "deaf") as console:
        wait_for_guest(console, "hang way=")
        # 50 ms of the guest's time pass before the first byte is read: no more than the UART's FIFO can hold.
        console.send(b"set output")
        console.wait_for(rb"set output")
        console.send(b" logfmt\r")
        console.wait_for(rb"^done command=set status=ok.*\n")
        console.ask_ok("stop")
        code = console.ask_ok("disas").records("disas")
        expect(code[0]["insn"].startswith("jmp ") and code[0]["here"] == "rip", f"{code}")
        console.ask_ok("go")
        exits = console.ask_ok("exits 2").records("exit")
        expect(all(entry["name"] == "PREEMPTION_TIMER" for entry in exits), f"{exits}")


def last_words(console):
    """The line of the exception in which the guest died is printed."""
    line = console.wait_for(rb"^trap .*\n").decode().splitlines()[-1]
    expect(logs.fields(line)["name"] == "#UD", line)


@on("svm", "vmx")
def test_halted_guest(machine):
    """An exception whose handler halts with interrupts off: it is printed, the halt is reported, and the console answers."""
    with hang(machine, "halt") as console:
        last_words(console)
        line = console.wait_for(rb"^trapline: halted .*\n").decode().splitlines()[-1]
        console.logfmt()
        regs = console.ask_ok("regs").records("regs")[0]
        console.ask_ok("stop")
        following = logs.place(logs.fields(line)["next"])[1]
        code = console.ask_ok(f"disas {following - 1:#x} 2").records("disas")
        expect([row["insn"] for row in code] == ["hlt", f"jmp {following - 1:#x}"], f"{code} {line}")
        console.ask_ok("go")
        expect(console.ask_ok("regs").records("regs")[0]["at"] == regs["at"], "it woke up")
        expect(len(console.ask_ok("traps 4").records("trap")) == 1, "it woke up")
        console.send(b"reset\r")
        expect(console.ended() == 3, "reset did not reset the machine")


# An uncorrected error of bank 1, of which the CPU can go on (IA32_MCi_STATUS, MCG_STATUS: SDM vol. 3B 16.3).
MACHINE_CHECK = b"mce 0 1 0xbe00000000000000 5 0x1000 0\n"


@on("svm")
def test_machine_check(machine):
    """A machine check while Trapline waits in a halted CPU's place goes to the guest: recorded, and not a fault of Trapline."""
    with tempfile.TemporaryDirectory(prefix="trapline-monitor-") as folder:
        monitor = f"-monitor unix:{folder}/monitor,server=on,wait=off"
        with hang(machine, "halt", EXTRA=monitor) as console:
            console.wait_for(rb"^trapline: halted .*\n")
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(f"{folder}/monitor")
                line.recv(4096)
                line.send(MACHINE_CHECK)
                said = console.wait_for(rb"^trap .*vec=18 .*\n").decode().splitlines()
            expect("trapline: awake cpu=0" in said, f"it slept on: {said}")
            expect(not any(text.startswith("trapline: fault") for text in said), f"{said}")


@on("svm-bochs")  # QEMU has no filter of PAUSE; VT-x has its timer
def test_locked_guest(machine):
    """A guest that waits for a lock for ever, with interrupts off: its PAUSEs give the console its turns."""
    with hang(machine, "lock") as console:
        last_words(console)
        console.logfmt()
        console.ask_ok("stop")
        code = console.ask_ok("disas").records("disas")[0]
        expect(code["insn"].split()[0] in ("pause", "jmp"), f"{code}")
        console.ask_ok("go")


@on("svm")
def test_deaf_boot_cpu(machine):
    """
    The boot CPU dies with interrupts off, in a loop that nothing exits from: the other CPU prints, and hears the operator,
    whether it runs, waits for a SIPI, or sleeps in the loops that firmware has.
    """
    for other in ("beats", "mwaits", "waits", "loops"):
        with hang(machine, f"lone cpu1={other}", CPUS=2, CPU="EPYC,+svm,+monitor") as console:
            last_words(console)
            console.logfmt()
            console.ask_ok("stop")
            code = console.ask_ok("disas").records("disas")[0]
            expect(code["insn"].startswith("jmp ") and code["here"] == "rip", f"{code}")
            if other != "waits":
                console.ask_ok("cpu 1")
                expect(console.ask_ok("regs").records("regs")[0]["cpu"] == "1", "not the other CPU")
            console.ask_ok("go")
            time.sleep(2)  # the other CPU sleeps again
            console.ask_ok("status")
            console.send(b"reset\r")
            expect(console.ended() == 3, "reset did not reset the machine")


@on("svm", "vmx")
def test_dead_other_cpu(machine):
    """Another CPU dies with interrupts off, in a loop without exits: the boot CPU prints its last lines."""
    with hang(machine, "other", CPUS=2) as console:
        last_words(console)
        console.logfmt()
        both = console.ask_ok("regs all").records("regs")
        expect([row["cpu"] for row in both if "cpu" in row] == ["0", "1"], f"{both}")
        console.ask_ok("cpu 1")
        code = console.ask_ok("disas").records("disas")[0]
        expect(code["insn"].startswith("jmp ") and code["here"] == "rip", f"{code}")


# Whether it is printed makes no difference to the vendor; a boot on Bochs takes half a minute.
STORMS = {"svm": (("storm", "ud"), ("quiet", "pf")), "vmx": (("storm", "ud"),)}


@on("svm", "vmx")
def test_storms(machine):
    """Exceptions at full speed, printed or not, with interrupts off: the console answers, and turns them off."""
    for way, vector in STORMS[machine.backend]:
        with hang(machine, way) as console:
            wait_for_guest(console, "hang way=")
            console.logfmt()
            stats = console.ask_ok("stats").records("stat")
            expect(any(int(row.get("kernel", 0)) > 16 for row in stats), f"{stats}")
            expect(len(console.ask_ok("traps 8").records("trap")) >= 8, "no traps")
            if way == "quiet":
                find_reserve(console)
            console.ask_ok(f"filter vec=-{vector}")
            console.ask_ok("stop")
            expect(console.ask_ok("disas").records("disas")[0]["here"] == "rip", "stopped nowhere")
            console.ask_ok("go")
            console.ask_ok(f"filter vec=+{vector} rate=5")
            first, second = (counted(console, vector) for _ in range(2))
            expect(second > first, "the storm is over")
            # Without the exceptions' exits the next command would not be noticed, because interrupts are off.
            console.ask_ok("stop")
            console.ask_ok(f"intercept -{vector}")
            intercepted = [line for line in console.ask_ok("intercept").lines if line.startswith("intercept ")]
            expect(f"-{vector.upper()}" in intercepted[0], f"{intercepted}")


def find_reserve(console):
    """The one #UD before the flood of #PF is no longer in the ring, but in the reserve."""
    while counted(console, "pf") < 5000:
        pass
    last = console.ask_ok("traps 8").records("trap")
    expect(all(trap["name"] == "#PF" for trap in last), f"{last}")
    kept = console.ask_ok("traps reserve").records("trap")
    expect(sum(trap["name"] == "#UD" for trap in kept) == 1, f"{kept}")


def counted(console, vector):
    rows = console.ask_ok("stats").records("stat")
    return next(int(row["kernel"]) for row in rows if row.get("name") == f"#{vector.upper()}")


@on("svm", "vmx")
def test_garbage(machine):
    """Noise, control bytes and overlong lines are answered with a line, and the next command works."""
    noise = random.Random(SEED)
    with hang(machine, "loop") as console:
        console.logfmt()
        done = console.ask("x" * OVERLONG[machine.backend]).done
        expect(done["status"] == "error" and "longer" in done["why"], f"{done}")
        for bad in (
            "nonsense",
            "mem",
            "mem 0x",
            "mem 0 99999999",
            "mem phys 0xffffffffffffffff 16",
            "mem host 0xffffd000fee00000",
            "mem phys 0xfee00000",
            "mem 0xdead000000000000",
            "walk zz",
            "disas 0xdead000000000000",
            "cpu 63",
            "traps 0",
            "exits 3 cpu 99",
            "filter vec=zz",
            "intercept foo",
            "set output paper",
            "loglevel loud",
            "message",
            "regs rip",
            "regs all all",
            "status # x",
            "loglevel quiet now",
            "cpu 0 0",
            "res",
            "st",
            "mem rspx",
            "mem rsp+",
            "walk rax*2",
            "traps vec=zz",
            "traps rsp",
            "traps cpu 1",
            "a b c d e f g h i j k l m n o p",
        ):
            expect(not console.ask(bad).ok, f"{bad} was taken")
        for _ in range(NOISE[machine.backend] // 100):
            console.send(bytes(noise.choice(range(256)) for _ in range(100)))
            console.send(b"\r")
        # Commands that were among the noise are answered first.
        console.send(b"\rexits 1\r")
        console.wait_for(rb"^done command=exits status=ok")
        console.wait_for(rb"\n")
        expect(console.ask_ok("status").done["command"] == "status", "out of step")


@on("svm")
def test_intercept(machine):
    """Every kind of exit is listed, and the switches work: the guest finds the console's UART, and nothing else changes."""
    with hang(machine, "look") as console:
        wait_for_guest(console, "hang there=0")
        console.logfmt()
        listed = {row["exit"]: row for row in console.ask_ok("intercept").records("interception")}
        expect(len(listed) > 15 and all(row["switch"] or row["stays"] for row in listed.values()), f"{listed}")
        expect(listed["io"]["switch"] == "power, console", f"{listed['io']}")
        state = console.ask_ok("intercept -pf int off power off console off").records("intercept")[0]
        expect(state == {"vec": "all,-PF", "int": "off", "power": "off", "console": "off"}, f"{state}")
        wait_for_guest(console, "hang there=1")
        for wrong in ("cpuid off", "power", "console perhaps", "int on power"):
            expect(not console.ask(f"intercept {wrong}").ok, f"intercept {wrong} was taken")
        state = console.ask_ok("intercept all int on power on console on").records("intercept")[0]
        expect(state == {"vec": "all", "int": "on", "power": "on", "console": "on"}, f"{state}")
        wait_for_guest(console, "hang there=0", 2)


@on("svm")
def test_terminal(machine):
    """Echo, the prompt, correction, completion and history, as on any terminal."""
    with hang(machine, "loop") as console:
        console.send(b"\r")
        console.wait_for(rb"trapline> \x1b\[K")
        console.send(b"stauts\x7f\x7f\x7ftus\r")
        console.wait_for(rb"status version=.*\n")
        console.send(b"\x1b[A\r")
        console.wait_for(rb"status version=.*\n")
        console.send(b"logl\tquiet\r")
        console.wait_for(rb"loglevel quiet\r\n")
        console.send(b"rubbish\r")
        console.wait_for(rb"error: no such command.*\n")
        console.send(b"set outp\tterm\t\r")
        console.wait_for(rb"set output=terminal\r\n")
        # The second Tab lists the candidates, and the typed text is shown again.
        console.send(b"st\t\t")
        console.wait_for(rb"^.*status stats stop\r\n\rtrapline> st")
        console.send(b"op\x17reg\r")
        console.wait_for(rb"regs cpu=0 .*\n")
        console.send(b"?\r")
        console.wait_for(rb"^  help +what commands there are\r\n")
        console.wait_for(rb"help COMMAND explains a command.*\n")
        console.send(b"help mem\r")
        console.wait_for(rb"mem \[phys.virt.host\] ADDRESS \[BYTES\]\r\n  memory, ")
        console.send(b"re\r")
        console.wait_for(rb"error: it can be short for regs, reset\r\n")


def pick_traps(console):
    """`traps` with words of the filter shows the last matching records."""
    every = [(row["cpu"], row["seq"], row["name"]) for row in console.ask_ok("traps 1000").records("trap")]
    expect(every, "nothing was recorded")
    rarest = min((name for _, _, name in every), key=[name for _, _, name in every].count)
    wanted = [row for row in every if row[2] == rarest and row[0] == "0"][-3:]
    shown = console.ask_ok(f"traps vec={rarest[1:].lower()} 3 cpu 0").records("trap")
    shown = [(row["cpu"], row["seq"], row["name"]) for row in shown]
    expect(len(every) == 1000 or shown == wanted, f"{rarest}: {shown} instead of {wanted}")
    expect(shown[-len(wanted) :] == wanted, f"{rarest}: {shown} instead of {wanted}")


@on("svm")
def test_two_cpus(machine):
    """Linux on two CPUs: both stop, each shows its registers, and Linux then runs to its normal end."""
    # The forks keep it busy for longer than this takes.
    with Console(machine, **LINUX, APPEND="norandmaps trapline.mode=forks", CPUS=2) as console:
        console.logfmt()
        wait_for_guest(console, "[")
        for _ in range(3):
            console.ask_ok("stop")
            for cpu in range(2):
                console.ask_ok(f"cpu {cpu}")
                state = console.ask_ok("regs").records("regs")[0]
                expect(state["cpu"] == str(cpu), f"{state}")
            for word in ("regs", "bt"):
                both = console.ask_ok(f"{word} all").records(word)
                expect([row["cpu"] for row in both if "cpu" in row] == ["0", "1"], f"{both}")
            pick_traps(console)
            running = [row for row in console.ask_ok("status").records("cpu") if row["state"] == "runs"]
            expect(not running, f"{running} run on")
            console.ask_ok("go")
            console.ask("cpu 0")
            console.ask_ok("traps 4")
            both = console.ask_ok("regs all").records("regs")
            expect([row["stopped"] for row in both if "cpu" in row] == ["no", "no"], f"{both}")
        end = time.monotonic() + 200
        while console.launcher.poll() is None and time.monotonic() < end:
            console.read()
        expect(console.launcher.poll() == 0, f"Linux did not end well; see {console.out}")
        expect(re.search(rb"end of guest: the guest turned the machine off", (console.out / "trapline.log").read_bytes()),
               "no end of the guest")
