// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Made by hw/ip.py (make ip): do not edit.
boards/common/board_pkg.sv
rtl/core/seedbed_pkg.sv
boards/common/board_ram.sv
rtl/matvec/act_buffer.sv
rtl/prim/delay.sv
rtl/gen/act_skew.sv
rtl/gen/lane_fp16.sv
rtl/gen/lane_int4.sv
rtl/gen/lane_seedlm.sv
rtl/gen/lane_seedlm_fpga.sv
rtl/gen/lane_seedlm_sim.sv
rtl/gen/lfsr_expand.sv
rtl/gen/lane.sv
rtl/matvec/lane_array.sv
boards/common/lanes_engine.sv
boards/common/crc32.sv
boards/common/link_rx.sv
boards/common/link_tx.sv
boards/common/serial_lane.sv
boards/common/serial_engine.sv
boards/common/board_core.sv
boards/common/uart_rx.sv
boards/common/uart_tx.sv
boards/common/board_uart.sv
boards/ulx3s/ulx3s_top.sv
