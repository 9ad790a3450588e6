# SPDX-License-Identifier: MIT
"""Makes the FAT image that the machine boots from, with mtools: nothing is mounted, nobody needs to be root."""

import os
import re
import shutil
import subprocess

from .bochs import KERNEL_OPTIONS
from .settings import ROOT, Wrong

STARTER = ROOT / "build/machine/starter.efi"
SIGNED_STARTER = ROOT / "build/machine/starter-signed.efi"  # for SECURE=1
# Bochs derives a disk's geometry from its size, in cylinders of 16 heads and 63 sectors.
CYLINDER = 16 * 63 * 512
SMALLEST = 40 << 20


def build_esp(settings):
    """Lays out the files under OUT/esp and copies them into OUT/esp.img."""
    tree = settings.out / "esp"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir()
    lay_out(tree, settings)
    make_image(settings.esp_image, tree)
    shutil.rmtree(tree)
    if settings.esp_free is not None:
        fill(settings.esp_image, settings.esp_free)


def lay_out(tree, settings):
    starter = SIGNED_STARTER if settings.secure else STARTER
    if not starter.exists():
        raise Wrong(f"{starter}: not built yet (make {starter.relative_to(ROOT)})")
    if settings.esp:
        shutil.copytree(settings.esp, tree, dirs_exist_ok=True)
    put(starter, tree / "EFI/BOOT/BOOTX64.EFI")
    path, options = put_guest(tree, settings)
    if settings.under_trapline:
        put(settings.trapline_efi, tree / "EFI/trapline/trapline.efi")
        (tree / "EFI/trapline/trapline.conf").write_bytes(configuration(settings, path, options))
        path, options = "\\EFI\\trapline\\trapline.efi", ""
    (tree / "start.txt").write_text(f"{path}\n{options}\n", encoding="latin-1")


def put(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def put_guest(tree, settings):
    """Copies the guest and returns its path on the ESP and its load options."""
    if settings.efi:
        put(settings.efi, tree / "guest.efi")
        return "\\guest.efi", settings.args
    put(settings.kernel, tree / "vmlinuz")
    options = f"console=ttyS0,115200 panic=-1 {KERNEL_OPTIONS.get(settings.backend, '')}".rstrip()
    if settings.initrd:
        put(settings.initrd, tree / "initrd.img")
        options = f"initrd=\\initrd.img {options}"
    return "\\vmlinuz", f"{options} {settings.append}".strip()


def configuration(settings, path, options):
    """The user's file as it is, line numbers included; what the guest needs goes behind it."""
    text = settings.conf_text
    if text and not text.endswith("\n"):
        text += "\n"
    for key, value in (("next", path), ("options", options)):
        if value and settings.in_conf(key) is None:
            text += f"{key} = {value}\n"
    return text.encode("latin-1")


def mtools(*command):
    # Times and the volume's serial number are fixed, so that equal files make an equal image.
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"  # not in every user's PATH
    env = dict(os.environ, PATH=path, MTOOLS_SKIP_CHECK="1", SOURCE_DATE_EPOCH="1700000000")
    program = shutil.which(command[0], path=path)
    if not program:
        raise Wrong(f"{command[0]} is not installed: make deps")
    done = subprocess.run([program, *command[1:]], env=env, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise Wrong(f"{command[0]}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def make_image(image, tree):
    content = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
    size = max(SMALLEST, content * 5 // 4 + (8 << 20))
    size = (size + CYLINDER - 1) // CYLINDER * CYLINDER
    with open(image, "wb") as file:
        file.truncate(size)
    mtools("mkfs.fat", "--invariant", "-n", "TRAPLINE", str(image))
    mtools("mcopy", "-i", str(image), "-s", "-o", *map(str, sorted(tree.iterdir())), "::/")


def fill(image, free):
    """Leaves only this many bytes of the image free."""
    listing = mtools("mdir", "-i", str(image), "::/")
    found = re.search(r"([\d ]+) bytes free", listing)
    if not found:
        raise Wrong("mdir does not say how much is free")
    size = int(found.group(1).replace(" ", "")) - free
    filler = image.with_suffix(".fill")
    with open(filler, "wb") as file:
        file.truncate(max(size, 0))
    mtools("mcopy", "-i", str(image), str(filler), "::/filler")
    filler.unlink()
