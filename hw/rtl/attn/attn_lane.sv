// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// One multiplier of the attention engine: (q + p) * byte, accumulated. Exactly one DSP48, adders
// included: the
// operands' sum is its pre-adder (q and p are never both there), acc_o its P register.
//
// Ports: first_i two cycles after q_i, p_i, b_i: forget what was summed before; acc_o one cycle
// later.
// Latency: 3 cycles, one product a cycle; a cycle of zeros adds nothing.

module attn_lane (
  input  logic               clk_i,
  input  logic signed [15:0] q_i,
  input  logic [23:0]        p_i,
  input  logic signed [8:0]  b_i,
  input  logic               first_i,
  output logic signed [38:0] acc_o
);

  logic signed [24:0] a_q, d_q;
  logic signed [8:0]  b_q;
  logic signed [33:0] m_q;
  logic signed [38:0] acc_q;
  wire signed [24:0] ad = a_q + d_q;

  always_ff @(posedge clk_i) begin
    a_q   <= {{9{q_i[15]}}, q_i};
    d_q   <= {1'b0, p_i};
    b_q   <= b_i;
    m_q   <= ad * b_q;
    acc_q <= (first_i ? 39'sd0 : acc_q) + {{5{m_q[33]}}, m_q};
  end

  assign acc_o = acc_q;

endmodule
