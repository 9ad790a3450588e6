#!/bin/sh
# SPDX-License-Identifier: MIT
# Unpacks the sources of Zydis, the disassembler, into DIR. They are Debian's own source package, fetched with apt
# from the Debian mirror that this machine uses, and compared with the checksum below.
#
#   usage: tools/fetch-zydis.sh DIR
#          tools/fetch-zydis.sh --tarball FILE   only gets the tarball
#
#   ZYDIS_TARBALL=file  a copy of the tarball to use instead of fetching it (the checksum is compared as well). A tarball
#                       of Trapline has one in third-party/
#
# Nothing on the machine changes: apt uses a private directory, so it needs no rights and no deb-src line.
# Running it again does nothing if DIR is complete.
set -eu

VERSION=4.0.0-1
TARBALL=zydis_4.0.0.orig.tar.gz
SHA256=e990107f80c62afc1deb51de230023a1098db801b8ea6bf483e296d45459e234

die() {
	echo "fetch-zydis: $*" >&2
	exit 1
}

keep=
if [ "${1:-}" = --tarball ]; then
	keep=${2:-}
	shift
fi
[ $# -eq 1 ] || die "usage: $0 [--tarball FILE | DIR]"
dir=$1
stamp=$dir/.sha256
here=$(dirname "$0")

if [ -z "$keep" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$SHA256" ]; then
	exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# One stanza or line for each Debian source with this release's main component. A third party's repository has
# other names for its suites, no main, or a key of its own.
# shellcheck disable=SC1091
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")

deb822_sources() {
	awk -v codename="$codename" '
	function flush() {
		if (main && suite && ours && binary)
			printf "Types: deb-src\nSuites: %s\n%s\n", suite, keep
		main = suite = binary = keep = ""; ours = 1
	}
	BEGIN { ours = 1 }
	/^[ \t]*#/ { next }
	/^[ \t]*$/ { flush(); next }
	{ field = tolower($1) }
	/^[^ \t]/ && field == "types:" { binary = 1; next }
	/^[^ \t]/ && field == "enabled:" && tolower($2) == "no" { ours = 0 }
	/^[^ \t]/ && field == "suites:" {
		for (i = 2; i <= NF; i++)
			if ($i == codename || $i == "stable" || $i == "oldstable") suite = $i
		next
	}
	/^[^ \t]/ && field == "components:" {
		for (i = 2; i <= NF; i++) if ($i == "main") main = 1
		keep = keep "Components: main\n"; next
	}
	/^[^ \t]/ && field == "signed-by:" && NF > 1 && $2 !~ /debian-archive/ { ours = 0 }
	/^[^ \t]/ && field == "architectures:" { next }
	{ keep = keep $0 "\n" }
	END { flush() }' "$1"
}

line_sources() {
	awk -v codename="$codename" '
	$1 != "deb" && $1 != "deb-src" { next }
	{
		options = ""; i = 2
		if ($2 ~ /^\[/) {
			for (; i <= NF; i++) { options = options " " $i; if ($i ~ /\]$/) { i++; break } }
			if (options ~ /signed-by=/ && options !~ /debian-archive/) next
			gsub(/arch=[^] ]*/, "", options)
			if (options ~ /^ *\[ *\]$/) options = ""
		}
		uri = $i; suite = $(i + 1)
		if (suite != codename && suite != "stable" && suite != "oldstable") next
		line = "deb-src" options " " uri " " suite " main"
		for (j = i + 2; j <= NF; j++)
			if ($j == "main" && !seen[line]++) print line
	}' "$1"
}

write_sources() {
	parts=$work/parts
	mkdir -p "$parts"
	for f in /etc/apt/sources.list.d/*.sources; do
		if [ -f "$f" ]; then
			deb822_sources "$f" >"$parts/$(basename "$f")"
		fi
	done
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		if [ -f "$f" ]; then
			line_sources "$f" >"$parts/line-$(basename "$f" .list).list"
		fi
	done
	find "$parts" -type f -size 0 -delete
	[ -n "$(ls "$parts")" ] || die "no Debian source with the main component of $codename in /etc/apt"
}

private_apt() {
	apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/parts" \
		-o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" \
		-o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

fetch() {
	command -v apt-get >/dev/null || die "no apt-get here; set ZYDIS_TARBALL to a copy of $TARBALL"
	write_sources
	mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
	# Update succeeds even if one of several mirrors is down: only the download of the source decides.
	if ! (private_apt update && cd "$work" && private_apt source --download-only zydis=$VERSION) >"$work/log" 2>&1; then
		cat "$work/log" >&2
		die "apt cannot fetch the source package zydis $VERSION"
	fi
	[ -f "$work/$TARBALL" ] || die "the source package has no $TARBALL"
}

if [ -z "${ZYDIS_TARBALL:-}" ] && [ -f "$here/../third-party/$TARBALL" ]; then
	ZYDIS_TARBALL=$here/../third-party/$TARBALL
fi
if [ -n "${ZYDIS_TARBALL:-}" ]; then
	cp "$ZYDIS_TARBALL" "$work/$TARBALL" || die "cannot read $ZYDIS_TARBALL"
else
	fetch
fi

sum=$(sha256sum "$work/$TARBALL" | cut -d' ' -f1)
[ "$sum" = "$SHA256" ] || die "$TARBALL has sha256 $sum, not $SHA256"

if [ -n "$keep" ]; then
	mkdir -p "$(dirname "$keep")"
	cp "$work/$TARBALL" "$keep.new" && mv "$keep.new" "$keep"
	exit
fi

mkdir -p "$(dirname "$dir")"
new=$(mktemp -d "$dir.XXXXXX")
tar xzf "$work/$TARBALL" -C "$new" --strip-components=1 || die "cannot unpack $TARBALL"
chmod 755 "$new"
echo $SHA256 >"$new/.sha256"
rm -rf "$dir"
mv "$new" "$dir"
