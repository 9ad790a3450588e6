#!/bin/bash
# SPDX-License-Identifier: MIT
# Fetches the debug information of the guest's kernel (build/linux/vmlinuz), Debian's package of it, and prints where its
# vmlinux is: 860 MB are downloaded once, 640 MB kept, in $XDG_CACHE_HOME/trapline or ~/.cache/trapline.
#
#   usage: tools/dbg-kernel.sh
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'dbg-kernel: %s\n' "$*" >&2; }

# What a bzImage says of itself (Documentation/x86/boot.rst): at 0x20e the place of its version, from 0x200 on.
release=$(python3 -c '
image = open("build/linux/vmlinuz", "rb").read(65536)
start = 0x200 + int.from_bytes(image[0x20E:0x210], "little")
print(image[start:image.index(b" ", start)].decode())')
cache=${XDG_CACHE_HOME:-$HOME/.cache}/trapline
file=usr/lib/debug/boot/vmlinux-$release

if [ ! -s "$cache/$file" ]; then
	package=linux-image-$release-dbg
	mkdir -p "$cache"
	temporary=$(mktemp -d -p "$cache")
	trap 'rm -rf "$temporary"' EXIT
	say "downloading $package: 860 MB"
	(cd "$temporary" && apt-get -q download "$package" >log 2>&1) || {
		say "$package is not downloaded: $(grep -m 1 '^E: ' "$temporary/log" || tail -n 1 "$temporary/log")"
		say "an archive has the newest kernels only: make deps, with build/linux removed, fetches the newest and its headers"
		exit 1
	}
	say "unpacking it: a minute"
	dpkg-deb --fsys-tarfile "$temporary"/*.deb | tar -x -C "$temporary" "./$file"
	mkdir -p "$cache/$(dirname "$file")"
	mv "$temporary/$file" "$cache/$file"
fi
echo "$cache/$file"
