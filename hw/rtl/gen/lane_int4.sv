// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Dot product of one int4 word (eight 4-bit weights, one binary16 scale) with 8 activations, exact.
//
// Ports
//   en_i     advances the pipeline; stable while words are in it
//   word_i   bits 4c+3..4c: weight c, two's complement; side_i: the scale of this word's group
//   act_i    the 8 activations of the word given one cycle before
//   value_o  (sum_c q_c a_c) * signed mantissa; to be shifted left by shift_o. Five cycles after word_i.

module lane_int4 (
  input  logic               clk_i,
  input  logic               en_i,
  input  logic [31:0]        word_i,
  input  logic [15:0]        side_i,
  input  logic [127:0]       act_i,
  output logic signed [39:0] value_o,
  output logic [4:0]         shift_o
);

  logic [31:0]        w1_q;
  logic [15:0]        s1_q, s2_q, s3_q;
  logic signed [19:0] p0_q, p1_q, p2_q, p3_q, p4_q, p5_q, p6_q, p7_q;
  logic signed [23:0] sum_q;
  logic signed [39:0] v4_q, v5_q;
  logic [4:0]         e4_q, e5_q;

  function automatic logic signed [19:0] product(input logic [3:0] q, input logic [15:0] a);
    product = $signed({{16{q[3]}}, q}) * $signed({{4{a[15]}}, a});
  endfunction

  // Mantissa with hidden bit and sign.
  function automatic logic signed [11:0] mantissa(input logic [15:0] h);
    logic signed [11:0] m;
    m = $signed({1'b0, h[14:10] != 5'd0, h[9:0]});
    mantissa = h[15] ? -m : m;
  endfunction

  function automatic logic [4:0] left(input logic [4:0] e);
    left = (e == 5'd0) ? 5'd0 : e - 5'd1;
  endfunction

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      w1_q <= word_i;
      s1_q <= side_i;
      p0_q  <= product(w1_q[3:0], act_i[15:0]);
      p1_q  <= product(w1_q[7:4], act_i[31:16]);
      p2_q  <= product(w1_q[11:8], act_i[47:32]);
      p3_q  <= product(w1_q[15:12], act_i[63:48]);
      p4_q  <= product(w1_q[19:16], act_i[79:64]);
      p5_q  <= product(w1_q[23:20], act_i[95:80]);
      p6_q  <= product(w1_q[27:24], act_i[111:96]);
      p7_q  <= product(w1_q[31:28], act_i[127:112]);
      s2_q  <= s1_q;
      sum_q <= 24'(p0_q) + 24'(p1_q) + 24'(p2_q) + 24'(p3_q) + 24'(p4_q) + 24'(p5_q) + 24'(p6_q) + 24'(p7_q);
      s3_q  <= s2_q;
      v4_q  <= sum_q * mantissa(s3_q);
      e4_q  <= left(s3_q[14:10]);
      v5_q  <= v4_q;
      e5_q  <= e4_q;
    end
  end

  assign value_o = v5_q;
  assign shift_o = e5_q;

endmodule
