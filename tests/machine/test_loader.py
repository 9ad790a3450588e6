# SPDX-License-Identifier: MIT
"""What can go wrong before the guest: a broken configuration, no virtualisation, a missing file, a full disk."""

import re
import struct
import subprocess

from lib import logs
from lib.machine import BUILD, GUESTS, ROOT, esp_file, expect, on

GUEST = str(GUESTS / "hello.efi")
GREETING = "hello"
VERSION = subprocess.run([ROOT / "tools/version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

BROKEN = """\
# line 1 is a comment
intercept = all
nonsense
colour = green
baud = fast
ring = 100
console = com9
print = all -nosuch

hypervisor = perhaps
= 5
"""
BROKEN_LINES = [3, 4, 5, 6, 7, 8, 10, 11]


def complaints(text):
    """Line numbers of trapline.conf in messages."""
    return [int(number) for number in re.findall(r"^trapline: trapline\.conf:(\d+): ", text, re.M)]


def test_broken_configuration(machine):
    """Every wrong line is reported with its number, defaults are used for it, and the boot goes on."""
    run = machine.boot(EFI=GUEST, CONF=machine.conf(BROKEN)).expect_status(0)
    run.expect_line(f"trapline: loader version={VERSION}").expect_line(f"trapline: active version={VERSION}")
    run.expect_active(machine.vendor).expect_line(GREETING, "guest")
    said = complaints(run.trapline)
    expect(said == BROKEN_LINES, f"lines {said} are reported, not {BROKEN_LINES}; see {run.out}/trapline.log")


@on("svm")
def test_shorter_rings(machine):
    """More records than there is memory for: as many as there is room for, and a line that says so."""
    conf = machine.conf("ring = 65536\n")
    run = machine.boot(EFI=GUEST, CPUS=12, MEM=256, CONF=conf).expect_status(0)
    run.expect_active(machine.vendor, cpus=12).expect_line(GREETING, "guest")
    said = re.search(r"^trapline: ring: the firmware has no memory for 65536 records on each of 12 CPUs: there are (\d+)$", run.trapline, re.M)
    expect(said, f"no line says that the rings are shorter; see {run.out}/trapline.log")
    expect(int(said[1]) in (32768, 16384), said[0])


@on("svm")
def test_no_virtualisation(machine):
    """A CPU without AMD-V: one line says so, and the guest boots bare."""
    run = machine.boot(EFI=GUEST, CPU="qemu64,-svm").expect_status(0).expect_no_fault()
    run.expect_line(GREETING, "guest").expect_line(f"trapline: loader version={VERSION}")
    expect("trapline: active" not in run.trapline, "it says that it is active")
    expect("AMD-V" in run.trapline or "SVM" in run.trapline, f"does not say what is missing; see {run.out}/trapline.log")
    expect(not run.traps, "there are trap lines")


@on("vmx")
def test_no_unrestricted_guest(machine):
    """A CPU whose VT-x is too old: one line names what it lacks, and the guest boots bare."""
    run = machine.boot(EFI=GUEST, CPU="corei5_lynnfield_750").expect_status(0).expect_no_fault()
    run.expect_line(GREETING, "guest").expect_line('this CPU\'s VT-x has no "unrestricted guest"')
    expect("trapline: active" not in run.trapline, "it says that it is active")


def test_missing_next(machine):
    """The next image is missing: the loader names it, and returns to the firmware."""
    run = machine.boot(EFI=GUEST, CONF=machine.conf("next = \\no\\such.efi\n")).expect_status(0)
    run.expect_line("such.efi").expect_no_fault()
    expect("trapline: active" not in run.trapline, "it took the machine with nothing to boot under it")


@on("svm")
def test_next_is_itself(machine):
    """A next image that is Trapline's own file, in any case of letters: one line, and it does not start itself for ever."""
    conf = machine.conf("next = /efi/Trapline/TRAPLINE.EFI\n")
    run = machine.boot(EFI=GUEST, CONF=conf).expect_status(0).expect_no_fault()
    run.expect_line("is Trapline itself; booting without Trapline")
    expect(run.trapline.count("is Trapline itself") == 1, f"more than once; see {run.out}/trapline.log")


@on("svm")
def test_report_file(machine):
    """The loader's lines are in report_file as well."""
    run = machine.boot(EFI=GUEST, CONF=machine.conf("report_file = \\report.txt\nnonsense\n"))
    run.expect_status(0).expect_active(machine.vendor)
    report = esp_file(run, "report.txt")
    expect(complaints(report or "") == [2], f"report.txt is {report!r}; see {run.out}")


@on("svm")
def test_report_file_full(machine):
    """No room for report_file: one message, and the boot continues."""
    conf = machine.conf("report_file = \\report.txt\nnonsense\n")
    run = machine.boot(EFI=GUEST, CONF=conf, ESP_FREE=0).expect_status(0)
    run.expect_active(machine.vendor).expect_line(GREETING, "guest")
    said = [line for line in run.trapline.splitlines() if "report_file" in line and "trapline.conf:" not in line]
    expect(len(said) == 1, f"{len(said)} lines about report_file: {said}")


def pci_console(machine, name, conf):
    """A machine whose console is a serial card: the run, and the card's output."""
    log = machine.scratch / f"{name}.log"
    extra = f"-chardev file,id=card,path={log} -device pci-serial,chardev=card"
    run = machine.guest("hidden", CONF=machine.conf(f"console = pci\n{conf}"), EXTRA=extra)
    return run.expect_status(0), logs.clean(log.read_bytes())


@on("svm")
def test_pci_console(machine):
    """A serial card on PCI is the console; the guest finds neither its ports nor the card, unless it is allowed to."""
    run, text = pci_console(machine, "card", "")
    expect("\ntrapline: active " in text and "trapline: end of guest" in text, f"the card's log: {text}")
    expect("trapline: active" not in run.trapline, "COM2 is in use")
    run.expect_line("pci serial=0 memory=0", "guest").expect_line("uart scratch=5a", "guest")
    run, text = pci_console(machine, "shared-card", "hide_console = off\n")
    expect("\ntrapline: active " in text, f"the card's log: {text}")
    run.expect_line("pci serial=1 memory=1", "guest")


def spcr(base):
    """The SPCR table after its header: a 16550 at I/O ports."""
    interface, address, interrupt = (0,), (1, 8, 0, 1, base), (0, 0, 0)
    line, pci = (7, 0, 1, 0, 0, 0), (0xFFFF, 0xFFFF, 0, 0, 0, 0, 0, 0)
    return struct.pack("<B3xBBBBQBBIBBBBBBHHBBBIBI", *interface, *address, *interrupt, *line, *pci)


@on("svm")
def test_spcr_console(machine):
    """The port of the firmware's SPCR table is the console; without one a line says so, and auto takes COM2."""
    table = machine.scratch / "spcr"
    table.write_bytes(spcr(0x2F8))
    extra = f"-acpitable sig=SPCR,rev=2,data={table}"
    run = machine.guest("hello", CONF=machine.conf("console = spcr\n"), EXTRA=extra)
    run.expect_status(0).expect_active(machine.vendor)
    run = machine.guest("hello", CONF=machine.conf("console = spcr\nreport_file = \\report.txt\n")).expect_status(0)
    expect("trapline: active" not in run.trapline, "a console from nowhere")
    expect("no 16550 in an SPCR table" in (esp_file(run, "report.txt") or ""), f"nothing is said; see {run.out}")
    run = machine.guest("hello", CONF=machine.conf("console = auto\n"))
    run.expect_status(0).expect_active(machine.vendor)


@on("svm")
def test_usb(machine):
    """The image of `make usb` boots from a USB stick, and the firmware's next boot option, a disk, under Trapline. When that dies, the stick has the report."""
    image = BUILD / "trapline-usb.img"
    run = machine.guest("triple", DISK=image, USB=1, REBOOT=1, UNTIL="black box: written to", TIMEOUT=200).expect_status(0)
    run.expect_active(machine.vendor)
    run.expect_line("triple way=null-idt", "guest")
    run.expect_line("black box: written to \\EFI\\BOOT\\last.txt").expect_line("core: of the last run, written to \\EFI\\BOOT\\last.core")


@on("svm")
def test_next_elsewhere(machine):
    """A stick whose next image is on a disk: the disk is found, a line says so, and the image starts under Trapline."""
    image = machine.scratch / "stick.img"
    conf = machine.conf("next = \\guest.efi\noptions = fails\n")
    subprocess.run([ROOT / "tools/mkusb", image, BUILD / "trapline.efi", conf], check=True, timeout=120)
    run = machine.guest("hello", DISK=image, USB=1, UNTIL="guest.efi gave up", TIMEOUT=120).expect_status(0)
    run.expect_active(machine.vendor).expect_line("guest.efi is on another volume: PciRoot").expect_line("hello from a guest", "guest")


def test_next_is_no_program(machine):
    """A next image that cannot be loaded: a line of Trapline says so, with the status and what to check."""
    path = "\\EFI\\trapline\\trapline.conf"
    run = machine.boot(EFI=GUEST, CONF=machine.conf(f"next = {path}\n")).expect_status(0).expect_active(machine.vendor)
    said = path.replace("\\", "/")
    failed = rf'^trapline: message cpu=0 cpl=0 text="next image {said} cannot be loaded \(EFI_UNSUPPORTED\): the file is not an EFI'
    expect(re.search(failed, run.trapline, re.M), f"it is not told; see {run.out}/trapline.log")


@on("svm")
def test_next_gives_up(machine):
    """A next image that returns with an error is reported on Trapline's line, one that returns successfully is not."""
    run = machine.guest("hello", ARGS="fails").expect_status(0).expect_active(machine.vendor)
    expect(re.search(r'^trapline: message .*/guest.efi ended with EFI_NOT_READY: ', run.trapline, re.M), run.trapline)
    run = machine.guest("hello").expect_status(0).expect_active(machine.vendor)
    expect("trapline: message" not in run.trapline, run.trapline)
