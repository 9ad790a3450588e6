"""The variables that tools/launch describes, read and checked once."""

import os
import pathlib
import re
import shlex
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]
BACKENDS = ("svm", "vmx", "svm-bochs")
TIME_LIMITS = {"svm": 180, "vmx": 900, "svm-bochs": 900}


class Wrong(Exception):
    """A variable or file that keeps the machine from being set up."""


def flag(name, default="0"):
    value = os.environ.get(name, "") or default
    if value not in ("0", "1"):
        raise Wrong(f"{name}={value}: it is 0 or 1")
    return value == "1"


def number(name, default, least=1):
    value = os.environ.get(name, "") or str(default)
    if not value.isdecimal() or int(value) < least:
        raise Wrong(f"{name}={value}: it is a number from {least} up")
    return int(value)


def existing(name, default=""):
    """The path in a variable; None when it is not set."""
    value = os.environ.get(name, "") or default
    if not value:
        return None
    path = pathlib.Path(value).resolve()
    if not path.exists():
        raise Wrong(f"{name}={value}: no such file")
    return path


def pattern(name):
    value = os.environ.get(name, "")
    try:
        return re.compile(value) if value else None
    except re.error as error:
        raise Wrong(f"{name}={value}: {error}") from error


@dataclass
class Settings:
    backend: str
    cpus: int
    mem: int
    kernel: pathlib.Path | None
    initrd: pathlib.Path | None
    append: str
    efi: pathlib.Path | None
    args: str
    disk: pathlib.Path | None
    usb: bool
    trapline: bool
    trapline_efi: pathlib.Path
    conf: pathlib.Path | None
    esp: pathlib.Path | None
    esp_free: int | None
    cpu: str
    bochs: pathlib.Path | None
    icount: bool
    msrs: pathlib.Path | None = None
    extra: list = field(default_factory=list)
    out: pathlib.Path = ROOT / "build/run"
    timeout: int = 180
    until: re.Pattern | None = None
    reboot: bool = False
    follow: bool = False
    console: str = ""

    @classmethod
    def from_environment(cls):
        env = os.environ
        backend = env.get("BACKEND", "") or "svm"
        if backend not in BACKENDS:
            raise Wrong(f"BACKEND={backend}: it is one of {', '.join(BACKENDS)}")
        settings = cls(
            backend=backend,
            cpus=number("CPUS", 1),
            mem=number("MEM", 1024, least=128),
            kernel=existing("KERNEL"),
            initrd=existing("INITRD"),
            append=env.get("APPEND", ""),
            efi=existing("EFI"),
            args=env.get("ARGS", ""),
            disk=existing("DISK"),
            usb=flag("USB"),
            trapline=flag("TRAPLINE", "1"),
            trapline_efi=pathlib.Path(env.get("TRAPLINE_EFI", "") or ROOT / "build/trapline.efi").resolve(),
            conf=existing("CONF"),
            esp=existing("ESP"),
            esp_free=number("ESP_FREE", 0, least=0) if env.get("ESP_FREE") else None,
            cpu=env.get("CPU", ""),
            bochs=existing("BOCHS"),
            icount=flag("ICOUNT"),
            extra=shlex.split(env.get("EXTRA", "")),
            out=pathlib.Path(env.get("OUT", "") or ROOT / "build/run").resolve(),
            timeout=number("TIMEOUT", TIME_LIMITS[backend]),
            until=pattern("UNTIL"),
            reboot=flag("REBOOT"),
            follow=flag("FOLLOW"),
            console=env.get("CONSOLE", ""),
            msrs=existing("MSRS"),
        )
        settings.check()
        return settings

    def check(self):
        if self.kernel and self.efi:
            raise Wrong("KERNEL and EFI: only one of them can be the guest")
        if not (self.has_guest or self.disk):
            raise Wrong("nothing to boot: set KERNEL, EFI or DISK")
        if self.trapline and not self.disk and not self.trapline_efi.exists():
            raise Wrong(f"{self.trapline_efi}: not built yet (make), or set TRAPLINE=0")
        if self.backend != "svm" and (self.icount or self.usb or self.extra):
            raise Wrong("ICOUNT, USB and EXTRA are for BACKEND=svm")

    @property
    def has_guest(self):
        return bool(self.kernel or self.efi)

    @property
    def under_trapline(self):
        """A disk image brings its own Trapline, so that the guest behind it is a bare one."""
        return self.trapline and not self.disk

    @property
    def guest_log(self):
        return self.out / "guest.log"

    @property
    def trapline_log(self):
        return self.out / "trapline.log"

    @property
    def emulator_log(self):
        return self.out / "emulator.log"

    @property
    def esp_image(self):
        return self.out / "esp.img"

    def prepare_out(self):
        self.out.mkdir(parents=True, exist_ok=True)
        for old in (self.guest_log, self.trapline_log, self.emulator_log, self.esp_image):
            old.unlink(missing_ok=True)
        self.guest_log.touch()
        self.trapline_log.touch()
