# SPDX-License-Identifier: MIT
"""Bochs, which emulates VT-x and AMD-V in detail and slowly: the machines of BACKEND=vmx and svm-bochs."""

import fcntl
import os
import re
import shutil
import time

from . import process
from .relay import Relay
from .watch import EMULATOR_FAILED, OK, RESET, Outcome

OVMF = "/usr/share/OVMF"
IPS = 50_000_000
CPU_MODELS = {"vmx": "corei7_skylake_x", "svm-bochs": "ryzen"}
PORT_SECONDS = 5.0
PORT_POLL_SECONDS = 0.02
QUIET_SECONDS = 5
# CPUID reports the real CPU's TSC, 3.5 GHz, but this TSC counts instructions, IPS of them in a second of every other clock.
# Linux's delays would take seventy times too long, and two idle CPUs would take as much of the emulator's time as two busy ones.
KERNEL_OPTIONS = {"vmx": f"tsc_early_khz={IPS // 1000}"}

# Debian's Bochs has the debugger built in, which stops at the start and at every panic: each stop needs a "c".
CONTINUES = 100

# Without the panic rule for the CPU, a guest's triple fault under AMD-V would end Bochs instead of the guest.
BOCHSRC = """\
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=1, parallel=1, serial=1
config_interface: textconfig
display_library: rfb, options="timeout=0"
memory: host={mem}, guest={mem}
romimage: file="{work}/OVMF.fd", address=0xffe00000, options=none
vgaromimage: file="{root}/usr/share/bochs/VGABIOS-lgpl-latest"
boot: disk
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path="{disk}", mode=flat
pci: enabled=1, chipset=i440fx
vga: extension=vbe, update_freq=5, realtime=0
cpu: count={cpus}, ips={ips}, model={cpu}, reset_on_triple_fault=0, {msrs}
clock: sync=none, time0=1700000000
log: {log}
debug: action=ignore
info: action=report
error: action=ignore
panic: action=fatal, {panics}
com1: enabled=1, {com1}
com2: enabled=1, {com2}
"""

ENDS = (
    (re.compile(r"soft power off|Shutdown port: shutdown requested"), Outcome(OK, "the guest powered off")),
)
RESETS = re.compile(r"bx_pc_system_c::Reset\((HARDWARE|SOFTWARE)\) called")
# Bochs also prints this for a guest's triple fault under AMD-V, before the hypervisor gets it: it is final only if nothing follows.
TRIPLE_FAULT = re.compile(r"exception\(\): 3rd .* exception with no resolution")
HALTED = re.compile(r"\[CPU(\d+) *\] *WARNING: HLT instruction with IF=0")
PANIC = re.compile(r">>PANIC<< (.*)")


class Line:
    """A serial line of the machine's: into a log, and a unix socket where there is a path."""

    def __init__(self, path, log):
        self.log = log
        self.relay = Relay(path, log) if path else None

    def option(self):
        return f"mode=socket-client, dev={self.relay.address}" if self.relay else f'mode=file, dev="{self.log}"'

    def start(self):
        if self.relay:
            self.relay.start()

    def stop(self):
        if self.relay:
            self.relay.stop()


class Bochs:
    name = "Bochs"

    def __init__(self, settings):
        self.settings = settings
        self.process = None
        self.com1 = Line(settings.serial, settings.guest_log)
        self.com2 = Line(settings.console, settings.trapline_log)
        self.work = settings.out / "bochs"
        self.log = self.work / "bochs.log"
        self.log_position = 0
        self.lines = []
        self.last_growth = (0, time.monotonic())
        self.halted = set()  # CPUs that Trapline has said it of

    def start(self):
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        self.write_firmware()
        (self.work / "bochsrc").write_text(self.bochsrc())
        (self.work / "rc").write_text("c\n" * CONTINUES + "q\n")
        command, environment = self.program()
        with open(f"{OVMF}/OVMF_CODE.fd", "rb") as turn:
            # Only one Bochs at a time may search a port: if two bind the same one, the second fails.
            fcntl.flock(turn, fcntl.LOCK_EX)
            self.process = process.start(command, self.settings.emulator_log, cwd=self.work, env=environment)
            for line in (self.com1, self.com2):
                line.start()
            self.wait_for_port()

    def wait_for_port(self):
        end = time.monotonic() + PORT_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            if self.log.exists() and b"listening for connections" in self.log.read_bytes():
                return
            time.sleep(PORT_POLL_SECONDS)

    def program(self):
        """This machine's Bochs, or that of another Debian, with the libraries it was built with."""
        root = self.settings.bochs
        if not root:
            return ["bochs", "-q", "-f", "bochsrc", "-rc", "rc"], None
        libraries = root / "usr/lib/x86_64-linux-gnu"
        command = [root / "lib64/ld-linux-x86-64.so.2", "--library-path", libraries, root / "usr/bin/bochs-bin"]
        environment = dict(os.environ, LTDL_LIBRARY_PATH=str(libraries / "bochs/plugins"))
        return [*command, "-q", "-f", "bochsrc"], environment

    def write_firmware(self):
        with open(self.work / "OVMF.fd", "wb") as firmware:
            for part in ("OVMF_VARS.fd", "OVMF_CODE.fd"):
                with open(f"{OVMF}/{part}", "rb") as file:
                    shutil.copyfileobj(file, firmware)

    def disk(self):
        return self.settings.disk or self.settings.esp_image

    def bochsrc(self):
        settings = self.settings
        return BOCHSRC.format(
            mem=settings.mem,
            work=self.work,
            root=settings.bochs or "",
            disk=self.disk(),
            cpus=settings.cpus,
            ips=IPS,
            cpu=settings.cpu or CPU_MODELS[settings.backend],
            log=self.log,
            msrs=f'ignore_bad_msrs=0, msrs="{settings.msrs}"' if settings.msrs else "ignore_bad_msrs=1",
            panics=", ".join(f"cpu{n}=report" for n in range(settings.cpus)),
            com1=self.com1.option(),
            com2=self.com2.option(),
        )

    def poll(self):
        ended = self.process.poll() is not None  # asked first: its last lines are in the log then
        self.read_log()
        for line in self.lines:
            for pattern, outcome in ENDS:
                if pattern.search(line):
                    return outcome
        if not self.settings.reboot and sum(bool(RESETS.search(line)) for line in self.lines) > 1:
            return Outcome(RESET, "the machine was reset")
        if ended:
            return Outcome(EMULATOR_FAILED, self.last_words())
        return self.check_silent()

    def read_log(self):
        if not self.log.exists():
            return
        with open(self.log, "rb") as file:
            file.seek(self.log_position)
            new = file.read()
        complete = new[: new.rfind(b"\n") + 1]
        self.log_position += len(complete)
        self.lines += complete.decode("latin-1").splitlines()

    def check_silent(self):
        """What is final only when nothing is printed any more: a triple fault, and a HLT of every CPU."""
        logs = (self.log, self.settings.guest_log, self.settings.trapline_log)
        size = sum(log.stat().st_size for log in logs if log.exists())
        if size != self.last_growth[0]:
            self.last_growth = (size, time.monotonic())
        if time.monotonic() - self.last_growth[1] < QUIET_SECONDS:
            return None
        if any(TRIPLE_FAULT.search(line) for line in self.lines):
            return Outcome(RESET, "the machine died of a triple fault")
        if self.settings.console:  # its operator looks at it
            return None
        halted = {int(found.group(1)) for line in self.lines if (found := HALTED.search(line))} | self.halted
        return Outcome(OK, "the guest halted") if len(halted) >= self.settings.cpus else None

    def last_words(self):
        panics = [found.group(1) for line in self.lines if (found := PANIC.search(line))]
        status = f"Bochs ended with status {self.process.returncode}"
        return f"{status}: {panics[-1]}" if panics else status

    def stop(self):
        process.stop(self.process)
        for line in (self.com1, self.com2):
            line.stop()
        # Bochs locks its disk with a file, and refuses a disk whose lock a killed Bochs has left.
        self.disk().with_name(self.disk().name + ".lock").unlink(missing_ok=True)
        if self.log.exists():
            with open(self.settings.emulator_log, "ab") as all_of_it, open(self.log, "rb") as log:
                shutil.copyfileobj(log, all_of_it)
        shutil.rmtree(self.work, ignore_errors=True)
