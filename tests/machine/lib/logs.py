# SPDX-License-Identifier: MIT
"""Reads the logs: trap lines into dictionaries, and the guests' own result lines in the same form."""

import re

# The firmware's console is on the serial ports, too, until they are taken over: cursor movements and colours.
ESCAPES = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]|\x1b[()][A-Za-z0-9]|[\x00-\x08\x0b-\x1f]")
PAIR = re.compile(r'([a-z_0-9]+)=("(?:[^"\\]|\\.)*"|\S*)')


def clean(data):
    """The text of a log, without what moves the cursor."""
    return ESCAPES.sub("", data.decode("latin-1"))


def fields(line):
    """The key=value pairs of a line, quotes removed."""
    pairs = {}
    for key, value in PAIR.findall(line):
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        pairs[key] = value
    return pairs


def records(text, word):
    """The fields of every line that starts with this word."""
    return [fields(line) for line in text.splitlines() if line.startswith(word + " ")]


def number(text):
    """Decimal or 0x hexadecimal."""
    return int(text, 0)


def place(at):
    """CS:RIP of an "at" field, hexadecimal with 0x or without."""
    selector, _, offset = at.partition(":")
    return int(selector, 16), int(offset, 16)
