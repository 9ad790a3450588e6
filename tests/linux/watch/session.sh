# SPDX-License-Identifier: MIT
# "Who overwrites my struct", as in docs/watch.md: each command is printed before its output, as on a terminal.
run() {
	echo "# $*"
	eval "$@"
}

run cat /proc/victim
run trapctl watch add w symbol victim:pump+16/8 -- busybox sh -c "'echo name circulation-pump-2 > /proc/culprit'"
run cat /proc/victim
run trapctl watch list
