# SPDX-License-Identifier: MIT
"""QEMU without KVM, which emulates AMD-V: the machine of BACKEND=svm."""

import json
import os
import re
import select
import shutil
import socket
import time

from . import process
from .watch import EMULATOR_FAILED, OK, RESET, Outcome

OVMF = "/usr/share/OVMF"
CPU_MODEL = "EPYC,+svm"
# Only SMM may write the variables, or the guest could turn Secure Boot off by itself.
SMM = ("-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1")
HALT_CHECK_SECONDS = 1.0
RFLAGS_IF = 0x200

ENDS = {
    "guest-shutdown": Outcome(OK, "the guest powered off"),
    "guest-reset": Outcome(RESET, "the machine was reset"),
    "guest-panic": Outcome(EMULATOR_FAILED, "the guest panicked"),
}


class Monitor:
    """QMP over a socket pair: one command at a time, and the events that came meanwhile."""

    def __init__(self):
        self.socket, self.far_end = socket.socketpair()
        self.buffer = b""
        self.events = []

    def started(self):
        self.far_end.close()

    def read_messages(self, seconds):
        """Yields the messages that are there, waiting this long for the first; ends when QEMU is gone."""
        if b"\n" not in self.buffer:
            if not select.select([self.socket], [], [], seconds)[0]:
                return
            try:
                self.buffer += self.socket.recv(1 << 16)
            except ConnectionError:
                return
        while b"\n" in self.buffer:
            line, self.buffer = self.buffer.split(b"\n", 1)
            yield json.loads(line)

    def command(self, name, seconds=10, **arguments):
        """The command's result; None when there is none in time."""
        try:
            self.socket.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        except OSError:
            return None
        end = time.monotonic() + seconds
        result = None
        while result is None and time.monotonic() < end:
            before = len(self.buffer)
            messages = list(self.read_messages(0.5))
            if not messages and len(self.buffer) == before and self.closed():
                return None
            for message in messages:
                if "event" in message:
                    self.events.append(message)
                elif "return" in message or "error" in message:
                    result = message.get("return", "")
        return result

    def closed(self):
        ready = select.select([self.socket], [], [], 0)[0]
        return bool(ready) and not self.socket.recv(1, socket.MSG_PEEK)

    def take_events(self):
        self.events += [message for message in self.read_messages(0) if "event" in message]
        events, self.events = self.events, []
        return events


def serial_port(name, path, log):
    """The next serial port: into a log, and a unix socket where there is a path."""
    if not path:
        return ["-serial", f"file:{log}"]
    where = f"path={in_option(path)},server=on,wait=off,logfile={in_option(log)}"
    return ["-chardev", f"socket,id={name},{where}", "-serial", f"chardev:{name}"]


def in_option(path):
    return str(path).replace(",", ",,")


class Qemu:
    name = "QEMU"

    def __init__(self, settings):
        self.settings = settings
        self.process = None
        self.processor = self.lock = None
        self.monitor = Monitor()
        self.next_check = 0
        self.halted_before = False
        self.halted = set()  # CPUs that Trapline has said it of

    def start(self):
        default = f"{OVMF}/OVMF_VARS_4M.snakeoil.fd" if self.settings.secure else f"{OVMF}/OVMF_VARS.fd"
        shutil.copyfile(self.settings.vars or default, self.settings.out / "vars.fd")
        far_end = self.monitor.far_end.fileno()
        if self.settings.cpus > 1:
            # XRSTOR on any CPU changes a flag of CPU 0's without a lock: docs/emulators.md, "Two CPUs on QEMU".
            self.processor, self.lock = process.claim_processor()
        self.process = process.start(
            self.arguments(far_end), self.settings.emulator_log, processor=self.processor, pass_fds=[far_end]
        )
        self.monitor.started()
        self.monitor.command("qmp_capabilities")

    def arguments(self, monitor_fd):
        return [
            "qemu-system-x86_64",
            *self.machine(),
            *self.firmware(),
            *self.serial_ports(),
            *self.disks(),
            *("-chardev", f"socket,id=monitor,fd={monitor_fd}", "-mon", "chardev=monitor,mode=control"),
            # QEMU stays when the machine ends, so that its last event is never lost: stop() ends the process.
            *("-action", f"shutdown=pause,reboot={'reset' if self.settings.reboot else 'shutdown'}"),
            *self.settings.extra,
        ]

    def machine(self):
        settings = self.settings
        machine = "q35,smm=on" if settings.secure else "q35"
        arguments = ["-machine", machine, "-accel", "tcg", "-cpu", settings.cpu or CPU_MODEL]
        arguments += ["-smp", str(settings.cpus), "-m", str(settings.mem)]
        arguments += ["-nodefaults", "-no-user-config", "-display", "none", "-vga", "std", "-net", "none"]
        arguments += ["-rtc", "base=2024-01-01T00:00:00,clock=vm"]
        if settings.icount:
            # RDRAND also gives the same values every time.
            arguments += ["-icount", "shift=5,sleep=off", "-seed", "1"]
        return arguments

    def firmware(self):
        name = "OVMF_CODE_4M.secboot.fd" if self.settings.secure else "OVMF_CODE.fd"
        code = f"if=pflash,format=raw,unit=0,readonly=on,file={OVMF}/{name}"
        variables = f"if=pflash,format=raw,unit=1,file={self.settings.out}/vars.fd"
        return ["-drive", code, "-drive", variables, *(SMM if self.settings.secure else ())]

    def serial_ports(self):
        settings = self.settings
        return [
            *serial_port("com1", settings.serial, settings.guest_log),
            *serial_port("com2", settings.console, settings.trapline_log),
        ]

    def disks(self):
        """The image of the user first; the ESP that was made for the guest behind it."""
        settings, arguments = self.settings, []
        if settings.disk:
            arguments += ["-drive", f"if=none,id=disk,format=raw,snapshot=on,file={settings.disk}"]
            if settings.usb:
                arguments += ["-device", "qemu-xhci", "-device", "usb-storage,drive=disk,bootindex=0"]
            else:
                arguments += ["-device", "ide-hd,drive=disk,bootindex=0"]
        if settings.has_guest:
            arguments += ["-drive", f"if=none,id=esp,format=raw,file={settings.esp_image}"]
            arguments += ["-device", "ide-hd,drive=esp,bootindex=1"]
        return arguments

    def poll(self):
        ended = self.process.poll() is not None  # asked first: its last events have come then
        for event in self.monitor.take_events():
            if event["event"] == "SHUTDOWN":
                reason = event["data"].get("reason", "unknown")
                return ENDS.get(reason, Outcome(EMULATOR_FAILED, f"QEMU ended: {reason}"))
        if ended:
            return Outcome(EMULATOR_FAILED, f"QEMU ended with status {self.process.returncode}")
        return self.check_halted()

    def check_halted(self):
        """Halted for good: twice in a row every CPU was in HLT with interrupts off."""
        if time.monotonic() < self.next_check:
            return None
        halted = self.all_halted()
        self.next_check = time.monotonic() + HALT_CHECK_SECONDS
        # A run that waits for a line, or has the console, continues after the halt.
        if halted and self.halted_before and not self.settings.until and not self.settings.console:
            return Outcome(OK, "the guest halted")
        self.halted_before = halted
        return None

    def all_halted(self):
        text = self.monitor.command("human-monitor-command", **{"command-line": "info registers -a"}) or ""
        states = re.findall(r"RFL=([0-9a-f]+).*HLT=([01])", text)
        return bool(states) and all(
            cpu in self.halted or (hlt == "1" and not int(flags, 16) & RFLAGS_IF)
            for cpu, (flags, hlt) in enumerate(states)
        )

    def stop(self):
        process.stop(self.process)
        if self.lock is not None:
            os.close(self.lock)
        (self.settings.out / "vars.fd").unlink(missing_ok=True)
