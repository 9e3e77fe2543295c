// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Matrix times vectors: takes the activation and weight beats of one job after another, drives the
// lanes.
//
// The vectors of a batch lie in the activation buffer one after another, each a multiple of 32
// elements. A main beat stays at the input for as many cycles as there are vectors, and each cycle
// gives the lanes the slot of another; it is taken in the last. Side beats take one cycle.
//
// It never asks for anything: cmd_fetch has requested the beats of each job: the activations, then the weights
// in the lane layout of docs/formats.md. They may come through one stream or two. A side beat comes before each
// eight main beats of a row when the codec has a side plane.
//
// The last beat of a job and the first of the next are taken in consecutive cycles: once its last
// weight beat entered the lanes nothing reads the activations any more. Only a change of codec waits
// until the lanes are empty, and the next job's activations are loaded meanwhile.
//
// Parameters: BusW, Codecs, Style (see lane), ActCap, MaxBatch (see lane_array), DataDepth and Ports (see drain).
// Ports
//   job_*       codec, vectors after the first (< MaxBatch), main words a row, rows, destination and stride (see
//               drain), command index
//   act_*, wei_*   beats of activations and of weights, last_i of a job; ready does not depend on valid
//   clear_i     forget the jobs (nothing is in flight then); flush_i: take no beats
//   wr_*        to axi_write
//   useful_o    a weight beat met its first or only vector; compute_o: a further one
//   loaded_o    a job's activations are here: its weights are next
//   read_err_o, read_index_o   a beat of that command was bad
//   idle_o      no result on its way to axi_write

module matvec_engine #(
  parameter int         BusW      = 512,
  parameter logic [3:0] Codecs    = 4'b1111,
  parameter bit         Style     = 1'b0,
  parameter int         ActCap    = 65536,
  parameter int         MaxBatch  = 16,
  parameter int         DataDepth = 16,
  parameter int         Ports     = 1
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               clear_i,
  input  logic               flush_i,
  input  logic               job_valid_i,
  output logic               job_ready_o,
  input  logic [1:0]         job_codec_i,
  input  logic [3:0]         job_more_i,
  input  logic [16:0]        job_words_i,
  input  logic [23:0]        job_rows_i,
  input  logic [63:0]        job_dst_i,
  input  logic [21:0]        job_stride_i,
  input  logic [31:0]        job_index_i,
  input  logic               act_valid_i,
  output logic               act_ready_o,
  input  logic [BusW-1:0]    act_data_i,
  input  logic               act_err_i,
  input  logic               act_last_i,
  input  logic               wei_valid_i,
  output logic               wei_ready_o,
  input  logic [BusW-1:0]    wei_data_i,
  input  logic               wei_err_i,
  input  logic               wei_last_i,
  output logic               loaded_o,
  output logic               useful_o,
  output logic               compute_o,
  output logic               read_err_o,
  output logic [31:0]        read_index_o,
  output logic               wr_req_valid_o,
  output logic [63:0]        wr_req_addr_o,
  output logic [8:0]         wr_req_beats_o,
  output logic               wr_req_last_o,
  output logic               wr_data_valid_o,
  output logic [BusW-1:0]    wr_data_o,
  output logic [BusW/64-1:0] wr_elem_o,
  input  logic               wr_pop_i,
  output logic               idle_o,
  output logic [3:0]         state_o
);

  localparam int ElemW = $clog2(ActCap);
  localparam int MoreW = (MaxBatch > 1) ? 4 : 0;
  localparam int JobW  = 2 + 17 + 32;

  // ------------------------------------------------------------------------------------------
  // Jobs wait here; the drain keeps the part it needs in a queue of its own.
  // ------------------------------------------------------------------------------------------
  logic        job_room, drain_job_room, next_valid, next_take;
  logic [1:0]  next_codec;
  logic [16:0] next_words;
  logic [31:0] next_index;
  logic [3:0]  next_more;
  logic [JobW+MoreW-1:0] next_job;

  assign {next_more, next_index, next_words, next_codec} = (JobW + 4)'(next_job);

  assign job_ready_o = job_room && drain_job_room;

  fifo #(
    .Width(JobW + MoreW),
    .Depth(4)
  ) u_jobs (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(clear_i),
    .valid_i(job_valid_i && drain_job_room),
    .ready_o(job_room),
    .data_i ((JobW + MoreW)'({job_more_i, job_index_i, job_words_i, job_codec_i})),
    .valid_o(next_valid),
    .ready_i(next_take),
    .data_o (next_job),
    .level_o()
  );

  // The job in work: from its activations to its last weight beat.
  logic        active_q, loaded_q;
  logic [1:0]  codec_q;
  logic [16:0] words_q, left_q;  // main words a row; left in this row group
  logic [31:0] index_q;
  logic [2:0]  word_q;           // main word in its eight
  logic        side_due_q;       // the next beat is a side beat
  logic        first_q;          // the next main beat is the first of a row group
  logic        gap_q;            // a row group ended in the last cycle
  logic [3:0]  more_q, vec_q;    // vectors after the first; the one whose turn it is
  logic [ElemW-1:0] elem_q;      // where the next slot begins, in a vector
  logic [ElemW-1:0] fill_q;      // next beat of the activation buffer

  logic room, busy, result_valid;
  logic [2*BusW-1:0] result;
  logic [255:0] act;

  logic [1:0] lane_codec_q;  // what the lanes decode; follows codec_q when they are empty

  wire has_side    = codec_q == seedbed_pkg::CodecInt4 || codec_q == seedbed_pkg::CodecSeedlm3;
  wire last_word   = left_q == 17'd1;
  wire ends_group  = last_word && !side_due_q;
  wire can_work    = active_q && loaded_q && lane_codec_q == codec_q && (!ends_group || (room && !gap_q));
  wire last_vec    = vec_q == more_q;
  wire can_take    = can_work && (side_due_q || last_vec);
  wire work        = wei_valid_i && can_work && !flush_i;
  wire work_main   = work && !side_due_q;
  wire take        = work && (side_due_q || last_vec);
  wire take_main   = work_main && last_vec;
  wire load        = act_valid_i && active_q && !loaded_q && !flush_i;
  wire bad         = (take && wei_err_i) || (load && act_err_i);

  assign next_take = next_valid && (!active_q || (take && wei_last_i));

  assign act_ready_o  = active_q && !loaded_q;
  assign wei_ready_o  = can_take;
  assign loaded_o     = active_q && loaded_q;
  assign useful_o     = work && vec_q == 4'd0;
  assign compute_o    = work && vec_q != 4'd0;
  assign read_err_o   = bad;
  assign read_index_o = index_q;
  assign state_o      = {active_q, busy, !room, side_due_q};

  wire [4:0] step = (codec_q == seedbed_pkg::CodecFp16) ? 5'd2
                    : (codec_q == seedbed_pkg::CodecSeedlm3) ? 5'd16 : 5'd8;
  wire [ElemW-1:0] elem_next = last_word ? '0 : elem_q + ElemW'(step);

  // Where the slot of vec_q begins in the buffer.
  logic [ElemW-1:0] slot;
  if (MaxBatch > 1) begin : g_slot
    logic [ElemW-1:0] slot_q;
    logic [11:0]      stride_q;  // of the vectors, in 32 elements; of no meaning for one vector
    assign slot = slot_q;
    always_ff @(posedge clk_i) begin
      if (next_take) begin
        slot_q   <= '0;
        stride_q <= 12'((next_codec == seedbed_pkg::CodecFp16) ? (next_words + 17'd15) >> 4
                        : (next_codec == seedbed_pkg::CodecSeedlm3) ? (next_words + 17'd1) >> 1
                        : (next_words + 17'd3) >> 2);
      end else if (work_main) begin
        slot_q <= last_vec ? elem_next : slot_q + ElemW'({stride_q, 5'd0});
      end
    end
  end else begin : g_one_slot
    assign slot = elem_q;
  end

  always_ff @(posedge clk_i) begin
    if (next_take) begin
      codec_q    <= next_codec;
      words_q    <= next_words;
      left_q     <= next_words;
      index_q    <= next_index;
      more_q     <= next_more;
      vec_q      <= '0;
      word_q     <= '0;
      first_q    <= 1'b1;
      elem_q     <= '0;
      fill_q     <= '0;
      side_due_q <= next_codec == seedbed_pkg::CodecInt4 || next_codec == seedbed_pkg::CodecSeedlm3;
    end else begin
      if (load) fill_q <= fill_q + 1'b1;
      if (take && side_due_q) side_due_q <= 1'b0;
      if (work_main) vec_q <= last_vec ? 4'd0 : vec_q + 4'd1;
      if (take_main) begin
        word_q     <= last_word ? 3'd0 : word_q + 3'd1;
        left_q     <= last_word ? words_q : left_q - 17'd1;
        elem_q     <= elem_next;
        first_q    <= last_word;
        side_due_q <= has_side && (last_word || word_q == 3'd7);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!busy) lane_codec_q <= codec_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      loaded_q <= 1'b0;
      gap_q    <= 1'b0;
    end else begin
      if (clear_i) active_q <= 1'b0;
      else if (next_take) active_q <= 1'b1;
      else if (take && wei_last_i) active_q <= 1'b0;
      if (next_take) loaded_q <= 1'b0;
      else if (load && act_last_i) loaded_q <= 1'b1;
      gap_q <= MaxBatch == 1 && take_main && last_word;
    end
  end

  act_buffer #(
    .BusW  (BusW),
    .ActCap(ActCap)
  ) u_act (
    .clk_i  (clk_i),
    .we_i   (load),
    .waddr_i(fill_q),
    .wdata_i(act_data_i),
    .step2_i(lane_codec_q == seedbed_pkg::CodecFp16),
    .step8_i(lane_codec_q != seedbed_pkg::CodecSeedlm3),
    .re_i   (work_main),
    .relem_i(slot),
    .act_o  (act)
  );

  lane_array #(
    .BusW    (BusW),
    .Codecs  (Codecs),
    .Style   (Style),
    .MaxBatch(MaxBatch)
  ) u_lanes (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
    .codec_i       (lane_codec_q),
    .valid_i       (work),
    .beat_i        (wei_data_i),
    .side_i        (side_due_q),
    .first_i       (first_q),
    .last_i        (last_word),
    .word_i        (word_q),
    .vec_i         (vec_q),
    .act_i         (act),
    .result_valid_o(result_valid),
    .result_o      (result),
    .busy_o        (busy)
  );

  drain #(
    .BusW     (BusW),
    .MaxBatch (MaxBatch),
    .DataDepth(DataDepth),
    .Ports    (Ports)
  ) u_drain (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
    .clear_i       (clear_i),
    .job_valid_i   (job_valid_i && job_room),
    .job_ready_o   (drain_job_room),
    .job_dst_i     (job_dst_i),
    .job_more_i    (job_more_i),
    .job_stride_i  (job_stride_i),
    .job_rows_i    (job_rows_i),
    .room_o        (room),
    .reserve_i     (work_main && last_word),
    .result_valid_i(result_valid),
    .result_i      (result),
    .req_valid_o   (wr_req_valid_o),
    .req_addr_o    (wr_req_addr_o),
    .req_beats_o   (wr_req_beats_o),
    .req_last_o    (wr_req_last_o),
    .data_valid_o  (wr_data_valid_o),
    .data_o        (wr_data_o),
    .elem_o        (wr_elem_o),
    .pop_i         (wr_pop_i),
    .idle_o        (idle_o)
  );

endmodule
