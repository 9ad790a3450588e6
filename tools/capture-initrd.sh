#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes build/linux/capture.img, the example of an initrd for a capture kernel (docs/capture.md): busybox, makedumpfile and the drivers of
# the usual disks for the kernel build/linux/vmlinuz. Debian's package of that kernel is downloaded once (70 MB), in
# $XDG_CACHE_HOME/trapline or ~/.cache/trapline.
#
#   usage: tools/capture-initrd.sh
set -euo pipefail
cd "$(dirname "$0")/.."

drivers=(virtio_pci virtio_blk ahci ata_piix sd_mod nvme)
say() { printf 'capture-initrd: %s\n' "$*" >&2; }

for program in makedumpfile:makedumpfile /bin/busybox:busybox-static; do
	command -v "${program%%:*}" >/dev/null || { say "${program%%:*} is missing: apt-get install ${program##*:}"; exit 1; }
done

# What a bzImage says of itself (Documentation/x86/boot.rst): at 0x20e the place of its version, from 0x200 on.
release=$(python3 -c '
image = open("build/linux/vmlinuz", "rb").read(65536)
start = 0x200 + int.from_bytes(image[0x20E:0x210], "little")
print(image[start:image.index(b" ", start)].decode())')
cache=${XDG_CACHE_HOME:-$HOME/.cache}/trapline
modules=$cache/modules-$release

if [ ! -d "$modules" ]; then
	package=linux-image-$release
	mkdir -p "$cache"
	temporary=$(mktemp -d -p "$cache")
	trap 'rm -rf "$temporary"' EXIT
	say "downloading $package: 70 MB"
	(cd "$temporary" && apt-get -q download "$package" >log 2>&1) || {
		say "$package is not downloaded: $(grep -m 1 '^E: ' "$temporary/log" || tail -n 1 "$temporary/log")"
		exit 1
	}
	mkdir "$temporary/root"
	dpkg-deb --fsys-tarfile "$temporary"/*.deb |
		tar -x -C "$temporary/root" --wildcards "./lib/modules/$release/kernel/drivers/*" "./lib/modules/$release/kernel/lib/*" \
			"./lib/modules/$release/kernel/arch/*" "./lib/modules/$release/kernel/crypto/*" "./lib/modules/$release/modules.*"
	busybox depmod -b "$temporary/root" "$release"
	mv "$temporary/root" "$modules"
fi

root=build/linux/capture
rm -rf $root && mkdir -p $root/{bin,dev,proc,sys,tmp,lib/modules/"$release"}
cp /bin/busybox $root/bin
cp tools/capture-init $root/init
(command -v makedumpfile; ldd "$(command -v makedumpfile)" | grep -o '/[^ ]*') | xargs cp -L --parents -t $root
# A driver and all that it needs, as modules.dep has it: paths, the driver first.
for driver in "${drivers[@]}"; do
	line=$(grep -E "(^|/)$driver\.ko[^:]*:" "$modules/lib/modules/$release/modules.dep") || continue # built in
	read -ra files <<<"${line/:/}"
	(cd "$modules/lib/modules/$release" && cp --parents "${files[@]}" "$OLDPWD/$root/lib/modules/$release")
done
cp "$modules/lib/modules/$release"/modules.{builtin,order} $root/lib/modules/"$release"
busybox depmod -b "$PWD/$root" "$release"
(cd $root && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >build/linux/capture.img
say "build/linux/capture.img is $(($(stat -c %s build/linux/capture.img) >> 20)) MiB, for $release"
