# SPDX-License-Identifier: MIT
"""
The machines of the backend "kvm": QEMU (TCG) emulates AMD-V, Debian's kernel on it has KVM, whose QEMU boots the machine of the
test with -cpu host. All of them share the one in the middle, which takes them from a folder as they come (kvm/init).
"""

import os
import pathlib
import subprocess
import sys
import threading
import time

from . import machine

HERE = pathlib.Path(__file__).resolve().parents[1] / "kvm"
sys.path.insert(0, str(machine.ROOT / "tools"))

from launcher import esp, process, settings, watch  # noqa: E402

BED = machine.BUILD / "kvm-bed"
# Instructions are counted, so the load of this machine does not change the middle's time. One takes two nanoseconds: the middle's timer
# then ticks rarely enough, because a tick costs seven exits of some 80000 instructions each.
ICOUNT = "shift=1,sleep=off"
OPTIONS = "console=ttyS0 quiet panic=-1 mitigations=off nokaslr no_timer_check tsc=reliable"
MIDDLE_MIB = 2048
MIB = 512
# The limit for one machine: in the middle's time, after which the middle ends it, and in this machine's.
SECONDS, REAL_SECONDS = 900, 3000
STATUS = {"guest-shutdown": watch.OK, "guest-reset": watch.RESET}


class Machines(machine.Machines):
    """One machine at a time, each in a folder of its own under OUT/machines."""

    def __init__(self, out):
        self.shared = out
        for folder in ("machines", "jobs", "done"):
            (out / folder).mkdir(parents=True)
        super().__init__(out / "machines")
        self.middle = None  # its process
        self.turn = threading.Lock()

    def launch(self, variables):
        with self.turn:
            out = self.out / f"{len(list(self.out.iterdir())):03d}"
            out.mkdir()
            (out / "variables").write_text("".join(f"{name}={value}\n" for name, value in sorted(variables.items())))
            chosen = make_esp(variables, out)
            self.start()
            return self.carry_out(chosen)

    def start(self):
        if self.middle and self.middle.poll() is None:
            return
        made = subprocess.run([HERE / "make-bed"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        machine.expect(made.returncode == 0, f"{HERE}/make-bed: {made.stdout + made.stderr}")
        self.middle = process.start(
            ["env", f"QEMU_MODULE_DIR={BED / 'qemu'}", *middle(self.shared)], self.shared / "emulator.log"
        )

    def carry_out(self, chosen):
        """Waits until the middle says that the machine has ended."""
        name = chosen.out.name
        there = f"/bed/machines/{name}"
        job = self.shared / "jobs" / f"{name}.new"
        job.write_text(f"machine {there} {chosen.cpus} {MIB} {SECONDS} {chosen.cpu or 'host'}\n")
        job.rename(job.with_suffix(".job"))  # whole, or not there
        end = time.monotonic() + REAL_SECONDS
        while not (self.shared / "done" / name).exists():
            if self.middle.poll() is not None:
                return machine.Run(watch.EMULATOR_FAILED, chosen.out, f"the middle ended; see {self.shared}/middle.log")
            if time.monotonic() > end:
                self.stop()
                return machine.Run(watch.TIMED_OUT, chosen.out, "the middle does not end it")
            time.sleep(0.5)
        (chosen.out / "esp.img").unlink()
        result = (chosen.out / "result").read_text()
        return machine.Run(status(machine.logs.fields(result)), chosen.out, result)

    def stop(self):
        process.stop(self.middle)


def make_esp(variables, out):
    env = {name: value for name, value in os.environ.items() if name not in machine.VARIABLES}
    env.update(variables, BACKEND="svm", OUT=str(out))
    chosen = settings.Settings.from_environment(env)
    chosen.prepare_out()
    esp.build_esp(chosen)
    return chosen


def middle(shared):
    return [
        *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-icount", ICOUNT, "-cpu", "EPYC,+svm"),
        *("-m", str(MIDDLE_MIB), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-serial", f"file:{shared}/middle.log", "-kernel", str(BED / "vmlinuz"), "-initrd", str(BED / "initrd.img")),
        *("-append", OPTIONS),
        *("-virtfs", f"local,path={shared},mount_tag=share,security_model=none,id=share"),
    ]


def status(result):
    """tools/launch's exit status of a machine that ended so."""
    if result["end"] == "timeout":
        return watch.TIMED_OUT
    return STATUS.get(result["reason"], watch.EMULATOR_FAILED)
