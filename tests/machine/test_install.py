# SPDX-License-Identifier: MIT
"""
trapline-install, and the way by shim of docs/secure-boot.md, on a real system: `make test-install`, on AMD-V (QEMU). Debian boots by its own shim
and GRUB (ship/debian-vm), from the firmware's own boot entries. The first process is a shell on COM1, in which the test types what a person would.
"""

import os
import re
import time

from lib import logs
from lib.console import Launched
from lib.machine import BUILD, ROOT, Skip, expect, on
from lib.secure import OVMF

DISK = BUILD / "debian-vm.img"
PAGE = ROOT / "docs/secure-boot.md"
PROMPT = rb"bash-[\d.]+# $"
# After Linux has run, QEMU is slow in overwriting memory that had code.
BOOT_SECONDS = 900
COMMAND_SECONDS = 300
MENU_SECONDS = 2  # it drops keys that come before it has drawn
REPORT = "/boot/efi/EFI/trapline/last.txt"
# As sync and a reset button: Linux is told nothing, and restarts by itself.
RESTART = "umount /boot/efi; sync; echo b >/proc/sysrq-trigger"
# The first process reads by a null pointer, and without it Linux panics.
VERDICT = 'trapline: verdict "a program read address 0x8 '
PANIC = "umount /boot/efi; sync; exec python3 -c 'import ctypes; ctypes.string_at(8)'"


def disk():
    if not os.environ.get("INSTALL"):
        raise Skip("make test-install")
    return DISK


class Debian(Launched):
    """The machine, and a shell in it; Trapline's line is trapline.log."""

    def __init__(self, machine, **variables):
        super().__init__(machine, "install", ["SERIAL"], {**variables, "REBOOT": 1, "MEM": 1536, "TIMEOUT": 3600})
        self.read_so_far = 0

    def shell(self):
        """Debian is up. What Trapline has said since the last start."""
        self.wait_for(PROMPT, BOOT_SECONDS)
        self.run("stty -echo cols 999")
        return self.trapline()

    def trapline(self):
        text = logs.clean((self.out / "trapline.log").read_bytes())
        new, self.read_so_far = text[self.read_so_far :], len(text)
        return new

    def run(self, command):
        """(status, output)"""
        self.send(f"{command}; echo status=$?.\r".encode())
        answer = logs.clean(self.wait_for(rb"status=\d+\.\r?\n", COMMAND_SECONDS))
        self.wait_for(PROMPT, COMMAND_SECONDS)
        output, status = re.search(r"(.*)status=(\d+)\.\n", answer, re.S).groups()
        return int(status), output

    def does(self, command):
        status, output = self.run(command)
        expect(status == 0, f"{command}: status {status}: {output}; see {self.out}")
        return output

    def restart(self, command=RESTART):
        self.send(command.encode() + b"\r")


def entries(debian):
    """The firmware's boot entries, without what each start changes."""
    return re.sub(r"^BootCurrent: .*\n", "", debian.does("efibootmgr -v"), flags=re.M)


def expect_words(text, *words):
    for word in words:
        expect(word in text, f'no "{word}": {text}')


def expect_bare(debian, said):
    """What the last run says at its end may come before."""
    expect("trapline: loader " not in said, f"Trapline has started: {said}")
    expect(debian.run("trapctl status")[0] == 3, "there is a Trapline beneath")


def expect_beneath(debian, said):
    """Without the kernel module, which Debian would have to build, trapctl tells a part of the status."""
    expect_words(said, "trapline: loader version=", "trapline: active version=")
    status, output = debian.run("trapctl status")
    expect(status == 4, f"trapctl status: status {status}: {output}")
    expect_words(output, "backend: svm", "modprobe trapline")


def first_start(debian):
    """Debian as its installer leaves it, with a boot entry of its own."""
    expect_bare(debian, debian.shell())
    debian.does("efibootmgr -q -c -d /dev/sda -p 1 -L debian -l '\\EFI\\debian\\shimx64.efi'")


def expect_files(debian):
    conf = debian.does("cat /boot/efi/EFI/trapline/trapline.conf")
    expect_words(conf, "next = \\EFI\\debian\\shimx64.efi\n", "blackbox_file = \\EFI\\trapline\\last.txt\n")


@on("svm")
def test_once_always_remove(machine):
    """Once, bare again, always; a panic's report is in the file that the next start has written; then all of it is away again."""
    with Debian(machine, DISK=disk()) as debian:
        first_start(debian)
        before = entries(debian)
        files = debian.does("find /boot/efi /etc/grub.d /boot/grub/grub.cfg | sort")

        dry = debian.does("trapline-install")
        expect_words(dry, "would make the boot entry Trapline for partition 1 of /dev/sda, for the next start only (BootNext)", "nothing was changed")
        expect(entries(debian) == before, "the dry run has changed the boot entries")
        done = debian.does("trapline-install --yes")
        expect(re.findall("^would (.*)", dry, re.M) == re.findall("^done: (.*)", done, re.M), f"{dry} {done}")
        expect_files(debian)
        debian.restart()

        expect_beneath(debian, debian.shell())
        debian.restart()
        expect_bare(debian, debian.shell())

        expect_words(debian.does("trapline-install --always --no-menus --yes"), "use the boot entry Trapline that is there, first in the boot order")
        debian.restart()
        expect_beneath(debian, debian.shell())
        debian.restart(PANIC)

        said = debian.shell()
        expect_beneath(debian, said)
        expect_words(said, "trapline: last run: ", f"last| {VERDICT}")
        expect_words(debian.does(f"cat {REPORT}"), f"last| {VERDICT}")

        debian.does("trapline-install --remove --yes")
        expect(entries(debian) == before, f"the boot entries differ: {before} {entries(debian)}")
        left = debian.does("find /boot/efi /etc/grub.d /boot/grub/grub.cfg | sort")
        expect(left == files, f"the files differ: {left}")
        debian.restart()
        expect_bare(debian, debian.shell())


PASSWORD = b"only once\r"
DOWN, ENTER = b"\x1b[B", b"\r"


def ask_shim(debian, command):
    """mokutil's request, with the password for the next start."""
    debian.send(command.encode() + b"\r")
    for words in (rb"input password: ", rb"input password again: "):
        debian.wait_for(words, COMMAND_SECONDS)
        debian.send(PASSWORD)
    debian.wait_for(PROMPT, COMMAND_SECONDS)
    debian.restart()


def answer_mokmanager(debian, item, question):
    """Its menus: a key, ITEM of the first one, "Continue", "Yes", the password, "Reboot"."""
    debian.wait_for(rb"Press any key to perform MOK management", BOOT_SECONDS)
    debian.send(ENTER)
    for words in (item, b"Continue *[^ b]", question):
        debian.wait_for(words, COMMAND_SECONDS)
        time.sleep(MENU_SECONDS)
        debian.send(DOWN)
        time.sleep(MENU_SECONDS)
        debian.send(ENTER)
    debian.wait_for(rb"Password:", COMMAND_SECONDS)
    debian.send(PASSWORD)
    debian.wait_for(rb"Reboot", COMMAND_SECONDS)
    time.sleep(MENU_SECONDS)
    debian.send(ENTER)


def steps_by_shim():
    """The commands of each step of docs/secure-boot.md that has some."""
    (section,) = re.findall(r"^## By shim and a machine owner's key$(.*?)^## ", PAGE.read_text(), re.S | re.M)
    return [[line.strip() for line in block.splitlines() if line.strip()] for block in re.findall(r"```sh\n(.*?)```", section, re.S)]


@on("svm")
def test_machine_owners_key(machine):
    """docs/secure-boot.md from step 3 on: mokutil and MokManager enrol the key, Debian runs beneath Trapline with Secure Boot on, and the key is deleted again."""
    _, _, (enrol,), folder, (new_entry, next_entry), (*remove, delete) = steps_by_shim()
    with Debian(machine, DISK=disk(), SECURE=1, VARS=f"{OVMF}/OVMF_VARS_4M.ms.fd") as debian:
        first_start(debian)
        before = entries(debian)
        expect_words(debian.does("mokutil --sb-state"), "SecureBoot enabled")
        expect_words(debian.run("trapline-install")[1], "refused: Secure Boot is on")

        ask_shim(debian, enrol)
        answer_mokmanager(debian, rb"Enroll MOK", rb"Enroll the key")
        expect_bare(debian, debian.shell())
        expect_words(debian.run("mokutil --test-key owner.der")[1], "is already enrolled")
        expect_words(debian.run("trapline-install --sign owner.key owner.pem")[1], "only shim has this key")

        for command in folder:
            debian.does(command)
        (number,) = re.findall(r"^Boot([0-9A-F]{4})\* Trapline", debian.does(new_entry), re.M)
        debian.does(next_entry.replace("XXXX", number))
        debian.restart()
        expect_beneath(debian, debian.shell())
        expect_words(debian.does("mokutil --sb-state"), "SecureBoot enabled")

        for command in remove:
            debian.does(command.replace("XXXX", number))
        ask_shim(debian, delete)
        answer_mokmanager(debian, rb"Delete MOK", rb"Delete the key")
        expect_bare(debian, debian.shell())
        expect_words(debian.run("mokutil --test-key owner.der")[1], "is not enrolled")
        expect(entries(debian) == before, f"the boot entries differ: {before} {entries(debian)}")
