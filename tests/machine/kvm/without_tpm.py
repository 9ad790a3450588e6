#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Takes the TPM's detection out of OVMF_CODE.fd: without_tpm.py IN OUT.

Without a TPM that detection reads its registers and the ACPI timer some 100000 times. Each is an exit through three levels
of the bed. The modules (edk2's OvmfPkg/Tcg and SecurityPkg/Tcg) become padding, and the volume is packed again, as the
specification of PI, volume 3, has it: a GUIDed section of LZMA inside of a file.
"""

import lzma
import pathlib
import struct
import sys
import uuid

LZMA = uuid.UUID("EE4E5898-3914-4259-9D6E-DC7BD79403CF").bytes_le
MODULES = (
    "F12F698A-E506-4A1B-B32E-6920E55DA1C4",  # Tcg12ConfigPei
    "8AD3148F-945F-46B4-8ACD-71469EA73945",  # Tcg2ConfigPei
    "2BE1E4A6-6505-43B3-9FFC-A3C8330E0432",  # TcgPei
    "A0C98B77-CBA5-4BB8-993B-4AF6CE33ECE4",  # Tcg2Pei
    "47727552-A54B-4A84-8CC1-BFF23E239636",  # Tcg2PlatformPei
)
# A file's header contains its checksum, type and state.
CHECKSUM, TYPE, STATE, HEADER = 16, 18, 23, 24
PEIM, COMBINED, PAD = 6, 7, 0xF0
VALID = (0xF8, 0x07)
RAW_SECTION = 0x19
DICTIONARY = 1 << 24
FILTERS = [{"id": lzma.FILTER_LZMA1, "dict_size": DICTIONARY, "lc": 3, "lp": 0, "pb": 2, "preset": 9 | lzma.PRESET_EXTREME}]


def make_padding(volume, file):
    volume[file + TYPE] = PAD
    volume[file + CHECKSUM] = 0
    header = volume[file : file + HEADER]
    # The header adds up to 0, but for the file's own checksum and the state.
    volume[file + CHECKSUM] = -(sum(header) - header[CHECKSUM + 1] - header[STATE]) & 0xFF


def take_out(volume):
    found = 0
    for name in MODULES:
        guid, file = uuid.UUID(name).bytes_le, -1
        while (file := volume.find(guid, file + 1)) >= 0:
            if volume[file + TYPE] in (PEIM, COMBINED) and volume[file + STATE] in VALID:
                make_padding(volume, file)
                found += 1
    return found


def pack(volume):
    """Compresses without an end mark and with the size in the header, as the firmware's decoder expects."""
    body = lzma.compress(bytes(volume), format=lzma.FORMAT_RAW, filters=FILTERS)
    return b"\x5d" + struct.pack("<IQ", DICTIONARY, len(volume)) + body


def section_at(data):
    """Returns the packed section's position, its size, and the position of the data in it."""
    at = data.index(LZMA) - 4
    return at, int.from_bytes(data[at : at + 3], "little"), struct.unpack_from("<H", data, at + 20)[0]


def filling(size):
    """An empty section that fills the space which the shorter one leaves. Otherwise the bytes there would be read as sections."""
    return size.to_bytes(3, "little") + bytes([RAW_SECTION]) + bytes(size - 4) if size >= 4 else bytes(size)


def replace(data, packed):
    at, size, offset = section_at(data)
    section = data[at : at + offset] + packed
    if len(section) > size:
        sys.exit(f"kvm-bed: the firmware does not fit any more: {len(section)} > {size}")
    section[0:3] = len(section).to_bytes(3, "little")
    section += bytes(-len(section) % 4)
    data[at : at + size] = section + filling(size - len(section))


def main():
    data = bytearray(pathlib.Path(sys.argv[1]).read_bytes())
    at, size, offset = section_at(data)
    volume = bytearray(lzma.decompress(bytes(data[at + offset : at + size]), format=lzma.FORMAT_ALONE))
    if take_out(volume):
        replace(data, pack(volume))
    pathlib.Path(sys.argv[2]).write_bytes(data)


main()
