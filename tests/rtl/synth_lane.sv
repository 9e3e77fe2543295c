// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// The gates that synthesis made of the seedlm4 lane (lane_gate, from lane_skewed) against lane in Style 0:
// one word a cycle, random and extreme. Icarus; make synth-check.

module synth_lane;

  localparam int Words = 4000;
  localparam int Later = 13;  // LaneLatencyFpga - LaneLatency

  logic               clk = 1'b0;
  logic [31:0]        word;
  logic [255:0]       act, act1;
  logic signed [19:0] sum, sum1, sum2, sum3;
  logic [63:0]        want, got;
  logic [63:0]        wants [0:Later];
  integer             bad, seen;
  wire  [767:0]       wide1;

  for (genvar c = 0; c < 12; c++) begin : g_wide
    assign wide1[64*c +: 64] = {{48{act1[16*c+15]}}, act1[16*c +: 16]};
  end

  lane #(
    .Codecs(4'b0100),
    .Style (1'b0)
  ) u_want (
    .clk_i    (clk),
    .codec_i  (2'd2),
    .word_i   (word),
    .side_i   (16'd0),
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
    .codec_i  (2'd2),
    .word_i   (word),
    .side_i   (16'd0),
    .act_i    (act1),
    .act_sum_i(sum3),
    .addend_o (got)
  );

  initial begin
    bad  = 0;
    seen = 0;
    for (int i = 0; i < Words; i++) begin
      case ($urandom % 6)
        0: word = {16'h888F, 16'($urandom)};
        1: word = {16'h777F, 16'($urandom)};
        2: word = 32'd1 << ($urandom % 32);
        default: word = $urandom;
      endcase
      act = '0;
      sum = '0;
      for (int c = 0; c < 8; c++) begin
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
        if (got !== wants[Later] || (^got) === 1'bx) begin
          if (bad < 5) $display("cycle %0d: gates %h, lane %h", i, got, wants[Later]);
          bad = bad + 1;
        end
      end
      #1 clk = 1'b1;
      #1 clk = 1'b0;
      for (int k = Later; k > 0; k--) wants[k] = wants[k-1];
      sum3 = sum2;
      sum2 = sum1;
      sum1 = sum;
      act1 = act;
    end
    if (bad != 0 || seen < 1000) $display("synth-check: FAILED, %0d of %0d words differ", bad, seen);
    else $display("synth-check: %0d words ok", seen);
    $finish;
  end

endmodule
