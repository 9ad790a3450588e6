# SPDX-License-Identifier: MIT
"""gdb on the console's line: Debian's gdb, in batch mode, against a guest that hangs."""

import re
import time

from lib import logs
from lib.gdb import gdb
from lib.machine import expect, on
from test_console import hang, wait_for_guest


def value(text, name):
    """The number that `p/x` printed behind a word of the test's own."""
    found = re.search(rf"^{name}=0x([0-9a-f]+)$", text, re.M)
    expect(found, f"no {name}= in {text}")
    return int(found[1], 16)


@on("svm", "vmx")
def test_attach(machine):
    """A hung guest: attach with nothing typed before, and its registers are those that the console shows."""
    with hang(machine, "loop") as console:
        flag = wait_for_guest(console, "hang waits=")["waits"]
        text = gdb(console, "info registers", "monitor regs", "x/2i $rip", f"x/2wx {flag}", "detach")
        print(text)
