// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// The vector unit: executes one command record at a time, all but matrices and attention
// (docs/numerics.md sections 2, 4, 5, 6.1, 6.5; docs/vector.md).
//
//   record -> vec_check -> sequencer -- vec_program: the steps of each operation
//             vec_shape, vec_place, vec_scalar: how long, where, which numbers
//            vec_ahead        | load                    | pass                         | store
//   memory ----------> vec_load --chunks--> vec_query --> vec_pass (buffer, lanes) --> vec_store ------> memory
//
// Parameters
//   BusW    data bits of the bus, 64..1024
//   Lanes   elements a cycle, a power of two, 2..min(16, BusW/32); results do not depend on it
//   Words   elements of each of the buffer's four regions, a power of two, >= 1024
// Ports
//   cmd_*   the record, taken when both are high;  done_o pulses with error_o when its last write is
//           answered
//   req_*, beat_*   read requests to axi_read and the answers;  wr_*  requests to axi_write, beats with
//           byte strobes, and its state: wr_idle_i everything is answered, wr_err_i a response was an
//           error (level until the next command)
//   busy_o, state_o   for diagnosis: state [3:0], 4 the store is idle, 5 the loader, 6 a pass is under way
// Latency: docs/vector.md.

module vector_unit #(
  parameter int BusW   = 512,
  parameter int Lanes  = 16,
  parameter int Words  = 1024,
  parameter int BeatsW = 40
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              cmd_valid_i,
  output logic              cmd_ready_o,
  input  logic [511:0]      cmd_i,
  output logic              done_o,
  output logic [3:0]        error_o,

  output logic              req_valid_o,
  input  logic              req_ready_i,
  output logic [63:0]       req_addr_o,
  output logic [BeatsW-1:0] req_beats_o,
  input  logic              beat_valid_i,
  output logic              beat_ready_o,
  input  logic [BusW-1:0]   beat_data_i,
  input  logic              beat_err_i,
  input  logic              beat_last_i,

  output logic              wr_req_valid_o,
  input  logic              wr_req_ready_i,
  output logic [63:0]       wr_req_addr_o,
  output logic [8:0]        wr_req_beats_o,
  output logic              wr_valid_o,
  input  logic              wr_ready_i,
  output logic [BusW-1:0]   wr_data_o,
  output logic [BusW/8-1:0] wr_strb_o,
  input  logic              wr_idle_i,
  input  logic              wr_err_i,

  output logic              busy_o,
  output logic [7:0]        state_o
);

  localparam int Depth  = Words / Lanes;
  localparam int AddrW  = $clog2(Depth) + 2;
  localparam int LanesW = $clog2(Lanes);
  localparam int Chains = 64 / Lanes;

  initial begin
    if (Lanes < 2 || Lanes > 16 || Lanes != (1 << LanesW) || Lanes > BusW / 32) $fatal(1, "vector_unit: Lanes");
    if (Words < 1024 || Words != (1 << $clog2(Words))) $fatal(1, "vector_unit: Words");
  end

  typedef enum logic [3:0] {
    StIdle   = 4'd0,
    StCheck  = 4'd1,
    StDivide = 4'd2,
    StSize   = 4'd3,   // how many rows make a tile
    StVector = 4'd4,
    StTile   = 4'd5,
    StLoad   = 4'd6,   // a step's load, store, pass
    StStore  = 4'd7,
    StPass   = 4'd8,
    StRun    = 4'd9,
    StNext   = 4'd10,
    StFinish = 4'd11
  } state_e;
  state_e state_q;

  // ------------------------------------------------------------------------------------------
  // The record.
  // ------------------------------------------------------------------------------------------
  logic [511:0] cmd_q;
  wire [7:0]  op    = cmd_q[7:0];
  wire [7:0]  codec = cmd_q[15:8];
  wire [15:0] batch = cmd_q[31:16];
  wire [31:0] rows  = cmd_q[63:32];
  wire [63:0] aux   = cmd_q[383:320];
  wire [19:0] first = cmd_q[403:384];                // QUANTIZE_Q: position of the first token
  wire [31:0] p1    = cmd_q[447:416];
  wire [24:0] p3    = cmd_q[504:480];

  wire is_kv    = op == vector_pkg::OpQuantizeKv;
  wire is_q     = op == vector_pkg::OpQuantizeQ;
  wire is_attn  = op == vector_pkg::OpAttnScale;
  wire is_embed = op == vector_pkg::OpEmbed;
  wire is_move  = op == vector_pkg::OpGather || op == vector_pkg::OpScatter;
  wire blocks12 = op == vector_pkg::OpQuantize && codec == 8'd3;
  wire of_group = is_attn || is_q;                   // rows are the heads of a KV head
  wire tileable = op == vector_pkg::OpRmsnorm || op == vector_pkg::OpLayernorm || op == vector_pkg::OpRope;

  logic [3:0]  check_error;
  logic [24:0] div_num, div_den;
  vec_check #(
    .Words(Words)
  ) u_check (
    .cmd_i    (cmd_q),
    .error_o  (check_error),
    .div_num_o(div_num),
    .div_den_o(div_den)
  );

  // ------------------------------------------------------------------------------------------
  // The step, its shape, its places, its scalars.
  // ------------------------------------------------------------------------------------------
  logic [vector_pkg::StepW-1:0] step;
  logic [4:0] pc_q, next_pc, row_pc, back;
  logic [2:0] flow, level;
  logic [4:0] ld;
  logic [3:0] st, kind, shape, a_sc, b_sc, c_sc;
  logic [1:0] a_sel, b_sel, c_sel, d_sel, again_q;
  logic [7:0] a_at, b_at, d_at;
  logic       a_swap, b_lane0, b_twice, neg_a, neg_c, neg_even, check, halves;
  vec_program u_program (
    .op_i          (op),
    .pc_i          (pc_q),
    .flag_plain_i  (p1 != '0),
    .flag_sigmoid_i(codec[0]),
    .flag_inter_i  (cmd_q[384]),
    .flag_scaled_i (codec[0]),
    .flag_bias_i   (aux != '0),
    .row_pc_o      (row_pc),
    .next_o        (next_pc),
    .step_o        (step)
  );
  assign {flow, back, ld, st, kind, shape, level, a_sel, a_at, a_swap, b_sel, b_at, b_lane0, b_twice, c_sel, neg_a, neg_c,
          neg_even, d_sel, d_at, a_sc, b_sc, c_sc, check, halves} = step;

  wire begins      = state_q == StCheck;
  wire vec_begins  = state_q == StVector;
  wire recip_start = state_q == StPass && kind == vector_pkg::KRecip;

  logic [15:0] vec_q;
  logic [24:0] group_q, row_q, col_q, tile_rows_q;
  logic [2:0]  tile_log_q;
  logic [5:0]  pick_q;   // results of a TOPK that are there
  logic        div_done, more_seg, in_lanes, at_more, at_second, at_row_end;
  logic [24:0] at_col, at_seg, at_rows;
  logic [4:0]  at_ld;
  logic [24:0] quot, rem, n, nrows, row_chunks, seg, half_at, seg_at, level_at;
  logic [24:0] blk_rows, blk_n, blk_last, blk_words, blk_words_last;
  logic [31:0] blk_stride;
  logic [24:0] ps_rows, ps_n, ps_last, ps_chunks, ps_chunks_last;
  logic [13:0] skip;
  logic [14:0] lines;
  vec_shape #(
    .Lanes(Lanes),
    .Words(Words)
  ) u_shape (
    .clk_i           (clk_i),
    .cmd_i           (cmd_q),
    .div_start_i     (begins),
    .div_num_i       (div_num),
    .div_den_i       (div_den),
    .div_done_o      (div_done),
    .quot_o          (quot),
    .rem_o           (rem),
    .col_i           (col_q),
    .ld_col_i        (at_col),
    .tile_rows_i     (tile_rows_q),
    .lines_i         (lines),
    .shape_i         (shape),
    .kind_i          (kind),
    .level_i         (level),
    .halves_i        (halves),
    .n_o             (n),
    .rows_o          (nrows),
    .row_chunks_o    (row_chunks),
    .seg_o           (seg),
    .more_o          (more_seg),
    .ld_seg_o        (at_seg),
    .ld_more_o       (at_more),
    .blk_rows_o      (blk_rows),
    .blk_n_o         (blk_n),
    .blk_last_o      (blk_last),
    .blk_words_o     (blk_words),
    .blk_words_last_o(blk_words_last),
    .blk_stride_o    (blk_stride),
    .half_at_o       (half_at),
    .seg_at_o        (seg_at),
    .level_at_o      (level_at),
    .in_lanes_o      (in_lanes),
    .ps_rows_o       (ps_rows),
    .ps_n_o          (ps_n),
    .ps_last_o       (ps_last),
    .ps_chunks_o     (ps_chunks),
    .ps_chunks_last_o(ps_chunks_last)
  );

  localparam int OffW = AddrW - 2;
  function automatic logic [AddrW-1:0] place(input logic [4:0] at_, input logic [OffW-1:0] half_,
                                             input logic [OffW-1:0] level_);
    case (at_[2:0])
      3'd4:    place = {at_[4:3], half_};
      3'd5:    place = {at_[4:3], level_};
      default: place = {at_[4:3], OffW'(at_[2:0])};
    endcase
  endfunction
  function automatic logic [AddrW-1:0] apart(input logic [2:0] code, input logic [AddrW-1:0] seg_,
                                             input logic [AddrW-1:0] half_);
    case (code)
      3'd1:    apart = seg_;
      3'd2:    apart = AddrW'(Chains);
      3'd3:    apart = half_ << 1;
      3'd4:    apart = half_;
      default: apart = '0;
    endcase
  endfunction

  logic [63:0] ld_addr, st_addr, word;
  logic [24:0] ld_n, ld_last, ld_rows, st_n, st_last, st_rows, index;
  logic [31:0] ld_stride, st_stride, value, scalar_y, a_scalar, b_scalar, c_scalar;
  logic [30:0] key;
  logic [8:0]  k;
  logic [1:0]  ld_size;
  logic        st_byte, l_zero, recip_done, scalar_valid, pass_done;

  wire run_done   = (kind == vector_pkg::KRecip) ? recip_done : pass_done;
  wire step_done  = state_q == StRun && run_done;
  wire word_valid = step_done && kind == vector_pkg::KWord;
  wire key_valid  = step_done && kind == vector_pkg::KMax;
  wire last_row   = row_q + tile_rows_q >= nrows;
  wire last_vec   = vec_q == batch - 16'd1;
  wire last_all   = last_vec && (!of_group || group_q == p3 - 25'd1);
  wire last_pick  = 32'(pick_q) + 32'd1 == p1;
  wire tile_end   = state_q == StNext && (flow == 3'd3 || (flow == 3'd2 && !more_seg) || (flow == 3'd5 && last_pick));

  vec_place u_place (
    .clk_i           (clk_i),
    .cmd_i           (cmd_q),
    .begin_i         (begins),
    .vector_i        (vec_begins),
    .row_end_i       (tile_end),
    .ld_row_end_i    (at_row_end),
    .last_row_i      (last_row),
    .last_vec_i      (last_vec),
    .vec_i           (vec_q),
    .tile_log_i      (tile_log_q),
    .tile_rows_i     (tile_rows_q),
    .quot_i          (quot),
    .n_i             (n),
    .seg_i           (seg),
    .col_i           (col_q),
    .ld_seg_i        (at_seg),
    .ld_col_i        (at_col),
    .ld_tile_rows_i  (at_rows),
    .blk_rows_i      (blk_rows),
    .blk_n_i         (blk_n),
    .blk_last_i      (blk_last),
    .blk_words_i     (blk_words),
    .blk_words_last_i(blk_words_last),
    .blk_stride_i    (blk_stride),
    .word_valid_i    (word_valid),
    .word_i          (word[23:0]),
    .skip_i          (skip),
    .lines_i         (lines),
    .pick_i          (pick_q),
    .second_i        (is_kv && at_second),
    .ld_i            (at_ld),
    .st_i            (st),
    .ld_addr_o       (ld_addr),
    .ld_n_o          (ld_n),
    .ld_last_o       (ld_last),
    .ld_rows_o       (ld_rows),
    .ld_stride_o     (ld_stride),
    .ld_size_o       (ld_size),
    .st_addr_o       (st_addr),
    .st_n_o          (st_n),
    .st_last_o       (st_last),
    .st_rows_o       (st_rows),
    .st_stride_o     (st_stride),
    .st_byte_o       (st_byte)
  );

  vec_scalar u_scalar (
    .clk_i        (clk_i),
    .rst_ni       (rst_ni),
    .cmd_i        (cmd_q),
    .begin_i      (begins),
    .row_end_i    (tile_end),
    .word_valid_i (word_valid),
    .word_i       (word[31:0]),
    .key_valid_i  (key_valid),
    .key_i        (key),
    .y_valid_i    (scalar_valid),
    .to_l_i       (ld == vector_pkg::LdL),
    .y_i          (scalar_y),
    .recip_start_i(recip_start),
    .recip_done_o (recip_done),
    .index_i      (index),
    .value_i      (value),
    .a_sc_i       (a_sc),
    .b_sc_i       (b_sc),
    .c_sc_i       (c_sc),
    .a_o          (a_scalar),
    .b_o          (b_scalar),
    .c_o          (c_scalar),
    .k_o          (k),
    .zero_o       (l_zero)
  );

  // ------------------------------------------------------------------------------------------
  // Load, pass, store.
  // ------------------------------------------------------------------------------------------
  logic                ld_start, ld_ready, ld_there, st_ready, s_valid, s_ready, q_valid, q_ready;
  logic                load_err, load_idle, store_idle, pass_idle, pass_bad;
  logic [32*Lanes-1:0] raw_data, s_data, q_data;

  wire ld_waits   = state_q == StLoad && ld != vector_pkg::LdNone;
  wire failed     = error_q != seedbed_pkg::ErrNone;
  wire st_start   = state_q == StStore && st != vector_pkg::StNone;
  wire pass_start = state_q == StPass && kind != vector_pkg::KRecip;
  // Names, because Icarus knows no enum at a port.
  wire again      = state_q == StNext && flow == 3'd5 && !last_pick;
  wire drops      = state_q == StFinish;  // what was loaded ahead of an error

  vec_ahead u_ahead (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
    .op_i          (op),
    .flag_plain_i  (p1 != '0),
    .flag_sigmoid_i(codec[0]),
    .flag_inter_i  (cmd_q[384]),
    .flag_scaled_i (codec[0]),
    .flag_bias_i   (aux != '0),
    .vector_i      (vec_begins),
    .nrows_i       (nrows),
    .tile_log_i    (tile_log_q),
    .more_i        (at_more),
    .seg_i         (at_seg),
    .waits_i       (ld_waits),
    .takes_i       (ld_waits && ld_there),
    .again_i       (again),
    .back_i        (back),
    .stop_i        (failed),
    .there_o       (ld_there),
    .job_valid_o   (ld_start),
    .job_ready_i   (ld_ready),
    .ld_o          (at_ld),
    .col_o         (at_col),
    .tile_rows_o   (at_rows),
    .second_o      (at_second),
    .row_end_o     (at_row_end)
  );

  wire [19:0] pos     = first + 20'(vec_q);
  wire [19:0] pos_end = codec[2] ? pos : first + 20'(batch) - 20'd1;   // causal: no later ones
  vec_query #(
    .Lanes(Lanes)
  ) u_query (
    .clk_i         (clk_i),
    .pos_i         (pos),
    .last_i        (pos_end),
    .window_valid_i(word_valid),
    .window_i      (word[31:0]),
    .skip_o        (skip),
    .lines_o       (lines),
    .least_valid_i (key_valid && ld == vector_pkg::LdExps),
    .key_i         (key[7:0]),
    .k_i           (k),
    .start_i       (ld_waits),
    .exps_i        (ld == vector_pkg::LdExps),
    .head_i        (ld == vector_pkg::LdHead),
    .take_i        (s_valid && s_ready),
    .data_i        (raw_data),
    .data_o        (s_data)
  );

  vec_load #(
    .BusW  (BusW),
    .Lanes (Lanes),
    .BeatsW(BeatsW)
  ) u_load (
    .clk_i       (clk_i),
    .rst_ni      (rst_ni),
    .job_valid_i (ld_start),
    .job_ready_o (ld_ready),
    .job_addr_i  (ld_addr),
    .job_n_i     (ld_n),
    .job_last_i  (ld_last),
    .job_rows_i  (ld_rows),
    .job_stride_i(ld_stride),
    .job_size_i  (ld_size),
    .req_valid_o (req_valid_o),
    .req_ready_i (req_ready_i),
    .req_addr_o  (req_addr_o),
    .req_beats_o (req_beats_o),
    .beat_valid_i(beat_valid_i),
    .beat_ready_o(beat_ready_o),
    .beat_data_i (beat_data_i),
    .beat_err_i  (beat_err_i),
    .out_valid_o (s_valid),
    .out_ready_i (s_ready || drops),
    .out_data_o  (raw_data),
    .err_o       (load_err),
    .idle_o      (load_idle)
  );

  vec_pass #(
    .Lanes(Lanes),
    .Depth(Depth),
    .AddrW(AddrW)
  ) u_pass (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
    .start_i       (pass_start),
    .done_o        (pass_done),
    .kind_i        (kind),
    .limit_i       ({1'b0, is_kv && codec[1]}),
    .unsigned_i    (ld == vector_pkg::LdL),
    .k_i           (k[7:0]),
    .a_sel_i       (a_sel),
    .a_base_i      (place(a_at[7:3], OffW'(half_at), OffW'(level_at))),
    .a_os_i        (apart(a_at[2:0], AddrW'(seg_at), AddrW'(half_at))),
    .a_swap_i      (a_swap),
    .b_sel_i       (b_sel),
    .b_base_i      (place(b_at[7:3], OffW'(half_at), OffW'(level_at))),
    .b_os_i        (apart(b_at[2:0], AddrW'(seg_at), AddrW'(half_at))),
    .b_step_i      (!b_lane0),
    .b_lane0_i     (b_lane0),
    .b_twice_i     (b_twice),
    .c_sel_i       ((shape == vector_pkg::ShTree && in_lanes) ? vector_pkg::BSelf : c_sel),
    .c_shift_i     (5'd1 << level),
    .neg_a_i       (neg_a),
    .neg_c_i       (neg_c),
    .neg_even_i    (neg_even),
    .zero_i        (is_attn && l_zero && ld == vector_pkg::LdAcc),
    .d_sel_i       (d_sel),
    .d_base_i      (place(d_at[7:3], OffW'(half_at), OffW'(level_at))),
    .d_os_i        (apart(d_at[2:0], AddrW'(seg_at), AddrW'(half_at))),
    .check_i       (check),
    .halves_i      (halves),
    .n_i           (ps_n),
    .n_last_i      (ps_last),
    .np_i          (ps_chunks),
    .np_last_i     (ps_chunks_last),
    .rows_i        (ps_rows),
    .after_i       (pick_q != '0),
    .sum_first_i   (shape == vector_pkg::ShFull || col_q == '0),
    .sum_last_i    (shape == vector_pkg::ShFull || !more_seg),
    .a_scalar_i    (a_scalar),
    .b_scalar_i    (b_scalar),
    .c_scalar_i    (c_scalar),
    .s_valid_i     (s_valid),
    .s_ready_o     (s_ready),
    .s_data_i      (s_data),
    .st_valid_o    (q_valid),
    .st_ready_i    (q_ready),
    .st_data_o     (q_data),
    .scalar_valid_o(scalar_valid),
    .scalar_o      (scalar_y),
    .word_o        (word),
    .key_o         (key),
    .index_o       (index),
    .value_o       (value),
    .bad_o         (pass_bad),
    .idle_o        (pass_idle)
  );

  vec_store #(
    .BusW (BusW),
    .Lanes(Lanes)
  ) u_store (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
    .job_valid_i   (st_start),
    .job_ready_o   (st_ready),
    .job_addr_i    (st_addr),
    .job_n_i       (st_n),
    .job_last_i    (st_last),
    .job_rows_i    (st_rows),
    .job_stride_i  (st_stride),
    .job_byte_i    (st_byte),
    .in_valid_i    (q_valid),
    .in_ready_o    (q_ready),
    .in_data_i     (q_data),
    .wr_req_valid_o(wr_req_valid_o),
    .wr_req_ready_i(wr_req_ready_i),
    .wr_req_addr_o (wr_req_addr_o),
    .wr_req_beats_o(wr_req_beats_o),
    .wr_valid_o    (wr_valid_o),
    .wr_ready_i    (wr_ready_i),
    .wr_data_o     (wr_data_o),
    .wr_strb_o     (wr_strb_o),
    .idle_o        (store_idle)
  );

  // ------------------------------------------------------------------------------------------
  // The sequencer.
  // ------------------------------------------------------------------------------------------
  logic [3:0] error_q;
  logic       done_q;

  assign cmd_ready_o = state_q == StIdle;
  assign busy_o      = state_q != StIdle;
  assign done_o      = done_q;
  assign error_o     = error_q;
  assign state_o     = {1'b0, state_q == StRun, load_idle, store_idle, state_q};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      done_q  <= 1'b0;
      error_q <= seedbed_pkg::ErrNone;
    end else begin
      done_q <= 1'b0;
      case (state_q)
        StIdle: if (cmd_valid_i) begin
          state_q <= StCheck;
          error_q <= seedbed_pkg::ErrNone;
        end
        StCheck: begin
          error_q <= check_error;
          state_q <= (check_error != seedbed_pkg::ErrNone) ? StFinish : (blocks12 || of_group) ? StDivide : StSize;
        end
        StDivide: if (div_done) begin
          state_q <= (of_group && rem != '0) ? StFinish : StSize;
          if (of_group && rem != '0) error_q <= seedbed_pkg::ErrShape;
        end
        StSize: if (!tileable || tile_log_q == 3'd4 || row_chunks > 25'(Depth) >> (tile_log_q + 3'd1)) state_q <= StVector;
        StVector: state_q <= StTile;
        StTile: state_q <= StLoad;
        StLoad: begin
          if (ld == vector_pkg::LdNone || ld_there) state_q <= StStore;
          else if (failed) state_q <= StFinish;
        end
        StStore: if (st == vector_pkg::StNone || st_ready) state_q <= StPass;
        StPass: state_q <= StRun;
        StRun: if (run_done) state_q <= StNext;
        StNext: begin
          if (error_q != seedbed_pkg::ErrNone) state_q <= StFinish;
          else if (!tile_end) state_q <= StLoad;
          else if (!last_row) state_q <= StTile;
          else state_q <= last_all ? StFinish : StVector;
        end
        default: if (store_idle && pass_idle && load_idle && wr_idle_i) begin
          state_q <= StIdle;
          done_q  <= 1'b1;
          if (error_q == seedbed_pkg::ErrNone && wr_err_i) error_q <= seedbed_pkg::ErrWrite;
        end
      endcase
      if (busy_o && error_q == seedbed_pkg::ErrNone) begin
        if (load_err) error_q <= seedbed_pkg::ErrRead;
        else if (pass_bad) error_q <= seedbed_pkg::ErrFinite;
        else if (word_valid && (is_embed || is_move) && word[31:0] >= rows) begin
          error_q <= seedbed_pkg::ErrIndex;
        end
      end
    end

    if (state_q == StIdle && cmd_valid_i) cmd_q <= cmd_i;

    if (state_q == StCheck) begin
      tile_log_q <= '0;
      vec_q      <= '0;
      group_q    <= '0;
    end
    if (state_q == StSize && tileable && tile_log_q != 3'd4 && row_chunks <= 25'(Depth) >> (tile_log_q + 3'd1)) begin
      tile_log_q <= tile_log_q + 3'd1;
    end

    if (state_q == StVector) begin
      pc_q   <= '0;
      row_q  <= '0;
      pick_q <= '0;
    end
    if (state_q == StTile) begin
      col_q       <= '0;
      again_q     <= '0;
      tile_rows_q <= (nrows - row_q < 25'd1 << tile_log_q) ? nrows - row_q : 25'd1 << tile_log_q;
    end

    if (state_q == StNext) begin
      if (flow == 3'd4) begin
        again_q <= again_q + 2'd1;
        pc_q    <= (again_q == 2'd3) ? pc_q + 5'd1 : back;
      end else if (flow == 3'd5 && !last_pick) begin
        pick_q <= pick_q + 6'd1;
        pc_q   <= back;
      end else if ((flow == 3'd1 || flow == 3'd2) && more_seg) begin
        col_q <= col_q + seg;
        pc_q  <= back;
      end else if (tile_end) begin
        row_q <= row_q + tile_rows_q;
        pc_q  <= row_pc;
        if (last_row) begin  // of a KV head: its tokens, then the next one
          vec_q <= (of_group && last_vec) ? '0 : vec_q + 16'd1;
          if (last_vec) group_q <= group_q + 25'd1;
        end
      end else begin
        if (flow == 3'd1) col_q <= '0;
        pc_q <= next_pc;
      end
    end
  end

  wire unused = &{1'b0, beat_last_i, word[63:32], cmd_q, half_at, seg_at, level_at};

endmodule
