"""What the bench guest prints, bare against under Trapline: for `make bench` and for the test of the limits."""

from . import logs

# Printing is not on the hot path, and can be turned off.
CONF = "print = none\n"
# What is on the hot path of every guest. 450 is the design's limit for a recorded exception. Its 100 for a CPUID is not
# reached: docs/performance.md says where the instructions go. INT3 comes as an INT n on QEMU, which the decoder has to
# look at: it has no limit of its own.
LIMITS = {"cpuid": 135, "ud2": 450, "gp": 450, "pf": 450, "apic_immediate": 450, "apic_register": 450,
          "vmmcall_null": 200, "vmmcall_lookup": 800}


def rows(text):
    """The figures of one run, by name."""
    return {row["name"]: row for row in logs.records(text, "bench") if "per" in row}


def per_operation(row):
    return int(row["per"]) / 100


def compare(bare, trapline):
    """One entry for each figure that there is under Trapline, in instructions for one operation."""
    figures = []
    for name, row in trapline.items():
        # What there is only under Trapline, as a VMCALL, costs all of it.
        before = per_operation(bare[name]) if name in bare else 0.0
        after = per_operation(row)
        entry = {"name": name, "n": int(row["n"]), "bare": before, "trapline": after}
        figures.append({**entry, "cost": round(after - before, 2), "limit": LIMITS.get(name)})
    return figures
