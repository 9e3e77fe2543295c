#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
# Prints the Verilog-2001 module seedbed_top around seedbed_kernel, with widths as numbers: the IP packager reads parameters and
# port widths of a SystemVerilog top differently from version to version, those of a plain one not.
# usage: top.sh PORTS BUS [PARAMETER=VALUE]...
set -eu
ports=${1:?usage: top.sh PORTS BUS [PARAMETER=VALUE]...} bus=${2:?usage: top.sh PORTS BUS [PARAMETER=VALUE]...}
shift 2
case $ports in [1-8]) ;; *) echo "top.sh: PORTS is $ports, expected 1..8" >&2; exit 1 ;; esac
case $bus in 64 | 128 | 256 | 512 | 1024) ;; *) echo "top.sh: BUS is $bus, expected 64..1024" >&2; exit 1 ;; esac

name() { if [ "$ports" = 1 ]; then echo m_axi_gmem; else echo "m_axi_gmem$1"; fi; }

# direction, width, signal of an AXI master and of the slave, in the order of hw/kernel.sh
master="output:1:ARVALID input:1:ARREADY output:64:ARADDR output:8:ARLEN output:3:ARSIZE output:2:ARBURST input:1:RVALID output:1:RREADY
input:$bus:RDATA input:2:RRESP input:1:RLAST output:1:AWVALID input:1:AWREADY output:64:AWADDR output:8:AWLEN output:3:AWSIZE
output:2:AWBURST output:1:WVALID input:1:WREADY output:$bus:WDATA output:$((bus / 8)):WSTRB output:1:WLAST input:1:BVALID
output:1:BREADY input:2:BRESP"
slave="input:1:AWVALID output:1:AWREADY input:12:AWADDR input:1:WVALID output:1:WREADY input:32:WDATA input:4:WSTRB output:1:BVALID
input:1:BREADY output:2:BRESP input:1:ARVALID output:1:ARREADY input:12:ARADDR output:1:RVALID input:1:RREADY output:32:RDATA output:2:RRESP"

declare_all() { # prefix, signals
    for s in $2; do
        dir=${s%%:*} rest=${s#*:}
        width=${rest%%:*}
        if [ "$width" = 1 ]; then range=; else range="[$((width - 1)):0]"; fi
        printf '  %-6s wire %-9s %s_%s,\n' "$dir" "$range" "$1" "${rest#*:}"
    done
}
connect_all() {
    for s in $2; do
        printf '    .%s_%s(%s_%s),\n' "$1" "${s##*:}" "$1" "${s##*:}"
    done
}

cat <<END
// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Printed by hw/boards/xilinx/top.sh $ports $bus $*
module seedbed_top (
  input  wire           ap_clk,
  input  wire           ap_rst_n,
END
declare_all s_axi_control "$slave"
p=0
while [ $p -lt "$ports" ]; do
    declare_all "$(name $p)" "$master"
    p=$((p + 1))
done
cat <<END
  output wire           interrupt
);

  seedbed_kernel #(
END
for v in "$@"; do
    printf '    .%s(%s),\n' "${v%%=*}" "${v#*=}"
done
cat <<END
    .BusW($bus)
  ) u_kernel (
    .ap_clk(ap_clk),
    .ap_rst_n(ap_rst_n),
END
connect_all s_axi_control "$slave"
p=0
while [ $p -lt "$ports" ]; do
    connect_all "$(name $p)" "$master"
    p=$((p + 1))
done
printf '    .interrupt(interrupt)\n  );\n\nendmodule\n'
