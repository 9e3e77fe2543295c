// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Attention unit: executes ATTENTION_X records (docs/device.md, docs/numerics.md section 6). Of Ports units that get the same
// record, each at a memory port of its own, unit Index does the KV heads Index, Index + Ports, ...
//
//   record --> checks, attn_share --> attn_seq --requests-->  memory
//                                      | kinds, jobs           | beats
//                                      v                       v
//   writes <-- attn_write  <------- attn_engine <-- 64-byte lines
//           \- attn_export <---------/
//
// Parameters
//   BusW, BeatsW   the port's data bits, 64..512, and request length
//   Modes          bit 0 sigmoid, bit 1 softmax
//   T              query rows side by side;  Keys: keys a softmax may have, a power of two
//   Ports, Index   1..8 units, and which of them this is
// Ports: the unit port of seedbed_core (unit_port.sv).
//   error_o        2 mode not built in; 3 shape; 4 address; 5, 6 a response was an error: the rest of the tile in work is
//                  still read and written, nothing after it. It stays until the next record is checked. What a record is refused
//                  for, every unit finds; a response is an error only to the unit that had it
//   state_o        {scanner [2:0], sequencer [2:0]} in [5:0], own state in [7:6]
// Bounds: batch 1..1024, heads 1..4095, head_dim 8..256 in eights, capacity up to 2^20 in blocks of 64.
// Latency: about 20 cycles from the record to the first request, two more with several units; a unit with no KV head of its
// own is done by then. See docs/attention.md.

module attn_unit #(
  parameter int BusW   = 512,
  parameter int BeatsW = 40,
  parameter int Modes  = 3,
  parameter int T      = 4,
  parameter int Keys   = 16384,
  parameter int Ports  = 1,
  parameter int Index  = 0
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

  localparam logic [2:0] KindHeader = 3'd6;
  localparam int         JobW       = 1 + 5 + 15 + 14 + 3 * T;
  localparam int         ExpW       = 4 + 5 + 14 + 15;

  initial if (BusW < 64 || BusW > 512) $fatal(1, "attn_unit: a bus of 64..512 bits");

  typedef enum logic [1:0] {
    StIdle   = 2'd0,
    StCheck  = 2'd1,
    StDivide = 2'd2,  // heads / KV heads, a bit a cycle; what else is derived from the record is ready by then
    StRun    = 2'd3
  } state_e;
  state_e state_q;

  // ------------------------------------------------------------------------------------------
  // The record.
  // ------------------------------------------------------------------------------------------
  logic [511:0] cmd_q;
  wire        sigmoid  = cmd_q[8];
  wire        kv8      = cmd_q[9];
  wire        causal   = cmd_q[10];
  wire        bitmap   = cmd_q[11];
  wire        exports  = cmd_q[12];
  wire [15:0] batch    = cmd_q[31:16];
  wire [31:0] heads    = cmd_q[63:32];
  wire [31:0] dim      = cmd_q[95:64];
  wire [63:0] kv       = cmd_q[191:128];
  wire [63:0] src      = cmd_q[255:192];
  wire [63:0] dst      = cmd_q[319:256];
  wire [63:0] mask     = cmd_q[383:320];
  wire [31:0] keys     = cmd_q[415:384];
  wire [31:0] capacity = cmd_q[447:416];
  wire [31:0] window   = cmd_q[479:448];
  wire [31:0] kv_heads = cmd_q[511:480];

  localparam logic [63:0] BadAddr = (~64'd0 << seedbed_pkg::AddrBits) | 64'h3F;

  wire bad_mode  = sigmoid ? (Modes & 1) == 0 : (Modes & 2) == 0;
  wire bad_shape = cmd_q[15:13] != '0 || batch == '0 || batch > 16'd1024 || heads == '0 || heads[31:12] != '0 ||
                   dim == '0 || dim > 32'd256 || dim[2:0] != '0 || capacity == '0 || capacity[5:0] != '0 ||
                   capacity > 32'h10_0000 || keys > capacity || (!sigmoid && keys > 32'(Keys)) ||
                   kv_heads == '0 || kv_heads > heads;
  wire bad_align = ((kv | src | dst) & BadAddr) != '0 || (bitmap && (mask & BadAddr) != '0);

  // Derived, stable well before they are used.
  logic [3:0]  lines_q, qlines_q;
  logic [17:0] cap_lines_q;                // blocks of the cache * lines
  logic [26:0] region_q, v_off_q, e_off_q;
  logic [14:0] cap_blocks_q;
  logic [20:0] window_q;
  logic [7:0]  mwords_q;

  always_ff @(posedge clk_i) begin
    qlines_q     <= 4'((dim[8:0] + 9'd31) >> 5);
    lines_q      <= kv8 ? 4'((dim[8:0] + 9'd63) >> 6) : 4'((dim[8:0] + 9'd31) >> 5);
    cap_blocks_q <= capacity[20:6];
    cap_lines_q  <= (lines_q[0] ? {3'd0, cap_blocks_q} : 18'd0) + (lines_q[1] ? {2'd0, cap_blocks_q, 1'b0} : 18'd0)
                    + (lines_q[2] ? {1'b0, cap_blocks_q, 2'd0} : 18'd0) + (lines_q[3] ? {cap_blocks_q, 3'd0} : 18'd0);
    v_off_q      <= {3'd0, cap_lines_q, 6'd0};
    e_off_q      <= {2'd0, cap_lines_q, 7'd0};
    region_q     <= {2'd0, cap_lines_q, 7'd0} + {11'd0, cap_blocks_q, 1'b0};
    window_q     <= (window[31:20] != '0) ? 21'd0 : window[20:0];  // so wide that it hides nothing
    mwords_q     <= 8'((batch[10:0] + 11'd7) >> 3);
  end

  // Heads of a group: restoring division. The number of rows, batch * heads, comes out of the same bits of heads.
  logic [11:0] quot_q, rem_q;
  logic [3:0]  steps_q;
  logic [21:0] rows_q;
  logic [27:0] row_words_q;                // of all result rows: the exported ones lie behind
  logic [57:0] exp_base_q;                 // two cycles later: there when exp_start_q is
  logic        exp_start_q;
  wire  [5:0]  row_len = dim[8:3] + 6'd1;
  wire  [16:0] groups  = 17'((keys[20:0] + 21'd15) >> 4);  // words of an exported row
  wire  [12:0] part = {rem_q, quot_q[11]};
  wire         fits = part >= {1'b0, kv_heads[11:0]};

  // This unit's part of it.
  wire         checks = state_q == StCheck;
  wire         divides = state_q == StDivide;
  logic        share_ready, none;
  logic [11:0] own_heads;
  logic [21:0] head_rows;
  logic [57:0] own_src, own_kv, own_dst, own_exp;
  logic [31:0] src_step, kv_step, dst_step, exp_skip;

  attn_share #(
    .Ports(Ports),
    .Index(Index)
  ) u_share (
    .clk_i      (clk_i),
    .start_i    (checks),
    .step_i     (divides && steps_q != '0),
    .bit_i      (fits),
    .end_i      (divides && steps_q == '0),
    .ready_o    (share_ready),
    .batch_i    (batch[10:0]),
    .kv_heads_i (kv_heads[11:0]),
    .rec_words_i(qlines_q + 4'd1),
    .row_words_i(row_len),
    .exp_words_i(groups),
    .region_i   (region_q),
    .src_i      (src[63:6]),
    .kv_i       (kv[63:6]),
    .dst_i      (dst[63:6]),
    .exp_i      (exp_base_q),
    .heads_o    (own_heads),
    .none_o     (none),
    .rows_o     (head_rows),
    .src_o      (own_src),
    .kv_o       (own_kv),
    .dst_o      (own_dst),
    .exp_o      (own_exp),
    .src_step_o (src_step),
    .kv_step_o  (kv_step),
    .dst_step_o (dst_step),
    .exp_skip_o (exp_skip)
  );

  // ------------------------------------------------------------------------------------------
  // Sequencer, the kinds of what it asked for, the jobs.
  // ------------------------------------------------------------------------------------------
  logic        start_q, read_err_q;
  logic        seq_valid, seq_idle, job_valid, job_room, kind_room, kind_valid, kind_pop;
  logic [2:0]  seq_kind, kind;
  logic [4:0]  job_rows, next_rows, job_last, exp_count;
  logic [14:0] job_blocks, next_blocks;
  logic [13:0] job_block0, next_block0;
  logic [3*T-1:0] job_word, next_word;
  logic        next_valid, next_ready, next_exports;
  logic        jobs_room, exp_room, exp_valid, exp_ready;
  logic [3:0]  exp_first;
  logic [13:0] exp_block0;
  logic [14:0] exp_blocks;
  logic        line_valid, line_ready;
  logic [511:0] line;
  logic [5:0]  seq_state;
  wire         stop = read_err_q || wr_err_i;

  attn_seq #(
    .T     (T),
    .BusW  (BusW),
    .BeatsW(BeatsW),
    .Ports (Ports)
  ) u_seq (
    .clk_i       (clk_i),
    .rst_ni      (rst_ni),
    .start_i     (start_q),
    .stop_i      (stop),
    .sigmoid_i   (sigmoid),
    .causal_i    (causal),
    .bitmap_i    (bitmap),
    .batch_i     (batch[10:0]),
    .kv_heads_i  (own_heads),
    .group_i     (quot_q),
    .lines_i     (lines_q),
    .qlines_i    (qlines_q),
    .keys_i      (keys[20:0]),
    .window_i    (window_q),
    .kv_step_i   (kv_step),
    .row_step_i  (src_step),
    .v_off_i     (v_off_q),
    .e_off_i     (e_off_q),
    .mwords_i    (mwords_q),
    .src_i       (own_src),
    .kv_i        (own_kv),
    .mask_i      (mask[63:6]),
    .req_valid_o (seq_valid),
    .req_ready_i (req_ready_i && kind_room),
    .req_addr_o  (req_addr_o),
    .req_beats_o (req_beats_o),
    .kind_o      (seq_kind),
    .hdr_valid_i (line_valid && kind == KindHeader),
    .hdr_pos_i   (line[19:0]),
    .job_valid_o (job_valid),
    .job_ready_i (job_room),
    .job_rows_o  (job_rows),
    .job_blocks_o(job_blocks),
    .job_block0_o(job_block0),
    .job_word_o  (job_word),
    .job_last_o  (job_last),
    .idle_o      (seq_idle),
    .state_o     (seq_state)
  );

  assign req_valid_o = seq_valid && kind_room;

  wire       job_exports = exports && job_last != '0;
  wire [4:0] job_first   = job_rows - job_last;
  assign job_room = jobs_room && exp_room;

  fifo #(
    .Width(3),
    .Depth(16)
  ) u_kinds (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(1'b0),
    .valid_i(seq_valid && req_ready_i),
    .ready_o(kind_room),
    .data_i (seq_kind),
    .valid_o(kind_valid),
    .ready_i(kind_pop),
    .data_o (kind),
    .level_o()
  );

  fifo #(
    .Width(JobW),
    .Depth(4)
  ) u_jobs (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(1'b0),
    .valid_i(job_valid && exp_room),
    .ready_o(jobs_room),
    .data_i ({job_exports, job_rows, job_blocks, job_block0, job_word}),
    .valid_o(next_valid),
    .ready_i(next_ready),
    .data_o ({next_exports, next_rows, next_blocks, next_block0, next_word}),
    .level_o()
  );

  // Those of which P is exported, for attn_export too.
  fifo #(
    .Width(ExpW),
    .Depth(4)
  ) u_exports (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(1'b0),
    .valid_i(job_valid && job_exports && jobs_room),
    .ready_o(exp_room),
    .data_i ({job_first[3:0], job_last, job_block0, job_blocks}),
    .valid_o(exp_valid),
    .ready_i(exp_ready),
    .data_o ({exp_first, exp_count, exp_block0, exp_blocks}),
    .level_o()
  );

  // ------------------------------------------------------------------------------------------
  // Beats to lines of 64 bytes.
  // ------------------------------------------------------------------------------------------
  wire beat_in = beat_valid_i && kind_valid;

  if (BusW < 512) begin : g_narrow
    localparam int PartW = $clog2(512 / BusW);
    logic [PartW-1:0]    part_q;
    logic [512-BusW-1:0] low_q;
    wire last_part = part_q == PartW'(512 / BusW - 1);
    assign line_valid   = beat_in && last_part;
    assign line         = {beat_data_i, low_q};
    assign beat_ready_o = kind_valid && (!last_part || line_ready);
    always_ff @(posedge clk_i) begin
      if (beat_valid_i && beat_ready_o) low_q <= (512 - BusW)'({beat_data_i, low_q} >> BusW);
      if (!rst_ni) part_q <= '0;
      else if (beat_valid_i && beat_ready_o) part_q <= part_q + 1'b1;
    end
  end else begin : g_equal
    assign line_valid   = beat_in;
    assign line         = beat_data_i;
    assign beat_ready_o = kind_valid && line_ready;
  end

  assign kind_pop = beat_valid_i && beat_ready_o && beat_last_i;

  // ------------------------------------------------------------------------------------------
  // The engine and what it writes.
  // ------------------------------------------------------------------------------------------
  logic         engine_ready, engine_busy, out_valid, out_ready, out_one, write_idle;
  logic [511:0] out_data;
  logic            p_valid, p_ready, exp_idle, exp_want, turn_q;
  logic [24*T-1:0] p_data;
  logic            row_req_valid, row_valid, exp_req_valid, exp_wr_valid;
  logic [63:0]     row_req_addr, exp_req_addr;
  logic [8:0]      row_req_beats, exp_req_beats;
  logic [BusW-1:0] row_data, exp_data;
  logic [BusW/8-1:0] row_strb;

  assign line_ready = kind == KindHeader || engine_ready;

  attn_engine #(
    .T    (T),
    .Keys (Keys),
    .Modes(Modes)
  ) u_engine (
    .clk_i       (clk_i),
    .rst_ni      (rst_ni),
    .job_valid_i (next_valid),
    .job_ready_o (next_ready),
    .job_sigmoid_i(sigmoid),
    .job_kv8_i   (kv8),
    .job_causal_i(causal),
    .job_bitmap_i(bitmap),
    .job_lines_i (lines_q),
    .job_qlines_i(qlines_q),
    .job_rows_i  (next_rows),
    .job_blocks_i(next_blocks),
    .job_key0_i  ({next_block0, 6'd0}),
    .job_keys_i  (keys[20:0]),
    .job_window_i(window_q),
    .job_dim_i   (dim[8:0]),
    .job_word_i  (next_word),
    .job_export_i(next_exports),
    .beat_valid_i(line_valid && kind != KindHeader),
    .beat_ready_o(engine_ready),
    .beat_tag_i  (kind),
    .beat_data_i (line),
    .useful_o    (),
    .out_valid_o (out_valid),
    .out_ready_i (out_ready),
    .out_data_o  (out_data),
    .out_one_o   (out_one),
    .exp_valid_o (p_valid),
    .exp_ready_i (p_ready),
    .exp_p_o     (p_data),
    .busy_o      (engine_busy)
  );

  attn_write #(
    .BusW (BusW),
    .Ports(Ports)
  ) u_write (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
    .start_i       (start_q),
    .dst_i         (own_dst),
    .dim_i         (dim[8:0]),
    .rows_i        (head_rows),
    .step_i        (dst_step),
    .line_valid_i  (out_valid && !turn_q),
    .line_ready_o  (out_ready),
    .line_i        (out_data),
    .line_one_i    (out_one),
    .wr_req_valid_o(row_req_valid),
    .wr_req_ready_i(wr_req_ready_i),
    .wr_req_addr_o (row_req_addr),
    .wr_req_beats_o(row_req_beats),
    .wr_valid_o    (row_valid),
    .wr_ready_i    (wr_ready_i),
    .wr_data_o     (row_data),
    .wr_strb_o     (row_strb),
    .idle_o        (write_idle)
  );

  attn_export #(
    .BusW (BusW),
    .T    (T),
    .Ports(Ports)
  ) u_export (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
    .start_i       (exp_start_q),
    .base_i        (own_exp),
    .groups_i      (groups),
    .group_i       (quot_q),
    .skip_i        (exp_skip),
    .job_valid_i   (exp_valid),
    .job_ready_o   (exp_ready),
    .job_first_i   (exp_first),
    .job_count_i   (exp_count),
    .job_block0_i  (exp_block0),
    .job_blocks_i  (exp_blocks),
    .p_valid_i     (p_valid),
    .p_ready_o     (p_ready),
    .p_i           (p_data),
    .want_o        (exp_want),
    .turn_i        (turn_q),
    .wr_req_valid_o(exp_req_valid),
    .wr_req_ready_i(wr_req_ready_i),
    .wr_req_addr_o (exp_req_addr),
    .wr_req_beats_o(exp_req_beats),
    .wr_valid_o    (exp_wr_valid),
    .wr_ready_i    (wr_ready_i),
    .wr_data_o     (exp_data),
    .idle_o        (exp_idle)
  );

  // Between two rows of results the write port goes to the exported lines of 16 keys.
  assign wr_req_valid_o = turn_q ? exp_req_valid : row_req_valid;
  assign wr_req_addr_o  = turn_q ? exp_req_addr : row_req_addr;
  assign wr_req_beats_o = turn_q ? exp_req_beats : row_req_beats;
  assign wr_valid_o     = turn_q ? exp_wr_valid : row_valid;
  assign wr_data_o      = turn_q ? exp_data : row_data;
  assign wr_strb_o      = turn_q ? '1 : row_strb;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) turn_q <= 1'b0;
    else turn_q <= exp_want && (turn_q || write_idle);
  end

  // ------------------------------------------------------------------------------------------
  // From the record to done.
  // ------------------------------------------------------------------------------------------
  logic       done_q;
  logic [3:0] error_q;
  logic [2:0] calm_q;  // cycles in which nothing was under way: the signals below are not all of one cycle

  wire calm = seq_idle && !start_q && !kind_valid && !next_valid && !engine_busy && exp_idle && write_idle && wr_idle_i;

  assign cmd_ready_o = state_q == StIdle;
  assign done_o      = done_q;
  assign error_o     = error_q;
  assign busy_o      = state_q != StIdle;
  assign state_o     = {state_q, seq_state};

  always_ff @(posedge clk_i) begin
    if (cmd_valid_i && cmd_ready_o) cmd_q <= cmd_i;
    row_words_q <= rows_q * row_len;
    exp_base_q  <= dst[63:6] + {30'd0, row_words_q};
    exp_start_q <= start_q;
    if (state_q == StCheck) begin
      quot_q  <= heads[11:0];
      rem_q   <= '0;
      rows_q  <= '0;
      steps_q <= 4'd12;
    end else if (state_q == StDivide && steps_q != '0) begin
      rows_q  <= {rows_q[20:0], 1'b0} + (quot_q[11] ? {11'd0, batch[10:0]} : 22'd0);
      quot_q  <= {quot_q[10:0], fits};
      rem_q   <= fits ? 12'(part - {1'b0, kv_heads[11:0]}) : part[11:0];
      steps_q <= steps_q - 4'd1;
    end
    if (!rst_ni) begin
      state_q    <= StIdle;
      start_q    <= 1'b0;
      done_q     <= 1'b0;
      error_q    <= seedbed_pkg::ErrNone;
      read_err_q <= 1'b0;
      calm_q     <= '0;
    end else begin
      start_q <= 1'b0;
      done_q  <= 1'b0;
      calm_q  <= (state_q == StRun && calm) ? {calm_q[1:0], 1'b1} : 3'd0;
      if (beat_valid_i && beat_ready_o && beat_err_i) read_err_q <= 1'b1;
      case (state_q)
        StIdle: begin
          read_err_q <= 1'b0;
          if (cmd_valid_i) state_q <= StCheck;
        end
        StCheck: begin
          error_q <= bad_mode ? seedbed_pkg::ErrCodec : bad_shape ? seedbed_pkg::ErrShape : seedbed_pkg::ErrAlign;
          if (bad_mode || bad_shape || bad_align) begin
            done_q  <= 1'b1;
            state_q <= StIdle;
          end else begin
            state_q <= StDivide;
          end
        end
        StDivide: if (share_ready) begin
          if (rem_q != '0 || none) begin
            error_q <= (rem_q != '0) ? seedbed_pkg::ErrShape : seedbed_pkg::ErrNone;
            done_q  <= 1'b1;
            state_q <= StIdle;
          end else begin
            start_q <= 1'b1;
            state_q <= StRun;
          end
        end
        default: if (calm_q[2] && calm) begin
          error_q <= read_err_q ? seedbed_pkg::ErrRead : wr_err_i ? seedbed_pkg::ErrWrite : seedbed_pkg::ErrNone;
          done_q  <= 1'b1;
          state_q <= StIdle;
        end
      endcase
    end
  end

  wire unused = &{1'b0, cmd_q[7:0], cmd_q[127:96], batch[15:11], keys[31:21], kv_heads[31:12], window[31:21],
                   job_first[4]};

endmodule
