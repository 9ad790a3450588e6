# SPDX-License-Identifier: MIT
"""gdb's x/i and display/i in 16-bit and 32-bit code, on Trapline's line (docs/gdb.md). A gdb that sees an x86-64 takes all code for 64-bit
code: Trapline decodes it instead.

    source tools/gdb/modes.py
"""

import re

import gdb
from gdb.disassembler import Disassembler, DisassemblerResult, register_disassembler

LINE = re.compile(r'^disas at=0x[0-9a-f]+ code=([0-9a-f]+) insn="([^"]*)"', re.M)


def value(name):
    """A register of the chosen CPU; None: this is not Trapline, or the program does not run."""
    try:
        return int(gdb.parse_and_eval(f"(unsigned long)${name}"))
    except gdb.error:
        return None


class Modes(Disassembler):
    def __init__(self):
        super().__init__("trapline-modes")

    def __call__(self, info):
        if info.architecture.name() != "i386:x86-64" or value("code_mode") not in (16, 32):
            return None
        offset = info.address - value("cs_base") & 0xFFFFFFFF  # `disas` takes one
        found = LINE.search(gdb.execute(f"monitor disas 0x{offset:x} 1", to_string=True))
        return DisassemblerResult(len(found.group(1)) // 2, found.group(2)) if found else None


register_disassembler(Modes())
