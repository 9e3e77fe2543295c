// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// One lane: a weight word of any built-in codec times its slot of activations, exact modulo 2^64.
//
// Parameters
//   Codecs  bit i set builds codec id i in (docs/formats.md)
//   Style   how the seed codecs are built: 0 lane_seedlm_sim, which simulates fast; 1 lane_seedlm_fpga (seedlm4, the
//           same numbers later: LaneLatencyFpga) and lane_seedlm (seedlm3), which are small
// Ports
//   codec_i    codec id; stable while words are in the pipeline
//   word_i     main word
//   side_i     its side field: int4 the binary16 scale, seedlm3 q3 in bits 3..0
//   act_i      16 int16 activations; the codec's first 2, 8 or 12 are used; one cycle after word_i
//   act_sum_i  sum of the activations used (seed codecs), two cycles after act_i
//   wide_i     act_i in 64 bits each (seed codecs in Style 0)
//   skew_i, pair_i, half_i, odd_i   seedlm4's activations as act_skew gives them (Style 1)
//   addend_o   sum of w_int * activation over the word
// Latency: seedbed_pkg::LaneLatency = 6 cycles from word_i to addend_o, for seedlm4 in Style 1
// LaneLatencyFpga; one word a cycle. The lane
// has no valid: it computes whatever it is given, and the array knows which addends count.

module lane #(
  parameter logic [3:0] Codecs = 4'b1111,
  parameter bit         Style  = 1'b0
) (
  input  logic               clk_i,
  input  logic [1:0]         codec_i,
  input  logic [31:0]        word_i,
  input  logic [15:0]        side_i,
  input  logic [255:0]       act_i,
  input  logic signed [19:0] act_sum_i,
  input  logic [767:0]       wide_i,
  input  logic [127:0]       skew_i,
  input  logic [203:0]       pair_i,
  input  logic signed [18:0] half_i,
  input  logic               odd_i,
  output logic [63:0]        addend_o
);

  logic [63:0]        fp16_addend, fpga_addend, shifted_q;
  logic signed [39:0] value, value_int4, value_seedlm4, value_seedlm3;
  logic [4:0]         shift, shift_int4;
  logic [3:0]         shift_seedlm4, shift_seedlm3;

  wire en_fp16    = Codecs[0] && codec_i == seedbed_pkg::CodecFp16;
  wire en_int4    = Codecs[1] && codec_i == seedbed_pkg::CodecInt4;
  wire en_seedlm4 = Codecs[2] && codec_i == seedbed_pkg::CodecSeedlm4;
  wire en_seedlm3 = Codecs[3] && codec_i == seedbed_pkg::CodecSeedlm3;

  // The streams of the two seed codecs begin alike.
  localparam int NewBits = Codecs[3] ? 48 : 24;
  logic [NewBits-1:0] bits;
  if ((Codecs[2] && !Style) || Codecs[3]) begin : g_expand
    lfsr_expand #(
      .K    (16),
      .Taps (32'h0000_100B),
      .N    (NewBits),
      .Style(Style)
    ) u_expand (
      .en_i  (en_seedlm4 || en_seedlm3),
      .seed_i(word_i[15:0]),
      .bits_o(bits)
    );
  end else begin : g_no_expand
    assign bits = '0;
  end

  if (Codecs[0]) begin : g_fp16
    lane_fp16 u_lane (
      .clk_i   (clk_i),
      .en_i    (en_fp16),
      .word_i  (word_i),
      .act_i   (act_i[31:0]),
      .addend_o(fp16_addend)
    );
  end else begin : g_no_fp16
    assign fp16_addend = '0;
  end

  if (Codecs[1]) begin : g_int4
    lane_int4 u_lane (
      .clk_i  (clk_i),
      .en_i   (en_int4),
      .word_i (word_i),
      .side_i (side_i),
      .act_i  (act_i[127:0]),
      .value_o(value_int4),
      .shift_o(shift_int4)
    );
  end else begin : g_no_int4
    assign value_int4 = '0;
    assign shift_int4 = '0;
  end

  if (Codecs[2] && !Style) begin : g_seedlm4
    lane_seedlm_sim #(
      .C(8),
      .P(3)
    ) u_lane (
      .clk_i    (clk_i),
      .en_i     (en_seedlm4),
      .word_i   (word_i),
      .side_i   (4'd0),
      .bits_i   (bits[23:0]),
      .wide_i   (wide_i[511:0]),
      .act_sum_i(act_sum_i),
      .value_o  (value_seedlm4),
      .shift_o  (shift_seedlm4)
    );
  end else begin : g_no_seedlm4
    assign value_seedlm4 = '0;
    assign shift_seedlm4 = '0;
  end

  if (Codecs[3] && Style) begin : g_seedlm3
    lane_seedlm #(
      .C(12),
      .P(4)
    ) u_lane (
      .clk_i    (clk_i),
      .en_i     (en_seedlm3),
      .word_i   (word_i),
      .side_i   (side_i[3:0]),
      .bits_i   (bits),
      .act_i    (act_i[191:0]),
      .act_sum_i(act_sum_i),
      .value_o  (value_seedlm3),
      .shift_o  (shift_seedlm3)
    );
  end else if (Codecs[3]) begin : g_seedlm3_sim
    lane_seedlm_sim #(
      .C(12),
      .P(4)
    ) u_lane (
      .clk_i    (clk_i),
      .en_i     (en_seedlm3),
      .word_i   (word_i),
      .side_i   (side_i[3:0]),
      .bits_i   (bits),
      .wide_i   (wide_i),
      .act_sum_i(act_sum_i),
      .value_o  (value_seedlm3),
      .shift_o  (shift_seedlm3)
    );
  end else begin : g_no_seedlm3
    assign value_seedlm3 = '0;
    assign shift_seedlm3 = '0;
  end

  if (Codecs[2] && Style) begin : g_fpga
    logic signed [39:0] fpga_value;
    logic [3:0]         fpga_shift;
    lane_seedlm_fpga #(
      .C(8),
      .P(3)
    ) u_lane (
      .clk_i  (clk_i),
      .word_i (word_i),
      .side_i (4'd0),
      .act_i  (skew_i),
      .pair_i (pair_i),
      .half_i (half_i),
      .odd_i  (odd_i),
      .value_o(fpga_value),
      .shift_o(fpga_shift)
    );
    // Two stages of four, each a LUT6 a bit.
    logic signed [42:0] fine_q;
    logic [1:0]         coarse_q;
    logic signed [54:0] fpga_q;
    always_ff @(posedge clk_i) begin
      fine_q   <= {{3{fpga_value[39]}}, fpga_value} << fpga_shift[1:0];
      coarse_q <= fpga_shift[3:2];
      fpga_q   <= {{12{fine_q[42]}}, fine_q} << {coarse_q, 2'd0};
    end
    assign fpga_addend = {{9{fpga_q[54]}}, fpga_q};
  end else begin : g_no_fpga
    assign fpga_addend = '0;
  end

  always_comb begin
    value = value_seedlm4;
    shift = {1'b0, shift_seedlm4};
    if (en_seedlm3) begin
      value = value_seedlm3;
      shift = {1'b0, shift_seedlm3};
    end
    if (en_int4) begin
      value = value_int4;
      shift = shift_int4;
    end
  end

  // One shifter for all codecs with a common exponent a word.
  always_ff @(posedge clk_i) begin
    shifted_q <= {{24{value[39]}}, value} << shift;
  end

  // With one codec built in there is nothing to choose, whatever codec_i says.
  localparam bit Fpga = Codecs[2] && Style;
  if (Fpga && Codecs == 4'b0100) begin : g_fpga_only
    assign addend_o = fpga_addend;
    wire unused_shifted = &{1'b0, shifted_q, fp16_addend};
  end else begin : g_choice
    assign addend_o = en_fp16 ? fp16_addend : (Fpga && en_seedlm4) ? fpga_addend : shifted_q;
  end

  wire unused = &{1'b0, en_fp16, en_seedlm4, side_i, act_i, wide_i, act_sum_i, bits, skew_i, pair_i, half_i, odd_i};

endmodule
