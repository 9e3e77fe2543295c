// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// UART transmitter, 8 data bits, no parity, one stop bit.
//
// Parameters: ClksPerBit, clocks a bit, 2..65535.
// Ports: valid_i, ready_o, data_i take a byte; tx_o is the pin.
// Latency: the start bit begins in the cycle after the byte was taken; 10 * ClksPerBit cycles a byte.

module uart_tx #(
  parameter int ClksPerBit = 12
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       valid_i,
  output logic       ready_o,
  input  logic [7:0] data_i,
  output logic       tx_o
);

  initial if (ClksPerBit < 2 || ClksPerBit > 65535) $fatal(1, "uart_tx: ClksPerBit");

  localparam int CountW = $clog2(ClksPerBit);

  logic [CountW-1:0] count_q;
  logic [3:0]        left_q;   // bits to go, start and stop included
  logic [8:0]        shift_q;  // the lowest is on the line

  wire due = count_q == '0;

  assign ready_o = left_q == 4'd0 || (left_q == 4'd1 && due);
  assign tx_o    = shift_q[0];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q <= '0;
      left_q  <= 4'd0;
      shift_q <= '1;
    end else if (ready_o && valid_i) begin
      count_q <= CountW'(ClksPerBit - 1);
      left_q  <= 4'd10;
      shift_q <= {data_i, 1'b0};
    end else if (!due) begin
      count_q <= count_q - 1'b1;
    end else if (left_q != 4'd0) begin
      count_q <= CountW'(ClksPerBit - 1);
      left_q  <= left_q - 4'd1;
      shift_q <= {1'b1, shift_q[8:1]};
    end
  end

endmodule
