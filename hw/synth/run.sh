#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Synthesises seedbed_core with Yosys and prints what it takes, per module and in total.
# usage: run.sh FAMILY BUS CODECS OUT.json      FAMILY xc7, xcup, ecp5 or ice40; CODECS the bit mask of seedbed_core
# environment: RTL_DIR, SYNTH_BUILD, SYNTH_TIMEOUT seconds (900), FLAT=1 flattens (total only, slower)
#              STYLE 1 (FPGA lanes) or 0; TOP, PARAMS: another module
set -u

family=$1; bus=$2; codecs=$3; out=$4
rtl=${RTL_DIR:-hw/rtl}
build=${SYNTH_BUILD:-build/synth}
limit=${SYNTH_TIMEOUT:-900}
top=${TOP:-seedbed_core}
work=$build/$family-$bus-$codecs-$top${FLAT:+-flat}
mkdir -p "$work" "$(dirname "$out")" || exit 1

files="$rtl/core/seedbed_pkg.sv $( (ls "$rtl"/*/*_pkg.sv | grep -v seedbed_pkg; ls "$rtl"/*/*.sv | grep -v _pkg) | tr '\n' ' ')"
params=${PARAMS:-"-chparam BusW $bus -chparam Codecs $codecs -chparam Style ${STYLE:-1}"}
read_cmd="read_verilog -sv $files; hierarchy -check -top $top $params"

# Yosys gathers chains of additions into $macc cells and maps those with 3:2 compressors, two LUTs a bit and
# level, where a carry chain takes one. So the chains are taken apart again before mapping (maccmap -unmap).
flat=; [ "${FLAT:-0}" = 1 ] && flat=-flatten
case $family in
xc7 | xcup)
    s="synth_xilinx -family $family -noiopad -noclkbuf $flat -top $top"
    cmd="$s -run begin:map_memory; maccmap -unmap; $s -run map_memory: "
    ;;
ecp5)
    s="synth_ecp5 -top $top"; [ -n "$flat" ] || s="$s -noflatten"
    cmd="$s -run begin:map_ram; maccmap -unmap; $s -run map_ram: "
    ;;
ice40)
    # never -dsp: its packing is wrong (sums of registered products)
    s="synth_ice40 -top $top"; [ -n "$flat" ] || s="$s -noflatten"
    cmd="$s -run begin:map_ram; maccmap -unmap; $s -run map_ram: "
    ;;
*) echo "run.sh: FAMILY is xc7, xcup, ecp5 or ice40, not '$family'" >&2; exit 2 ;;
esac

t0=$(date +%s)
timeout "$limit" yosys -q -e 'implicitly declared' -p "$read_cmd; $cmd; tee -o $work/stat.txt stat" >"$work/log" 2>&1
rc=$?
t1=$(date +%s)
if [ $rc != 0 ]; then
    echo "synth: $family $bus $codecs: yosys gave $rc (124: over $limit s); see $work/log" >&2
    tail -n 3 "$work/log" >&2
    exit 1
fi
awk -v family="$family" -v bus="$bus" -v codecs="$codecs" -v top="$top" -v seconds=$((t1 - t0)) -v flat="${FLAT:-0}" \
    -v json="$out" -f "$(dirname "$0")/stat.awk" "$work/stat.txt"
