// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// For tb_lane: lane in Style 1 behind the ports of Style 0.

module lane_skewed #(
  parameter logic [3:0] Codecs = 4'b1111
) (
  input  logic               clk_i,
  input  logic [1:0]         codec_i,
  input  logic [31:0]        word_i,
  input  logic [15:0]        side_i,
  input  logic [255:0]       act_i,
  input  logic signed [19:0] act_sum_i,
  output logic [63:0]        addend_o
);

  logic [127:0]       skew;
  logic [203:0]       pair;
  logic signed [18:0] half;
  logic               odd;

  act_skew u_skew (
    .clk_i (clk_i),
    .act_i (act_i[127:0]),
    .act_o (skew),
    .pair_o(pair),
    .half_o(half),
    .odd_o (odd)
  );

  lane #(
    .Codecs(Codecs),
    .Style (1'b1)
  ) u_lane (
    .clk_i    (clk_i),
    .codec_i  (codec_i),
    .word_i   (word_i),
    .side_i   (side_i),
    .act_i    (act_i),
    .act_sum_i(act_sum_i),
    .wide_i   (768'd0),
    .skew_i   (skew),
    .pair_i   (pair),
    .half_i   (half),
    .odd_i    (odd),
    .addend_o (addend_o)
  );

endmodule
