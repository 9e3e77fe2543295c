#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `make demo`: the shipped model into seeds, then the same text from the CPU and from the simulated core.
set -eu
build=${BUILD:-build}
model=models/tinystories-openelm
work=$build/demo
prompt='Once upon a time, there was a little'
n=64
mkdir -p "$work"

echo "1. Compress $model: every block of 8 weights becomes a 16-bit seed, an exponent and three 4-bit coefficients"
"$build/seedbed" compress "$model" -o "$work/model" --codec seedlm4 --round search --force

for device in cpu sim; do
    case $device in
    cpu) echo "2. Generate on the CPU (the exact integer contract)" ;;
    sim) echo "3. Generate with every linear layer computed by the SystemVerilog core in Verilator" ;;
    esac
    echo "---"
    "$build/seedbed" generate "$work/model" --prompt "$prompt" -n $n --ignore-end --device $device \
        --logits "$work/$device.logits" | tee "$work/$device.txt"
    echo "---"
done

status=0
echo "4. Compare"
if cmp -s "$work/cpu.txt" "$work/sim.txt"; then
    echo "text:   identical"
else
    echo "text:   DIFFERENT"
    status=1
fi
bytes=$(wc -c <"$work/cpu.logits")
if cmp -s "$work/cpu.logits" "$work/sim.logits"; then
    echo "logits: identical ($bytes bytes behind $n tokens)"
else
    echo "logits: DIFFERENT"
    status=1
fi
exit $status
