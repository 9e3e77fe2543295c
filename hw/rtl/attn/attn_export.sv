// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Exported probabilities (docs/numerics.md 6.6): P of the last token's rows, u32 [head][keys rounded up to 16], keys that
// no tile looks at 0. P comes key by key for all rows of a tile; 16 keys make a line of 64 bytes a row.
//
// Parameters: BusW, 64..512; T rows of a tile
// Ports
//   start_i    pulse: the next exported row goes to base_i (address / 64), groups_i lines a row, stable from then on
//   job_*      a tile with exported rows: the first of them, how many (1..T), first block of keys and blocks
//   p_*        the engine's exp_*: P of a key, 64 keys a block, for the jobs in the order in which they come here
//   want_o     lines to write; turn_i: the write port is this module's, until want_o falls
//   wr_*       a unit's write port, in use while turn_i: a run a line
//   idle_o     nothing held
// Latency: 16 keys in 16 cycles, then a cycle a line (and beat) and three more; keys outside the blocks a line a cycle and four
// more for 16 of them, after the blocks.

module attn_export #(
  parameter int BusW = 512,
  parameter int T    = 4
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              start_i,
  input  logic [57:0]       base_i,
  input  logic [16:0]       groups_i,

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
  assign row = p_q[384*pick +: 384];
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
  // Groups: those of the blocks, as P comes; then those behind, then those before.
  // ------------------------------------------------------------------------------------------
  always_ff @(posedge clk_i) begin
    if (start_i) base_q <= base_i;
    else if (state_q == StSkip && req_q == count_q) base_q <= line_q;
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
        default:  if (req_q == count_q) state_q <= StIdle;
      endcase
    end
  end

endmodule
