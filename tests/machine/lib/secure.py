# SPDX-License-Identifier: MIT
"""Keys and signatures for the machines with SECURE=1, and the variables of their firmware."""

import struct
import subprocess
import uuid

from .machine import BUILD, expect

OVMF = "/usr/share/OVMF"
SNAKEOIL = (BUILD / "machine/snakeoil.key", "/usr/share/ovmf/PkKek-1-snakeoil.pem")
SHIM = BUILD / "shim"

# As EDK2 stores them (VariableFormat, authenticated): behind the volume's header and the store's, one variable after the other.
FIRST_VARIABLE = 0x48 + 28
START, ADDED = 0x55AA, 0x3F
HEADER = struct.Struct("<HBBIQ16sIII16s")
NON_VOLATILE_BOOT_SERVICE = 3
SHIM_GUID = uuid.UUID("605dab50-e046-4300-abb6-3dd810dd8b23").bytes_le
X509_GUID = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072").bytes_le


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, check=False)
    expect(done.returncode == 0, f"{command[0]}: {done.stderr}")
    return done.stdout


def sign(image, target, key=SNAKEOIL):
    run("sbsign", "--key", key[0], "--cert", key[1], "--output", target, image)
    return target


def new_key(folder):
    """A machine owner's key, as docs/secure-boot.md makes it: (key, certificate)."""
    key, certificate = folder / "owner.key", folder / "owner.pem"
    run("openssl", "req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 3650, "-subj", "/CN=owner/",
        "-keyout", key, "-out", certificate)  # fmt: skip
    return key, certificate


def free_space(store):
    at = FIRST_VARIABLE
    while struct.unpack_from("<H", store, at)[0] == START:
        sizes = HEADER.unpack_from(store, at)
        at = (at + HEADER.size + sizes[7] + sizes[8] + 3) & ~3
    return at


def add_variable(store, name, guid, value):
    name = f"{name}\0".encode("utf-16-le")
    header = HEADER.pack(START, ADDED, 0, NON_VOLATILE_BOOT_SERVICE, 0, bytes(16), 0, len(name), len(value), guid)
    variable = header + name + value
    at = free_space(store)
    store[at : at + len(variable)] = variable


def variables_with_owner(target, certificate):
    """Microsoft's keys as on a machine from a shop, and what MokManager writes when a key is enrolled (shim's MokVars.txt)."""
    with open(f"{OVMF}/OVMF_VARS_4M.ms.fd", "rb") as file:
        store = bytearray(file.read())
    der = certificate.with_suffix(".der")
    run("openssl", "x509", "-in", certificate, "-outform", "DER", "-out", der)
    signature = SHIM_GUID + der.read_bytes()
    add_variable(store, "MokList", SHIM_GUID, X509_GUID + struct.pack("<III", 28 + len(signature), 0, len(signature)) + signature)
    target.write_bytes(store)
    return target
