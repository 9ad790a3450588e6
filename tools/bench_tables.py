# SPDX-License-Identifier: MIT
"""Makes the tables of docs/performance.md from the figures of docs/bench.json."""

from lib.cost import FLOOD_MARKS, LONGEST, MARKS, PRINTED_MARKS, STORM_CPUS, is_longest

EVENTS = (
    ("cpuid", "CPUID"),
    ("vmcall_null", "null VMCALL"),
    ("vmcall_bad", "VMCALL of a number that no service has"),
    ("vmcall_other", "null VMCALL by the other vendor's instruction (a #UD)"),
    ("vmcall_lookup", "VMCALL: lookup of a 16-character name"),
    ("rdmsr_passed", "RDMSR of a MSR that passes through (LSTAR)"),
    ("rdmsr_trapped", "RDMSR of a trapped MSR (EFER; VT-x: FEATURE_CONTROL)"),
    ("rdmsr_wrmsr", "RDMSR and WRMSR of a trapped MSR (EFER)"),
    ("apic_immediate", "store to the local APIC (EOI)"),
    ("apic_xchg", "the same by XCHG"),
    ("in", "IN from a port that passes through"),
    ("mov_cr0", "MOV to CR0"),
    ("mov_cr3", "MOV to CR3"),
    ("trace_read_1", "VMCALL `trace_read`: one record, 256 bytes"),
    ("trace_read_16", "the same: 16 records"),
)
# Of a run with a watch, and so of a kind of their own.
WATCHES = (
    ("watch_hit", "store to a watched word: two exits and a record"),
    ("watch_miss", "store to another word of its page"),
)
EXCEPTIONS = (
    ("de", "#DE"),
    ("db", "#DB, a single step"),
    ("bp", "#BP, INT3"),
    ("ud", "#UD"),
    ("nm", "#NM"),
    ("df", "#DF: a #GP, a #NP on its delivery, and what becomes of them"),
    ("ts", "#TS on the delivery of a #UD"),
    ("np", "#NP"),
    ("ss", "#SS"),
    ("gp", "#GP"),
    ("pf", "#PF"),
    ("mf", "#MF"),
    ("ac", "#AC, from ring 3"),
    ("xm", "#XM"),
)
WAYS = (
    ("put_registers", "registers, 32 bytes a call: put"),
    ("get_registers", "get"),
    ("put_physical", "guest-physical range: put"),
    ("get_physical", "get"),
    ("put_pages", "list of pages: put"),
    ("get_pages", "get"),
    ("put_virtual", "the caller's linear memory: put"),
    ("get_virtual", "get"),
    ("share_open", "lasting share: open"),
    ("share_close", "close"),
)
SIZES = (("64", 64), ("4K", 4096), ("1M", 1 << 20))
GUESTS = (
    ("bare", "bare"),
    ("default", "Trapline as it comes"),
    ("quiet", "`console_input = off`"),
    ("quiet-pf", "`console_input = off`, `intercept = all -pf`"),
)


def cell(value):
    return "" if value is None else f"{value:.1f}".removesuffix(".0")


def line(*cells):
    return "| " + " | ".join(cells) + " |\n"


def events_table(figures):
    text = "| instructions added | AMD-V | VT-x | mark |\n|---|---|---|---|\n"
    for name, what in EVENTS:
        values = [cell(figures.get(f"{vendor} recorded {name}")) for vendor in ("svm", "vmx")]
        text += line(what, *values, cell(MARKS.get(name)))
    for name, what in WATCHES:
        values = [cell(figures.get(f"{vendor} watched {name}")) for vendor in ("svm", "vmx")]
        text += line(what, *values, cell(MARKS.get(name)))
    return text


def exceptions_table(figures):
    text = "| instructions added | AMD-V: recorded | recorded and printed | not intercepted "
    text += "| VT-x: recorded | recorded and printed | not intercepted | marks |\n|---|---|---|---|---|---|---|---|\n"
    kinds = ("svm recorded", "svm printed", "svm off", "vmx recorded", "vmx printed", "vmx off")
    for name, what in EXCEPTIONS:
        marks = [f"{most[name]}" for most in (MARKS, PRINTED_MARKS) if name in most]
        text += line(what, *(cell(figures.get(f"{kind} {name}")) for kind in kinds), ", ".join(marks))
    return text


def floods_table(figures):
    text = "| instructions added to each, on average | AMD-V | VT-x | mark |\n|---|---|---|---|\n"
    values = [cell(figures.get(f"{vendor} flood ud")) for vendor in ("svm", "vmx")]
    return text + line("10,000 #UD in a row, default settings", *values, cell(FLOOD_MARKS["ud"]))


def storms_table(figures):
    text = "| CPUs that raise #UD at once | AMD-V | VT-x |\n|---|---|---|\n"
    for n in STORM_CPUS:
        text += line(str(n), *(cell(figures.get(f"{vendor} storm storm_{n}")) for vendor in ("svm", "vmx")))
    return text


def copies_table(figures):
    text = "| instructions a call | AMD-V: 64 B | 4 KiB | 1 MiB | bytes per instruction "
    text += "| VT-x: 64 B | 4 KiB | 1 MiB | bytes per instruction |\n|---|---|---|---|---|---|---|---|---|\n"
    for name, what in WAYS:
        cells = []
        for vendor in ("svm", "vmx"):
            values = [figures[f"{vendor} recorded {name}_{size}"] for size, _ in SIZES]
            rates = [f"{size / value:.3f}" for value, (_, size) in zip(values, SIZES)]
            cells += [*map(cell, values), "" if name.startswith("share") else ", ".join(rates)]
        text += line(what, *cells)
    return text


def longest_table(figures):
    kinds = sorted({key.split(" ", 2)[2] for key in figures if is_longest(key)})
    text = "| the longest exit, instructions | AMD-V | VT-x | mark |\n|---|---|---|---|\n"
    for kind in kinds:
        values = [cell(figures.get(f"{vendor} longest {kind}")) for vendor in ("svm", "vmx")]
        text += line(f"`{kind}`", *values, cell(LONGEST))
    return text


def linux_table(figures):
    text = "| millions of instructions | boot to init | more than bare | processes | more than bare |\n"
    text += "|---|---|---|---|---|\n"
    for name, what in GUESTS:
        cells = []
        for part in ("boot", "forks"):
            value, bare = figures[f"linux {part} {name}"], figures[f"linux {part} bare"]
            cells += [f"{value / 1e6:.1f}", "" if name == "bare" else f"{100 * (value / bare - 1):.2f} %"]
        text += line(what, *cells)
    return text


def made_by_table(made_by):
    return "".join(f"- {what}: {version}\n" for what, version in sorted(made_by.items()))


TABLES = {"floods": floods_table, "storms": storms_table, "events": events_table, "exceptions": exceptions_table, "copies": copies_table, "longest": longest_table, "linux": linux_table}


def table(name, result):
    """Returns the text of the table with this name."""
    if name == "made_by":
        return made_by_table(result["made_by"])
    return TABLES[name](result["added"])
