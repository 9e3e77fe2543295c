// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Exported probabilities (docs/numerics.md 6.6): P of the last token's rows, u32 [head][keys rounded up to 16], keys that
// no tile looks at 0. P comes key by key for all rows of a tile; 16 keys make a line of 64 bytes a row.
//
// Parameters: BusW, 64..512; T rows of a tile; Ports: above 1, only every so many-th KV head is done
// Ports
//   start_i    pulse: the next exported row goes to base_i (address / 64), groups_i lines a row, stable from then on
//   group_i    heads of a KV head; skip_i words of 64 bytes after its exported rows that are others' (Ports above 1)
//   job_*      a tile with exported rows: the first of them, how many (1..T), first block of keys and blocks
//   p_*        the engine's exp_*: P of a key, 64 keys a block, for the jobs in the order in which they come here
//   want_o     lines to write; turn_i: the write port is this module's, until want_o falls
//   wr_*       a unit's write port, in use while turn_i: a run a line
//   idle_o     nothing held
// Latency: 16 keys in 16 cycles, then a cycle a line (and beat) and three more; keys outside the blocks a line a cycle and four
// more for 16 of them, after the blocks.

module attn_export #(
  parameter int BusW = 512,
  parameter int T    = 4,
  parameter int Ports = 1
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              start_i,
  input  logic [57:0]       base_i,
  input  logic [16:0]       groups_i,
  input  logic [11:0]       group_i,
  input  logic [31:0]       skip_i,

  input  logic              job_valid_i,
  output logic              job_ready_o,
  input  logic [3:0]        job_first_i,
  input  logic [4:0]        job_count_i,
  input  logic [13:0]       job_block0_i,
  input  logic [14:0]       job_blocks_i,

  input  logic              p_valid_i,
  output logic              p_ready_o,
  input  logic [24*T-1:0]   p_i,

  output logic              want_o,
  input  logic              turn_i,
  output logic              wr_req_valid_o,
  input  logic              wr_req_ready_i,
  output logic [63:0]       wr_req_addr_o,
  output logic [8:0]        wr_req_beats_o,
  output logic              wr_valid_o,
  input  logic              wr_ready_i,
  output logic [BusW-1:0]   wr_data_o,
  output logic              idle_o
);

  localparam int Parts = 512 / BusW;  // beats of a line
  localparam int RowW  = (T > 1) ? $clog2(T) : 1;

  initial begin
    if (T < 1 || T > 16) $fatal(1, "attn_export: T must be 1..16");
    if (BusW < 64 || BusW > 512) $fatal(1, "attn_export: BusW must be 64..512");
  end

  typedef enum logic [2:0] {
    StIdle   = 3'd0,
    StGather = 3'd1,  // 16 keys of a group
    StPlace  = 3'd2,  // a group of zeros: its address
    StEmit   = 3'd3,  // its lines, row by row
    StStep   = 3'd4,  // to the next group
    StRest   = 3'd5,  // all groups done: the address of the first row of the next tile
    StSkip   = 3'd6
  } state_e;

  state_e      state_q;
  logic [3:0]  first_q, key_q;
  logic [4:0]  count_q;
  logic [16:0] lo_q, hi_q, group_q;           // groups of the blocks, from lo to hi - 1; the one in work
  logic        zero_q;                        // it is none of them
  logic [57:0] base_q, line_q;                // of the tile's first row; of the next line
  logic [4:0]  req_q, sent_q;                 // lines asked for, sent
  logic [384*T-1:0] p_q;                      // 16 keys of each row

  wire        p_take   = p_valid_i && p_ready_o;
  wire        ask      = wr_req_valid_o && wr_req_ready_i;
  wire        pop      = wr_valid_o && wr_ready_i;
  wire        last_part, last_line;
  wire [16:0] next     = group_q + 17'd1;
  wire        walks    = state_q == StEmit || state_q == StSkip;  // from row to row
  wire        in_blocks = !zero_q && next != hi_q;  // the next group too
  wire        behind    = group_q >= lo_q;          // after the blocks, not before them
  wire        part_ends = behind ? next >= groups_i : next == lo_q;

  assign job_ready_o    = state_q == StIdle;
  assign idle_o         = state_q == StIdle && !job_valid_i;
  assign p_ready_o      = state_q == StGather;
  assign want_o         = state_q == StEmit;
  assign wr_req_valid_o = want_o && turn_i && req_q != count_q;
  assign wr_req_addr_o  = {line_q, 6'd0};
  assign wr_req_beats_o = 9'(Parts);
  assign wr_valid_o     = want_o && turn_i && sent_q != req_q;
  assign last_line      = pop && last_part && sent_q == count_q - 5'd1;

  // ------------------------------------------------------------------------------------------
  // The line of a row.
  // ------------------------------------------------------------------------------------------
  logic [511:0]    line;
  logic [383:0]    row;
  wire  [RowW-1:0] pick = RowW'(first_q + sent_q[3:0]);
  // Bit b of all rows side by side, so that a row number selects.
  for (genvar b = 0; b < 384; b++) begin : g_pick
    wire [T-1:0] bits;
    for (genvar r = 0; r < T; r++) begin : g_bit
      assign bits[r] = p_q[384*r+b];
    end
    assign row[b] = bits[pick];
  end
  for (genvar e = 0; e < 16; e++) begin : g_elem
    assign line[32*e +: 32] = {8'd0, row[24*e +: 24]};
  end

  if (Parts > 1) begin : g_parts
    localparam int PartW = $clog2(Parts);
    logic [PartW-1:0] part_q;
    assign wr_data_o = line[BusW*part_q +: BusW];
    assign last_part = part_q == PartW'(Parts - 1);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) part_q <= '0;
      else if (pop) part_q <= part_q + 1'b1;
    end
  end else begin : g_whole
    assign wr_data_o = line;
    assign last_part = 1'b1;
  end

  always_ff @(posedge clk_i) begin
    for (int r = 0; r < T; r++) begin
      if (zero_q) p_q[384*r +: 384] <= '0;
      else if (p_take) p_q[384*r +: 384] <= {p_i[24*r +: 24], p_q[384*r+24 +: 360]};
    end
  end

  // ------------------------------------------------------------------------------------------
  // From a KV head's last exported row to the next that is this unit's.
  // ------------------------------------------------------------------------------------------
  wire         tile_done = state_q == StSkip && req_q == count_q;
  logic [31:0] skip;
  if (Ports > 1) begin : g_skip
    logic [11:0] left_q;  // exported rows of this KV head
    wire         head_ends = left_q == {7'd0, count_q};
    always_ff @(posedge clk_i) begin
      if (start_i) left_q <= group_i;
      else if (tile_done) left_q <= head_ends ? group_i : left_q - {7'd0, count_q};
    end
    assign skip = head_ends ? skip_i : 32'd0;
  end else begin : g_next
    assign skip = '0;
    wire unused_skip = &{1'b0, group_i, skip_i};
  end

  // ------------------------------------------------------------------------------------------
  // Groups: those of the blocks, as P comes; then those behind, then those before.
  // ------------------------------------------------------------------------------------------
  always_ff @(posedge clk_i) begin
    if (start_i) base_q <= base_i;
    else if (tile_done) base_q <= line_q + {26'd0, skip};
    line_q <= (walks ? line_q : base_q) + (walks ? (ask || state_q == StSkip) ? {41'd0, groups_i} : 58'd0 : {41'd0, group_q});

    if (state_q == StIdle) begin
      first_q <= job_first_i;
      count_q <= job_count_i;
      lo_q    <= {1'b0, job_block0_i, 2'd0};
      hi_q    <= {1'b0, job_block0_i, 2'd0} + {job_blocks_i, 2'd0};
      group_q <= {1'b0, job_block0_i, 2'd0};
      zero_q  <= 1'b0;
    end else if (state_q == StStep) begin
      zero_q  <= !in_blocks;
      group_q <= (!in_blocks && part_ends) ? 17'd0 : next;
    end
    key_q <= (state_q == StGather) ? key_q + {3'd0, p_take} : 4'd0;
    if (!walks) begin
      req_q  <= '0;
      sent_q <= '0;
    end else begin
      if (ask || state_q == StSkip) req_q <= req_q + 5'd1;
      if (pop && last_part) sent_q <= sent_q + 5'd1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
    end else begin
      case (state_q)
        StIdle:   if (job_valid_i) state_q <= StGather;
        StGather: if (p_take && key_q == 4'd15) state_q <= (group_q < groups_i) ? StEmit : StStep;
        StPlace:  state_q <= StEmit;
        StEmit:   if (last_line) state_q <= StStep;
        StStep: begin
          if (in_blocks) state_q <= StGather;
          else state_q <= (part_ends && (!behind || lo_q == '0)) ? StRest : StPlace;
        end
        StRest:   state_q <= StSkip;
        default:  if (tile_done) state_q <= StIdle;
      endcase
    end
  end

`ifdef FORMAL
`ifdef PROVE_ATTN_EXPORT
  // Unbounded, any job: every group of every exported row is written once, at its place, and the next tile's rows begin behind;
  // something moves every five cycles while P comes, the port is given and memory takes.
  (* anyconst *) logic [16:0] f_groups, f_pick;
  logic        past_q = 1'b0;
  logic        f_seen_q;                      // the picked group is written
  logic [57:0] f_base_q;
  logic [4:0]  f_stuck_q;
  wire  [57:0] f_place   = base_q + {41'd0, group_q};
  wire         f_after   = state_q == StStep || state_q == StRest || state_q == StSkip;
  wire  [57:0] f_groups2 = {40'd0, f_groups, 1'b0};

  function automatic logic [57:0] f_times(input logic [4:0] n);
    f_times = (n == 5'd0) ? 58'd0 : (n == 5'd1) ? {41'd0, f_groups} : f_groups2;
  endfunction

  always_ff @(posedge clk_i) begin
    past_q <= 1'b1;
    if (!past_q) assume (!rst_ni);
    else assume (rst_ni);
    assume (groups_i == f_groups && f_groups <= 17'h1_0000 && f_pick < f_groups);
    assume (job_count_i != '0 && job_count_i <= 5'd2 && {1'b0, job_first_i} + job_count_i <= 5'd2);
    assume (job_blocks_i != '0 && {2'b00, job_block0_i} + {1'b0, job_blocks_i} <= 16'h4000);
    assume (job_block0_i == '0 || {1'b0, job_block0_i, 2'd0} < f_groups);
    if (start_i) assume (idle_o);
    if (!want_o) assume (!turn_i);
    if (!rst_ni) begin
      f_seen_q  <= 1'b0;
      f_stuck_q <= '0;
    end else begin
      if (state_q == StIdle) f_seen_q <= 1'b0;
      else if (last_line && group_q == f_pick) f_seen_q <= 1'b1;
      f_stuck_q <= (p_take || ask || pop || state_q == StIdle || (p_ready_o && !p_valid_i) || (want_o && !turn_i) ||
                    (wr_req_valid_o && !wr_req_ready_i) || (wr_valid_o && !wr_ready_i)) ? 5'd0 : f_stuck_q + 5'd1;
    end
    if (state_q == StIdle) f_base_q <= start_i ? base_i : base_q;
    if (past_q && rst_ni) begin
      assert (state_q <= StSkip);
      if (state_q != StIdle) begin
        assert (count_q != '0 && count_q <= 5'd2 && {1'b0, first_q} + count_q <= 5'd2 && base_q == f_base_q);
        assert (lo_q[1:0] == '0 && hi_q[1:0] == '0 && lo_q < hi_q && hi_q <= 17'h1_0000 && (lo_q == '0 || lo_q < f_groups));
        assert (req_q <= count_q && sent_q <= req_q);
      end
      if (state_q == StGather) assert (!zero_q && group_q >= lo_q && group_q < hi_q);
      if (state_q == StPlace || state_q == StEmit) assert (group_q < f_groups);
      if (state_q == StEmit) assert (sent_q < count_q);
      if (state_q == StPlace) assert (zero_q);
      if (state_q == StEmit && !zero_q) assert (group_q >= lo_q && group_q < hi_q);
      if (state_q == StStep && !zero_q) assert (group_q >= lo_q && group_q < hi_q);
      if (zero_q && (state_q == StPlace || state_q == StEmit || state_q == StStep)) assert (group_q < lo_q || group_q >= hi_q);
      if (state_q == StStep && zero_q) assert (group_q < f_groups);
      // Which groups are written: from lo on, then those before lo.
      if (state_q == StGather || state_q == StPlace || state_q == StEmit)
        assert (f_seen_q == ((group_q >= lo_q) ? f_pick >= lo_q && f_pick < group_q : f_pick >= lo_q || f_pick < group_q));
      if (state_q == StStep)
        assert (f_seen_q == ((group_q >= lo_q) ? f_pick >= lo_q && f_pick <= group_q : f_pick >= lo_q || f_pick <= group_q));
      if (state_q == StRest || state_q == StSkip) assert (f_seen_q && group_q == '0);
      if (state_q == StEmit || state_q == StSkip) assert (line_q == f_place + f_times(req_q));
      if (wr_req_valid_o) assert (wr_req_addr_o == {f_base_q + {41'd0, group_q} + f_times(req_q), 6'd0});
      if (state_q == StSkip && req_q == count_q) assert (line_q == f_base_q + f_times(count_q));
      if (f_after || state_q == StIdle || state_q == StGather || state_q == StPlace) assert (!want_o);
      if (state_q == StStep) assert (f_stuck_q == 5'd0);
      if (state_q == StPlace || state_q == StRest) assert (f_stuck_q == 5'd1);
      if (state_q == StGather) assert (f_stuck_q <= 5'd1);
      if (state_q == StEmit) assert (f_stuck_q <= 5'd2);
      if (state_q == StSkip) assert (f_stuck_q == 5'd2 + req_q);
    end
  end
`endif
`endif

endmodule
