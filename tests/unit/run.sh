#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs unit test programs and sums up cmocka's results. Fails if a test fails, if a program dies, or if
# there was nothing to run.
#
#   usage: tests/unit/run.sh PROGRAM...
set -u

export ASAN_OPTIONS=abort_on_error=0:detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 CMOCKA_MESSAGE_OUTPUT=STDOUT

all=$(mktemp)
one=$(mktemp)
trap 'rm -f "$all" "$one"' EXIT

for program; do
	"$program" >"$one" 2>&1
	status=$?
	cat "$one"
	# A test that was begun and never ended has killed the program.
	if [ $status -ne 0 ] && ! grep -q '^\[  FAILED  \]' "$one"; then
		echo "[  FAILED  ] $program: died with status $status" | tee -a "$one"
		grep -q '^\[ RUN ' "$one" || echo '[ RUN      ]' >>"$one"
	fi
	cat "$one" >>"$all"
done

awk '
	/^\[ RUN      \]/ { run++ }
	/^\[       OK \]/ { ok++ }
	/^\[  SKIPPED \] [A-Za-z_]/ { skipped++ }
	END {
		failed = run - ok - skipped
		printf "%d passed, %d failed, %d skipped\n", ok, failed, skipped
		exit failed > 0 || ok == 0
	}' "$all"
