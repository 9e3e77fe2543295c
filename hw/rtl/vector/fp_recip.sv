// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// fl32(1 / x), correctly rounded, one bit a cycle. x is a positive normal number below 2^126, so that
// the result is normal too (softmax's sum of P is 1 .. 2^64).
//
// Ports: start_i takes x_i; done_o pulses when y_o is there, and y_o stays until the next start.
// Latency: 27 cycles from start_i to done_o.

module fp_recip (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        start_i,
  input  logic [31:0] x_i,
  output logic        done_o,
  output logic [31:0] y_o
);

  // 1 / 1.f = 0.1qqq.. for f > 0: 24 bits and a guard; the quotient never ends, so what follows the
  // guard is not zero and there are no ties. f = 0 gives 1.
  logic [4:0]  left_q;
  logic        busy_q, done_q;
  logic [23:0] m_q;
  logic [24:0] rest_q;   // < m
  logic [24:0] quot_q;
  logic [7:0]  exp_q;

  wire [24:0] twice = {rest_q[23:0], 1'b0};
  wire        fits  = twice >= {1'b0, m_q};
  wire        power = m_q[22:0] == '0;
  wire [30:0] round = {exp_q, quot_q[23:1]} + 31'(quot_q[0]);

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      m_q    <= {1'b1, x_i[22:0]};
      exp_q  <= 8'd253 - x_i[30:23];
      rest_q <= {2'b01, 23'd0};  // 1, on the scale of m
      quot_q <= '0;
      left_q <= 5'd25;
    end else if (busy_q && left_q != '0) begin
      rest_q <= fits ? twice - {1'b0, m_q} : twice;
      quot_q <= {quot_q[23:0], fits};
      left_q <= left_q - 5'd1;
    end
    if (!rst_ni) begin
      busy_q <= 1'b0;
      done_q <= 1'b0;
    end else begin
      busy_q <= start_i || (busy_q && left_q != '0);
      done_q <= busy_q && !start_i && left_q == '0;
    end
  end

  logic [31:0] y_q;
  always_ff @(posedge clk_i) if (busy_q && left_q == '0) y_q <= {1'b0, power ? {exp_q + 8'd1, 23'd0} : round};
  assign done_o = done_q;
  assign y_o    = y_q;

  wire unused = &{1'b0, x_i[31], rest_q[24], quot_q[24]};

endmodule
