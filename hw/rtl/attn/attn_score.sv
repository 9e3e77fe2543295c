// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// From q.k to the score y of docs/numerics.md 6.3: shift, scale, bias, ALiBi, and the masks that
// are comparisons.
//
// Parameters: Alibi, 0 leaves the product slope * |pos - j| out.
// Ports
//   shift_i..causal_i   of the row's header and the job; stable while scores are in the pipeline
//   s_i, kexp_i, key_i, bit_i   q.k, the key's exponent and index, its bit of the bitmap (1
//   without one)
//   y_o, see_o          score, and whether the row sees the key, AttnScoreLatency = 6 cycles later
// Latency: 6 cycles, one score a cycle, no valid.

module attn_score #(
  parameter bit Alibi = 1'b1
) (
  input  logic               clk_i,
  input  logic signed [11:0] shift_i,
  input  logic [15:0]        scale_i,
  input  logic signed [22:0] bias_i,
  input  logic [25:0]        slope_i,
  input  logic [19:0]        pos_i,
  input  logic [20:0]        window_i,
  input  logic               causal_i,
  input  logic signed [39:0] s_i,
  input  logic signed [7:0]  kexp_i,
  input  logic [19:0]        key_i,
  input  logic               bit_i,
  output logic signed [21:0] y_o,
  output logic               see_o
);

  // c1: shift amount and distance. c2: shifted. c3: t. c4: product. c5: z. c6: y.
  logic signed [39:0] s1_q;
  logic [5:0]         sh1_q;
  logic signed [47:0] s2_q;
  logic signed [23:0] t3_q;
  logic signed [40:0] m4_q;
  logic signed [22:0] z5_q;
  logic signed [21:0] y6_q;
  logic signed [24:0] add5_q;
  logic [19:0]        dist1_q;
  logic               future1_q;
  logic               see1_q, see2_q, see3_q, see4_q, see5_q, see6_q;

  wire signed [12:0] sh  = {shift_i[11], shift_i} + {{5{kexp_i[7]}}, kexp_i} + 13'sd8;
  wire signed [20:0] off = {1'b0, pos_i} - {1'b0, key_i};
  wire signed [47:0] s8  = {s1_q, 8'd0};
  wire signed [40:0] product = t3_q * $signed({1'b0, scale_i});
  // Rounded to the unit 2^-14; a product of 40 bits leaves 23.
  wire signed [40:0] z = m4_q + 41'sd131072;
  wire signed [24:0] sum = {{2{z5_q[22]}}, z5_q} + add5_q;

  wire unused = &{1'b0, z[17:0]};

  always_ff @(posedge clk_i) begin
    s1_q      <= s_i;
    sh1_q     <= sh[12] ? 6'd0 : (sh[11:6] != '0) ? 6'd63 : sh[5:0];
    dist1_q   <= off[20] ? 20'(-off) : off[19:0];
    future1_q <= off[20];
    see1_q    <= bit_i && !(causal_i && off[20]);

    s2_q   <= s8 >>> sh1_q;
    see2_q <= see1_q && (window_i == '0 || future1_q || {1'b0, dist1_q} < window_i);

    t3_q   <= (s2_q[47:23] == {25{s2_q[47]}}) ? s2_q[23:0] : {s2_q[47], {23{!s2_q[47]}}};
    see3_q <= see2_q;

    m4_q   <= product;
    see4_q <= see3_q;

    z5_q   <= z[40:18];
    see5_q <= see4_q;

    y6_q   <= (sum[24:21] == {4{sum[24]}}) ? sum[21:0] : {sum[24], {21{!sum[24]}}};
    see6_q <= see5_q;
  end

  if (Alibi) begin : g_alibi
    logic [45:0] a2_q, a3_q;
    logic [22:0] a4_q;  // at most 2^22
    always_ff @(posedge clk_i) begin
      a2_q   <= slope_i * dist1_q;
      a3_q   <= a2_q;
      a4_q   <= (a3_q[45:32] != '0) ? 23'h40_0000 : {1'b0, a3_q[31:10]};
      add5_q <= {{2{bias_i[22]}}, bias_i} - {2'b00, a4_q};
    end
    wire unused_a = &{1'b0, a3_q[9:0]};
  end else begin : g_no_alibi
    assign add5_q = {{2{bias_i[22]}}, bias_i};
    wire unused_a = &{1'b0, slope_i};
  end

  assign y_o   = y6_q;
  assign see_o = see6_q;

endmodule
