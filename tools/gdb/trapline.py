# SPDX-License-Identifier: MIT
"""gdb's commands for Trapline: the guest's state, the rings and the exit histories, whoever's turn it is on the CPU.

While the guest runs, gdb sees the guest's address space. The VMM's memory is then read by its physical address, which
QEMU's gdb stub lets us (Qqemu.PhyMemMode). `trapline start` remembers where the VMM lies.
"""

import contextlib

import gdb

IMAGE = 0xFFFFFFFF80000000  # VMM_BASE, include/boot/boot_info.h
POOL = 0xFFFFC00000000000  # POOL_BASE, src/mem/layout.h
POOL_END = 0xFFFFD00000000000
GPRS = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split()
VECTORS = "#DE #DB NMI #BP #OF #BR #UD #NM #DF #9 #TS #NP #SS #GP #PF #15 #MF #AC #MC #XM #VE #CP".split()

region = None


def physical(address):
    """Where a byte of the VMM's address space is in memory."""
    address &= (1 << 64) - 1
    if POOL <= address < POOL_END:
        return address - POOL
    if address >= IMAGE:
        return address - IMAGE + region
    raise gdb.GdbError(f"0x{address:x} is no address of the VMM's image or pool")


@contextlib.contextmanager
def physical_memory():
    if region is None:
        raise gdb.GdbError("where the VMM lies is not known: `trapline start` first")
    gdb.execute("maintenance packet Qqemu.PhyMemMode:1", to_string=True)
    gdb.execute("maintenance flush dcache", to_string=True)
    try:
        yield
    finally:
        gdb.execute("maintenance packet Qqemu.PhyMemMode:0", to_string=True)
        gdb.execute("maintenance flush dcache", to_string=True)


def at(address, kind):
    """The value of this type at an address of the VMM's."""
    return gdb.Value(physical(int(address))).cast(gdb.lookup_type(kind).pointer()).dereference()


def variable(name):
    symbol = gdb.lookup_global_symbol(name) or gdb.lookup_static_symbol(name)
    if symbol is None:
        raise gdb.GdbError(f"no symbol {name}: is build/vmm/trapline.elf loaded?")
    return gdb.Value(physical(int(symbol.value().address))).cast(symbol.type.pointer()).dereference()


def cpus(number=None):
    """(number, struct cpu) of one CPU or of all."""
    table = variable("cpus")
    for n in range(table.type.range()[1] + 1):
        if int(table[n]) and number in (None, n):
            yield n, at(table[n], "struct cpu")


def address_of(value):
    return int(value) & (1 << 64) - 1


def show_guest(cpu):
    for first in range(0, 16, 4):
        print("  ".join(f"{GPRS[i]:>3}={address_of(cpu['gpr'][i]):016x}" for i in range(first, first + 4)))
    newest = max(exits(cpu), key=lambda entry: entry[0], default=None)
    if vendor_name() == "svm":
        save = at(cpu["vendor_asm"][2], "struct vmcb")["save"]  # vmcb_of(), src/svm/svm.h
        print("  ".join(f"{name}={address_of(save[name]):x}" for name in "rip rsp rax rflags cr0 cr2 cr3 cr4 efer".split()))
        for name in "cs ss ds es fs gs tr gdtr idtr".split():
            segment = save[name]
            print(f"  {name:4} sel={int(segment['selector']):04x} base={address_of(segment['base']):x} limit={int(segment['limit']):x}")
    elif newest:
        print(f"rip={newest[3]:x} at the last exit; the rest is in the VMCS, which only the CPU can read")


def vendor_name():
    """"svm" or "vmx": the name that the vendor's table points to."""
    pointer = physical(address_of(at(variable("vendor"), "struct vendor")["name"]))
    return gdb.selected_inferior().read_memory(pointer, 3).tobytes().decode()


def exits(cpu):
    """(tsc, reason, qualifier, rip) of the exits that are kept, the oldest first."""
    history = cpu["history"]
    entries = []
    for i in range(int(history["count"])):
        entry = at(address_of(history["entries"]) + i * gdb.lookup_type("struct exit_entry").sizeof, "struct exit_entry")
        tsc = int(entry["tsc"])
        if tsc:
            entries.append((tsc, int(entry["reason"]), address_of(entry["qualifier"]), address_of(entry["rip"])))
    return sorted(entries)


def records(cpu, count):
    ring = max(cpu["ring"], cpu["beside"], key=lambda one: int(one["head"]))  # frozen, it writes beside it
    head, mask = int(ring["head"]), int(ring["mask"])
    size = gdb.lookup_type("struct trap_record").sizeof
    for seq in range(max(1, head - count + 1), head + 1):
        record = at(address_of(ring["records"]) + (seq & mask) * size, "struct trap_record")
        if int(record["seq"]) == seq:
            yield seq, record


def show_record(number, seq, record):
    vector = int(record["vector"])
    name = VECTORS[vector] if vector < len(VECTORS) else f"vector {vector}"
    code = "".join(f"{int(record['code'][i]):02x}" for i in range(int(record["code_len"])))
    print(f"cpu={number} seq={seq} {name} err=0x{int(record['error_code']):x} rip=0x{address_of(record['rip']):x} "
          f"cr2=0x{address_of(record['cr2']):x} code={code}")


class Trapline(gdb.Command):
    """Trapline's state. Each of the sub-commands below works while the guest runs as well."""

    def __init__(self):
        super().__init__("trapline", gdb.COMMAND_USER, prefix=True)


class Start(gdb.Command):
    """trapline start: run to Trapline's first instruction, and remember where it lies."""

    def __init__(self):
        super().__init__("trapline start", gdb.COMMAND_USER)

    def invoke(self, _argument, _from_tty):
        global region
        # A software breakpoint would be written before the loader has put the code there.
        breakpoint_ = gdb.Breakpoint("*vmm_main", type=gdb.BP_HARDWARE_BREAKPOINT, temporary=True)
        gdb.execute("continue")
        del breakpoint_
        info = gdb.Value(int(gdb.parse_and_eval("$rdi"))).cast(gdb.lookup_type("struct boot_info").pointer())
        region = int(info["piece"][0]["base"])
        print(f"Trapline's image is at 0x{region:x}, its symbols at 0x{IMAGE:x}")


class Guest(gdb.Command):
    """trapline guest [CPU]: the guest's registers, as they were at its last exit."""

    def __init__(self):
        super().__init__("trapline guest", gdb.COMMAND_USER)

    def invoke(self, argument, _from_tty):
        with physical_memory():
            for number, cpu in cpus(int(argument) if argument else None):
                print(f"guest state cpu={number}")
                show_guest(cpu)


class Ring(gdb.Command):
    """trapline ring [COUNT]: the newest records of every CPU, 16 of each unless told."""

    def __init__(self):
        super().__init__("trapline ring", gdb.COMMAND_USER)

    def invoke(self, argument, _from_tty):
        with physical_memory():
            for number, cpu in cpus():
                for seq, record in records(cpu, int(argument or 16)):
                    show_record(number, seq, record)


class Exits(gdb.Command):
    """trapline exits [CPU]: the last exits."""

    def __init__(self):
        super().__init__("trapline exits", gdb.COMMAND_USER)

    def invoke(self, argument, _from_tty):
        with physical_memory():
            for number, cpu in cpus(int(argument) if argument else None):
                for tsc, reason, qualifier, rip in exits(cpu):
                    print(f"cpu={number} tsc={tsc} reason=0x{reason:x} info=0x{qualifier:x} rip=0x{rip:x}")


for command in (Trapline, Start, Guest, Ring, Exits):
    command()
