#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds Linux's own x86 selftests, 32- and 64-bit and static, from Debian's kernel source, into build/linux/selftests.
# Installs what 32-bit programs need (gcc-multilib, 70 MB). Downloads the source (140 MB) and unpacks only the parts that these
# programs need. Does nothing if they exist.
#
#   usage: tools/selftests.sh
set -euo pipefail
cd "$(dirname "$0")/.."

out=$PWD/build/linux/selftests
source_package=linux-source-6.1
# sigreturn includes the kernel's own structure of a descriptor.
wanted=(tools/testing/selftests/x86 tools/testing/selftests/lib.mk tools/testing/selftests/kselftest.h
	arch/x86/include/asm/desc_defs.h)

say() { printf 'selftests: %s\n' "$*"; }

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

if [ -d "$out" ]; then
	exit 0
fi
if ! dpkg-query -W -f='${db:Status-Status}' gcc-multilib 2>/dev/null | grep -qx installed; then
	say "installing gcc-multilib"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 \
		install gcc-multilib >/dev/null </dev/null
fi
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
cd "$temporary"

say "downloading $source_package"
apt-get -q download "$source_package" >/dev/null 2>&1
dpkg-deb --fsys-tarfile "$source_package"_*.deb | tar -xO "./usr/src/$source_package.tar.xz" |
	tar -xJ "${wanted[@]/#/$source_package/}"

say "building"
rm -rf "$out.new"
mkdir -p "$out.new"
make -C "$source_package/tools/testing/selftests/x86" -j"$(nproc)" CC="gcc -static" OUTPUT="$out.new" KHDR_INCLUDES= \
	all >"$temporary/log" 2>&1 </dev/null || {
	tail -n 30 "$temporary/log" >&2
	exit 1
}
strip "$out.new"/*
# Moved into place in one step, so that an interrupted run leaves nothing half done.
mv "$out.new" "$out"
say "$(find "$out" -type f | wc -l) programs in $out"
