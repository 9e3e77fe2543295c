#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
# Refuses an image that misses timing: looks for the worst slack in the timing summaries that v++ left in DIR.
# usage: timing.sh DIR TARGET
set -eu
dir=${1:?usage: timing.sh DIR TARGET} target=${2:?usage: timing.sh DIR TARGET}
[ "$target" = hw ] || exit 0
found=0 worst=
for f in $(find "$dir" -name '*timing_summary*routed*.rpt' -o -name '*timing_summary_postroute*.rpt'); do
    # The line of numbers under "WNS(ns)": the first of them.
    wns=$(awk '/WNS\(ns\)/ {want = 1; next} want && $1 ~ /^-?[0-9]+\.[0-9]+$/ {print $1; exit}' "$f")
    [ -n "$wns" ] || continue
    found=1
    case $wns in
    -*) echo "timing.sh: $f: worst slack $wns ns: the image is not to be used; ask for a lower clock" >&2; exit 1 ;;
    esac
    worst="$worst $wns"
done
[ $found = 1 ] || { echo "timing.sh: no timing summary below $dir: cannot say whether the image meets timing" >&2; exit 1; }
echo "timing met: worst slack$worst ns"
