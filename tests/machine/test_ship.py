# SPDX-License-Identifier: MIT
"""What is shipped: the Debian packages are built and looked at. `make test-deb` installs them as well."""

import os
import re
import subprocess

from lib.machine import BUILD, ROOT, expect, on

# What each package must have, beside others; what none may have.
WANTED = {
    "trapline": (
        "usr/bin/trapctl",
        "usr/bin/trapline-decode",
        "usr/sbin/trapline-install",
        "usr/lib/trapline/trapline.efi",
        "usr/lib/trapline/trapline.conf.example",
        "usr/share/man/man1/trapctl.1.gz",
        "usr/share/man/man5/trapline.conf.5.gz",
        "usr/share/man/man7/trapline.7.gz",
        "usr/share/man/man8/trapline-install.8.gz",
        "usr/share/bash-completion/completions/trapctl",
        "usr/share/doc/trapline/NOTICE",
        "usr/share/doc/trapline/copyright",
    ),
    "trapline-dkms": ("usr/src/trapline-{}/dkms.conf", "usr/src/trapline-{}/trapline_module.c", "usr/src/trapline-{}/include/trapline/device.h"),
    "libtrapline-dev": ("usr/include/trapline.h", "usr/include/trapline/abi.h", "usr/lib/x86_64-linux-gnu/libtrapline.a"),
}


MAINTAINER = {"DEBFULLNAME": "A Person", "DEBEMAIL": "person@trapline.example.org"}


def run(*command, **more):
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))} | more
    done = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    expect(done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout}")
    return done.stdout


@on("svm")
def test_packages(machine):
    """They are built from the tarball, lintian finds no error, and the files are in them, with the version of this tree."""
    run("make", "--no-print-directory", "deb", **MAINTAINER)
    version = re.search('"(.*)"', (BUILD / "version.h").read_text())[1]
    for name, wanted in WANTED.items():
        (package,) = (BUILD / "deb").glob(f"{name}_{version}_*.deb")
        files = {line.split()[5].removeprefix("./") for line in run("dpkg-deb", "--contents", package).splitlines()}
        maintainer = run("dpkg-deb", "--field", package, "Maintainer").strip()
        expect(maintainer == "A Person <person@trapline.example.org>", f"{name} is maintained by {maintainer}")
        missing = [file.format(version) for file in wanted if file.format(version) not in files]
        expect(not missing, f"{name} lacks {missing}")
        expect(not any("local" in file for file in files), f"{name} has files in /usr/local")
