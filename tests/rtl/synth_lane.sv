// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// The gates that synthesis made of the lane (lane_gate, from lane_skewed) against lane in Style 0: one word a
// cycle, random and extreme. Icarus; make synth-check, make synth-check-ecp5.
//
// Parameters: Codecs, those built in; Words, how many are tried. +codec=N: of which one (seedlm4).

module synth_lane #(
  parameter int Codecs = 4,
  parameter int Words  = 4000
);

  localparam int Most = 13;  // LaneLatencyFpga - LaneLatency

  logic               clk = 1'b0;
  logic [31:0]        word;
  logic [15:0]        side;
  logic [255:0]       act, act1;
  logic signed [19:0] sum, sum1, sum2, sum3;
  logic [63:0]        want, got;
  logic [63:0]        wants [0:Most];
  integer             bad, seen, codec, later, acts;
  wire  [767:0]       wide1;

  for (genvar c = 0; c < 12; c++) begin : g_wide
    assign wide1[64*c +: 64] = {{48{act1[16*c+15]}}, act1[16*c +: 16]};
  end

  lane #(
    .Codecs(Codecs),
    .Style (1'b0)
  ) u_want (
    .clk_i    (clk),
    .codec_i  (codec[1:0]),
    .word_i   (word),
    .side_i   (side),
    .act_i    (act1),
    .act_sum_i(sum3),
    .wide_i   (wide1),
    .skew_i   (128'd0),
    .pair_i   (204'd0),
    .half_i   (19'sd0),
    .odd_i    (1'b0),
    .addend_o (want)
  );

  lane_gate u_got (
    .clk_i    (clk),
    .codec_i  (codec[1:0]),
    .word_i   (word),
    .side_i   (side),
    .act_i    (act1),
    .act_sum_i(sum3),
    .addend_o (got)
  );

  initial begin
    bad  = 0;
    seen = 0;
    if (!$value$plusargs("codec=%d", codec)) codec = 2;
    later = (codec == 2) ? Most : 0;
    acts  = (codec == 0) ? 2 : (codec == 3) ? 12 : 8;
    for (int i = 0; i < Words; i++) begin
      case ($urandom % 6)
        0: word = {16'h888F, 16'($urandom)};
        1: word = {16'h777F, 16'($urandom)};
        2: word = 32'd1 << ($urandom % 32);
        default: word = $urandom;
      endcase
      side = 16'($urandom);
      act = '0;
      sum = '0;
      for (int c = 0; c < acts; c++) begin
        case ($urandom % 5)
          0: act[16*c +: 16] = 16'h8000;
          1: act[16*c +: 16] = 16'h7FFF;
          default: act[16*c +: 16] = 16'($urandom);
        endcase
        if (i % 16 == 0) act[16*c +: 16] = 16'h8000;
        sum = sum + {{4{act[16*c+15]}}, act[16*c +: 16]};
      end
      #1 wants[0] = want;
      // The first words meet registers that hold x.
      if (i > 40) begin
        seen = seen + 1;
        if (got !== wants[later] || (^got) === 1'bx) begin
          if (bad < 5) $display("cycle %0d: gates %h, lane %h", i, got, wants[later]);
          bad = bad + 1;
        end
      end
      #1 clk = 1'b1;
      #1 clk = 1'b0;
      for (int k = Most; k > 0; k--) wants[k] = wants[k-1];
      sum3 = sum2;
      sum2 = sum1;
      sum1 = sum;
      act1 = act;
    end
    if (bad != 0 || seen < 1000) $display("synth-check: codec %0d: FAILED, %0d of %0d words differ", codec, bad, seen);
    else $display("synth-check: codec %0d: %0d words ok", codec, seen);
    $finish;
  end

endmodule
