// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// iCEBreaker (Lattice iCE40 UP5K): one serial lane for all codecs, 128 KiB of weights in the four SPRAMs, 2048
// activations in block RAM. UART on the USB bridge's second channel.
//
// Parameters: ClksPerBit, 12 MHz over the baud rate.
// Pins: icebreaker.pcf

module icebreaker_top #(
  parameter int ClksPerBit = 12
) (
  input  logic CLK,
  input  logic BTN_N,
  input  logic RX,
  output logic TX,
  output logic LEDR_N,
  output logic LEDG_N
);

  logic busy, open;

  board_uart #(
    .ClksPerBit (ClksPerBit),
    .Board      (8'd1),
    .ClockHz    (32'd12_000_000),
    .Serial     (1'b1),
    .WeightWords(32768),
    .ActWords   (1024),
    .Huge       (1'b1)
  ) u_board (
    .clk_i   (CLK),
    .reset_ni(BTN_N),
    .rx_i    (RX),
    .tx_o    (TX),
    .busy_o  (busy),
    .open_o  (open)
  );

  assign LEDR_N = !busy;
  assign LEDG_N = !open;

endmodule
