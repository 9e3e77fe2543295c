#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
# Prints the Vitis "RTL kernel" wrapper for PORTS AXI masters; hw/rtl/core/seedbed_kernel.sv is the one for 1.
# Port names cannot depend on a parameter, hence a text for each number of ports.
# usage: kernel.sh PORTS
set -eu
ports=${1:?usage: kernel.sh PORTS}
case $ports in [1-8]) ;; *) echo "kernel.sh: PORTS is $ports, expected 1..8" >&2; exit 1 ;; esac

name() { if [ "$ports" = 1 ]; then echo m_axi_gmem; else echo "m_axi_gmem$1"; fi; }
each() { p=0; while [ $p -lt "$ports" ]; do "$1" "$(name $p)"; p=$((p + 1)); done; }

declare_port() {
    cat <<EOF
  output logic                $1_ARVALID,
  input  logic                $1_ARREADY,
  output logic [63:0]         $1_ARADDR,
  output logic [7:0]          $1_ARLEN,
  output logic [2:0]          $1_ARSIZE,
  output logic [1:0]          $1_ARBURST,
  input  logic                $1_RVALID,
  output logic                $1_RREADY,
  input  logic [BusW-1:0]     $1_RDATA,
  input  logic [1:0]          $1_RRESP,
  input  logic                $1_RLAST,
  output logic                $1_AWVALID,
  input  logic                $1_AWREADY,
  output logic [63:0]         $1_AWADDR,
  output logic [7:0]          $1_AWLEN,
  output logic [2:0]          $1_AWSIZE,
  output logic [1:0]          $1_AWBURST,
  output logic                $1_WVALID,
  input  logic                $1_WREADY,
  output logic [BusW-1:0]     $1_WDATA,
  output logic [BusW/8-1:0]   $1_WSTRB,
  output logic                $1_WLAST,
  input  logic                $1_BVALID,
  output logic                $1_BREADY,
  input  logic [1:0]          $1_BRESP,
EOF
}

constants() {
    cat <<EOF
  assign $1_ARSIZE  = Size;
  assign $1_AWSIZE  = Size;
  assign $1_ARBURST = 2'b01;  // INCR
  assign $1_AWBURST = 2'b01;
EOF
}

# The core has the ports' signals side by side, port 0 lowest.
connect() {
    list= p=0
    while [ $p -lt "$ports" ]; do list="$(name $p)_$2${list:+, $list}"; p=$((p + 1)); done
    [ "$ports" = 1 ] || list="{$list}"
    printf '    .%-12s(%s)%s\n' "$1" "$list" "${3-,}"
}

cat <<EOF
// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Vitis "RTL kernel" wrapper: seedbed_core under the port names that packaging tools look for.
// Printed by hw/kernel.sh $ports: change that.
//
// Parameters: those of seedbed_core. Control: ap_ctrl_hs at s_axi_control (docs/device.md).

module seedbed_kernel #(
  parameter int         BusW        = 512,
  parameter int         ActW        = 16,
  parameter int         ActCap      = 65536,
  parameter int         Outstanding = 8,
  parameter int         Prefetch    = 0,
  parameter logic [3:0] Codecs      = 4'b1111,
  parameter int         MaxBatch    = 16,
  parameter int         Attention   = 0,
  parameter int         AttnRows    = 4,
  parameter int         AttnKeys    = 16384,
  parameter int         Vector      = 0,
  parameter bit         Style       = 1'b1
) (
  input  logic                ap_clk,
  input  logic                ap_rst_n,
  input  logic                s_axi_control_AWVALID,
  output logic                s_axi_control_AWREADY,
  input  logic [11:0]         s_axi_control_AWADDR,
  input  logic                s_axi_control_WVALID,
  output logic                s_axi_control_WREADY,
  input  logic [31:0]         s_axi_control_WDATA,
  input  logic [3:0]          s_axi_control_WSTRB,
  output logic                s_axi_control_BVALID,
  input  logic                s_axi_control_BREADY,
  output logic [1:0]          s_axi_control_BRESP,
  input  logic                s_axi_control_ARVALID,
  output logic                s_axi_control_ARREADY,
  input  logic [11:0]         s_axi_control_ARADDR,
  output logic                s_axi_control_RVALID,
  input  logic                s_axi_control_RREADY,
  output logic [31:0]         s_axi_control_RDATA,
  output logic [1:0]          s_axi_control_RRESP,
EOF
each declare_port
cat <<EOF
  // The name is fixed by Vitis.
  /* verilator lint_off SYMRSVDWORD */
  output logic                interrupt
  /* verilator lint_on SYMRSVDWORD */
);

  localparam logic [2:0] Size = 3'(\$clog2(BusW / 8));

EOF
each constants
cat <<EOF

  seedbed_core #(
    .BusW       (BusW),
    .ActW       (ActW),
    .ActCap     (ActCap),
    .Outstanding(Outstanding),
    .Prefetch   (Prefetch),
    .Codecs     (Codecs),
    .MaxBatch   (MaxBatch),
    .Attention  (Attention),
    .AttnRows   (AttnRows),
    .AttnKeys   (AttnKeys),
    .Vector     (Vector),
    .Style      (Style),
    .Ports      ($ports)
  ) u_core (
    .clk_i      (ap_clk),
    .rst_ni     (ap_rst_n),
    .irq_o      (interrupt),
EOF
for s in AWVALID:i AWREADY:o AWADDR:i WVALID:i WREADY:o WDATA:i WSTRB:i BVALID:o BREADY:i BRESP:o ARVALID:i ARREADY:o ARADDR:i \
    RVALID:o RREADY:i RDATA:o RRESP:o; do
    n=${s%:*}
    printf '    .%-12s(%s)%s\n' "s_$(echo "$n" | tr A-Z a-z)_${s#*:}" "s_axi_control_$n" ,
done
for s in ARVALID:o ARREADY:i ARADDR:o ARLEN:o RVALID:i RREADY:o RDATA:i RRESP:i RLAST:i AWVALID:o AWREADY:i AWADDR:o AWLEN:o \
    WVALID:o WREADY:i WDATA:o WSTRB:o WLAST:o BVALID:i BREADY:o BRESP:i; do
    n=${s%:*} end=,
    [ "$n" = BRESP ] && end=
    connect "m_$(echo "$n" | tr A-Z a-z)_${s#*:}" "$n" "$end"
done
printf '  );\n\nendmodule\n'
