#!/bin/bash
# SPDX-License-Identifier: MIT
# Unpacks Debian 13's Bochs 3.0 with its libraries to build/bochs3: a second VT-x, whose INIT and
# SIPI exits work (docs/smp.md). Nothing is installed; the launcher uses it with BOCHS=build/bochs3. It takes a minute or
# two and 160 MB of downloads, from the mirror that apt uses. Does nothing if build/bochs3 exists.
#
#   usage: tools/bochs3.sh
set -euo pipefail
cd "$(dirname "$0")/.."

release=trixie
root=build/bochs3

say() { printf 'bochs3: %s\n' "$*"; }

# debootstrap insists on root, even if it only downloads.
as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

if [ -x "$root/usr/bin/bochs-bin" ]; then
	exit 0
fi
command -v debootstrap >/dev/null || { say "debootstrap is missing (apt-get install debootstrap)" >&2; exit 1; }
# shellcheck disable=SC2016 # apt's own variable
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
[ -n "$mirror" ] || { say "apt knows no Debian mirror" >&2; exit 1; }

temporary=$(mktemp -d)
trap 'as_root rm -rf "$temporary"' EXIT
say "downloading"
as_root debootstrap --download-only --variant=minbase --include=bochs,bochsbios,vgabios \
	"$release" "$temporary" "$mirror" >"$temporary/log" 2>&1 || {
	tail -n 5 "$temporary/log" >&2
	exit 1
}
say "unpacking"
rm -rf "$root" "$root.new"
for package in "$temporary"/var/cache/apt/archives/*.deb; do
	dpkg-deb -x "$package" "$root.new"
done
# Moved into place in one step, so that an interrupted run leaves nothing half done.
mv "$root.new" "$root"
say "$root"
