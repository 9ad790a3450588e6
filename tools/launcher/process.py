"""An emulator's process: only the one that was started here is ever ended."""

import ctypes
import signal
import subprocess

PR_SET_PDEATHSIG = 1


def die_with_parent():
    # A launcher that is killed outright must not leave its machine running.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(command, log, **more):
    with open(log, "wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,
            **more,
        )


def stop(process):
    if process and process.poll() is None:
        process.kill()
        process.wait(timeout=30)
