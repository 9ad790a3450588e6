#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs what building and testing Trapline needs on Debian 12. Unpacks Debian's own kernel to build/linux/vmlinuz for the
# guest, its headers to build/linux/headers for the kernel modules, and its shim and GRUB to build/shim. If all is there it
# installs nothing and needs no network.
#
#   tools/deps.sh           install what is missing
#   tools/deps.sh --usb     only what `make usb` needs
#   tools/deps.sh --check   only say whether anything is missing (status 1 if so)
set -euo pipefail
cd "$(dirname "$0")/.."

usb_packages=(
	# trapline.efi
	gcc make nasm binutils gnu-efi libc6-dev libzycore-dev libdw-dev dpkg-dev python3 git
	# the disks that machines boot
	mtools dosfstools gdisk
)
packages=(
	"${usb_packages[@]}"
	# make sign, and the tests of Secure Boot
	sbsigntool openssl
	# the machines
	qemu-system-x86 ovmf bochs bochsbios vgabios
	# tests and guests
	libcmocka-dev cpio xz-utils busybox-static gdb libelf1 clang stress-ng
	# the manual pages
	man-db mandoc
	# what trapline-decode writes, opened by the tools that it is for
	babeltrace2 lnav jq chromium-headless-shell
	# make deb, make test-deb
	debhelper dh-dkms lintian mmdebstrap
	# make format, make check
	clang-format clang-tidy cppcheck shellcheck pyflakes3
)
linux=build/linux
shim=build/shim
boot_chain=(shim-signed shim-helpers-amd64-signed grub-efi-amd64-signed)

say() { printf 'deps: %s\n' "$*"; }

# missing PACKAGE...: those that are not installed
missing() {
	local package
	for package in "$@"; do
		dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || echo "$package"
	done
}

# Runs a command as root: directly, or with sudo if sudo asks for no password.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif sudo -n true 2>/dev/null; then
		sudo -n "$@"
	else
		say "this needs root; run: sudo $*" >&2
		return 1
	fi
}

apt_get() {
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

install_packages() {
	if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
		say "this needs root; run: sudo apt-get update && sudo apt-get install --no-install-recommends $*" >&2
		return 1
	fi
	say "installing $*"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update </dev/null
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
		-o Acquire::Retries=3 -o Dpkg::Use-Pty=0 install "$@" </dev/null
}

# The package that linux-image-amd64 depends on, such as linux-image-6.1.0-12-amd64.
kernel_package() {
	apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*-amd64\)$/\1/p' |
		head -n 1
}

# The newest kernel that is installed on this machine; using it saves the download.
installed_kernel() {
	{ dpkg-query -W -f='${db:Status-Status} ${Package}\n' 'linux-image-[0-9]*-amd64' 2>/dev/null || true; } |
		awk '$1 == "installed" { sub("linux-image-", "/boot/vmlinuz-", $2); print $2 }' | sort -V | tail -n 1
}

# Downloads and unpacks the package without installing it: the build machine keeps its own kernel.
download_kernel() {
	local package temporary
	package=$(kernel_package)
	if [ -z "$package" ]; then
		as_root apt-get -q update </dev/null
		package=$(kernel_package)
	fi
	[ -n "$package" ] || { say "apt knows no linux-image-amd64" >&2; return 1; }

	say "downloading $package for the Linux guest"
	temporary=$(mktemp -d)
	# The package list may be older than the archive: update it and try again.
	(cd "$temporary" && apt_get download "$package" 2>/dev/null) || {
		as_root apt-get -q update </dev/null
		package=$(kernel_package)
		(cd "$temporary" && apt_get download "$package")
	}
	dpkg-deb -x "$temporary"/*.deb "$temporary/root"
	cp "$temporary"/root/boot/vmlinuz-* "$linux/vmlinuz.new"
	rm -rf "$temporary"
}

fetch_kernel() {
	local installed
	mkdir -p "$linux"
	installed=$(installed_kernel)
	if [ -n "$installed" ] && [ -r "$installed" ]; then
		cp "$installed" "$linux/vmlinuz.new"
	else
		download_kernel
	fi
	# Moved into place in one step, so that an interrupted run leaves nothing half done.
	mv "$linux/vmlinuz.new" "$linux/vmlinuz"
}

# The version of a bzImage (Documentation/x86/boot.rst): 0x20e has its offset, counted from 0x200.
kernel_version() {
	python3 - "$linux/vmlinuz" <<-'END'
		import sys
		image = open(sys.argv[1], "rb").read(65536)
		start = 0x200 + int.from_bytes(image[0x20E:0x210], "little")
		print(image[start:image.index(b" ", start)].decode())
	END
}

# Downloads the headers of a kernel and their dependencies into a folder. Fails if the archive does not have them (any more).
download_headers() {
	local package=linux-headers-$1 needed
	mapfile -t needed < <(apt-cache depends "$package" 2>/dev/null |
		sed -nE 's/^ *Depends: (linux-headers-[0-9].*-common|linux-kbuild-.*)$/\1/p')
	(cd "$2" && apt_get download "$package" "${needed[@]}" 2>/dev/null)
}

# Debian's headers refer to their other half by its installed path.
unpack_headers() {
	local package
	rm -rf "$linux/headers.new"
	for package in "$1"/*.deb; do
		dpkg-deb -x "$package" "$linux/headers.new"
	done
	# shellcheck disable=SC2016 # make's own variables
	sed -i 's#^include /usr/src/#include $(dir $(lastword $(MAKEFILE_LIST)))../#' \
		"$linux"/headers.new/usr/src/linux-headers-*-amd64/Makefile
	rm -rf "$linux/headers" && mv "$linux/headers.new" "$linux/headers"
}

# The archive has the headers of its newest kernel only: with an older kernel the kernel is downloaded again as well.
fetch_headers() {
	local temporary version
	temporary=$(mktemp -d)
	version=$(kernel_version)
	say "downloading the headers of Linux $version"
	if ! download_headers "$version" "$temporary"; then
		download_kernel && mv "$linux/vmlinuz.new" "$linux/vmlinuz" &&
			download_headers "$(kernel_version)" "$temporary" || return 1
	fi
	unpack_headers "$temporary"
	rm -rf "$temporary"
}

# Unpacked and not installed: these packages would change how this machine boots. The second one has MokManager.
fetch_shim() {
	local temporary package
	temporary=$(mktemp -d)
	say "downloading Debian's shim and its GRUB"
	(cd "$temporary" && apt_get download "${boot_chain[@]}" 2>/dev/null) || {
		as_root apt-get -q update </dev/null
		(cd "$temporary" && apt_get download "${boot_chain[@]}")
	}
	for package in "$temporary"/*.deb; do
		dpkg-deb -x "$package" "$temporary/root"
	done
	rm -rf "$shim" && mkdir -p "$shim"
	cp "$temporary"/root/usr/lib/shim/*.signed "$temporary"/root/usr/lib/grub/*/grubx64.efi.signed "$shim"
	rm -rf "$temporary"
}

if [ "${1:-}" = --usb ]; then
	mapfile -t missing < <(missing "${usb_packages[@]}")
	[ "${#missing[@]}" = 0 ] || install_packages "${missing[@]}"
	exit
fi

mapfile -t missing < <(missing "${packages[@]}")

if [ "${1:-}" = --check ]; then
	[ "${#missing[@]}" = 0 ] && [ -s "$linux/vmlinuz" ] && [ -d "$linux/headers" ] && [ -d "$shim" ]
	exit
fi

[ "${#missing[@]}" = 0 ] || install_packages "${missing[@]}"
[ -s "$linux/vmlinuz" ] || fetch_kernel
[ -d "$shim" ] || fetch_shim
# Without headers everything but the kernel modules is built, and the modules' tests are skipped.
[ -d "$linux/headers" ] || fetch_headers || say "no headers for the guest's kernel: its modules are not built" >&2
