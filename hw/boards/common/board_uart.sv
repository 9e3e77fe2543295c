// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// board_core behind a UART, with its own reset after power-up.
//
// Parameters: ClksPerBit (uart_rx, uart_tx), the others as in board_core.
// Ports: reset_ni, a button, may bounce and need not be synchronous; rx_i, tx_o the UART's pins; busy_o, open_o for LEDs.

module board_uart #(
  parameter int          ClksPerBit  = 12,
  parameter logic [7:0]  Board       = 8'd1,
  parameter logic [31:0] ClockHz     = 32'd12_000_000,
  parameter bit          Serial      = 1'b1,
  parameter int          BusW        = 32,
  parameter logic [3:0]  Codecs      = 4'b1111,
  parameter bit          Style       = 1'b0,
  parameter int          WeightWords = 32768,
  parameter int          ActWords    = 1024,
  parameter bit          Huge        = 1'b0,
  parameter int          IdleBits    = 16
) (
  input  logic clk_i,
  input  logic reset_ni,
  input  logic rx_i,
  output logic tx_o,
  output logic busy_o,
  output logic open_o
);

  // Registers are 0 after configuration on both FPGA families.
  logic [1:0] button_q = 2'b00;
  logic [3:0] count_q  = 4'd0;
  logic       rst_nq   = 1'b0;

  always_ff @(posedge clk_i) begin
    button_q <= {button_q[0], reset_ni};
    if (!button_q[1]) count_q <= 4'd0;
    else if (count_q != 4'd15) count_q <= count_q + 4'd1;
    rst_nq <= count_q == 4'd15;
  end

  logic       rx_valid, rx_error, tx_valid, tx_ready;
  logic [7:0] rx_data, tx_data;

  uart_rx #(
    .ClksPerBit(ClksPerBit)
  ) u_uart_rx (
    .clk_i  (clk_i),
    .rst_ni (rst_nq),
    .rx_i   (rx_i),
    .valid_o(rx_valid),
    .data_o (rx_data),
    .error_o(rx_error)
  );

  uart_tx #(
    .ClksPerBit(ClksPerBit)
  ) u_uart_tx (
    .clk_i  (clk_i),
    .rst_ni (rst_nq),
    .valid_i(tx_valid),
    .ready_o(tx_ready),
    .data_i (tx_data),
    .tx_o   (tx_o)
  );

  board_core #(
    .Board      (Board),
    .ClockHz    (ClockHz),
    .Serial     (Serial),
    .BusW       (BusW),
    .Codecs     (Codecs),
    .Style      (Style),
    .WeightWords(WeightWords),
    .ActWords   (ActWords),
    .Huge       (Huge),
    .IdleBits   (IdleBits)
  ) u_core (
    .clk_i     (clk_i),
    .rst_ni    (rst_nq),
    .rx_valid_i(rx_valid),
    .rx_data_i (rx_data),
    .rx_error_i(rx_error),
    .tx_valid_o(tx_valid),
    .tx_ready_i(tx_ready),
    .tx_data_o (tx_data),
    .busy_o    (busy_o),
    .open_o    (open_o)
  );

endmodule
