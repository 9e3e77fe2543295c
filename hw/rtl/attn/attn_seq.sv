// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Request sequencer of the attention unit: what attn_engine wants to see, asked of memory in that order.
//
// The rows of a KV head (docs/numerics.md 6.1: [token][head of the group]) are cut into tiles of T rows, with a bitmap
// also at every eighth token (a mask line). For each tile:
//   records of the tile, headers of the next tile, then block by block [mask] K exponents, K and V exponents, V:
//   sigmoid K0 K1 V0 K2 V1 .., softmax all K, then all V.
// The next tile's headers come early because its positions say which keys it can see.
//
// Parameters: T rows a tile; BusW, BeatsW of the requests; Ports: only every so many-th KV head is done.
// Ports
//   start_i         pulse: begin; the fields below are stable from then until idle_o
//   stop_i          level: no further tile
//   batch .. mask   of the record: words are 64 bytes; kv_heads from the first one done; group heads of a KV head; qlines,
//                   lines of a query, of a KV row; kv_step words from a KV head's part of the cache to that of the next one
//                   done, row_step from its last record to that one's first; v_off, e_off where V and exponents begin in a part;
//                   mwords words of a mask block; src, kv, mask: addresses / 64
//   req_*           requests; kind_*: what each is, a cycle for each accepted request (Kind*, those below 6 are the engine's tags)
//   hdr_*           the position in a header line that came (KindHeader)
//   job_*           one a tile, before its records are requested; job_last_o: how many of its rows, the last ones, are the last token's
//   idle_o          everything requested
// Latency: a request a cycle; between tiles about 6 cycles, hidden behind the beats on their way.

module attn_seq #(
  parameter int T      = 4,
  parameter int BusW   = 512,
  parameter int BeatsW = 40,
  parameter int Ports  = 1
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              start_i,
  input  logic              stop_i,

  input  logic              sigmoid_i,
  input  logic              causal_i,
  input  logic              bitmap_i,
  input  logic [10:0]       batch_i,
  input  logic [11:0]       kv_heads_i,
  input  logic [11:0]       group_i,
  input  logic [3:0]        lines_i,
  input  logic [3:0]        qlines_i,
  input  logic [20:0]       keys_i,
  input  logic [20:0]       window_i,
  input  logic [31:0]       kv_step_i,
  input  logic [31:0]       row_step_i,
  input  logic [26:0]       v_off_i,
  input  logic [26:0]       e_off_i,
  input  logic [7:0]        mwords_i,
  input  logic [57:0]       src_i,
  input  logic [57:0]       kv_i,
  input  logic [57:0]       mask_i,

  output logic              req_valid_o,
  input  logic              req_ready_i,
  output logic [63:0]       req_addr_o,
  output logic [BeatsW-1:0] req_beats_o,
  output logic [2:0]        kind_o,

  input  logic              hdr_valid_i,
  input  logic [19:0]       hdr_pos_i,

  output logic              job_valid_o,
  input  logic              job_ready_i,
  output logic [4:0]        job_rows_o,
  output logic [14:0]       job_blocks_o,
  output logic [13:0]       job_block0_o,
  output logic [3*T-1:0]    job_word_o,
  output logic [4:0]        job_last_o,

  output logic              idle_o,
  output logic [5:0]        state_o
);

  localparam logic [2:0] KindQ = 3'd0, KindMask = 3'd1, KindKexp = 3'd2, KindK = 3'd3, KindVexp = 3'd4, KindV = 3'd5;
  localparam logic [2:0] KindHeader = 3'd6;
  localparam int LineW = $clog2(512 / BusW);  // log2 of the beats of 64 bytes

  initial if (BusW > 512 || BusW < 64) $fatal(1, "attn_seq: BusW must be 64..512");

  // n * lines, 1..8
  function automatic logic [17:0] by_lines(input logic [13:0] n, input logic [3:0] lines);
    by_lines = (lines[0] ? {4'd0, n} : 18'd0) + (lines[1] ? {3'd0, n, 1'b0} : 18'd0)
               + (lines[2] ? {2'd0, n, 2'd0} : 18'd0) + (lines[3] ? {1'b0, n, 3'd0} : 18'd0);
  endfunction

  // ------------------------------------------------------------------------------------------
  // Scanner: the rows of the next tile, their headers, the keys that they see.
  // ------------------------------------------------------------------------------------------
  typedef enum logic [2:0] {
    ScIdle  = 3'd0,
    ScWalk  = 3'd1,  // a row a request: its header
    ScWait  = 3'd2,  // the headers are on their way
    ScRange = 3'd3,  // from keys to blocks
    ScPlace = 3'd4,  // where they lie
    ScReady = 3'd5   // the tile is known
  } scan_e;

  scan_e          scan_q;
  logic [11:0]    head_q, member_q;          // KV heads left, those of others too; head in its group
  logic [10:0]    token_q;
  logic [57:0]    row_q, kv_q;               // where the next record, the KV head's region begins
  logic [57:0]    tile_row_q, tile_kv_q;
  logic [6:0]     tile_mask_q;               // its word in a mask block
  logic [4:0]     rows_q, got_q, last_q;     // headers asked for, there; rows of the last token
  logic [3*T-1:0] word_q;
  logic           pos_valid_q;
  logic [19:0]    pos_q;
  logic [20:0]    lo_q, hi_q;
  logic [13:0]    block0_q;
  logic [14:0]    blocks_q;
  logic [17:0]    place_q;                   // block0 * lines
  logic [21:0]    mplace_q;                  // block0 * mwords

  wire last_member = member_q == group_i - 12'd1;
  wire last_token  = token_q == batch_i - 11'd1;
  wire head_ends   = last_member && last_token;
  wire tile_ends   = head_ends || rows_q == 5'(T - 1) || (bitmap_i && last_member && token_q[2:0] == 3'd7);

  wire        hdr_req, hdr_take, tile_take;
  wire [20:0] sees_end = (causal_i && {1'b0, pos_q} < keys_i) ? {1'b0, pos_q} + 21'd1 : keys_i;
  wire [20:0] sees_lo  = (window_i != '0 && {1'b0, pos_q} >= window_i) ? {1'b0, pos_q} - window_i + 21'd1 : 21'd0;
  wire [14:0] end_block = 15'((hi_q + 21'd63) >> 6);
  wire        none      = end_block <= {1'b0, lo_q[19:6]} || lo_q[20];
  wire [4:0]  rec_words = {1'b0, qlines_i} + 5'd1;
  wire [31:0] row_step  = (Ports > 1 && head_ends) ? row_step_i : {27'd0, rec_words};

  assign hdr_req = scan_q == ScWalk;

  always_ff @(posedge clk_i) begin
    pos_q <= hdr_pos_i;
    if (start_i) begin
      head_q   <= kv_heads_i;
      member_q <= '0;
      token_q  <= '0;
      row_q    <= src_i;
      kv_q     <= kv_i;
    end else if (hdr_take) begin
      row_q    <= row_q + {26'd0, row_step};
      member_q <= last_member ? 12'd0 : member_q + 12'd1;
      if (last_member) token_q <= last_token ? 11'd0 : token_q + 11'd1;
      if (head_ends) begin
        head_q <= (Ports > 1 && head_q < 12'(Ports)) ? 12'd0 : head_q - 12'(Ports);
        kv_q   <= kv_q + {26'd0, kv_step_i};
      end
    end
    if (hdr_take && rows_q == '0) begin
      tile_row_q  <= row_q;
      tile_kv_q   <= kv_q;
      tile_mask_q <= token_q[9:3];
    end
    for (int r = 0; r < T; r++) begin
      if (hdr_take && rows_q == 5'(r)) word_q[3*r +: 3] <= token_q[2:0];
    end
    if (start_i || tile_take) begin
      lo_q <= '1;
      hi_q <= '0;
    end else if (pos_valid_q) begin
      if (sees_lo < lo_q) lo_q <= sees_lo;
      if (sees_end > hi_q) hi_q <= sees_end;
    end
    if (scan_q == ScRange) begin
      block0_q <= none ? 14'd0 : lo_q[19:6];
      blocks_q <= none ? 15'd1 : end_block - {1'b0, lo_q[19:6]};  // one at least, all of it masked
    end
    place_q  <= by_lines(block0_q, lines_i);
    mplace_q <= block0_q * mwords_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      scan_q      <= ScIdle;
      rows_q      <= '0;
      got_q       <= '0;
      last_q      <= '0;
      pos_valid_q <= 1'b0;
    end else begin
      pos_valid_q <= hdr_valid_i;
      if (start_i || tile_take) begin
        rows_q <= '0;
        got_q  <= '0;
        last_q <= '0;
      end else begin
        if (hdr_take) rows_q <= rows_q + 5'd1;
        if (hdr_take && last_token) last_q <= last_q + 5'd1;
        if (pos_valid_q) got_q <= got_q + 5'd1;
      end
      case (scan_q)
        ScIdle:  if (start_i) scan_q <= ScWalk;
        ScWalk:  if (hdr_take && tile_ends) scan_q <= ScWait;
        ScWait:  if (got_q == rows_q) scan_q <= ScRange;
        ScRange: scan_q <= ScPlace;
        ScPlace: scan_q <= ScReady;
        default: begin
          if (tile_take) scan_q <= (head_q == '0) ? ScIdle : ScWalk;
          else if (stop_i) scan_q <= ScIdle;
        end
      endcase
    end
  end

  // ------------------------------------------------------------------------------------------
  // Main: a tile's requests.
  // ------------------------------------------------------------------------------------------
  typedef enum logic [2:0] {
    StIdle   = 3'd0,
    StTile   = 3'd1,  // wait for the scanner
    StQuery  = 3'd2,
    StHeader = 3'd3,  // let the scanner ask for the next tile's headers
    StMask   = 3'd4,
    StExp    = 3'd5,
    StData   = 3'd6
  } state_e;

  state_e      state_q;
  logic        value_q;                       // this step is of V
  logic [14:0] t_blocks_q, k_count_q, v_count_q;  // blocks asked for
  logic [57:0] t_row_q, k_addr_q, v_addr_q, ke_addr_q, ve_addr_q, m_addr_q;
  logic [8:0]  q_words_q;

  wire ready = scan_q == ScReady;
  wire busy  = scan_q != ScIdle;
  assign tile_take    = state_q == StTile && ready && !stop_i && job_ready_i;
  assign job_valid_o  = state_q == StTile && ready && !stop_i;
  assign job_rows_o   = rows_q;
  assign job_blocks_o = blocks_q;
  assign job_block0_o = block0_q;
  assign job_word_o   = word_q;
  assign job_last_o   = last_q;

  // The scanner's turn.
  wire scans = hdr_req && (state_q == StTile || state_q == StHeader);
  wire take  = req_valid_o && req_ready_i;
  assign hdr_take = scans && req_ready_i;

  // What comes after this step.
  wire [14:0] k_next   = k_count_q + {14'd0, state_q == StData && !value_q};
  wire [14:0] v_next   = v_count_q + {14'd0, state_q == StData && value_q};
  wire        k_left   = k_next != t_blocks_q;
  wire        go_k     = k_left && (!sigmoid_i || k_next < v_next + 15'd2);
  wire        all_done = !k_left && v_next == t_blocks_q;
  wire        masks    = bitmap_i && keys_i != '0;  // no keys: no mask words either

  logic [57:0] addr;
  logic [9:0]  words;
  always_comb begin
    addr   = row_q;
    words  = 10'd1;
    kind_o = KindHeader;
    case (state_q)
      StQuery: begin
        addr   = t_row_q;
        words  = {1'b0, q_words_q};
        kind_o = KindQ;
      end
      StMask: begin
        addr   = m_addr_q;
        kind_o = KindMask;
      end
      StExp: begin
        addr   = value_q ? ve_addr_q : ke_addr_q;
        kind_o = value_q ? KindVexp : KindKexp;
      end
      StData: begin
        addr   = value_q ? v_addr_q : k_addr_q;
        words  = {lines_i, 6'd0};
        kind_o = value_q ? KindV : KindK;
      end
      default: ;
    endcase
  end

  assign req_valid_o = scans || state_q == StQuery || state_q == StMask || state_q == StExp || state_q == StData;
  assign req_addr_o  = {addr, 6'd0};
  assign req_beats_o = BeatsW'(words) << LineW;
  assign idle_o      = state_q == StIdle;
  assign state_o     = {scan_q, state_q};

  always_ff @(posedge clk_i) begin
    if (tile_take) begin
      t_row_q    <= tile_row_q;
      t_blocks_q <= blocks_q;
      k_count_q  <= '0;
      v_count_q  <= '0;
      k_addr_q   <= tile_kv_q + {34'd0, place_q, 6'd0};
      v_addr_q   <= tile_kv_q + {31'd0, v_off_i} + {34'd0, place_q, 6'd0};
      ke_addr_q  <= tile_kv_q + {31'd0, e_off_i} + {43'd0, block0_q, 1'b0};
      ve_addr_q  <= tile_kv_q + {31'd0, e_off_i} + {43'd0, block0_q, 1'b1};
      m_addr_q   <= mask_i + {36'd0, mplace_q} + {51'd0, tile_mask_q};
      q_words_q  <= 9'(rows_q * rec_words);
    end else if (take && !scans) begin
      if (state_q == StMask) m_addr_q <= m_addr_q + {50'd0, mwords_i};
      if (state_q == StExp && !value_q) ke_addr_q <= ke_addr_q + 58'd2;
      if (state_q == StExp && value_q) ve_addr_q <= ve_addr_q + 58'd2;
      if (state_q == StData) begin
        k_count_q <= k_next;
        v_count_q <= v_next;
        if (value_q) v_addr_q <= v_addr_q + {48'd0, lines_i, 6'd0};
        else k_addr_q <= k_addr_q + {48'd0, lines_i, 6'd0};
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      value_q <= 1'b0;
    end else begin
      case (state_q)
        StIdle: if (start_i) state_q <= StTile;
        StTile: begin
          if (tile_take) state_q <= StQuery;
          else if (!busy || (ready && stop_i)) state_q <= StIdle;
        end
        StQuery: if (take) state_q <= StHeader;
        StHeader: if (!hdr_req) begin
          value_q <= 1'b0;
          state_q <= masks ? StMask : StExp;
        end
        StMask: if (take) state_q <= StExp;
        StExp: if (take) state_q <= StData;
        default: if (take) begin
          value_q <= !go_k;
          state_q <= all_done ? StTile : (go_k && masks) ? StMask : StExp;
        end
      endcase
    end
  end

  wire unused = &{1'b0, row_step_i};

`ifdef FORMAL
`ifdef PROVE_ATTN_SEQ_PORTS
`define PROVE_ATTN_SEQ
`endif
`ifdef PROVE_ATTN_SEQ
  // Unbounded, any record: while memory takes requests, the engine takes jobs and a header comes within two cycles of the
  // one before, a request is made every Bound cycles until the end; a tile asks for each of its blocks of K and V once, V no
  // further than K; rows per tile 1..T. (So a tile ends after at most 5 * blocks + T + 1 requests.) KV heads 0, Ports, 2 Ports ..
  // are walked, as many as there are.
  localparam int Bound = 2 * T + 8;
  logic       past_q = 1'b0;
  logic [4:0] f_owed_q;   // headers asked for and not come
  logic [1:0] f_late_q;
  logic [5:0] f_stuck_q;
  logic       f_ran_q;    // a tile was begun
  logic [12:0] f_head_q;  // the KV head whose rows come next
  (* anyconst *) logic [11:0] f_kv_heads;
  always_ff @(posedge clk_i) begin
    past_q <= 1'b1;
    if (!past_q) assume (!rst_ni);
    else assume (rst_ni);
    if (start_i) assume (idle_o);
    if (hdr_valid_i) assume (f_owed_q != '0);
    if (f_late_q != '0) assume (hdr_valid_i);
    assume (kv_heads_i == f_kv_heads && batch_i != '0 && kv_heads_i != '0 && group_i != '0 && keys_i <= 21'h10_0000);
    if (start_i) f_head_q <= '0;
    else if (hdr_take && head_ends) f_head_q <= f_head_q + 13'(Ports);
    if (!rst_ni) begin
      f_owed_q  <= '0;
      f_late_q  <= '0;
      f_stuck_q <= '0;
      f_ran_q   <= 1'b0;
    end else begin
      f_ran_q   <= !start_i && (f_ran_q || tile_take);
      f_owed_q  <= f_owed_q + 5'(hdr_take) - 5'(hdr_valid_i);
      f_late_q  <= (f_owed_q != '0 && !hdr_valid_i) ? f_late_q + 2'd1 : 2'd0;
      f_stuck_q <= (take || idle_o || !req_ready_i || !job_ready_i) ? 6'd0 : f_stuck_q + 6'd1;
    end
    if (past_q && rst_ni) begin
      assert (scan_q <= ScReady && state_q <= StData);
      assert (rows_q <= 5'(T) && got_q <= rows_q && last_q <= rows_q);
      if (scan_q == ScWalk) assert (rows_q < 5'(T) && f_head_q < {1'b0, kv_heads_i});
      if (scan_q != ScIdle) assert (f_head_q < {1'b0, kv_heads_i} + 13'(Ports));
      if (scan_q != ScIdle) assert (head_q == ((f_head_q < {1'b0, kv_heads_i}) ? 12'({1'b0, kv_heads_i} - f_head_q) : 12'd0));
      if (tile_take && head_q == '0) assert (f_head_q >= {1'b0, kv_heads_i});
      if (scan_q == ScWalk || scan_q == ScWait) assert (rows_q == got_q + 5'(pos_valid_q) + f_owed_q);
      else assert (f_owed_q == '0 && !pos_valid_q);
      if (scan_q >= ScWait) assert (rows_q != '0);
      if (scan_q != ScIdle) assert (hi_q <= 21'h10_0000);
      if (scan_q >= ScPlace) assert (blocks_q != '0 && blocks_q <= 15'h4000);
      if (state_q == StIdle) assert (scan_q == ScIdle);
      assert (f_late_q <= 2'd1);
      if (state_q >= StQuery) assert (t_blocks_q != '0 && t_blocks_q <= 15'h4000 && v_count_q <= k_count_q && k_count_q <= t_blocks_q);
      if (state_q == StQuery || state_q == StHeader) assert (k_count_q == '0);
      if (state_q == StMask) assert (!value_q);
      if (state_q >= StMask) assert (value_q ? v_count_q < k_count_q : k_count_q < t_blocks_q);
      if (state_q == StTile && f_ran_q) assert (k_count_q == t_blocks_q && v_count_q == t_blocks_q);
      if (state_q >= StQuery) assert (f_ran_q);
      assert (f_stuck_q <= 6'(Bound));
    end
  end
`endif
`endif

endmodule
