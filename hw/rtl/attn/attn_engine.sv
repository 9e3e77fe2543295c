// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Attention of T query rows that share a KV head (docs/numerics.md section 6): sigmoid or softmax,
// 16- or 8-bit KV.
//
// A job is one stream of 512-bit beats, each with a tag:
//   TagQ      rows records, each its header line, then its query lines
//   per block of 64 keys  [TagMask] TagKexp TagK...   64 rows of K, `lines` lines each
//                         TagVexp TagV...             `lines` tiles of 64 lines of V
// Sigmoid: K of block b+1 comes before V of block b (K0 K1 V0 K2 V1 ..), so the score pipeline is
// never waited for.
// Softmax: all K blocks, then all V blocks. The masks and exponents of a block come right before
// its K or V.
//
// Parameters
//   T      query rows side by side: heads of a group (decode), or heads times tokens (prefill)
//   Keys   keys a softmax job may have, a power of two >= 256 (the sigmoid has no limit)
//   Modes  bit 0 sigmoid, bit 1 softmax;  Alibi  0 leaves ALiBi out
// Ports
//   job_*    sigmoid, kv8, causal, bitmap; lines of a KV row (1..8) and of a query (1..8); rows
//            1..T; blocks of keys; key0 (multiple of 64) and keys (first key not looked at); window
//            (0 none); dim; word: for each row which of the 8 words of a mask line is its token's;
//            export: P of this job is wanted
//   beat_*   the stream; useful_o: a K or V beat was taken
//   out_*    rows * (dim/8 + 1) beats: the row's int64 sums, then one with the sum of P in its
//            lowest element (out_one_o)
//   exp_*    jobs with export: P of all rows (24 bits each), key by key of all its blocks, from when
//            it is known; a block of V ends when its P has been taken
//   busy_o   a job is in work or its results are on their way
// Latency: the next job may load 8 cycles after the last beat; the results leave one element a
// cycle, from about 35 (8-bit: 67) cycles after the last beat on, while the next job is worked on.

module attn_engine #(
  parameter int T     = 4,
  parameter int Keys  = 4096,
  parameter int Modes = 3,
  parameter bit Alibi = 1'b1
) (
  input  logic           clk_i,
  input  logic           rst_ni,
  input  logic           job_valid_i,
  output logic           job_ready_o,
  input  logic           job_sigmoid_i,
  input  logic           job_kv8_i,
  input  logic           job_causal_i,
  input  logic           job_bitmap_i,
  input  logic [3:0]     job_lines_i,
  input  logic [3:0]     job_qlines_i,
  input  logic [4:0]     job_rows_i,
  input  logic [14:0]    job_blocks_i,
  input  logic [19:0]    job_key0_i,
  input  logic [20:0]    job_keys_i,
  input  logic [20:0]    job_window_i,
  input  logic [8:0]     job_dim_i,
  input  logic [3*T-1:0] job_word_i,
  input  logic           job_export_i,

  input  logic           beat_valid_i,
  output logic           beat_ready_o,
  input  logic [2:0]     beat_tag_i,
  input  logic [511:0]   beat_data_i,
  output logic           useful_o,

  output logic           out_valid_o,
  input  logic           out_ready_i,
  output logic [511:0]   out_data_o,
  output logic           out_one_o,

  output logic           exp_valid_o,
  input  logic           exp_ready_i,
  output logic [24*T-1:0] exp_p_o,
  output logic           busy_o
);

  localparam int KeyW = $clog2(Keys);
  localparam bit HasSoftmax = (Modes & 2) != 0;
  localparam logic [2:0] TagQ = 3'd0, TagMask = 3'd1, TagKexp = 3'd2, TagK = 3'd3;
  localparam logic [2:0] TagVexp = 3'd4, TagV = 3'd5;
  localparam int RowW = (T > 1) ? $clog2(T) : 1;

  initial begin
    if (T < 1 || T > 16) $fatal(1, "attn_engine: T must be 1..16");
    if (Keys < 256 || Keys != (1 << KeyW) || Keys > 1048576) $fatal(1, "attn_engine: Keys");
    if (Modes < 1 || Modes > 3) $fatal(1, "attn_engine: Modes");
  end

  // ------------------------------------------------------------------------------------------
  // The job in work.
  // ------------------------------------------------------------------------------------------
  typedef enum logic [1:0] {
    StIdle   = 2'd0,
    StQuery  = 2'd1,
    StStream = 2'd2,
    StEnd    = 2'd3   // all beats taken, the last ones still in the multipliers
  } state_e;
  state_e state_q;

  logic           sigmoid_q, kv8_q, causal_q, bitmap_q, export_q;
  logic [3:0]     lines_q, qlines_q;
  logic [4:0]     rows_q;
  logic [14:0]    blocks_q;
  logic [19:0]    key0_q;
  logic [20:0]    keys_q, window_q;
  logic [8:0]     dim_q;
  logic [3*T-1:0] word_q;

  logic           drain_busy_q, red_busy_q;
  logic           fin_q;  // the last tile of a job is on its way into the sums
  wire            job_take = job_valid_i && job_ready_o;
  assign job_ready_o = state_q == StIdle;
  assign busy_o      = state_q != StIdle || drain_busy_q;

  always_ff @(posedge clk_i) begin
    if (job_take) begin
      sigmoid_q <= job_sigmoid_i;
      kv8_q     <= job_kv8_i;
      causal_q  <= job_causal_i;
      bitmap_q  <= job_bitmap_i;
      lines_q   <= job_lines_i;
      qlines_q  <= job_qlines_i;
      rows_q    <= job_rows_i;
      blocks_q  <= job_blocks_i;
      key0_q    <= job_key0_i;
      keys_q    <= job_keys_i;
      window_q  <= job_window_i;
      dim_q     <= job_dim_i;
      word_q    <= job_word_i;
    end
  end

  // ------------------------------------------------------------------------------------------
  // Beats: counters of each kind, and whether the next one can be taken.
  // ------------------------------------------------------------------------------------------
  logic [4:0]  q_row_q;
  logic [3:0]  q_line_q;
  logic [2:0]  k_line_q, v_line_q;
  logic [5:0]  k_key_q, v_key_q;
  logic [14:0] v_block_q;
  logic [20:0] p_count_q;        // P's written in this job
  logic [511:0] mask_q, kexp_q, vexp_q;

  wire [2:0] last_line = 3'(lines_q - 4'd1);
  wire       p_there   = p_count_q > {v_block_q, v_key_q} || v_line_q != 3'd0;
  logic      exp_done_q;  // P of this block of V is exported: its place may be written again
  // A tile may end, and go into the sums, when the last job's results have left them.
  wire       v_ok      = p_there && (v_key_q != 6'd63 || (!drain_busy_q && (exp_done_q || v_line_q != last_line)));

  assign beat_ready_o = (state_q == StQuery) ? beat_tag_i == TagQ
                        : state_q == StStream && beat_tag_i != TagQ && (beat_tag_i != TagV || v_ok);

  wire take   = beat_valid_i && beat_ready_o;
  wire take_q = take && beat_tag_i == TagQ;
  wire take_k = take && beat_tag_i == TagK;
  wire take_v = take && beat_tag_i == TagV;
  assign useful_o = take_k || take_v;

  wire q_end = take_q && q_line_q == qlines_q && q_row_q == rows_q - 5'd1;
  wire k_end = take_k && k_line_q == last_line;  // of a key
  wire v_tile_end = take_v && v_key_q == 6'd63;
  wire v_end = v_tile_end && v_line_q == last_line && v_block_q == blocks_q - 15'd1;

  always_ff @(posedge clk_i) begin
    if (job_take) begin
      q_row_q   <= '0;
      q_line_q  <= '0;
      k_line_q  <= '0;
      k_key_q   <= '0;
      v_line_q  <= '0;
      v_key_q   <= '0;
      v_block_q <= '0;
    end else begin
      if (take_q) q_line_q <= (q_line_q == qlines_q) ? 4'd0 : q_line_q + 4'd1;
      if (take_q && q_line_q == qlines_q) q_row_q <= q_row_q + 5'd1;
      if (take_k) k_line_q <= k_end ? 3'd0 : k_line_q + 3'd1;
      if (k_end) k_key_q <= k_key_q + 6'd1;
      if (take_v) v_key_q <= v_key_q + 6'd1;
      if (v_tile_end) v_line_q <= (v_line_q == last_line) ? 3'd0 : v_line_q + 3'd1;
      if (v_tile_end && v_line_q == last_line) v_block_q <= v_block_q + 15'd1;
    end
    // The mask line moves on by a key, so that a row's bit is always the lowest of its word.
    if (take && beat_tag_i == TagMask) mask_q <= beat_data_i;
    else if (k_end) for (int w = 0; w < 8; w++) mask_q[64*w +: 64] <= mask_q[64*w +: 64] >> 1;
    if (take && beat_tag_i == TagKexp) kexp_q <= beat_data_i;
    if (take && beat_tag_i == TagVexp) vexp_q <= beat_data_i;
  end

  // ------------------------------------------------------------------------------------------
  // Stages A, B, C of a beat, and what goes along with it.
  // ------------------------------------------------------------------------------------------
  logic [511:0] beat_a_q, beat_b_q, beat_c_q;
  logic [2:0]   line_a_q, line_b_q;
  logic [5:0]   key_a_q;
  logic         bank_a_q;
  logic [7:0]   vexp_b_q;
  // Bit i: i cycles after stage A. A K beat, the last line of a key.
  logic [18:0]  k_v_q, k_last_q;
  logic [11:0]  k_first_q;
  logic [1:0]   k_not_q;                  // registered as the clear it is used as
  logic [6:0]   v_v_q, v_first_q, v_copy_q;
  logic [2:0]   v_line_pipe_q [0:5];
  logic         v_block0_pipe_q [0:5];
  logic [7:0]   kexp_pipe_q [0:12];
  logic [T-1:0] bit_pipe_q [0:12];
  logic [T-1:0] bits;

  for (genvar r = 0; r < T; r++) begin : g_bits
    wire [7:0] lowest = {mask_q[448], mask_q[384], mask_q[320], mask_q[256],
                         mask_q[192], mask_q[128], mask_q[64], mask_q[0]};
    assign bits[r] = !bitmap_q || lowest[word_q[3*r +: 3]];
  end

  always_ff @(posedge clk_i) begin
    beat_a_q <= beat_data_i;
    beat_b_q <= beat_a_q;
    beat_c_q <= beat_b_q;
    line_a_q <= (beat_tag_i == TagK) ? k_line_q : v_line_q;
    line_b_q <= line_a_q;
    key_a_q  <= v_key_q;
    bank_a_q <= v_block_q[0];
    vexp_b_q <= vexp_q[8*key_a_q +: 8];
    k_last_q  <= {k_last_q[17:0], k_end};
    k_first_q <= {k_first_q[10:0], k_line_q == 3'd0};
    k_not_q   <= {k_not_q[0], !take_k};
    v_first_q <= {v_first_q[5:0], v_key_q == 6'd0};
    v_line_pipe_q[0]   <= v_line_q;
    v_block0_pipe_q[0] <= v_block_q == '0;
    kexp_pipe_q[0]     <= kexp_q[8*k_key_q +: 8];
    bit_pipe_q[0]      <= bits;
    for (int i = 1; i < 6; i++) begin
      v_line_pipe_q[i]   <= v_line_pipe_q[i-1];
      v_block0_pipe_q[i] <= v_block0_pipe_q[i-1];
    end
    for (int i = 1; i < 13; i++) begin
      kexp_pipe_q[i] <= kexp_pipe_q[i-1];
      bit_pipe_q[i]  <= bit_pipe_q[i-1];
    end
    if (!rst_ni) begin
      k_v_q    <= '0;
      v_v_q    <= '0;
      v_copy_q <= '0;
    end else begin
      k_v_q    <= {k_v_q[17:0], take_k};
      v_v_q    <= {v_v_q[5:0], take_v};
      v_copy_q <= {v_copy_q[5:0], v_tile_end};
    end
  end

  // Key of the score entering the score pipelines (12 cycles after stage A).
  logic [20:0] s_key_q, y_count_q;
  wire         score_now = k_v_q[12] && k_last_q[12];
  wire         y_now     = k_v_q[18] && k_last_q[18];
  wire         in_range  = s_key_q < keys_q;

  // ------------------------------------------------------------------------------------------
  // P: right behind y, or out of the y buffer when that is allowed.
  // ------------------------------------------------------------------------------------------
  logic        p_now;
  logic [20:0] yrd_count_q;

  if (HasSoftmax) begin : g_reader
    logic [5:0] rd_pipe_q;
    wire [20:0] all    = {blocks_q, 6'd0};
    wire scores_there  = sigmoid_q ? yrd_count_q < y_count_q
                                   : y_count_q == all && yrd_count_q != all;
    wire bank_free     = yrd_count_q[20:6] < v_block_q + 15'd2;
    wire rd_now        = state_q == StStream && scores_there && bank_free;
    assign p_now = rd_pipe_q[5];
    always_ff @(posedge clk_i) begin
      if (!rst_ni || job_take) begin
        yrd_count_q <= '0;
        rd_pipe_q   <= '0;
      end else begin
        if (rd_now) yrd_count_q <= yrd_count_q + 21'd1;
        rd_pipe_q <= {rd_pipe_q[4:0], rd_now};
      end
    end
  end else begin : g_no_reader
    logic [4:0] y_pipe_q;
    assign p_now = y_pipe_q[4];
    always_ff @(posedge clk_i) begin
      if (!rst_ni) y_pipe_q <= '0;
      else y_pipe_q <= {y_pipe_q[3:0], y_now};
    end
    assign yrd_count_q = '0;
  end

  always_ff @(posedge clk_i) begin
    if (job_take) begin
      s_key_q   <= {1'b0, job_key0_i};
      y_count_q <= '0;
      p_count_q <= '0;
    end else begin
      if (score_now) s_key_q <= s_key_q + 21'd1;
      if (y_now) y_count_q <= y_count_q + 21'd1;
      if (p_now) p_count_q <= p_count_q + 21'd1;
    end
  end

  // ------------------------------------------------------------------------------------------
  // Export: P once more, from where the values take it, in the order of the keys.
  // ------------------------------------------------------------------------------------------
  logic [20:0] exp_count_q;
  logic        exp_v_q;
  wire         exp_read = export_q && exp_count_q != p_count_q && (!exp_v_q || exp_ready_i);

  assign exp_valid_o = exp_v_q;

  always_ff @(posedge clk_i) begin
    if (job_take) exp_count_q <= '0;
    else if (exp_read) exp_count_q <= exp_count_q + 21'd1;
    // A block takes 64 cycles at least, so one that has just begun is not taken for the one before.
    exp_done_q <= !export_q || exp_count_q[20:6] > v_block_q;
    if (!rst_ni) begin
      export_q <= 1'b0;
      exp_v_q  <= 1'b0;
    end else begin
      if (job_take) export_q <= job_export_i;
      if (!exp_v_q || exp_ready_i) exp_v_q <= exp_read;
    end
  end

  // ------------------------------------------------------------------------------------------
  // A finished tile: from the rows' shadows into their sums. r0 lane, r1 read, r2 write.
  // ------------------------------------------------------------------------------------------
  logic [4:0] red_lane_q;
  logic       red_odd_q, red_odd1_q, red_v1_q, red_v2_q;
  logic       red_block0_q, red_block0_1_q, red_block0_2_q;
  logic [2:0] red_line_q;
  logic [7:0] red_addr1_q, red_addr2_q, drain_addr;
  wire        red_start = v_copy_q[5];
  logic       red_kv8_q;
  wire        red_last  = red_lane_q == 5'd31 && (red_odd_q || !red_kv8_q);

  always_ff @(posedge clk_i) begin
    if (red_start) begin
      red_lane_q   <= '0;
      red_odd_q    <= 1'b0;
      red_kv8_q    <= kv8_q;
      red_line_q   <= v_line_pipe_q[5];
      red_block0_q <= v_block0_pipe_q[5];
    end else if (red_busy_q) begin
      red_odd_q <= red_kv8_q && !red_odd_q;
      if (red_odd_q || !red_kv8_q) red_lane_q <= red_lane_q + 5'd1;
    end
    red_odd1_q     <= red_odd_q;
    red_block0_1_q <= red_block0_q;
    red_block0_2_q <= red_block0_1_q;
    red_addr1_q    <= red_kv8_q ? {red_line_q[1:0], red_lane_q, red_odd_q}
                                : {red_line_q, red_lane_q};
    red_addr2_q    <= red_addr1_q;
    if (!rst_ni) begin
      red_busy_q <= 1'b0;
      red_v1_q   <= 1'b0;
      red_v2_q   <= 1'b0;
    end else begin
      if (red_start) red_busy_q <= 1'b1;
      else if (red_last) red_busy_q <= 1'b0;
      red_v1_q <= red_busy_q;
      red_v2_q <= red_v1_q;
    end
  end

  // The next job may load while the last tile is summed and the results leave; its V waits for them.
  wire ended    = state_q == StEnd && v_v_q == '0 && v_copy_q == '0;
  wire d_start  = fin_q && !red_busy_q && !red_v1_q && !red_v2_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
    end else begin
      case (state_q)
        StIdle:   if (job_valid_i) state_q <= StQuery;
        StQuery:  if (q_end) state_q <= StStream;
        StStream: if (v_end) state_q <= StEnd;
        default:  if (ended) state_q <= StIdle;
      endcase
    end
  end

  // ------------------------------------------------------------------------------------------
  // The rows.
  // ------------------------------------------------------------------------------------------
  logic [1023:0]   q_data;
  logic [64*T-1:0] sums;
  logic [44*T-1:0] totals;
  logic            out_valid_q;
  wire             d_move = !out_valid_q || out_ready_i;  // the output register takes a beat
  wire  [2:0]      q_line = 3'(q_line_q - 4'd1);

  for (genvar h = 0; h < 64; h++) begin : g_spread
    assign q_data[16*h +: 16] = kv8_q ? beat_data_i[16*(h%32) +: 16]
                                      : beat_data_i[16*(h/2) +: 16];
  end

  for (genvar r = 0; r < T; r++) begin : g_row
    wire mine   = take_q && q_row_q == 5'(r);
    wire is_hdr = q_line_q == 4'd0;
    attn_row #(
      .Modes(Modes),
      .Keys (Keys),
      .Alibi(Alibi)
    ) u_row (
      .clk_i       (clk_i),
      .start_i     (job_take),
      .sigmoid_i   (sigmoid_q),
      .kv8_i       (kv8_q),
      .causal_i    (causal_q),
      .window_i    (window_q),
      .hdr_we_i    (mine && is_hdr),
      .hdr_i       (beat_data_i[191:0]),
      .q_lo_we_i   (mine && !is_hdr && !(kv8_q && q_line[0])),
      .q_hi_we_i   (mine && !is_hdr && (!kv8_q || q_line[0])),
      .q_addr_i    (kv8_q ? {1'b0, q_line[2:1]} : q_line),
      .q_i         (q_data),
      .k_not_b_i   (k_not_q[1]),
      .v_b_i       (v_v_q[1]),
      .line_b_i    (line_b_q),
      .p_addr_a_i  ({bank_a_q, key_a_q}),
      .vexp_b_i    (vexp_b_q),
      .beat_c_i    (beat_c_q),
      .s_valid_i   (k_v_q[11]),
      .s_first_i   (k_first_q[11]),
      .score_kexp_i(kexp_pipe_q[12]),
      .score_key_i (s_key_q[19:0]),
      .score_bit_i (bit_pipe_q[12][r] && in_range),
      .y_valid_i   (y_now),
      .y_addr_i    (y_count_q[KeyW-1:0]),
      .yrd_addr_i  (yrd_count_q[KeyW-1:0]),
      .p_we_i      (p_now),
      .p_waddr_i   (p_count_q[6:0]),
      .exp_read_i  (exp_read),
      .exp_addr_i  (exp_count_q[6:0]),
      .exp_p_o     (exp_p_o[24*r +: 24]),
      .mac_first_i (k_v_q[4] || v_v_q[4] && v_first_q[4]),
      .mac_copy_i  (v_copy_q[4]),
      .red_lane_i  (red_lane_q),
      .red_odd1_i  (red_odd1_q),
      .red_kv8_i   (red_kv8_q),
      .red_first2_i(red_block0_2_q),
      .red_we2_i   (red_v2_q),
      .red_addr2_i (red_addr2_q),
      .rd_addr_i   (red_v1_q ? red_addr1_q : drain_addr),
      .rd_en_i     (red_v1_q || d_move),
      .sum_o       (sums[64*r +: 64]),
      .total_o     (totals[44*r +: 44])
    );
  end

  // ------------------------------------------------------------------------------------------
  // Results: element by element out of the sums, eight to a beat.
  // ------------------------------------------------------------------------------------------
  logic [44*T-1:0]  totals_q;
  logic [RowW-1:0]  d_row_q, d_row1_q;
  logic [4:0]       d_rows_q;
  logic [8:0]       d_elem_q, d_dim_q;
  logic             d_issue_q;             // elements are still to be read
  logic             d_v1_q, d_sum1_q, d_full1_q;
  logic [447:0]     part_q;
  logic             out_one_q;
  logic [511:0]     out_data_q;

  wire d_sum  = d_elem_q == d_dim_q;       // the element behind the last: the sum of P
  wire d_step = d_issue_q && d_move;
  wire [63:0] d_value = d_sum1_q ? {20'd0, totals_q[44*d_row1_q +: 44]} : sums[64*d_row1_q +: 64];

  assign drain_addr  = d_elem_q[7:0];
  assign out_valid_o = out_valid_q;
  assign out_data_o  = out_data_q;
  assign out_one_o   = out_one_q;

  always_ff @(posedge clk_i) begin
    if (ended) begin
      totals_q <= totals;
      d_rows_q <= rows_q;
      d_dim_q  <= dim_q;
      d_row_q  <= '0;
      d_elem_q <= '0;
    end else if (d_step) begin
      d_elem_q <= d_sum ? 9'd0 : d_elem_q + 9'd1;
      if (d_sum) d_row_q <= d_row_q + 1'b1;
    end
    if (d_move && d_v1_q && !d_full1_q) part_q <= {d_value, part_q[447:64]};
    if (d_step) begin
      d_sum1_q  <= d_sum;
      d_full1_q <= d_sum || d_elem_q[2:0] == 3'd7;
      d_row1_q  <= d_row_q;
    end
    if (d_move && d_v1_q && d_full1_q) begin
      out_data_q <= d_sum1_q ? {448'd0, d_value} : {d_value, part_q};
      out_one_q  <= d_sum1_q;
    end
    if (!rst_ni) begin
      fin_q        <= 1'b0;
      d_issue_q    <= 1'b0;
      d_v1_q       <= 1'b0;
      out_valid_q  <= 1'b0;
      drain_busy_q <= 1'b0;
    end else begin
      if (ended) fin_q <= 1'b1;
      else if (d_start) fin_q <= 1'b0;
      if (d_start) d_issue_q <= 1'b1;
      else if (d_step && d_sum && 5'(d_row_q) == d_rows_q - 5'd1) d_issue_q <= 1'b0;
      if (d_move) d_v1_q <= d_step;
      if (d_move) out_valid_q <= d_v1_q && d_full1_q;
      if (ended) drain_busy_q <= 1'b1;
      else if (!fin_q && !d_issue_q && !d_v1_q && !out_valid_q) drain_busy_q <= 1'b0;
    end
  end

  wire unused = &{1'b0, v_first_q[6:5], yrd_count_q[20:KeyW], key0_q};

endmodule
