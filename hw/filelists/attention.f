// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Made by hw/ip.py (make ip): do not edit.
rtl/core/seedbed_pkg.sv
rtl/attn/attn_lane.sv
rtl/attn/attn_mac.sv
rtl/attn/attn_table.sv
rtl/attn/attn_prob.sv
rtl/attn/attn_score.sv
rtl/attn/attn_row.sv
rtl/attn/attn_engine.sv
rtl/attn/attn_export.sv
rtl/attn/attn_seq.sv
rtl/attn/attn_share.sv
rtl/attn/attn_write.sv
rtl/prim/fifo.sv
rtl/attn/attn_unit.sv
