// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Places: where the vector, the tile's first row and its parts lie in memory, as jobs for vec_load and vec_store.
//
// Ports
//   cmd_i        the record
//   begin_i      pulse: a new record;  vector_i   pulse: a vector begins
//   row_end_i    pulse: a tile is done; last_row_i: the vector's last, last_vec_i: of the last vector (of its KV head)
//   ld_row_end_i pulse: the loads go on to the next tile (vec_ahead);  ld_seg_i, ld_col_i, ld_tile_rows_i   of what is loaded
//   vec_i        number of the vector;  tile_log_i, tile_rows_i   rows of a tile (log2), and of this one
//   quot_i       quotient of vec_shape;  n_i, seg_i, col_i   elements of a row, of the segment, before it;  blk_*   vec_shape
//   word_valid_i, word_i   pulse: the index of a row of the table
//   skip_i, lines_i   vec_query;  pick_i   results of a TOPK before this one;  second_i   QUANTIZE_KV: V
//   ld_i, st_i   what to load and store (vector_pkg::Ld*, St*);  ld_*_o, st_*_o   the jobs
// Latency: none.

module vec_place (
  input  logic         clk_i,
  input  logic [511:0] cmd_i,
  input  logic         begin_i,
  input  logic         vector_i,
  input  logic         row_end_i,
  input  logic         ld_row_end_i,
  input  logic         last_row_i,
  input  logic         last_vec_i,
  input  logic [15:0]  vec_i,
  input  logic [2:0]   tile_log_i,
  input  logic [24:0]  tile_rows_i,
  input  logic [24:0]  quot_i,
  input  logic [24:0]  n_i,
  input  logic [24:0]  seg_i,
  input  logic [24:0]  col_i,
  input  logic [24:0]  ld_seg_i,
  input  logic [24:0]  ld_col_i,
  input  logic [24:0]  ld_tile_rows_i,
  input  logic [24:0]  blk_rows_i,
  input  logic [24:0]  blk_n_i,
  input  logic [24:0]  blk_last_i,
  input  logic [24:0]  blk_words_i,
  input  logic [24:0]  blk_words_last_i,
  input  logic [31:0]  blk_stride_i,
  input  logic         word_valid_i,
  input  logic [23:0]  word_i,
  input  logic [13:0]  skip_i,
  input  logic [14:0]  lines_i,
  input  logic [5:0]   pick_i,
  input  logic         second_i,
  input  logic [4:0]   ld_i,
  input  logic [3:0]   st_i,
  output logic [63:0]  ld_addr_o,
  output logic [24:0]  ld_n_o,
  output logic [24:0]  ld_last_o,
  output logic [24:0]  ld_rows_o,
  output logic [31:0]  ld_stride_o,
  output logic [1:0]   ld_size_o,
  output logic [63:0]  st_addr_o,
  output logic [24:0]  st_n_o,
  output logic [24:0]  st_last_o,
  output logic [24:0]  st_rows_o,
  output logic [31:0]  st_stride_o,
  output logic         st_byte_o
);

  wire [7:0]  op    = cmd_i[7:0];
  wire [7:0]  codec = cmd_i[15:8];
  wire [16:0] rows  = cmd_i[48:32];
  wire [24:0] cols  = cmd_i[88:64];
  wire [63:0] wei   = cmd_i[191:128];
  wire [63:0] src   = cmd_i[255:192];
  wire [63:0] dst   = cmd_i[319:256];
  wire [63:0] aux   = cmd_i[383:320];
  wire [31:0] p0    = cmd_i[415:384];
  wire [31:0] p1    = cmd_i[447:416];
  wire [31:0] p2    = cmd_i[479:448];

  wire is_embed = op == vector_pkg::OpEmbed;
  wire is_attn  = op == vector_pkg::OpAttnScale;
  wire is_q     = op == vector_pkg::OpQuantizeQ;
  wire blocks12 = op == vector_pkg::OpQuantize && codec == 8'd3;
  wire kv8      = codec[1];

  // ------------------------------------------------------------------------------------------
  // Distances in bytes, of vectors (_v) and rows (_r).
  // ------------------------------------------------------------------------------------------
  logic [63:0] vec_s_q, vec_d_q, vec_x_q, row_s_q, row_d_q, row_x_q, at_s_q, at_d_q, at_x_q, table_q;
  logic [39:0] s_v, d_v, x_v;
  logic [63:0] s_r, d_r, x_r;
  wire  [24:0] half      = {1'b0, cols[24:1]};
  wire  [24:0] padded    = (cols + 25'd31) & ~25'd31;
  wire  [39:0] row_bytes = {13'd0, n_i, 2'd0};
  wire  [39:0] acc_bytes = (40'({n_i, 3'd0}) + 40'd63) & ~40'd63;                // results of a MATVEC
  wire  [39:0] sum_bytes = (40'({cols, 3'd0}) + 40'd8 + 40'd63) & ~40'd63;      // a row of ATTENTION_X
  wire  [39:0] rec_bytes = 40'd64 + ((40'({cols, 1'b0}) + 40'd63) & ~40'd63);   // a query record
  wire  [39:0] top_bytes = {31'd0, 3'((p1[6:0] + 7'd15) >> 4), 6'd0};           // results of a TOPK
  wire  [29:0] all_heads = rows * cols[12:0];                             // ATTN_SCALE: elements of a token

  // A KV head's region, and the token's places in it; lines of 64 bytes.
  wire  [24:0] line   = kv8 ? 25'd64 : 25'd32;
  wire  [7:0]  lines  = 8'((cols + line - 25'd1) >> (kv8 ? 6 : 5));
  wire  [20:0] token  = p0[20:0] + 21'(vec_i);
  wire  [28:0] k_line = token * lines;
  wire  [28:0] v_line = p1[20:0] * lines;
  wire  [28:0] v_tile = {token[20:6], 6'd0} * lines;
  logic [63:0] k_off_q, v_off_q, exp_off_q, region_q;
  // Rows by KV heads: where the next one's heads begin in what goes token by token; its V exponents.
  logic [63:0] group_q, exps_q;

  always_comb begin
    s_v = row_bytes;
    d_v = row_bytes;
    x_v = 40'd4;
    s_r = 64'(row_bytes);
    d_r = 64'(row_bytes);
    x_r = 64'(row_bytes);
    case (op)
      vector_pkg::OpRmsnorm, vector_pkg::OpLayernorm: begin
        s_v = {6'd0, p1, 2'd0};
        d_v = {6'd0, p1, 2'd0};
      end
      vector_pkg::OpRope: begin
        d_v = {6'd0, p1, 2'd0};
        x_v = {6'd0, p2, 2'd0};
      end
      vector_pkg::OpSiluMul, vector_pkg::OpGeluMul: begin
        s_v = {6'd0, p0, 2'd0};
        x_v = {6'd0, p0, 2'd0};
      end
      vector_pkg::OpScale: begin
        s_v = acc_bytes;
        d_v = {6'd0, p1, 2'd0};
      end
      vector_pkg::OpQuantize: d_v = blocks12 ? {9'd0, 26'(quot_i) + 26'(quot_i[0]), 5'd0} : {14'd0, padded, 1'b0};
      vector_pkg::OpEmbed: s_v = 40'd4;
      vector_pkg::OpGather: d_v = {6'd0, p1, 2'd0};
      vector_pkg::OpScatter: s_v = {6'd0, p0, 2'd0};
      vector_pkg::OpArgmax: begin
        s_v = {6'd0, p0, 2'd0};
        d_v = 40'd4;
      end
      vector_pkg::OpTopk: begin
        s_v = {6'd0, p0, 2'd0};
        d_v = top_bytes;
        x_v = top_bytes;
      end
      vector_pkg::OpQuantizeKv: begin
        s_v = {6'd0, p2, 2'd0};
        x_v = {6'd0, p2, 2'd0};
        d_v = '0;
        d_r = region_q;
      end
      vector_pkg::OpQuantizeQ: begin
        s_v = {6'd0, p2, 2'd0};
        d_r = 64'(rec_bytes);
        x_r = 64'd64;
      end
      vector_pkg::OpAttnScale: begin
        d_v = {8'd0, all_heads, 2'd0};
        s_r = 64'(sum_bytes);
        x_r = 64'(rec_bytes);
      end
      default: ;
    endcase
  end

  wire [63:0] next_s = row_s_q + (s_r << tile_log_i);
  wire [63:0] next_d = row_d_q + (d_r << tile_log_i);
  wire [63:0] next_x = row_x_q + (x_r << tile_log_i);
  // The heads of a KV head follow one another in every token, so behind token 0's begin the next one's.
  wire [63:0] next_t = is_attn ? next_d : next_s;
  wire [63:0] group  = (vec_i == '0) ? next_t : group_q;

  wire [31:0] pick_by = is_embed ? p2 : (op == vector_pkg::OpGather) ? p0 : p1;
  wire [63:0] pick_in = is_embed ? wei : (op == vector_pkg::OpGather) ? src : dst;
  wire [55:0] picked  = 56'(word_i) * 56'(pick_by);

  always_ff @(posedge clk_i) begin
    if (begin_i) begin
      vec_s_q  <= src;
      vec_d_q  <= dst;
      vec_x_q  <= is_q ? aux + 64'd64 : aux;
      region_q <= {34'd0, v_line, 1'b0} * 64'd64 + {42'd0, p1[20:0], 1'b0};
      exps_q   <= wei + {28'd0, v_line, 7'd0};
    end else if (row_end_i && last_row_i) begin
      if (vec_i == '0) group_q <= next_t;
      if (is_attn) begin  // source rows and records follow one another
        vec_s_q <= next_s;
        vec_x_q <= next_x;
        vec_d_q <= last_vec_i ? group : vec_d_q + {24'd0, d_v};
      end else if (is_q) begin  // records follow one another
        vec_d_q <= next_d;
        vec_s_q <= last_vec_i ? group : vec_s_q + {24'd0, s_v};
        if (last_vec_i) begin
          vec_x_q <= next_x;
          exps_q  <= exps_q + region_q;
        end
      end else begin
        vec_s_q <= vec_s_q + {24'd0, s_v};
        vec_d_q <= vec_d_q + {24'd0, d_v};
        vec_x_q <= vec_x_q + {24'd0, x_v};
      end
    end

    if (vector_i) begin
      row_s_q   <= vec_s_q;
      row_d_q   <= vec_d_q;
      row_x_q   <= vec_x_q;
      k_off_q   <= {29'd0, k_line, 6'd0};
      v_off_q   <= {29'd0, v_line, 6'd0} + {29'd0, v_tile, 6'd0} + {52'd0, token[5:0], 6'd0};
      exp_off_q <= {28'd0, v_line, 7'd0} + {42'd0, token[20:6], 7'd0} + {58'd0, token[5:0]};
    end else if (row_end_i) begin
      row_s_q <= next_s;
      row_d_q <= next_d;
      row_x_q <= next_x;
    end
    // The loads' own place.
    if (vector_i) begin
      at_s_q <= vec_s_q;
      at_d_q <= vec_d_q;
      at_x_q <= vec_x_q;
    end else if (ld_row_end_i) begin
      at_s_q <= at_s_q + (s_r << tile_log_i);
      at_d_q <= at_d_q + (d_r << tile_log_i);
      at_x_q <= at_x_q + (x_r << tile_log_i);
    end
    if (word_valid_i) table_q <= pick_in + {6'd0, picked, 2'd0};
  end

  // ------------------------------------------------------------------------------------------
  // The jobs.
  // ------------------------------------------------------------------------------------------
  wire [63:0] col4    = {37'd0, col_i, 2'd0};
  wire [63:0] ld_col4 = {37'd0, ld_col_i, 2'd0};
  wire [63:0] pick4 = {56'd0, pick_i, 2'd0};
  always_comb begin
    ld_addr_o   = at_s_q + ld_col4;
    ld_n_o      = ld_seg_i;
    ld_rows_o   = ld_tile_rows_i;
    ld_stride_o = s_r[31:0];
    ld_size_o   = 2'd0;
    case (ld_i)
      vector_pkg::LdY: begin
        ld_addr_o   = at_d_q + ld_col4;
        ld_stride_o = d_r[31:0];
      end
      vector_pkg::LdU, vector_pkg::LdUrow: ld_addr_o = at_x_q + ld_col4;
      vector_pkg::LdGain: begin
        ld_addr_o   = wei + ld_col4;
        ld_stride_o = '0;
      end
      vector_pkg::LdBias: begin
        ld_addr_o   = aux + ld_col4;
        ld_stride_o = '0;
      end
      vector_pkg::LdFull: begin
        ld_addr_o = at_s_q;
        ld_n_o    = n_i;
      end
      vector_pkg::LdAcc: ld_size_o = 2'd1;
      vector_pkg::LdIdx: begin
        ld_addr_o = is_embed ? at_s_q : vec_x_q;
        ld_n_o    = 25'd1;
      end
      vector_pkg::LdTab: begin
        ld_addr_o = table_q;
        ld_size_o = (is_embed && p1 == '0) ? 2'd2 : 2'd0;
      end
      vector_pkg::LdBlk: begin
        ld_addr_o   = second_i ? at_x_q : at_s_q;
        ld_n_o      = blk_n_i;
        ld_rows_o   = blk_rows_i;
        ld_stride_o = blk_stride_i;
      end
      vector_pkg::LdCs: begin
        ld_addr_o   = vec_x_q;
        ld_n_o      = half;
        ld_rows_o   = 25'd2;
        ld_stride_o = {5'd0, half, 2'd0};
      end
      vector_pkg::LdPair: begin
        ld_addr_o   = at_d_q;
        ld_n_o      = half;
        ld_rows_o   = ld_tile_rows_i << 1;
        ld_stride_o = {5'd0, half, 2'd0};
      end
      vector_pkg::LdExp: begin
        ld_addr_o = at_x_q + 64'd8;
        ld_n_o    = 25'd1;
      end
      vector_pkg::LdL: begin
        ld_addr_o = at_s_q + {36'd0, cols, 3'd0};
        ld_n_o    = 25'd1;
        ld_size_o = 2'd1;
      end
      vector_pkg::LdWin: begin
        ld_addr_o = aux;
        ld_n_o    = 25'd1;
      end
      vector_pkg::LdExps: begin
        ld_addr_o   = exps_q + {43'd0, skip_i, 7'd64};
        ld_n_o      = 25'd16;
        ld_rows_o   = {10'd0, lines_i};
        ld_stride_o = 32'd128;
      end
      vector_pkg::LdHead: begin
        ld_addr_o = at_x_q;
        ld_n_o    = 25'd16;
      end
      default: ;
    endcase
    ld_last_o = (ld_i == vector_pkg::LdBlk) ? blk_last_i : ld_n_o;
  end

  always_comb begin
    st_addr_o   = row_d_q + col4;
    st_n_o      = seg_i;
    st_rows_o   = tile_rows_i;
    st_stride_o = d_r[31:0];
    case (st_i)
      vector_pkg::StA, vector_pkg::StB: begin
        st_addr_o = row_d_q + ((st_i == vector_pkg::StB) ? {37'd0, half, 2'd0} : 64'd0);
        st_n_o    = half;
      end
      vector_pkg::StQ: begin
        st_n_o      = blk_words_i;
        st_rows_o   = blk_rows_i;
        st_stride_o = 32'd32;
      end
      vector_pkg::StWord: begin
        st_addr_o = vec_x_q;
        st_n_o    = 25'd1;
      end
      vector_pkg::StIdx, vector_pkg::StVal: begin
        st_addr_o = ((st_i == vector_pkg::StIdx) ? row_d_q : row_x_q) + pick4;
        st_n_o    = 25'd1;
      end
      vector_pkg::StTab: st_addr_o = table_q;
      vector_pkg::StK, vector_pkg::StV: begin
        st_addr_o   = row_d_q + ((st_i == vector_pkg::StK) ? k_off_q : v_off_q);
        st_n_o      = blk_words_i;
        st_rows_o   = blk_rows_i;
        st_stride_o = (st_i == vector_pkg::StK) ? 32'd64 : 32'd4096;
      end
      vector_pkg::StKexp, vector_pkg::StVexp: begin
        st_addr_o = row_d_q + exp_off_q + ((st_i == vector_pkg::StVexp) ? 64'd64 : 64'd0);
        st_n_o    = 25'd1;
      end
      vector_pkg::StHead: st_n_o = 25'd16;
      vector_pkg::StRec: begin
        st_addr_o = row_d_q + 64'd64;
        st_n_o    = blk_words_i;
      end
      default: ;
    endcase
    st_last_o = (st_i == vector_pkg::StQ) ? blk_words_last_i : st_n_o;
  end
  assign st_byte_o = st_i == vector_pkg::StKexp || st_i == vector_pkg::StVexp;

  wire unused = &{1'b0, cmd_i, s_r, d_r, x_r};

endmodule
