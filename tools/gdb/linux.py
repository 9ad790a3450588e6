# SPDX-License-Identifier: MIT
"""gdb's command trapline-linux: loads the symbols of a Linux kernel where the kernel really is. And trapline-registers, for a core.

    (gdb) source tools/gdb/linux.py
    (gdb) target remote /dev/ttyUSB0        or: core-file last.core
    (gdb) trapline-linux vmlinux
    (gdb) trapline-registers

A relocated kernel (KASLR) is not where its vmlinux says. Trapline's console command `slide` tells the addresses of SYSCALL and of the handlers
of #DE and #PF. A core has the interrupt table. Two of these addresses have to agree with the symbols, and none may disagree. A core with all of
the memory has no interrupt table, but the kernel's note VMCOREINFO, which says the slide, and addresses that have to agree with it.
"""

import re
import struct

import gdb

NAMES = {
    "lstar": ("entry_SYSCALL_64",),
    "de": ("asm_exc_divide_error", "divide_error"),
    "pf": ("asm_exc_page_fault", "page_fault"),
}
NOTED = ("_stext", "init_uts_ns", "init_top_pgt")  # in VMCOREINFO; others there are what a variable has
VECTORS = {"de": 0, "pf": 14}
PT_NOTE = 4
# struct QEMUCPUState: version and size, 16 general registers, RIP and RFLAGS, then ten segments of 24 bytes; the last is the IDTR.
IDT_BASE = 8 + 18 * 8 + 9 * 24 + 16
MASK = (1 << 64) - 1
# struct elf_status, and struct core_system_register: docs/cores.md.
STATUS_SIZE, STATUS_PID = 336, 32
REGISTER = struct.Struct("<IIQ")
KINDS = {1: "msr 0x{:x}", 2: "dr{}", 3: "xcr{}"}


def on_the_line():
    """What Trapline says of the CPU that is looked at."""
    text = gdb.execute("monitor slide", to_string=True)
    found = re.search(r"^slide cpu=.*", text, re.M)
    if not found:
        raise gdb.GdbError(f"Trapline does not say where the kernel is: {text.strip()}")
    words = dict(re.findall(r"(\w+)=0x([0-9a-f]+)", found.group()))
    return {name: int(words[name], 16) for name in NAMES if name in words}


def stranger(said):
    return gdb.GdbError(f"this vmlinux is not the guest's kernel, or the kernel has not set up its tables yet ({said})")


def cut(path):
    return gdb.GdbError(f"{path} is cut: a whole core is needed")


def piece(file, at, size):
    file.seek(at)
    data = file.read(size)
    if len(data) != size:
        raise cut(file.name)
    return data


def notes(path):
    """The notes of an ELF file: name and contents."""
    with open(path, "rb") as file:
        header = piece(file, 0, 64)
        at, count = struct.unpack_from("<Q", header, 32)[0], struct.unpack_from("<H", header, 56)[0]
        programs = piece(file, at, 56 * count)
        for n in range(count):
            kind, _, offset, _, _, size = struct.unpack_from("<IIQQQQ", programs, 56 * n)
            if kind != PT_NOTE:
                continue
            block = piece(file, offset, size)
            place = 0
            while place + 12 <= len(block):
                name_size, size, _ = struct.unpack_from("<III", block, place)
                start = place + 12 + (name_size + 3 & ~3)
                if start + size > len(block):
                    raise cut(path)
                yield block[place + 12 : place + 12 + name_size].rstrip(b"\0"), block[start : start + size]
                place = start + (size + 3 & ~3)


def gate(address):
    """The handler's address in a gate of long mode (SDM vol. 3A figure 6-8)."""
    low, middle, high = struct.unpack("<H4xHI4x", bytes(gdb.selected_inferior().read_memory(address, 16)))
    return low | middle << 16 | high << 32


def in_the_core(path):
    state = next((note for name, note in notes(path) if name == b"QEMU"), b"")
    if len(state) < IDT_BASE + 8:
        raise gdb.GdbError(f"{path} is not a core of Trapline's")
    idt = struct.unpack_from("<Q", state, IDT_BASE)[0]
    try:
        return {name: gate(idt + 16 * vector) for name, vector in VECTORS.items()}
    except gdb.MemoryError as error:
        raise gdb.GdbError(f"the interrupt table at 0x{idt:x} is not in the core") from error


def noted(path):
    """The kernel's own note, VMCOREINFO: its words and their values. One without a slide is none."""
    text = next((note for name, note in notes(path) if name == b"VMCOREINFO"), b"").decode("ascii", "replace")
    words = dict(re.findall(r"^([\w()-]+)=([0-9a-f]+)$", text, re.M))
    return words if "KERNELOFFSET" in words else {}


def core_path():
    found = re.search(r"^\s*`(.*)', file type elf64-x86-64\.$", gdb.execute("info target", to_string=True).partition("core")[2], re.M)
    return found and found.group(1)


def on_a_line():
    return "remote" in (getattr(gdb.selected_inferior().connection, "type", "") or "")


def where():
    if on_a_line():
        return on_the_line()
    path = core_path()
    if not path:
        raise gdb.GdbError("first: target remote ..., or core-file ...")
    return in_the_core(path)


def address_of(name):
    """In the vmlinux; None: it has no such symbol."""
    try:
        return int(gdb.parse_and_eval(f"(unsigned long long)&{name}")) & MASK
    except gdb.error:
        return None


def slide_of(seen):
    """The one distance between the symbols and what the CPU has."""
    slides = {}
    for kind, names in NAMES.items():
        symbol = next(filter(None, map(address_of, names)), None)
        if symbol and seen.get(kind):
            slides[kind] = (seen[kind] - symbol) & MASK
    if len(slides) < 2 or len(set(slides.values())) != 1:
        said = ", ".join(f"{kind}: 0x{slide:x}" for kind, slide in slides.items()) or "no symbol is known"
        raise stranger(said)
    return next(iter(slides.values()))


def slide_noted(words):
    """The slide of the note. Every kernel has _stext at the same address, so that one alone says nothing."""
    slide = int(words["KERNELOFFSET"], 16)
    pairs = {name: (words.get(f"SYMBOL({name})"), address_of(name)) for name in NOTED}
    slides = {name: (int(seen, 16) - symbol) & MASK for name, (seen, symbol) in pairs.items() if seen and symbol}
    if len(slides) < 2 or set(slides.values()) != {slide}:
        raise stranger(", ".join(f"{name}: 0x{one:x}" for name, one in slides.items()) or "no symbol is known")
    builds = {file.build_id for file in gdb.objfiles()} - {None}
    if builds and words.get("BUILD-ID", next(iter(builds))) not in builds:
        raise stranger(f"build {', '.join(builds)}, and the guest's is {words['BUILD-ID']}")
    return slide


class Linux(gdb.Command):
    """trapline-linux VMLINUX: loads the kernel's symbols where the guest's kernel is, on Trapline's line or in a core of Trapline's."""

    def __init__(self):
        super().__init__("trapline-linux", gdb.COMMAND_FILES, gdb.COMPLETE_FILENAME)

    def invoke(self, argument, from_tty):
        files = gdb.string_to_argv(argument)
        if len(files) != 1:
            raise gdb.GdbError("usage: trapline-linux VMLINUX")
        path = None if on_a_line() else core_path()
        words = noted(path) if path else {}
        if words:
            self.load(files[0], "vmcoreinfo", slide_noted, words)
        else:
            seen = where()
            self.load(files[0], ",".join(kind for kind in NAMES if seen.get(kind)), slide_of, seen)

    def load(self, file, source, find_slide, seen):
        gdb.execute(f"symbol-file -readnever {file}", to_string=True)  # the names are enough to find the slide
        try:
            slide = find_slide(seen)
        except gdb.GdbError:
            gdb.execute("symbol-file", to_string=True)
            raise
        gdb.execute(f"symbol-file {file}" + (f" -o 0x{slide:x}" if slide else ""), to_string=True)
        print(f"trapline-linux: slide=0x{slide:x} from {source}")


def system_registers(path):
    """(CPU, name, value) of each register that no other note has."""
    cpu = None
    for name, note in notes(path):
        if name == b"CORE" and len(note) == STATUS_SIZE:
            cpu = struct.unpack_from("<I", note, STATUS_PID)[0] - 1
        if name == b"Trapline" and len(note) % REGISTER.size == 0:
            for kind, number, value in REGISTER.iter_unpack(note):
                if kind in KINDS:
                    yield cpu, KINDS[kind].format(number), value


class Registers(gdb.Command):
    """trapline-registers: prints the debug registers, XCR0 and the MSRs of each CPU in a core of Trapline's."""

    def __init__(self):
        super().__init__("trapline-registers", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        path = core_path()
        if not path:
            raise gdb.GdbError("first: core-file ...")
        lines = [f"cpu={cpu} {name} = 0x{value:x}" for cpu, name, value in system_registers(path)]
        if not lines:
            raise gdb.GdbError(f"{path} has no registers of Trapline's: a core that Trapline made is needed")
        print("\n".join(lines))


Linux()
Registers()
