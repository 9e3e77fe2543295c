// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Matrix times vector with the lanes of the core: weights and activations in block RAM, lane_array and act_buffer as
// matvec_engine uses them. One beat of weights (a word for each lane) a cycle.
//
// Parameters
//   BusW                   32 bits a lane, 64..512
//   Codecs, Style          see lane
//   WeightWords, ActWords  capacities in 32-bit words (powers of two; activations at least 32 beats)
// Ports
//   we_weights_i, we_acts_i, addr_i, data_i   writes, only while busy_o is low; activations in order, a beat's
//               last word last
//   run_i       start: codec_i, wbase_i (first word, a multiple of the lanes), groups_i row groups of words_i main
//               words, abase_i (first activation, in 32 elements)
//   busy_o      from the next cycle until the last result was taken
//   result_*    one number a row, the last with result_last_o
//   trailer_o   cycles; of these, in which a beat entered the lanes; in which one waited for room for the results;
//               flags: bit 0, the row groups went past the end of a memory (the results are then of no use)
// Latency: the beats, the lanes' latency + 6 cycles, and what the results wait.

module lanes_engine #(
  parameter int         BusW        = 128,
  parameter logic [3:0] Codecs      = 4'b1111,
  parameter bit         Style       = 1'b0,
  parameter int         WeightWords = 65536,
  parameter int         ActWords    = 2048
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         we_weights_i,
  input  logic         we_acts_i,
  input  logic [23:0]  addr_i,
  input  logic [31:0]  data_i,
  input  logic         run_i,
  input  logic [1:0]   codec_i,
  input  logic [23:0]  wbase_i,
  input  logic [15:0]  groups_i,
  input  logic [15:0]  abase_i,
  input  logic [16:0]  words_i,
  output logic         busy_o,
  output logic         result_valid_o,
  input  logic         result_ready_i,
  output logic [63:0]  result_o,
  output logic         result_last_o,
  output logic [127:0] trailer_o
);

  localparam int Lanes = BusW / 32;
  localparam int LaneW = $clog2(Lanes);
  localparam int Beats = WeightWords / Lanes;
  localparam int BeatW = $clog2(Beats);
  localparam int ElemW = $clog2(ActWords) + 1;

  initial begin
    if (BusW < 64 || BusW > 512 || BusW != (1 << (LaneW + 5))) $fatal(1, "lanes_engine: BusW");
    if (Beats != (1 << BeatW) || ActWords != (1 << (ElemW - 1))) $fatal(1, "lanes_engine: capacities");
  end

  // ------------------------------------------------------------------------------------------
  // The job: which beat is read next, and what it is.
  // ------------------------------------------------------------------------------------------
  logic              active_q;    // beats are to be read
  logic              busy_q;
  logic [1:0]        codec_q;
  logic [BeatW:0]    beat_q;      // with a carry: past the end
  logic [16:0]       words_q, left_q;
  logic [15:0]       groups_q;    // to be read
  logic [15:0]       send_q;      // whose results have not left
  logic [2:0]        word_q;
  logic              side_due_q, first_q;
  logic [ElemW:0]    abase_q, elem_q;
  logic              past_q;
  logic [31:0]       cycles_q, useful_q, stall_q;
  logic              hold_q;      // a row group's results are announced or waiting to leave

  wire has_side  = codec_q == seedbed_pkg::CodecInt4 || codec_q == seedbed_pkg::CodecSeedlm3;
  wire last_word = left_q == 17'd1;
  wire ends      = last_word && !side_due_q;
  wire go        = active_q && !(ends && hold_q);
  wire main      = go && !side_due_q;
  wire [4:0] step = (codec_q == seedbed_pkg::CodecFp16) ? 5'd2 : (codec_q == seedbed_pkg::CodecSeedlm3) ? 5'd16 : 5'd8;

  // ------------------------------------------------------------------------------------------
  // Memories. The weights' answer comes a cycle after go.
  // ------------------------------------------------------------------------------------------
  logic [BusW-1:0] beat;
  logic [LaneW-1:0] write_lane;
  assign write_lane = addr_i[LaneW-1:0];

  for (genvar l = 0; l < Lanes; l++) begin : g_mem
    wire we = we_weights_i && write_lane == LaneW'(l);
    board_ram #(
      .Width(32),
      .Depth(Beats)
    ) u_weights (
      .clk_i (clk_i),
      .we_i  (we),
      .re_i  (go),
      .addr_i(we ? addr_i[LaneW +: BeatW] : beat_q[BeatW-1:0]),
      .data_i(data_i),
      .data_o(beat[32*l +: 32])
    );
  end

  // The first words of a beat of activations wait here for the last one.
  logic [BusW-33:0] partial_q;
  always_ff @(posedge clk_i) begin
    for (int l = 0; l < Lanes - 1; l++) begin
      if (we_acts_i && write_lane == LaneW'(l)) partial_q[32*l +: 32] <= data_i;
    end
  end

  // ------------------------------------------------------------------------------------------
  // Lanes.
  // ------------------------------------------------------------------------------------------
  logic             valid1_q, side1_q, first1_q, last1_q, main1_q;
  logic [2:0]       word1_q;
  logic [ElemW-1:0] elem1_q;
  logic [255:0]     act;
  logic             done, lanes_busy;
  logic [2*BusW-1:0] results, send_results_q;

  always_ff @(posedge clk_i) begin
    side1_q  <= side_due_q;
    first1_q <= first_q;
    last1_q  <= last_word;
    word1_q  <= word_q;
    elem1_q  <= elem_q[ElemW-1:0];
    if (!rst_ni) begin
      valid1_q <= 1'b0;
      main1_q  <= 1'b0;
    end else begin
      valid1_q <= go;
      main1_q  <= main;
    end
  end

  act_buffer #(
    .BusW  (BusW),
    .ActCap(2 * ActWords)
  ) u_act (
    .clk_i  (clk_i),
    .we_i   (we_acts_i && write_lane == LaneW'(Lanes - 1)),
    .waddr_i(ElemW'(addr_i >> LaneW)),
    .wdata_i({data_i, partial_q}),
    .step2_i(codec_q == seedbed_pkg::CodecFp16),
    .step8_i(codec_q != seedbed_pkg::CodecSeedlm3),
    .re_i   (main1_q),
    .relem_i(elem1_q),
    .act_o  (act)
  );

  lane_array #(
    .BusW    (BusW),
    .Codecs  (Codecs),
    .Style   (Style),
    .MaxBatch(1)
  ) u_lanes (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
    .codec_i       (codec_q),
    .valid_i       (valid1_q),
    .beat_i        (beat),
    .side_i        (side1_q),
    .first_i       (first1_q),
    .last_i        (last1_q),
    .word_i        (word1_q),
    .vec_i         (4'd0),
    .act_i         (act),
    .result_valid_o(done),
    .result_o      (results),
    .busy_o        (lanes_busy)
  );

  // ------------------------------------------------------------------------------------------
  // Results: one row group waits while it leaves, number by number.
  // ------------------------------------------------------------------------------------------
  logic             sending_q;
  logic [LaneW-1:0] lane_q;
  wire              give     = sending_q && result_ready_i;
  wire              end_send = give && lane_q == LaneW'(Lanes - 1);

  assign result_valid_o = sending_q;
  assign result_o       = send_results_q[63:0];
  assign result_last_o  = send_q == 16'd1 && lane_q == LaneW'(Lanes - 1);
  assign busy_o         = busy_q;
  assign trailer_o      = {31'd0, past_q, stall_q, useful_q, cycles_q};

  always_ff @(posedge clk_i) begin
    if (done) send_results_q <= results;
    else if (give) send_results_q <= {64'd0, send_results_q[2*BusW-1:64]};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q  <= 1'b0;
      busy_q    <= 1'b0;
      hold_q    <= 1'b0;
      sending_q <= 1'b0;
      lane_q    <= '0;
      cycles_q  <= 32'd0;
      useful_q  <= 32'd0;
      stall_q   <= 32'd0;
      past_q    <= 1'b0;
    end else begin
      if (go && ends) hold_q <= 1'b1;
      else if (end_send) hold_q <= 1'b0;
      if (done) sending_q <= 1'b1;
      else if (end_send) sending_q <= 1'b0;
      if (give) lane_q <= lane_q + 1'b1;
      if (end_send) begin
        send_q <= send_q - 16'd1;
        if (send_q == 16'd1) busy_q <= 1'b0;
      end

      if (busy_q) begin
        cycles_q <= cycles_q + 32'd1;
        if (go) useful_q <= useful_q + 32'd1;
        if ((active_q && !go) || (!active_q && sending_q && !result_ready_i)) stall_q <= stall_q + 32'd1;
      end
      if ((go && beat_q[BeatW]) || (main && elem_q[ElemW])) past_q <= 1'b1;

      if (run_i) begin
        active_q   <= 1'b1;
        busy_q     <= 1'b1;
        codec_q    <= codec_i;
        beat_q     <= {1'b0, wbase_i[LaneW +: BeatW]};
        words_q    <= words_i;
        left_q     <= words_i;
        groups_q   <= groups_i;
        send_q     <= groups_i;
        word_q     <= 3'd0;
        side_due_q <= codec_i == seedbed_pkg::CodecInt4 || codec_i == seedbed_pkg::CodecSeedlm3;
        first_q    <= 1'b1;
        abase_q    <= {abase_i[ElemW-5:0], 5'd0};
        elem_q     <= {abase_i[ElemW-5:0], 5'd0};
        past_q     <= wbase_i[23:LaneW+BeatW] != '0 || abase_i[15:ElemW-5] != '0 || wbase_i[LaneW-1:0] != '0;
        cycles_q   <= 32'd0;
        useful_q   <= 32'd0;
        stall_q    <= 32'd0;
      end else if (go) begin
        beat_q <= beat_q + 1'b1;
        if (side_due_q) begin
          side_due_q <= 1'b0;
        end else begin
          word_q     <= last_word ? 3'd0 : word_q + 3'd1;
          left_q     <= last_word ? words_q : left_q - 17'd1;
          first_q    <= last_word;
          elem_q     <= last_word ? abase_q : elem_q + {{(ElemW - 4) {1'b0}}, step};
          side_due_q <= has_side && (last_word || word_q == 3'd7);
          if (last_word) begin
            groups_q <= groups_q - 16'd1;
            if (groups_q == 16'd1) active_q <= 1'b0;
          end
        end
      end
    end
  end

  wire unused = &{1'b0, lanes_busy, addr_i};

endmodule
