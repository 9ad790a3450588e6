# SPDX-License-Identifier: MIT
"""The variables that tools/launch describes, read and checked once."""

import os
import pathlib
import re
import shlex
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]
BACKENDS = ("svm", "vmx", "svm-bochs")
TIME_LIMITS = {"svm": 180, "vmx": 900, "svm-bochs": 900}
DEFAULTS = {"TRAPLINE": "1", "USB": "0", "ICOUNT": "0", "REBOOT": "0", "FOLLOW": "0", "SECURE": "0"}
FOLDERS = ("ESP", "BOCHS")
SOCKET_PATH_MAX = 107
KEY = r"(?im)^[ \t]*{}[ \t]*=(.*)"

# Variables that would have no effect, the condition for that, and what to do instead. A flag with its default value counts as not set.
REFUSED = (
    ("INITRD APPEND", lambda s: not s.kernel, "it goes with a Linux guest: set KERNEL as well"),
    ("ARGS", lambda s: not s.efi, "it goes with an EFI program: set EFI as well"),
    ("EFI", lambda s: s.kernel, "only one can be the guest: leave out this or KERNEL"),
    ("CONF TRAPLINE_EFI TRAPLINE", lambda s: s.disk, "the image brings its own Trapline, or none: leave out this or DISK"),
    ("CONF TRAPLINE_EFI", lambda s: not s.trapline, "the guest runs bare: leave out this or TRAPLINE=0"),
    ("APPEND ARGS", lambda s: s.in_conf("options") is not None, "CONF has options of its own: leave out this or those"),
    ("INITRD", lambda s: s.conf_lacks("initrd="), "the options in CONF name none: add initrd=\\initrd.img there"),
    ("ESP ESP_FREE", lambda s: not s.has_guest, "an ESP is made for a guest: set KERNEL or EFI as well"),
    ("USB", lambda s: not s.disk, "it says how DISK is attached: set DISK as well"),
    ("VARS", lambda s: not s.secure, "it goes with the firmware of SECURE=1: set that as well"),
    ("ICOUNT USB EXTRA SECURE", lambda s: s.backend != "svm", "it is QEMU's: leave it out, or set BACKEND=svm"),
    ("MSRS BOCHS", lambda s: s.backend == "svm", "it is Bochs': leave it out, or set BACKEND=vmx or svm-bochs"),
    ("DISK", lambda s: s.backend != "svm" and s.has_guest, "Bochs gets one disk: leave out this, or KERNEL and EFI"),
    ("SERIAL", lambda s: s.serial == s.console, "it cannot be CONSOLE's socket: set another path"),
)


class Wrong(Exception):
    """A variable or file that keeps the machine from being set up."""


def flag(env, name):
    value = env.get(name, "") or DEFAULTS[name]
    if value not in ("0", "1"):
        raise Wrong(f"{name}={value}: it is 0 or 1")
    return value == "1"


def number(env, name, default, least=1):
    """The number in a variable; the default when it is not set."""
    value = env.get(name, "")
    if not value:
        return default
    if not value.isdecimal() or int(value) < least:
        raise Wrong(f"{name}={value}: it is a number from {least} up")
    return int(value)


def existing(env, name, default=""):
    """The path in a variable; None when it is not set."""
    value = env.get(name, "") or default
    if not value:
        return None
    path = pathlib.Path(value).resolve()
    if not path.exists():
        raise Wrong(f"{name}={value}: no such file")
    if path.is_dir() != (name in FOLDERS):
        raise Wrong(f"{name}={value}: it is a {'file' if path.is_dir() else 'folder'}")
    return path


def text(env, name):
    """One line, in characters that a file of the ESP can have."""
    value = env.get(name, "")
    if not value.isprintable() or not value.isascii():
        raise Wrong(f"{name}={value!r}: it is one line of ASCII")
    return value


def words(env, name):
    try:
        return shlex.split(env.get(name, ""))
    except ValueError as error:
        raise Wrong(f"{name}={env[name]}: {error}") from error


def pattern(env, name):
    value = env.get(name, "")
    try:
        return re.compile(value) if value else None
    except re.error as error:
        raise Wrong(f"{name}={value}: {error}") from error


def socket(env, name):
    """A path for a unix socket. A leftover of the last run is removed; anything else there is an error."""
    value = env.get(name, "")
    path = pathlib.Path(value)
    if len(os.fsencode(value)) > SOCKET_PATH_MAX:
        raise Wrong(f"{name}={value}: a socket's path has {SOCKET_PATH_MAX} bytes at most")
    if value and not path.parent.is_dir():
        raise Wrong(f"{name}={value}: no such folder")
    if value and path.exists() and not path.is_socket():
        raise Wrong(f"{name}={value}: it is there already, and no socket")
    return value


def chosen_backend(env):
    backend = env.get("BACKEND", "") or BACKENDS[0]
    if backend not in BACKENDS:
        raise Wrong(f"BACKEND={backend}: it is one of {', '.join(BACKENDS)}")
    return backend


def time_limit(env, backend):
    """None if somebody uses the machine's serial lines and no limit is set."""
    interactive = env.get("CONSOLE") or env.get("SERIAL")
    return number(env, "TIMEOUT", None if interactive else TIME_LIMITS[backend])


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
    secure: bool = False
    vars: pathlib.Path | None = None
    msrs: pathlib.Path | None = None
    extra: list = field(default_factory=list)
    out: pathlib.Path = ROOT / "build/run"
    timeout: int | None = 180  # seconds
    until: re.Pattern | None = None
    reboot: bool = False
    follow: bool = False
    console: str = ""
    serial: str = ""

    @classmethod
    def from_environment(cls, env=os.environ):
        backend = chosen_backend(env)
        settings = cls(
            backend=backend,
            cpus=number(env, "CPUS", 1),
            mem=number(env, "MEM", 1024, least=128),
            kernel=existing(env, "KERNEL"),
            initrd=existing(env, "INITRD"),
            append=text(env, "APPEND"),
            efi=existing(env, "EFI"),
            args=text(env, "ARGS"),
            disk=existing(env, "DISK"),
            usb=flag(env, "USB"),
            trapline=flag(env, "TRAPLINE"),
            trapline_efi=pathlib.Path(env.get("TRAPLINE_EFI", "") or ROOT / "build/trapline.efi").resolve(),
            conf=existing(env, "CONF"),
            esp=existing(env, "ESP"),
            esp_free=number(env, "ESP_FREE", None, least=0),
            cpu=text(env, "CPU"),
            bochs=existing(env, "BOCHS"),
            icount=flag(env, "ICOUNT"),
            secure=flag(env, "SECURE"),
            vars=existing(env, "VARS"),
            extra=words(env, "EXTRA"),
            out=pathlib.Path(env.get("OUT", "") or ROOT / "build/run").resolve(),
            timeout=time_limit(env, backend),
            until=pattern(env, "UNTIL"),
            reboot=flag(env, "REBOOT"),
            follow=flag(env, "FOLLOW"),
            console=socket(env, "CONSOLE"),
            serial=socket(env, "SERIAL"),
            msrs=existing(env, "MSRS"),
        )
        settings.check(env)
        return settings

    def check(self, env):
        for names, unused, what_to_do in REFUSED:
            for name in names.split():
                if env.get(name, "") not in ("", DEFAULTS.get(name)) and unused(self):
                    raise Wrong(f"{name}={env[name]}: {what_to_do}")
        if not (self.has_guest or self.disk):
            raise Wrong("nothing to boot: set KERNEL, EFI or DISK")
        if self.under_trapline and not self.trapline_efi.is_file():
            raise Wrong(f"TRAPLINE_EFI={self.trapline_efi}: not built yet (make), or set TRAPLINE=0")

    def in_conf(self, key):
        """What the user's trapline.conf says of a key; None when it does not."""
        found = re.search(KEY.format(key), self.conf_text)
        return found.group(1) if found else None

    def conf_lacks(self, option):
        options = self.in_conf("options")
        return options is not None and option not in options

    @property
    def conf_text(self):
        return self.conf.read_bytes().decode("latin-1") if self.conf else ""

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
