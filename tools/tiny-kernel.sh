#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds build/linux/tiny-vmlinuz: Debian's kernel source, configured as small as the Linux guest of the tests allows
# (tests/linux/tiny-kernel.config) and packed with LZ4. Bochs spends minutes on unpacking Debian's own kernel, and
# seconds on this one: 65 s of CPU time against 10 s from power-on to power-off. The build takes 290 s, once. It
# is for working on Trapline, `make test-vmx TINY=1`; the full test suite boots Debian's kernel. Does nothing if it exists and the configuration has not changed since.
#
#   usage: tools/tiny-kernel.sh [FILE]     FILE: where it goes, default build/linux/tiny-vmlinuz
set -euo pipefail
cd "$(dirname "$0")/.."

out=$(realpath -m "${1:-build/linux/tiny-vmlinuz}")
config=$(realpath tests/linux/tiny-kernel.config)
source_package=linux-source-6.1

say() { printf 'tiny-kernel: %s\n' "$*"; }

if [ -s "$out" ] && [ "$out" -nt "$config" ]; then
	exit 0
fi
for command in flex bison bc lz4 make gcc; do
	command -v "$command" >/dev/null || { say "$command is missing; needed: flex bison bc lz4 libelf-dev" >&2; exit 1; }
done
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
cd "$temporary"

say "downloading $source_package"
apt-get -q download "$source_package" >/dev/null 2>&1
dpkg-deb --fsys-tarfile "$source_package"_*.deb | tar -xO "./usr/src/$source_package.tar.xz" | tar -xJ
cd "$source_package"

say "building, which takes some minutes"
{
	make -s tinyconfig
	scripts/kconfig/merge_config.sh -m .config "$config"
	make -s olddefconfig
	make -s -j"$(nproc)" bzImage
} >"$temporary/log" 2>&1 </dev/null || {
	tail -n 30 "$temporary/log" >&2
	exit 1
}
mkdir -p "$(dirname "$out")"
cp arch/x86/boot/bzImage "$out.new"
mv "$out.new" "$out"
say "$out"
