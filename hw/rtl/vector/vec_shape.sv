// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Shapes: how many rows, elements, blocks and chunks a record has, and each pass of it.
//
// Parameters: Lanes; Words, elements of a region of the buffer.
// Ports
//   cmd_i        the record
//   div_*        the division that some need first (vec_check): start pulse, level when done, quotient and remainder
//   col_i, tile_rows_i, lines_i   where the segment begins, rows of the tile, lines of exponents that a query sees
//   shape_i, kind_i, level_i, halves_i   the pass (vec_program)
//   n_o, rows_o  elements of a row, rows of a vector;  row_chunks_o   chunks of a row in the buffer
//   seg_o, more_o   elements of the segment; others follow;  ld_col_i, ld_seg_o, ld_more_o   likewise of what is loaded
//   blk_*        blocks of a quantised row: how many, elements, words written (the last may differ), distance in bytes
//   half_at_o, seg_at_o, level_at_o   chunks of half a row, of the segment, of the chains of a level
//   in_lanes_o   the chains to add are in one chunk
//   ps_*         the pass: rows, elements and chunks of one, and of the last
// Latency: none; the division takes 25 cycles.

module vec_shape #(
  parameter int Lanes = 16,
  parameter int Words = 1024
) (
  input  logic         clk_i,
  input  logic [511:0] cmd_i,
  input  logic         div_start_i,
  input  logic [24:0]  div_num_i,
  input  logic [24:0]  div_den_i,
  output logic         div_done_o,
  output logic [24:0]  quot_o,
  output logic [24:0]  rem_o,
  input  logic [24:0]  col_i,
  input  logic [24:0]  ld_col_i,
  input  logic [24:0]  tile_rows_i,
  input  logic [14:0]  lines_i,
  input  logic [3:0]   shape_i,
  input  logic [3:0]   kind_i,
  input  logic [2:0]   level_i,
  input  logic         halves_i,
  output logic [24:0]  n_o,
  output logic [24:0]  rows_o,
  output logic [24:0]  row_chunks_o,
  output logic [24:0]  seg_o,
  output logic         more_o,
  output logic [24:0]  ld_seg_o,
  output logic         ld_more_o,
  output logic [24:0]  blk_rows_o,
  output logic [24:0]  blk_n_o,
  output logic [24:0]  blk_last_o,
  output logic [24:0]  blk_words_o,
  output logic [24:0]  blk_words_last_o,
  output logic [31:0]  blk_stride_o,
  output logic [24:0]  half_at_o,
  output logic [24:0]  seg_at_o,
  output logic [24:0]  level_at_o,
  output logic         in_lanes_o,
  output logic [24:0]  ps_rows_o,
  output logic [24:0]  ps_n_o,
  output logic [24:0]  ps_last_o,
  output logic [24:0]  ps_chunks_o,
  output logic [24:0]  ps_chunks_last_o
);

  localparam int LanesW = $clog2(Lanes);
  localparam int Chains = 64 / Lanes;
  localparam logic [24:0] SegMax = 25'(Words);

  wire [7:0]  op    = cmd_i[7:0];
  wire [7:0]  codec = cmd_i[15:8];
  wire [24:0] rows  = cmd_i[56:32];
  wire [24:0] cols  = cmd_i[88:64];
  wire        inter = cmd_i[384];                 // ROPE: pairs are neighbours

  wire is_scale = op == vector_pkg::OpScale;
  wire is_rope  = op == vector_pkg::OpRope;
  wire is_kv    = op == vector_pkg::OpQuantizeKv;
  wire is_norm  = op == vector_pkg::OpRmsnorm || op == vector_pkg::OpLayernorm;
  wire of_group = op == vector_pkg::OpAttnScale || op == vector_pkg::OpQuantizeQ;
  wire kv8      = codec[1];
  wire blocks12 = op == vector_pkg::OpQuantize && codec == 8'd3;
  // A row may be longer than the buffer.
  wire in_segments = is_norm || op == vector_pkg::OpAdd || op == vector_pkg::OpSiluMul || op == vector_pkg::OpGeluMul;

  // Quotient and remainder, a bit a cycle.
  logic [24:0] num_q, quot_q, rem_q;
  logic [4:0]  bits_q;
  wire  [25:0] part = {rem_q, num_q[24]};
  wire         fits = part >= {1'b0, div_den_i};
  always_ff @(posedge clk_i) begin
    if (div_start_i) begin
      num_q  <= div_num_i;
      quot_q <= '0;
      rem_q  <= '0;
      bits_q <= 5'd25;
    end else if (bits_q != '0) begin
      num_q  <= num_q << 1;
      quot_q <= {quot_q[23:0], fits};
      rem_q  <= fits ? 25'(part - {1'b0, div_den_i}) : part[24:0];
      bits_q <= bits_q - 5'd1;
    end
  end
  assign div_done_o = bits_q == '0;
  assign quot_o     = quot_q;
  assign rem_o      = rem_q;

  wire [24:0] half        = {1'b0, cols[24:1]};
  wire [24:0] half_chunks = (half + 25'(Lanes - 1)) >> LanesW;
  assign n_o          = is_scale ? rows : cols;
  assign rows_o       = of_group ? quot_q : (is_norm || is_rope || is_kv) ? rows : 25'd1;
  assign row_chunks_o = (is_rope && !inter) ? half_chunks << 1 : (n_o + 25'(Lanes - 1)) >> LanesW;

  assign more_o     = in_segments && n_o - col_i > SegMax;
  assign seg_o      = more_o ? SegMax : n_o - col_i;
  assign ld_more_o  = in_segments && n_o - ld_col_i > SegMax;
  assign ld_seg_o   = ld_more_o ? SegMax : n_o - ld_col_i;
  assign half_at_o  = half_chunks;
  assign seg_at_o   = (seg_o + 25'(Lanes - 1)) >> LanesW;
  assign level_at_o = ((25'd1 << level_i) >> LanesW == '0) ? 25'd1 : (25'd1 << level_i) >> LanesW;
  assign in_lanes_o = level_i < 3'(LanesW);

  // Blocks of a quantised row.
  wire [24:0] line   = kv8 ? 25'd64 : 25'd32;
  wire [24:0] padded = (cols + 25'd31) & ~25'd31;
  logic [24:0] blk_chunks, blk_chunks_last;
  always_comb begin
    if (is_kv) begin
      blk_rows_o       = (cols + line - 25'd1) >> (kv8 ? 6 : 5);
      blk_n_o          = line;
      blk_last_o       = ((cols - 25'd1) & (line - 25'd1)) + 25'd1;
      blk_stride_o     = {5'd0, line, 2'd0};
      blk_words_o      = 25'd16;
      blk_words_last_o = 25'd16;
      blk_chunks       = line >> LanesW;
      blk_chunks_last  = line >> LanesW;
    end else if (blocks12) begin  // slots of 16; the vector is a multiple of 64 bytes
      blk_rows_o       = quot_q;
      blk_n_o          = 25'd12;
      blk_last_o       = rem_q + 25'd1;
      blk_stride_o     = 32'd48;
      blk_words_o      = 25'd8;
      blk_words_last_o = quot_q[0] ? 25'd16 : 25'd8;
      blk_chunks       = 25'(16 / Lanes);
      blk_chunks_last  = quot_q[0] ? 25'(32 / Lanes) : 25'(16 / Lanes);
    end else begin
      blk_rows_o       = 25'd1;
      blk_n_o          = cols;
      blk_last_o       = cols;
      blk_stride_o     = '0;
      blk_words_o      = padded >> 1;
      blk_words_last_o = padded >> 1;
      blk_chunks       = padded >> LanesW;
      blk_chunks_last  = padded >> LanesW;
    end
  end

  wire is_sum = kind_i == vector_pkg::KSum || kind_i == vector_pkg::KSumSq;
  logic [24:0] ps_one;
  always_comb begin
    ps_rows_o = tile_rows_i;
    ps_n_o    = seg_o;
    case (shape_i)
      vector_pkg::ShFull: ps_n_o = n_o;
      vector_pkg::ShOne:  ps_n_o = 25'(Lanes);
      vector_pkg::ShTree: ps_n_o = level_at_o << LanesW;
      vector_pkg::ShWord: {ps_rows_o, ps_n_o} = {25'd1, 25'd1};
      vector_pkg::ShPair: {ps_rows_o, ps_n_o} = {tile_rows_i << 1, half};
      vector_pkg::ShHalf: ps_n_o = half;
      vector_pkg::ShCs:   {ps_rows_o, ps_n_o} = {25'd2, half};
      vector_pkg::ShExps: {ps_rows_o, ps_n_o} = {10'd0, lines_i, 25'd16};
      vector_pkg::ShHead: {ps_rows_o, ps_n_o} = {25'd1, 25'd16};
      default: ;
    endcase
    ps_one = is_sum ? ((ps_n_o + 25'd63) >> 6) * 25'(Chains)
             : (halves_i || kind_i == vector_pkg::KInt) ? (ps_n_o + 25'(Lanes / 2 - 1)) >> (LanesW - 1)
             : (ps_n_o + 25'(Lanes - 1)) >> LanesW;
    ps_last_o        = ps_n_o;
    ps_chunks_o      = ps_one;
    ps_chunks_last_o = ps_one;
    if (shape_i == vector_pkg::ShBlk) begin
      ps_rows_o        = blk_rows_o;
      ps_n_o           = blk_n_o;
      ps_last_o        = blk_last_o;
      ps_chunks_o      = blk_chunks;
      ps_chunks_last_o = blk_chunks_last;
    end
  end

  wire unused = &{1'b0, cmd_i, seg_at_o};

endmodule
