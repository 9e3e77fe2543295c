#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the stages of `make test` one after another, all of them even if one fails, and says at the end which did.
# usage: tests/run.sh STAGE...      each a make target; its output goes to build/test-logs/STAGE.log
set -u
make=${MAKE:-make}
jobs=$(nproc 2>/dev/null || echo 1)
logs=${BUILD:-build}/test-logs
mkdir -p "$logs"
passed=0 failed=0 names=
for stage in "$@"; do
    printf '== %-16s ' "$stage"
    start=$(date +%s)
    if $make --no-print-directory -j"$jobs" "$stage" >"$logs/$stage.log" 2>&1; then
        passed=$((passed + 1)) word=ok
    else
        failed=$((failed + 1)) word=FAILED names="$names $stage"
    fi
    echo "$word, $(($(date +%s) - start)) s"
    # What a stage skipped, and its own count, belong on the screen.
    grep -aE '^skipped: |skipped .*no data|^100%: Checks|^Ran [0-9]+ tests|^OK \(|^[0-9]+ passed|^PASS ' "$logs/$stage.log" |
        sed 's/^/     /'
    [ $word = ok ] || tail -n 40 "$logs/$stage.log" | sed 's/^/   | /'
done
[ -z "$names" ] || echo "failed:$names (whole logs in $logs)"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
