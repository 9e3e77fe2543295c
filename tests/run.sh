#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the stages of `make test`, all of them even if one fails, and says at the end which did.
# usage: tests/run.sh STAGE... [+ STAGE...] [, STAGE...]
# Each stage is a make target; its output goes to build/test-logs/STAGE.log. The lists on both sides of a + run side by side (they build
# in different places), what follows a comma waits for all before it.
set -u
make=${MAKE:-make}
logs=${BUILD:-build}/test-logs
jobs=$(nproc 2>/dev/null || echo 1)
mkdir -p "$logs"
rm -f "$logs"/*.passed "$logs"/*.failed

run_stage() {
    start=$(date +%s)
    if $make --no-print-directory -j"$jobs" "$1" >"$logs/$1.log" 2>&1; then word=ok; else word=FAILED; fi
    {
        printf '== %-16s %s, %s s\n' "$1" $word $(($(date +%s) - start))
        # What a stage skipped, and its own count, belong on the screen.
        grep -aE '^skipped: |skipped .*no data|^100%: Checks|^Ran [0-9]+ tests|^OK \(|^[0-9]+ passed|^PASS ' "$logs/$1.log" |
            sed 's/^/     /'
        [ $word = ok ] || tail -n 40 "$logs/$1.log" | sed 's/^/   | /'
    } >"$logs/$1.said"
    cat "$logs/$1.said" # in one go: another list may be speaking
    rm -f "$logs/$1.said"
    if [ $word = ok ]; then : >"$logs/$1.passed"; else : >"$logs/$1.failed"; fi
}

run_list() { for stage; do run_stage "$stage"; done; }

list=
for word in "$@" ","; do
    case $word in
    + | ",")
        # shellcheck disable=SC2086
        run_list $list &
        list=
        [ "$word" = + ] || wait
        ;;
    *) list="$list $word" ;;
    esac
done

passed=$(find "$logs" -name '*.passed' | wc -l)
failed=$(find "$logs" -name '*.failed' | wc -l)
[ "$failed" = 0 ] || echo "failed: $(cd "$logs" && ls ./*.failed | sed 's|^\./||; s|\.failed$||' | tr '\n' ' ')(whole logs in $logs)"
echo "$passed passed, $failed failed"
[ $((passed + failed)) -gt 0 ] && [ "$failed" = 0 ]
