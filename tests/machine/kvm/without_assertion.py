#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Copies QEMU's accel-tcg module without one assertion: without_assertion.py OUT-FOLDER.

QEMU 7.2's helper_write_crN() calls cpu_interrupt() without the lock when a guest of AMD-V writes CR8 while a virtual interrupt
waits, which tcg_handle_interrupt() asserts: QEMU ends. KVM's interrupt window and OVMF's exception stubs, which save and restore
CR8, meet there within minutes. With -icount, as the bed has it, there is one thread, and nothing to race with. A QEMU whose
code is another one is copied as it is.
"""

import pathlib
import re
import subprocess
import sys

MODULE = pathlib.Path("/usr/lib/x86_64-linux-gnu/qemu/accel-tcg-x86_64.so")
ASSERTION = b"\x84\xc0\x75"  # test al, al; jne
JMP = 0xEB
NEAR = 32  # bytes from the function's start


def main():
    data = bytearray(MODULE.read_bytes())
    names = subprocess.run(["nm", "-D", MODULE], capture_output=True, text=True, check=True).stdout
    start = int(re.search(r"^([0-9a-f]+) T tcg_handle_interrupt$", names, re.M)[1], 16)
    at = data.find(ASSERTION, start, start + NEAR)
    if at >= 0:
        data[at + len(ASSERTION) - 1] = JMP
    else:
        print("kvm-bed: this QEMU's tcg_handle_interrupt() is another one, and stays as it is")
    (pathlib.Path(sys.argv[1]) / MODULE.name).write_bytes(data)


main()
