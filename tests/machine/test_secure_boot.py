# SPDX-License-Identifier: MIT
"""
Secure Boot, on QEMU: OVMF with SMM, with the test key of Debian's package, or with Microsoft's keys and Debian's shim
(docs/secure-boot.md). The yardstick is the firmware: it starts what is signed, and refuses everything else.
"""

import struct
import subprocess
import sys

from lib import secure
from lib.machine import BUILD, GUESTS, LINUX, ROOT, expect

sys.path.insert(0, str(ROOT / "tools"))

from launcher.esp import make_image  # noqa: E402

TRAPLINE = BUILD / "trapline.efi"
HELLO = GUESTS / "hello.efi"
GREETING = "hello from a guest"
REFUSED = "Access Denied"  # the firmware's words for a boot option
SHIM_SECONDS = 40  # it draws its refusal without the end of a line, which UNTIL would need, and asks for a key
TIMED_OUT = 124
NX_COMPAT = 0x100
EXECUTE, WRITE = 0x20000000, 0x80000000


def signed(machine, image, key=secure.SNAKEOIL, suffix=""):
    return secure.sign(image, machine.scratch / f"{image.stem}-{machine.scratch_name}{suffix}.efi", key)


def named(function):
    """Each test signs into files of its own, because tests run side by side."""

    def test(machine):
        machine.scratch_name = function.__name__
        function(machine)

    test.__doc__, test.backends = function.__doc__, ("svm",)
    return test


def sections(image):
    """(name, flags, bytes) of each section of a PE image, and its DllCharacteristics."""
    (at,) = struct.unpack_from("<I", image, 0x3C)
    count, optional_size = struct.unpack_from("<6xH12xH", image, at)
    (flags,) = struct.unpack_from("<H", image, at + 24 + 70)
    found = []
    for i in range(count):
        name, size, where, characteristics = struct.unpack_from("<8s8xII12xI", image, at + 24 + optional_size + 40 * i)
        found.append((name.rstrip(b"\0").decode(), characteristics, image[where : where + size]))
    return found, flags


@named
def test_image(machine):
    """`make sign`: the image says NX_COMPAT, has shim's .sbat, and no section that can be both written and executed."""
    target = BUILD / "trapline-signed.efi"
    target.unlink(missing_ok=True)
    words = [f"KEY={secure.SNAKEOIL[0]}", f"CERT={secure.SNAKEOIL[1]}"]
    subprocess.run(["make", "-s", "sign", *words], cwd=ROOT, check=True, capture_output=True, timeout=120)
    secure.run("sbverify", "--cert", secure.SNAKEOIL[1], target)
    found, flags = sections(target.read_bytes())
    expect(flags & NX_COMPAT, "NX_COMPAT is not set")
    expect(not [name for name, what, _ in found if what & EXECUTE and what & WRITE], f"written and executed: {found}")
    sbat = next((content for name, _, content in found if name == ".sbat"), b"")
    expect(sbat.rstrip(b"\0") == (ROOT / "boot/sbat.csv").read_bytes(), f"the section .sbat is {sbat}")


@named
def test_signed(machine):
    """The signed image starts, and its signed next image; SMM serves the firmware's calls beneath Trapline."""
    run = machine.boot(SECURE=1, EFI=signed(machine, HELLO), TRAPLINE_EFI=signed(machine, TRAPLINE))
    run.expect_status(0).expect_active(machine.vendor).expect_line(GREETING, "guest").expect_line("exits kind=smi count=")


def stick(machine, trapline):
    image = machine.scratch / f"{machine.scratch_name}.img"
    conf = machine.conf("next = \\guest.efi\n")
    subprocess.run([ROOT / "tools/mkusb", image, trapline, conf], check=True, timeout=120)
    return image


def expect_no_trapline(run):
    """The firmware itself writes on both serial lines."""
    expect("trapline:" not in run.trapline + run.guest, f"it has started; see {run.out}")


def expect_refusal(machine, trapline):
    run = machine.boot(SECURE=1, DISK=stick(machine, trapline), UNTIL=REFUSED, TIMEOUT=120).expect_status(0)
    expect("BdsDxe: failed to load" in run.guest, f"the firmware does not refuse it; see {run.out}/guest.log")
    expect_no_trapline(run)


@named
def test_unsigned(machine):
    """The firmware refuses an image without a signature and says so; Trapline does not start."""
    expect_refusal(machine, TRAPLINE)


@named
def test_changed(machine):
    """One byte that is changed after signing is enough."""
    image = bytearray(signed(machine, TRAPLINE).read_bytes())
    image[0x10000] ^= 1
    changed = machine.scratch / "changed.efi"
    changed.write_bytes(image)
    expect_refusal(machine, changed)


@named
def test_next_unsigned(machine):
    """The firmware verifies the next image as well: without a signature a line says that Secure Boot refuses it."""
    run = machine.boot(SECURE=1, EFI=HELLO, TRAPLINE_EFI=signed(machine, TRAPLINE)).expect_status(0)
    run.expect_active(machine.vendor).expect_line("guest.efi cannot be loaded (EFI_ACCESS_DENIED): Secure Boot refuses it")
    expect(GREETING not in run.guest, "it has started")


@named
def test_linux(machine):
    """Debian's kernel, signed, on two CPUs: it finds Secure Boot on, and all of its faults are recorded as ever."""
    kernel = secure.sign(LINUX["KERNEL"], machine.scratch / "vmlinuz-signed")
    run = machine.linux(SECURE=1, CPUS=2, KERNEL=kernel, TRAPLINE_EFI=signed(machine, TRAPLINE), TIMEOUT=300).expect_status(0)
    run.expect_active(machine.vendor, cpus=2).expect_line("Secure boot enabled", "guest").expect_line("GUEST-DONE", "guest")
    expect(run.traps, "no trap is recorded")


def shim_disk(machine, trapline, files, conf):
    """A disk that starts Debian's shim, as Microsoft signed it, and Trapline behind it."""
    tree = machine.scratch / f"{machine.scratch_name}.tree"
    boot = tree / "EFI/BOOT"
    boot.mkdir(parents=True, exist_ok=True)
    files = {
        boot / "BOOTX64.EFI": secure.SHIM / "shimx64.efi.signed",
        boot / "mmx64.efi": secure.SHIM / "mmx64.efi.signed",
        boot / "grubx64.efi": trapline,
        **{tree / name: source for name, source in files.items()},
    }
    for target, source in files.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    (boot / "trapline.conf").write_text(conf)
    image = machine.scratch / f"{machine.scratch_name}.img"
    make_image(image, tree)
    return image


def boot_shim(machine, sign_it, files, conf, **variables):
    folder = machine.scratch / f"{machine.scratch_name}.keys"
    folder.mkdir(exist_ok=True)
    owner = secure.new_key(folder)
    trapline = signed(machine, TRAPLINE, owner) if sign_it else TRAPLINE
    disk = shim_disk(machine, trapline, files, conf)
    keys = secure.variables_with_owner(folder / "vars.fd", owner[1])
    return machine.boot(SECURE=1, DISK=disk, VARS=keys, **{"TIMEOUT": 120, **variables})


@named
def test_shim(machine):
    """Shim starts Trapline by the machine owner's key; Trapline starts Debian's own chain: shim, then its signed GRUB."""
    files = {
        "EFI/debian/shimx64.efi": secure.SHIM / "shimx64.efi.signed",
        "EFI/debian/grubx64.efi": secure.SHIM / "grubx64.efi.signed",
    }
    run = boot_shim(machine, True, files, "next = \\EFI\\debian\\shimx64.efi\n", UNTIL="Welcome to GRUB")
    run.expect_status(0).expect_active(machine.vendor)


@named
def test_shim_unsigned(machine):
    """Shim refuses a Trapline that is not signed with the owner's key."""
    run = boot_shim(machine, False, {}, "", TIMEOUT=SHIM_SECONDS).expect_status(TIMED_OUT)
    run.expect_line("Verification failed: (0x1A) Security Violation", "guest")
    expect_no_trapline(run)


@named
def test_shim_next_unsigned(machine):
    """Behind shim the next image is verified as well."""
    run = boot_shim(machine, True, {"next.efi": HELLO}, "next = \\next.efi\n", UNTIL="next.efi cannot be loaded|hello from")
    run.expect_status(0).expect_active(machine.vendor).expect_line("next.efi cannot be loaded (EFI_SECURITY_VIOLATION): Secure Boot refuses it")
    expect(GREETING not in run.guest, "it has started")
