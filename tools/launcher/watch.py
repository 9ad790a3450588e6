# SPDX-License-Identifier: MIT
"""Watches a machine until it ends: its logs, the emulator's events, the clock."""

import math
import re
import signal
import sys
import time
from dataclasses import dataclass

OK = 0
WRONG = 2
RESET = 3
TRAPLINE_FAILED = 70
EMULATOR_FAILED = 71
TIMED_OUT = 124
INTERRUPTED = 130

POLL_SECONDS = 0.1
QUIET_SECONDS = 1.0
DRAIN_SECONDS = 20.0
ESCAPES = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]|\x1b[()][A-Za-z0-9]|[\x00-\x08\x0b-\x1a\x1c-\x1f]")
# Trapline's lines for a halt that the emulator does not see: docs/log.md.
TRAPLINE_HALT = re.compile(r"^trapline: (halted|awake) cpu=(\d+)")
TRAPLINE_STOPPED = re.compile(r"^trapline: cpu=(\d+) is stopped")  # it may turn the screen's pages
TRAPLINE_FAULT = re.compile(r"^trapline: (fault|fatal)\b")


@dataclass(frozen=True)
class Outcome:
    status: int
    reason: str


class Log:
    """A log that grows: its complete lines, without the firmware's cursor movements."""

    def __init__(self, path):
        self.path = path
        self.position = 0
        self.rest = ""

    def new_lines(self):
        with open(self.path, "rb") as file:
            file.seek(self.position)
            new = file.read()
        self.position += len(new)
        *lines, self.rest = (self.rest + new.decode("latin-1")).split("\n")
        return [ESCAPES.sub("", line) for line in lines]


class Watcher:
    def __init__(self, machine, settings):
        self.machine = machine
        self.settings = settings
        self.logs = (("guest", Log(settings.guest_log)), ("trapline", Log(settings.trapline_log)))

    def watch(self):
        limit = self.settings.timeout
        end = math.inf if limit is None else time.monotonic() + limit
        while time.monotonic() < end:
            outcome = self.read_logs() or self.machine.poll()
            if outcome:
                return self.drain(outcome)
            time.sleep(POLL_SECONDS)
        return Outcome(TIMED_OUT, f"the time limit of {limit} s")

    def drain(self, outcome):
        """Waits until no more lines come: a fault screen is still being written when its first line is seen."""
        end = time.monotonic() + DRAIN_SECONDS
        grows = outcome.status == TRAPLINE_FAILED
        while grows and time.monotonic() < end:
            time.sleep(QUIET_SECONDS)
            before = [log.position for _, log in self.logs]
            self.read_logs()
            grows = before != [log.position for _, log in self.logs]
        return self.read_logs() or outcome

    def read_logs(self):
        """Shows new lines; returns the outcome if one of them decides it."""
        outcome = None
        for source, log in self.logs:
            for line in log.new_lines():
                self.show(source, line)
                outcome = outcome or self.judge(source, line)
        return outcome

    def judge(self, source, line):
        if source == "trapline" and TRAPLINE_FAULT.search(line):
            return Outcome(TRAPLINE_FAILED, f"Trapline failed: {line.strip()}")
        if source == "trapline" and (halt := TRAPLINE_HALT.search(line)):
            change = self.machine.halted.add if halt.group(1) == "halted" else self.machine.halted.discard
            change(int(halt.group(2)))
        if source == "trapline" and (stopped := TRAPLINE_STOPPED.search(line)):
            self.machine.halted.add(int(stopped.group(1)))
        if self.settings.until and self.settings.until.search(line):
            return Outcome(OK, f"the awaited line came: {line.strip()}")
        return None

    def show(self, source, line):
        if self.settings.follow and line.strip():
            print(f"{source:>8} | {line.rstrip()}", flush=True)


def interrupt(_number, _frame):
    raise KeyboardInterrupt


def run(machine, settings):
    """Runs the machine to its end, says what the end was, and returns the exit status."""
    signal.signal(signal.SIGTERM, interrupt)
    started = time.monotonic()
    try:
        machine.start()
        outcome = Watcher(machine, settings).watch()
    except KeyboardInterrupt:
        outcome = Outcome(INTERRUPTED, "interrupted")
    except OSError as error:
        outcome = Outcome(EMULATOR_FAILED, f"{machine.name} did not start: {error}")
    finally:
        machine.stop()
    seconds = time.monotonic() - started
    stream = sys.stdout if outcome.status == OK else sys.stderr
    print(f"launch: {outcome.reason}, after {seconds:.1f} s; status {outcome.status}; logs in {settings.out}", file=stream)
    return outcome.status
