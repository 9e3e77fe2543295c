// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// The lanes and their 64-bit accumulators: one row a lane, activations broadcast. A batch of vectors
// shares a beat: it is given once for each of them, with that vector's number and slot, in consecutive
// cycles or not; what grows from its seeds is the same each time, so only the activations move.
//
// Parameters: BusW (lanes = BusW/32), Codecs, Style (see lane), MaxBatch: vectors, 1..16, and accumulators
// of each lane.
// Ports
//   codec_i    stable while busy_o
//   valid_i    work on beat_i; side_i: it is a side beat, kept for the main beats that follow
//   first_i, last_i   first / last main beat of a row group
//   word_i     index of the main word in its eight
//   vec_i      vector, < MaxBatch
//   act_i      slot of this beat and vector, two cycles later
//   result_valid_o, result_o (L x 64)  a finished row group of a vector, for one cycle
//   busy_o     beats are in the pipeline
// Latency: the lane's (LaneLatency, or LaneLatencyFpga for seedlm4 in Style 1) + 3 cycles from the last beat
// to result_valid_o.

module lane_array #(
  parameter int         BusW     = 512,
  parameter logic [3:0] Codecs   = 4'b1111,
  parameter bit         Style    = 1'b0,
  parameter int         MaxBatch = 16
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic [1:0]        codec_i,
  input  logic              valid_i,
  input  logic [BusW-1:0]   beat_i,
  input  logic              side_i,
  input  logic              first_i,
  input  logic              last_i,
  input  logic [2:0]        word_i,
  input  logic [3:0]        vec_i,
  input  logic [255:0]      act_i,
  output logic              result_valid_o,
  output logic [2*BusW-1:0] result_o,
  output logic              busy_o
);

  localparam int Lanes = BusW / 32;
  localparam bit Fpga  = Style && Codecs[2];
  localparam bit NeedSum = Codecs[3] || (Codecs[2] && !Style);
  localparam int Short = seedbed_pkg::LaneLatency;
  localparam int Lat   = Fpga ? seedbed_pkg::LaneLatencyFpga : Short;
  localparam int VecW  = (MaxBatch > 1) ? $clog2(MaxBatch) : 1;

  initial if (MaxBatch < 1 || MaxBatch > 16) $fatal(1, "lane_array: MaxBatch");

  logic [BusW-1:0] beat_q;
  logic            side1_q;
  logic [2:0]      word1_q;
  // Stage s of these belongs to the beat taken s+1 cycles ago; stage Lat (Short for the codecs whose lane
  // is shorter) sees its addend.
  logic [Lat:0]    valid_q, first_q, last_q;
  logic            done_q;

  wire main = valid_i && !side_i;
  wire is_long = Codecs == 4'b0100 || codec_i == seedbed_pkg::CodecSeedlm4;
  wire now_valid = is_long ? valid_q[Lat] : valid_q[Short];
  wire now_first = is_long ? first_q[Lat] : first_q[Short];
  wire now_last  = is_long ? last_q[Lat] : last_q[Short];

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      beat_q  <= beat_i;
      word1_q <= word_i;
    end
    side1_q <= valid_i && side_i;
    first_q <= {first_q[Lat-1:0], first_i};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      last_q  <= '0;
      done_q  <= 1'b0;
    end else begin
      valid_q <= {valid_q[Lat-1:0], main};
      last_q  <= {last_q[Lat-1:0], main && last_i};
      done_q  <= now_last;
    end
  end

  // The vector that the addend belongs to.
  logic [VecW-1:0] vec;
  if (MaxBatch > 1) begin : g_vec
    logic [(Lat+1)*VecW-1:0] vec_q;
    always_ff @(posedge clk_i) vec_q <= {vec_q[Lat*VecW-1:0], vec_i[VecW-1:0]};
    assign vec = is_long ? vec_q[Lat*VecW +: VecW] : vec_q[Short*VecW +: VecW];
  end else begin : g_one_vec
    assign vec = '0;
  end
  wire unused = &{1'b0, vec, vec_i};

  // Sum of the slot, for the seed codecs' bias.
  logic signed [19:0] act_sum8_q, act_sum4_q, act_sum_q;
  function automatic logic signed [19:0] act_sum(input logic [255:0] a, input int from, input int n);
    act_sum = '0;
    for (int c = 0; c < 12; c++) begin
      if (c >= from && c < from + n) act_sum = act_sum + {{4{a[16*c+15]}}, a[16*c +: 16]};
    end
  endfunction
  always_ff @(posedge clk_i) begin
    act_sum8_q <= act_sum(act_i, 0, 8);
    act_sum4_q <= act_sum(act_i, 8, 4);
    act_sum_q  <= act_sum8_q + (codec_i == seedbed_pkg::CodecSeedlm3 ? act_sum4_q : 20'sd0);
  end

  // Widened once for all lanes.
  logic [767:0] wide;
  if (!Style && (Codecs[2] || Codecs[3])) begin : g_wide
    always_comb begin
      wide = '0;
      if (codec_i == seedbed_pkg::CodecSeedlm4 || codec_i == seedbed_pkg::CodecSeedlm3) begin
        for (int c = 0; c < 12; c++) wide[64*c +: 64] = {{48{act_i[16*c+15]}}, act_i[16*c +: 16]};
      end
    end
  end else begin : g_no_wide
    assign wide = '0;
  end

  logic [127:0]       skew;
  logic [203:0]       pair;
  logic signed [18:0] half;
  logic               odd;
  if (Fpga) begin : g_skew
    act_skew #(
      .C(8)
    ) u_skew (
      .clk_i (clk_i),
      .act_i (act_i[127:0]),
      .act_o (skew),
      .pair_o(pair),
      .half_o(half),
      .odd_o (odd)
    );
  end else begin : g_no_skew
    assign skew = '0;
    assign pair = '0;
    assign half = '0;
    assign odd  = 1'b0;
  end

  for (genvar l = 0; l < Lanes; l++) begin : g_lane
    logic [31:0] side_q;
    logic [15:0] field;
    logic [63:0] addend, acc, sum, sum_q;

    always_ff @(posedge clk_i) begin
      if (side1_q) side_q <= beat_q[32*l +: 32];
    end

    // int4: a scale for four words; seedlm3: a coefficient for each.
    // Without such a codec nothing of it is built.
    assign field = !(Codecs[1] || Codecs[3]) ? 16'd0 : (codec_i == seedbed_pkg::CodecInt4)
                   ? (word1_q[2] ? side_q[31:16] : side_q[15:0])
                   : {12'd0, side_q[{word1_q, 2'b00} +: 4]};

    lane #(
      .Codecs(Codecs),
      .Style (Style)
    ) u_lane (
      .clk_i    (clk_i),
      .codec_i  (codec_i),
      .word_i   (beat_q[32*l +: 32]),
      .side_i   (field),
      .act_i    (act_i),
      .act_sum_i(NeedSum ? act_sum_q : 20'sd0),
      .wide_i   (wide),
      .skew_i   (skew),
      .pair_i   (pair),
      .half_i   (half),
      .odd_i    (odd),
      .addend_o (addend)
    );

    assign sum = addend + (acc & {64{!now_first}});
    always_ff @(posedge clk_i) begin
      if (now_valid) sum_q <= sum;
    end

    // Of one vector the last sum is the accumulator.
    if (MaxBatch > 1) begin : g_file
      logic [63:0] mem [0:MaxBatch-1];
      always_ff @(posedge clk_i) begin
        if (now_valid) mem[vec] <= sum;
      end
      assign acc = mem[vec];
    end else begin : g_one
      assign acc = sum_q;
    end

    assign result_o[64*l +: 64] = sum_q;
  end

  assign result_valid_o = done_q;
  assign busy_o         = valid_q != '0 || side1_q || done_q;

endmodule
