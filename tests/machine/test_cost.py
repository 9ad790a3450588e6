"""The hot path stays short: instructions from exit to re-entry, counted exactly."""

from lib import cost
from lib.machine import expect, on


@on("svm")
def test_hot_path(machine):
    """CPUID, a null VMCALL and each recorded exception cost no more instructions than the design allows."""
    bare = machine.guest("bench", ICOUNT=1, TRAPLINE=0).expect_status(0)
    trapline = machine.guest("bench", ICOUNT=1, CONF=machine.conf(cost.CONF)).expect_status(0)
    figures = cost.compare(cost.rows(bare.guest), cost.rows(trapline.guest))
    expect(figures, f"no figures; see {trapline.out}/guest.log")
    over = [row for row in figures if row["limit"] and row["cost"] > row["limit"]]
    expect(not over, "\n".join(f"{row['name']} costs {row['cost']}, limit {row['limit']}" for row in over))
