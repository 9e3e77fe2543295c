#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Line coverage of hw/rtl by the module benches and the core bench; see mk/coverage.mk.
# environment: BUILD where to work, COVER_MIN percent, MAKE, CXX, VERILATOR
set -eu

build=${BUILD:-build/coverage}
verilator=${VERILATOR:-verilator}
cxx=${CXX:-g++}
inc=$($verilator --getenv VERILATOR_ROOT)/include
dat=$build/dat

rm -rf "$dat"
mkdir -p "$dat" "$build/tests/rtl" "$build/sim/w64/obj" "$build/sim/w64p2/obj" "$build/sim/w64p3/obj" "$build/sim/w64av/obj" "$build/sim/w512/obj"
if [ ! -f "$build/tests/rtl/verilated.a" ]; then
    for c in verilated verilated_threads verilated_cov; do
        $cxx -std=c++17 -O2 -fPIC -DVM_COVERAGE=1 -I"$inc" -I"$inc/vltstd" -c "$inc/$c.cpp" -o "$build/tests/rtl/$c.o"
    done
    ar rcs "$build/tests/rtl/verilated.a" "$build"/tests/rtl/verilated*.o
fi
# mk/sim.mk links whatever verilated*.o lies in a variant's folder.
for w in 64 64p2 64p3 64av 512; do cp "$build/tests/rtl/verilated_cov.o" "$build/sim/w$w/obj/"; done

SEEDBED_COVERAGE=$(cd "$dat" && pwd)
export SEEDBED_COVERAGE
${MAKE:-make} --no-print-directory rtl-benches "$build/tests/rtl/bench_core" "$build/sim/w64/libseedbed_sim.so" \
    "$build/tests/rtl/fuzz_lists" "$build/tests/rtl/bench_attn_core" "$build/sim/w64av/libseedbed_sim.so" \
    BUILD="$build" SIM_DIR="$build/sim" TB_DIR="$build/tests/rtl" SIM_OPT=-O1 \
    VERILATOR="$verilator --coverage-line" VERILATOR_INC="$inc" CXX="$cxx -DVM_COVERAGE=1" >"$build/log" 2>&1 || {
    tail -n 20 "$build/log" >&2
    exit 1
}
"$build/tests/rtl/bench_core" "$build/sim/w64/libseedbed_sim.so" >>"$build/log" 2>&1 || {
    tail -n 20 "$build/log" >&2
    exit 1
}
# The units, in a core with both.
units=$build/sim/w64av/libseedbed_sim.so
{ "$build/tests/rtl/bench_attn_core" "$units" --cases 500 && "$build/tests/rtl/fuzz_lists" "$units" --lists 2000; } >>"$build/log" 2>&1 || {
    tail -n 20 "$build/log" >&2
    exit 1
}
verilator_coverage --write-info "$build/lines.info" "$dat"/*.dat >/dev/null
# A line with counters in several instances counts as covered if one of them saw it.
awk -F '[:,]' -v min="${COVER_MIN:-95}" '
    /^SF:/ { file = $2; next }
    /^DA:/ { k = file SUBSEP $2; if (!(k in hit)) { lines[file]++; total++; hit[k] = 0 }
             if ($3 > 0 && !hit[k]) { hit[k] = 1; covered[file]++; all++ }
             next }
    END {
        for (f in lines) printf "%6.1f %%  %4d of %4d  %s\n", 100 * covered[f] / lines[f], covered[f], lines[f], f | "sort -n"
        close("sort -n")
        for (k in hit) if (!hit[k]) { split(k, p, SUBSEP); print "         not reached: " p[1] ":" p[2] | "sort -t: -k2,2 -k3,3n" }
        close("sort -t: -k2,2 -k3,3n")
        if (!total) { print "coverage: no data"; exit 1 }
        printf "coverage: %.1f %% of %d lines with branches or statements (at least %d)\n", 100 * all / total, total, min
        exit 100 * all / total < min
    }' "$build/lines.info"
