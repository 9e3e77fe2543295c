#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs by name, through apt, the Debian packages that a target needs and this system lacks. Says what and why first.
# usage: deps.sh demo|test|board
set -u

# package: why
demo='gcc: C compiler
libc6-dev: C library headers
g++: compiles the simulated core
pkg-config: finds the libraries below
libjson-c-dev: config.json, tokenizer.json, safetensors headers
libpcre2-dev: the pre-tokenizer patterns of byte-level tokenizers
libopenblas-dev: binary32 matrix products of the ref device
verilator: turns the SystemVerilog core into a simulator
zlib1g-dev: FST waveform traces'
test='check: C unit tests
libxrt-dev: Xilinx runtime, of which the xrt device is tested on a simulated card
ocl-icd-opencl-dev: OpenCL loader of the opencl device
opencl-headers: its headers
pocl-opencl-icd: an OpenCL driver for the CPU, on which the kernels are tested
uuid-dev: a header that those of XRT include
tcl: runs the packaging scripts for FPGA cards on commands that record
clang: second compiler, fuzzers
libomp-dev: OpenMP for clang
libclang-rt-14-dev: sanitizers for clang
iverilog: second reader of the RTL
yosys: third reader of the RTL, synthesis, formal
z3: the solver behind the proofs
python3: golden vectors'

board='yosys: synthesis
nextpnr-ice40: place and route for iCE40
fpga-icestorm: icepack and icetime
fpga-icestorm-chipdb: the tables that icetime needs
iverilog: simulation of the netlist
python3: the recipe
python3-venv: where the ECP5 tools go'

list=$demo
[ "${1:-demo}" = test ] && list="$demo
$test"
[ "${1:-demo}" = board ] && list=$board

missing=$(printf '%s\n' "$list" | while IFS=: read -r name why; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)
    [ "$state" = installed ] || printf '%s ' "$name"
done)
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "seedbed: this system has no apt; install the equivalents of: $missing" >&2
    exit 1
fi
echo "seedbed: installing Debian packages:" >&2
printf '%s\n' "$list" | while IFS=: read -r name why; do
    case " $missing" in *" $name "*) echo "  $name -$why" >&2 ;; esac
done
run=
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        run=sudo
    else
        echo "seedbed: not root and no usable sudo; as root, run: apt-get update && apt-get install -y --no-install-recommends $missing" >&2
        exit 1
    fi
fi
log=$(mktemp)
# shellcheck disable=SC2086
if ! { $run apt-get update && $run env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1
then
    tail -n 15 "$log" >&2
    rm -f "$log"
    echo "seedbed: apt failed; try: apt-get update && apt-get install -y --no-install-recommends $missing" >&2
    exit 1
fi
rm -f "$log"
