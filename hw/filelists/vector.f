// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Made by hw/ip.py (make ip): do not edit.
rtl/core/seedbed_pkg.sv
rtl/core/vector_pkg.sv
rtl/vector/lzc.sv
rtl/vector/fp_add.sv
rtl/vector/fp_from_int.sv
rtl/vector/fp_mul.sv
rtl/vector/fp_recip.sv
rtl/vector/fp_to_int.sv
rtl/vector/vec_check.sv
rtl/attn/attn_table.sv
rtl/attn/attn_prob.sv
rtl/prim/delay.sv
rtl/vector/vec_lane.sv
rtl/prim/fifo.sv
rtl/vector/vec_load.sv
rtl/vector/vec_reduce.sv
rtl/vector/vec_pass.sv
rtl/vector/vec_program.sv
rtl/vector/vec_store.sv
rtl/vector/vector_unit.sv
