# SPDX-License-Identifier: MIT
"""An emulator's process: only the one that was started here is ever ended."""

import ctypes
import fcntl
import os
import random
import signal
import subprocess

PR_SET_PDEATHSIG = 1


def claim_processor():
    """
    Claims one of this machine's processors that no other launcher has claimed, or any if all are claimed. Returns its
    number and the file that holds the lock, which is on the kernel's own folder of that processor.
    """
    mine = sorted(os.sched_getaffinity(0))
    for number in mine:
        try:
            lock = os.open(f"/sys/devices/system/cpu/cpu{number}", os.O_RDONLY)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return number, lock
        except OSError:
            os.close(lock)
    return random.choice(mine), None


def start(command, log, processor=None, **more):
    """Starts an emulator; if a processor is named, on that one only."""

    def before():
        # If the launcher is killed, its machine must end as well.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if processor is not None:
            os.sched_setaffinity(0, {processor})

    with open(log, "wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=before,
            **more,
        )


def stop(process):
    if process and process.poll() is None:
        process.kill()
        process.wait(timeout=30)
