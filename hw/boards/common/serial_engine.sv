// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Matrix times vector on a small FPGA: weights and activations in memories of its own, one serial_lane.
//
// The weights are in the lane layout of docs/formats.md for one lane. The next words are fetched while the
// lane works, but for the two cycles that the first of them takes.
//
// Parameters: Codecs; WeightWords, ActWords: capacities in 32-bit words (powers of two); Huge: see board_ram.
// Ports
//   we_weights_i, we_acts_i, addr_i, data_i   writes, only while busy_o is low
//   run_i       start: codec_i, wbase_i (first word), groups_i rows of words_i main words, abase_i (first activation,
//               in 32 elements)
//   busy_o      from the next cycle until the last result was taken
//   result_*    one number a row, the last with result_last_o
//   trailer_o   cycles; of these, in which the lane worked; in which a result was waited for; flags: bit 0, the
//               rows went past the end of a memory (the results are then of no use)
// Latency: rows * (words * (C * P + 2, with a side word before each eight 2 more) + 8) cycles, and what the
// results wait.

module serial_engine #(
  parameter logic [3:0] Codecs      = 4'b1111,
  parameter int         WeightWords = 32768,
  parameter int         ActWords    = 1024,
  parameter bit         Huge        = 1'b0
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

  localparam int WeightW = $clog2(WeightWords);
  localparam int ActW    = $clog2(ActWords) + 1;  // elements

  initial if (WeightWords != (1 << WeightW) || ActWords != (1 << (ActW - 1))) $fatal(1, "serial_engine: capacities");

  localparam logic [2:0] Idle   = 3'd0;
  localparam logic [2:0] Fetch  = 3'd1;  // a read is asked for
  localparam logic [2:0] Side   = 3'd2;  // a side word is here
  localparam logic [2:0] Word   = 3'd3;  // a main word is here
  localparam logic [2:0] Flush  = 3'd4;  // the row's products are on their way
  localparam logic [2:0] Result = 3'd5;

  logic [2:0]         state_q;
  logic [1:0]         codec_q;
  logic [WeightW:0]   waddr_q;           // with a carry: past the end
  logic [15:0]        rows_q;
  logic [16:0]        words_q, left_q;
  logic [2:0]         word_q;            // main word in its eight
  logic               side_due_q;
  logic [31:0]        side_q;
  logic [ActW:0]      abase_q;           // first element
  logic [ActW:0]      slot_q, next_slot_q;  // of the word in the lane, and of the one after
  logic               past_q;
  logic [31:0]        cycles_q, useful_q, stall_q;

  logic [31:0]        weight;
  logic [31:0]        act_pair;
  logic               act_odd_q;
  logic [3:0]         act_index;
  logic               lane_ready, lane_start, lane_idle, lane_step;

  wire has_side   = codec_q == seedbed_pkg::CodecInt4 || codec_q == seedbed_pkg::CodecSeedlm3;
  wire side_after = has_side && word_q == 3'd7;
  wire take_word  = state_q == Word && lane_ready;
  wire last_word  = left_q == 17'd1;
  wire give       = result_valid_o && result_ready_i;

  board_ram #(
    .Width(32),
    .Depth(WeightWords),
    .Huge (Huge)
  ) u_weights (
    .clk_i (clk_i),
    .we_i  (we_weights_i),
    .re_i  (state_q == Fetch),
    .addr_i(we_weights_i ? addr_i[WeightW-1:0] : waddr_q[WeightW-1:0]),
    .data_i(data_i),
    .data_o(weight)
  );

  wire [ActW:0] elem = slot_q + {{(ActW - 3) {1'b0}}, act_index};

  board_ram #(
    .Width(32),
    .Depth(ActWords)
  ) u_acts (
    .clk_i (clk_i),
    .we_i  (we_acts_i),
    .re_i  (lane_step),
    .addr_i(we_acts_i ? addr_i[ActW-2:0] : elem[ActW-1:1]),
    .data_i(data_i),
    .data_o(act_pair)
  );

  wire [15:0] field = (codec_q == seedbed_pkg::CodecInt4) ? (word_q[2] ? side_q[31:16] : side_q[15:0])
                      : {12'd0, side_q[{word_q, 2'b00} +: 4]};

  assign lane_start = take_word;

  serial_lane #(
    .Codecs(Codecs)
  ) u_lane (
    .clk_i      (clk_i),
    .rst_ni     (rst_ni),
    .clear_i    (state_q == Idle || give),
    .start_i    (lane_start),
    .ready_o    (lane_ready),
    .codec_i    (codec_q),
    .word_i     (weight),
    .side_i     (field),
    .act_index_o(act_index),
    .act_i      (act_odd_q ? act_pair[31:16] : act_pair[15:0]),
    .step_o     (lane_step),
    .idle_o     (lane_idle),
    .sum_o      (result_o)
  );

  assign busy_o         = state_q != Idle;
  assign result_valid_o = state_q == Result;
  assign result_last_o  = rows_q == 16'd1;
  assign trailer_o      = {31'd0, past_q, stall_q, useful_q, cycles_q};

  wire [4:0] step = (codec_q == seedbed_pkg::CodecFp16) ? 5'd2 : (codec_q == seedbed_pkg::CodecSeedlm3) ? 5'd16 : 5'd8;

  always_ff @(posedge clk_i) begin
    if (lane_step) act_odd_q <= elem[0];
    if (take_word) slot_q <= next_slot_q;
    if (run_i) next_slot_q <= {abase_i[ActW-5:0], 5'd0};
    else if (give) next_slot_q <= abase_q;
    else if (take_word) next_slot_q <= next_slot_q + {{(ActW - 4) {1'b0}}, step};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q  <= Idle;
      cycles_q <= 32'd0;
      useful_q <= 32'd0;
      stall_q  <= 32'd0;
      past_q   <= 1'b0;
    end else begin
      if (state_q != Idle) begin
        cycles_q <= cycles_q + 32'd1;
        if (lane_step) useful_q <= useful_q + 32'd1;
        if (state_q == Result && !result_ready_i) stall_q <= stall_q + 32'd1;
      end
      if ((state_q == Fetch && waddr_q[WeightW]) || (lane_step && elem[ActW])) past_q <= 1'b1;

      case (state_q)
        Idle: begin
          if (run_i) begin
            state_q    <= Fetch;
            codec_q    <= codec_i;
            waddr_q    <= {1'b0, wbase_i[WeightW-1:0]};
            rows_q     <= groups_i;
            words_q    <= words_i;
            left_q     <= words_i;
            word_q     <= 3'd0;
            side_due_q <= codec_i == seedbed_pkg::CodecInt4 || codec_i == seedbed_pkg::CodecSeedlm3;
            abase_q    <= {abase_i[ActW-5:0], 5'd0};
            past_q     <= wbase_i[23:WeightW] != '0 || abase_i[15:ActW-5] != '0;
            cycles_q   <= 32'd0;
            useful_q   <= 32'd0;
            stall_q    <= 32'd0;
          end
        end
        Fetch: begin
          waddr_q <= waddr_q + 1'b1;
          state_q <= side_due_q ? Side : Word;
        end
        Side: begin
          // The word before may still use the side word that it was given: the lane has its own copy.
          side_q     <= weight;
          side_due_q <= 1'b0;
          state_q    <= Fetch;
        end
        Word: begin
          if (take_word) begin
            word_q     <= last_word ? 3'd0 : word_q + 3'd1;
            left_q     <= last_word ? words_q : left_q - 17'd1;
            side_due_q <= has_side && (last_word || side_after);
            state_q    <= last_word ? Flush : Fetch;
          end
        end
        Flush: begin
          if (lane_idle) state_q <= Result;
        end
        default: begin  // Result
          if (result_ready_i) begin
            rows_q  <= rows_q - 16'd1;
            state_q <= result_last_o ? Idle : Fetch;
          end
        end
      endcase
    end
  end

  wire unused = &{1'b0, addr_i[23:ActW-1]};

endmodule
