# SPDX-License-Identifier: MIT
"""The ways to die that test_deaths.py makes, and what has to be told of each.

What is told has to name the instruction, the address and the cause, within the first lines. A guest that dies says before it
(`death name= at= address=`) where the instruction is and what it touches; what cannot be named in advance is compared with that.
"""

from dataclasses import dataclass, replace

# How the machine ends. If it runs on, or ends without a report on the line, there is no verdict there: the record is checked.
RUNS_ON, TRIPLE, RESET, SILENT, HANG, HALT = "runs on", "triple fault", "reset", "reset without a word", "hang", "halt"


@dataclass(frozen=True)
class Death:
    name: str
    die: str  # the argument of die.c or triple.c, or a list: one death after the other
    insn: str  # the instruction, as Zydis prints it; empty if it cannot be read at the place of the fault
    cause: str  # words of the verdict, or of the record's line if the machine runs on
    end: str = RUNS_ON
    at: int | None = None  # where the CPU is at the fault, if not at the instruction: a wild call
    caller: bool = False  # in that case the report's backtrace has to name the call
    append: str = ""  # for the kernel's command line
    extra: str = ""  # for QEMU
    operator: bool = False  # the operator has to stop it
    cpus: int = 1
    backends: tuple = ("svm",)
    missing: str = ""  # a known gap, and its reason
    address: int | None = None  # the address that is touched, if the guest does not print it
    has_address: bool = True


WILD = 0xFFFFFFFFDEADB000  # WILD_FUNCTION in death.c
TOUCHED = -1  # at the address that the guest names
FIELD = r"mov qword ptr \[rdi\+0x30\], 0x1"

# All in one boot: Linux ends the process in whose context the kernel dies, and runs on.
IN_KERNEL = (
    Death("null_write", "null-write", FIELD, "write to a page not present, from supervisor mode"),
    Death("null_read", "null-read", r"mov rax, qword ptr \[rdi\+0x18\]", "read of a page not present, from supervisor mode"),
    Death("null_call", "null-call", "", "instruction fetch from a page not present, from supervisor mode", at=0),
    Death("null_jump", "null-jump", "", "instruction fetch from a page not present, from supervisor mode", at=0),
    Death("wild_call", "wild-call", "", "instruction fetch from a page not present", at=WILD),
    Death("poison", "poison", r"mov rax, qword ptr \[rdi\+0x8\]", "address not canonical"),
    Death("use_after_unmap", "unmapped", r"mov rax, qword ptr \[rdi\]", "read of a page not present"),
    Death("page_table", "page-table", r"mov al, byte ptr \[rdi\]", "reserved bit"),
    Death("text_write", "text-write", r"mov byte ptr \[rdi\], 0x90", "write to a page that does not permit it, from supervisor mode"),
    Death("data_exec", "data-exec", "ret", "instruction fetch from a page that does not permit it", at=TOUCHED),
    Death("bug", "bug", "ud2", "#UD", has_address=False),
    Death("divide", "divide", "div ecx", r"#DE.*ecx=0x0", has_address=False),
)
IN_USER = (
    Death("user_write", "user-write", r"mov dword ptr \[rdi\+0x30\], 0x1", "write to a page not present, from user mode"),
    Death("user_read", "user-read", r"mov rax, qword ptr \[rdi\+0x18\]", "read of a page not present, from user mode"),
    Death("user_call", "user-call", "", "instruction fetch from a page not present, from user mode", at=0),
    Death("user_jump", "user-jump", "", "instruction fetch from a page not present, from user mode", at=0),
    Death("user_divide", "user-divide", "div ecx", r"#DE.*ecx=0x0", has_address=False),
    Death("user_library", "user-library", r"mov qword ptr \[rdi\+0x10\], 0x1", "write to a page not present, from user mode"),
)

# Behind thousands of exceptions of the same vector, which a process handles by itself: these are beyond the rate, the death is not.
IN_FLOOD = (
    Death("", "flood-user-write", r"mov dword ptr \[rdi\+0x30\], 0x1", "write to a page not present, from user mode"),
    Death("", "flood-bug", "ud2", "#UD.* cpl=0", has_address=False),
    Death("", "flood-null-read", r"mov rax, qword ptr \[rdi\+0x18\]", "read of a page not present, from supervisor mode", address=0x18),
)

WROTE = "(wrote|write|store)"
CALLED = "(call|jump|fetch|execut|ran)"

# Each of these ends its machine.
LINUX = (
    Death("stack_overflow", "stack", "push rdi", "stack", RESET),
    Death("broken_handler", "gate", FIELD, WROTE, TRIPLE),
    Death("stale_idt", "stale-idt", "ud2", "IDT|descriptor table", TRIPLE),
    Death("no_gdt", "gdt", "mov ds, ", "GDT|segment|descriptor", TRIPLE, has_address=False),
    Death("nmi_handler", "nmi", "", CALLED, RESET, at=WILD, append="oops=panic panic=1"),
    Death("panic_with_timeout", "null-write", FIELD, WROTE, RESET, append="oops=panic panic=1"),
    Death("reset_cf9", ("null-write", "reset-cf9"), FIELD, WROTE, RESET),
    Death("reset_keyboard", ("wild-call", "reset-keyboard"), "", CALLED, RESET, at=WILD, caller=True),
    Death("module", "module", "", CALLED, RESET, at=TOUCHED, caller=True, append="oops=panic panic=1"),
    Death("watchdog", ("null-write", "watchdog"), FIELD, WROTE, SILENT, extra="-global ICH9-LPC.noreboot=off"),
)

# In the place of init: the kernel cannot run without it, and panics.
INIT = Death("init_dies", "user-library", r"mov qword ptr \[rdi\+0x10\], 0x1", f"a program {WROTE}", RESET, append="panic=1")

# The first ones again, each with a panic that resets the machine: the next start also prints the verdict.
VERDICTS = {
    "null_read": "read", "null_call": CALLED, "null_jump": CALLED, "wild_call": CALLED, "poison": "not canonical",
    "use_after_unmap": "read.*nothing is mapped", "page_table": "reserved bit", "text_write": f"{WROTE}.*read-only",
    "data_exec": "jumped.*not code", "bug": "gave up by itself", "divide": "divided by zero",
}
PANICS = tuple(
    replace(death, name=f"{death.name}_panics", cause=VERDICTS[death.name], end=RESET, append="oops=panic panic=1")
    for death in IN_KERNEL
    if death.name in VERDICTS
)

# These do not end by themselves. On two CPUs, if the hanging one takes no interrupts, the other one serves the operator.
HANGS = (
    Death("panic_for_ever", "null-write", FIELD, WROTE, HANG, append="oops=panic panic=0"),
    Death("broken_handlers_for_ever", "storm", FIELD, WROTE, HANG, operator=True),
    Death("hang_interrupts_on", "hang-on", "jmp ", "loop|hang|hung|same place|stands", HANG, operator=True),
    Death("hang_interrupts_off", "hang-off", "jmp ", "interrupts (are |were )?off", HANG, operator=True, cpus=2),
)

# Programs without an operating system, some of them on both vendors; `die` is triple.c's way=.
BOTH = ("svm", "vmx")
GUESTS = (
    Death("guest_write", "no-idt-write", FIELD, WROTE, TRIPLE, backends=BOTH, address=0x400000000030),
    Death("guest_call", "no-idt-call", "", CALLED, TRIPLE, backends=BOTH, at=0x400000000000, caller=True, address=0x400000000000),
    Death("guest_divide", "no-idt-divide", "div rcx|div ecx", "divi", TRIPLE, has_address=False),
    Death("guest_stale_idt", "stale-idt", "ud2", "IDT", TRIPLE, backends=BOTH, address=0x400000000060),
    Death("guest_no_gdt", "no-gdt", "mov ds, ", "GDT|segment|descriptor", TRIPLE, has_address=False),
    Death("guest_stack", "deep-stack", "push rax", "stack", TRIPLE, backends=BOTH, address=0x400000008FF8),
)

# A kernel that has no console yet, and maps its memory as it is touched: early.c's break=. It halts, with interrupts off.
EARLY = (
    Death("early_demand", "demand", "", CALLED, HALT, backends=BOTH, at=WILD, caller=True, address=WILD),
)
