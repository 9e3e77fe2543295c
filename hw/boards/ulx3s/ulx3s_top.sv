// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// ULX3S (Lattice ECP5-85F): lanes of the core, 256 KiB of weights and 4096 activations in block RAM. UART on the USB
// bridge.
//
// Parameters: ClksPerBit, 25 MHz over the baud rate; BusW, 32 bits a lane; Codecs, Style (see lane).
// Pins: ulx3s.lpf

module ulx3s_top #(
  parameter int         ClksPerBit = 25,
  parameter int         BusW       = 64,
  parameter logic [3:0] Codecs     = 4'b1111,
  parameter bit         Style      = 1'b1
) (
  input  logic       clk_25mhz,
  input  logic       ftdi_txd,    // from the bridge
  output logic       ftdi_rxd,    // to the bridge
  input  logic       btn_pwr_n,
  output logic [7:0] led,
  output logic       wifi_gpio0   // high: the board stays on, the radio leaves the pins alone
);

  logic busy, open;

  board_uart #(
    .ClksPerBit (ClksPerBit),
    .Board      (8'd2),
    .ClockHz    (32'd25_000_000),
    .Serial     (1'b0),
    .BusW       (BusW),
    .Codecs     (Codecs),
    .Style      (Style),
    .WeightWords(65536),
    .ActWords   (2048),
    .IdleBits   (17)
  ) u_board (
    .clk_i   (clk_25mhz),
    .reset_ni(btn_pwr_n),
    .rx_i    (ftdi_txd),
    .tx_o    (ftdi_rxd),
    .busy_o  (busy),
    .open_o  (open)
  );

  assign led        = {busy, 6'd0, open};
  assign wifi_gpio0 = 1'b1;

endmodule
