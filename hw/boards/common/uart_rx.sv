// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// UART receiver, 8 data bits, no parity, one stop bit.
//
// Parameters: ClksPerBit, clocks a bit, 2..65535. From 8 on the two ends may differ by a few percent; below 4 they
// need a common clock, as in simulation.
// Ports
//   rx_i               the pin
//   valid_o, data_o    a byte came, for one cycle; there is no ready: it must be taken
//   error_o            the stop bit was low: the byte is not given out
// Latency: valid_o comes in the middle of the stop bit.

module uart_rx #(
  parameter int ClksPerBit = 12
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       rx_i,
  output logic       valid_o,
  output logic [7:0] data_o,
  output logic       error_o
);

  initial if (ClksPerBit < 2 || ClksPerBit > 65535) $fatal(1, "uart_rx: ClksPerBit");

  localparam int CountW = $clog2(ClksPerBit + 1);
  // The start bit is seen up to a clock late; its middle is this many clocks further.
  localparam logic [CountW-1:0] Half = CountW'((ClksPerBit - 1) / 2);
  localparam logic [CountW-1:0] Full = CountW'(ClksPerBit - 1);

  logic [1:0]        sync_q;   // metastability
  logic [CountW-1:0] count_q;
  logic [3:0]        bit_q;    // 0 idle, 1 start, 2..9 data, 10 stop
  logic [7:0]        data_q;
  logic              valid_q, error_q;

  wire level = sync_q[1];
  wire due   = count_q == '0;

  assign valid_o = valid_q;
  assign data_o  = data_q;
  assign error_o = error_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sync_q  <= 2'b11;
      count_q <= '0;
      bit_q   <= 4'd0;
      data_q  <= 8'd0;
      valid_q <= 1'b0;
      error_q <= 1'b0;
    end else begin
      sync_q  <= {sync_q[0], rx_i};
      valid_q <= 1'b0;
      error_q <= 1'b0;
      if (bit_q == 4'd0) begin
        count_q <= Half;
        if (!level) begin
          bit_q   <= (Half == '0) ? 4'd2 : 4'd1;
          count_q <= (Half == '0) ? Full : Half - 1'b1;
        end
      end else if (!due) begin
        count_q <= count_q - 1'b1;
      end else begin
        count_q <= Full;
        bit_q   <= bit_q + 4'd1;
        if (bit_q == 4'd1 && level) bit_q <= 4'd0;  // a glitch
        if (bit_q >= 4'd2 && bit_q <= 4'd9) data_q <= {level, data_q[7:1]};
        if (bit_q == 4'd10) begin
          valid_q <= level;
          error_q <= !level;
          // After a break wait for the line to rise.
          bit_q   <= level ? 4'd0 : 4'd11;
        end
        if (bit_q == 4'd11) begin
          count_q <= '0;
          bit_q   <= level ? 4'd0 : 4'd11;
        end
      end
    end
  end

endmodule
