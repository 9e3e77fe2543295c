// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Made by hw/ip.py (make ip): do not edit.
rtl/vector/lzc.sv
rtl/vector/fp_add.sv
rtl/vector/fp_from_int.sv
rtl/vector/fp_mul.sv
rtl/vector/fp_recip.sv
rtl/vector/fp_to_int.sv
