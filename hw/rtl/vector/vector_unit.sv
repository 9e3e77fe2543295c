// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// The vector unit: executes one command record at a time, all but matrices and attention
// (docs/numerics.md sections 2, 4, 5, 6.1, 6.5; docs/vector.md).
//
//   record -> vec_check -> sequencer -- vec_program: the steps of each operation
//                             | load        | pass                         | store
//   memory ----------> vec_load --chunks--> vec_pass (buffer, lanes) --> vec_store ------> memory
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
  wire [24:0] rows  = cmd_q[56:32];
  wire [24:0] cols  = cmd_q[88:64];
  wire [63:0] wei   = cmd_q[191:128];
  wire [63:0] src   = cmd_q[255:192];
  wire [63:0] dst   = cmd_q[319:256];
  wire [63:0] aux   = cmd_q[383:320];
  wire [31:0] p0    = cmd_q[415:384];
  wire [31:0] p1    = cmd_q[447:416];
  wire [31:0] p2    = cmd_q[479:448];
  wire [31:0] p3    = cmd_q[511:480];

  wire is_scale = op == vector_pkg::OpScale;
  wire is_quant = op == vector_pkg::OpQuantize;
  wire is_kv    = op == vector_pkg::OpQuantizeKv;
  wire is_attn  = op == vector_pkg::OpAttnScale;
  wire is_rope  = op == vector_pkg::OpRope;
  wire is_embed = op == vector_pkg::OpEmbed;
  wire is_norm  = op == vector_pkg::OpRmsnorm || op == vector_pkg::OpLayernorm;
  wire is_gate  = op == vector_pkg::OpSiluMul || op == vector_pkg::OpGeluMul;
  wire is_add   = op == vector_pkg::OpAdd;
  wire is_arg   = op == vector_pkg::OpArgmax;
  wire is_move  = op == vector_pkg::OpGather || op == vector_pkg::OpScatter;
  wire plain    = p1 != '0;                         // EMBED
  wire sigmoid  = codec[0];                         // ATTN_SCALE
  wire kv8      = codec[1];                         // QUANTIZE_KV
  wire blocks12 = is_quant && codec == 8'd3;
  wire seeds    = codec == 8'd2 || codec == 8'd3;
  wire in_segments = is_add || is_gate || is_norm;  // a row may be longer than the buffer

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

  // Quotient and remainder, a bit a cycle.
  logic [24:0] num_q, quot_q, rem_q;
  logic [4:0]  bits_q;
  wire  [25:0] part = {rem_q, num_q[24]};
  wire         fits = part >= {1'b0, div_den};

  // ------------------------------------------------------------------------------------------
  // Shapes.
  // ------------------------------------------------------------------------------------------
  wire [24:0] n      = is_scale ? rows : cols;       // elements of a row
  wire [24:0] half   = {1'b0, cols[24:1]};
  wire [24:0] nrows  = is_attn ? quot_q : (is_norm || is_rope || is_kv) ? rows : 25'd1;
  wire [24:0] half_chunks = (half + 25'(Lanes - 1)) >> LanesW;
  wire [24:0] row_chunks  = (is_rope && !p0[0]) ? half_chunks << 1 : (n + 25'(Lanes - 1)) >> LanesW;

  // Blocks of a quantised row: elements, words written; the last may differ.
  wire [24:0] line   = kv8 ? 25'd64 : 25'd32;
  wire [24:0] lines  = (cols + line - 25'd1) >> (kv8 ? 6 : 5);
  wire [24:0] padded = (cols + 25'd31) & ~25'd31;
  logic [24:0] blk_rows, blk_n, blk_last, blk_words, blk_words_last, blk_chunks, blk_chunks_last;
  logic [31:0] blk_stride;
  always_comb begin
    if (is_kv) begin
      blk_rows        = lines;
      blk_n           = line;
      blk_last        = ((cols - 25'd1) & (line - 25'd1)) + 25'd1;
      blk_stride      = {5'd0, line, 2'd0};
      blk_words       = 25'd16;
      blk_words_last  = 25'd16;
      blk_chunks      = line >> LanesW;
      blk_chunks_last = line >> LanesW;
    end else if (blocks12) begin  // slots of 16; the vector is a multiple of 64 bytes
      blk_rows        = quot_q;
      blk_n           = 25'd12;
      blk_last        = rem_q + 25'd1;
      blk_stride      = 32'd48;
      blk_words       = 25'd8;
      blk_words_last  = quot_q[0] ? 25'd16 : 25'd8;
      blk_chunks      = 25'(16 / Lanes);
      blk_chunks_last = quot_q[0] ? 25'(32 / Lanes) : 25'(16 / Lanes);
    end else begin
      blk_rows        = 25'd1;
      blk_n           = cols;
      blk_last        = cols;
      blk_stride      = '0;
      blk_words       = padded >> 1;
      blk_words_last  = padded >> 1;
      blk_chunks      = padded >> LanesW;
      blk_chunks_last = padded >> LanesW;
    end
  end

  // ------------------------------------------------------------------------------------------
  // Where the vector, and the tile's first row, lie. Distances in bytes, of vectors (_v) and rows (_r).
  // ------------------------------------------------------------------------------------------
  logic [63:0] vec_s_q, vec_d_q, vec_x_q, row_s_q, row_d_q, row_x_q, group_d_q, table_q;
  logic [39:0] s_v, d_v, x_v;
  logic [63:0] s_r, d_r, x_r;
  wire  [39:0] row_bytes = {13'd0, n, 2'd0};
  wire  [39:0] acc_bytes = (40'({n, 3'd0}) + 40'd63) & ~40'd63;                  // results of a MATVEC
  wire  [39:0] sum_bytes = (40'({cols, 3'd0}) + 40'd8 + 40'd63) & ~40'd63;      // a row of ATTENTION_X
  wire  [39:0] rec_bytes = 40'd64 + ((40'({cols, 1'b0}) + 40'd63) & ~40'd63);   // a query record
  // A KV head's region, and the token's places in it.
  wire  [20:0] token  = p0[20:0] + 21'(vec_q);
  wire  [28:0] k_line = token * lines[7:0];
  wire  [28:0] v_line = p1[20:0] * lines[7:0];
  wire  [28:0] v_tile = {token[20:6], 6'd0} * lines[7:0];
  logic [63:0] k_off_q, v_off_q, exp_off_q, region_q;
  logic [15:0] vec_q;
  logic [24:0] group_q, row_q, col_q, tile_rows_q;
  logic [2:0]  tile_log_q;

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
      vector_pkg::OpQuantize: d_v = blocks12 ? {9'd0, 26'(quot_q) + 26'(quot_q[0]), 5'd0} : {14'd0, padded, 1'b0};
      vector_pkg::OpEmbed: s_v = 40'd4;
      vector_pkg::OpGather: d_v = {6'd0, p1, 2'd0};
      vector_pkg::OpScatter: s_v = {6'd0, p0, 2'd0};
      vector_pkg::OpArgmax: begin
        s_v = {6'd0, p0, 2'd0};
        d_v = 40'd4;
      end
      vector_pkg::OpQuantizeKv: begin
        s_v = {6'd0, p2, 2'd0};
        x_v = {6'd0, p2, 2'd0};
        d_v = '0;
        d_r = region_q;
      end
      vector_pkg::OpAttnScale: begin
        s_r = 64'(sum_bytes);
        x_r = 64'(rec_bytes);
      end
      default: ;
    endcase
  end

  // ------------------------------------------------------------------------------------------
  // The step.
  // ------------------------------------------------------------------------------------------
  logic [4:0] pc_q, row_pc, back;
  logic [2:0] flow, level;
  logic [3:0] ld, st, kind, shape, a_sc, b_sc, c_sc;
  logic [1:0] a_sel, b_sel, c_sel, d_sel, again_q;
  logic [7:0] a_at, b_at, d_at;
  logic       a_swap, b_lane0, b_twice, neg_a, neg_c, neg_even, check, halves;
  vec_program u_program (
    .op_i          (op),
    .pc_i          (pc_q),
    .flag_plain_i  (plain),
    .flag_sigmoid_i(sigmoid),
    .flag_inter_i  (p0[0]),
    .flag_scaled_i (codec[0]),
    .flag_bias_i   (aux != '0),
    .row_pc_o      (row_pc),
    .flow_o        (flow),
    .back_o        (back),
    .ld_o          (ld),
    .st_o          (st),
    .kind_o        (kind),
    .shape_o       (shape),
    .level_o       (level),
    .a_sel_o       (a_sel),
    .a_at_o        (a_at),
    .a_swap_o      (a_swap),
    .b_sel_o       (b_sel),
    .b_at_o        (b_at),
    .b_lane0_o     (b_lane0),
    .b_twice_o     (b_twice),
    .c_sel_o       (c_sel),
    .neg_a_o       (neg_a),
    .neg_c_o       (neg_c),
    .neg_even_o    (neg_even),
    .d_sel_o       (d_sel),
    .d_at_o        (d_at),
    .a_sc_o        (a_sc),
    .b_sc_o        (b_sc),
    .c_sc_o        (c_sc),
    .check_o       (check),
    .halves_o      (halves)
  );

  wire [24:0] seg_max = 25'(Words);
  wire [24:0] seg     = (in_segments && n - col_q > seg_max) ? seg_max : n - col_q;
  wire        more_seg = in_segments && n - col_q > seg_max;
  wire [24:0] seg_chunks = (seg + 25'(Lanes - 1)) >> LanesW;
  wire [24:0] level_chunks = ((25'd1 << level) >> LanesW == '0) ? 25'd1 : (25'd1 << level) >> LanesW;
  wire        in_lanes = level < 3'(LanesW);  // the chains to add are in one chunk

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
  wire [AddrW-1:0] half_at = AddrW'(half_chunks);
  wire [AddrW-1:0] seg_at  = AddrW'(seg_chunks);
  wire [OffW-1:0]  level_at = OffW'(level_chunks);

  wire is_sum = kind == vector_pkg::KSum || kind == vector_pkg::KSumSq;
  logic [24:0] ps_rows, ps_n, ps_last, ps_chunks, ps_chunks_last, ps_one;
  always_comb begin
    ps_rows = tile_rows_q;
    ps_n    = seg;
    case (shape)
      vector_pkg::ShFull: ps_n = n;
      vector_pkg::ShOne:  ps_n = 25'(Lanes);
      vector_pkg::ShTree: ps_n = level_chunks << LanesW;
      vector_pkg::ShWord: {ps_rows, ps_n} = {25'd1, 25'd1};
      vector_pkg::ShPair: {ps_rows, ps_n} = {tile_rows_q << 1, half};
      vector_pkg::ShHalf: ps_n = half;
      vector_pkg::ShCs:   {ps_rows, ps_n} = {25'd2, half};
      default: ;
    endcase
    ps_one = is_sum ? ((ps_n + 25'd63) >> 6) * 25'(Chains)
             : (halves || kind == vector_pkg::KInt) ? (ps_n + 25'(Lanes / 2 - 1)) >> (LanesW - 1)
             : (ps_n + 25'(Lanes - 1)) >> LanesW;
    ps_last        = ps_n;
    ps_chunks      = ps_one;
    ps_chunks_last = ps_one;
    if (shape == vector_pkg::ShBlk) begin
      ps_rows        = blk_rows;
      ps_n           = blk_n;
      ps_last        = blk_last;
      ps_chunks      = blk_chunks;
      ps_chunks_last = blk_chunks_last;
    end
  end

  // Scalars.
  logic [31:0]        g_q, l_q, inv_q;
  logic signed [15:0] exp_q;           // the factor is unit * 2^exp
  logic signed [8:0]  k_q;
  logic               l_zero_q;
  logic [30:0]        key;
  logic [24:0]        index;
  wire signed [15:0]  exp1 = (exp_q < -16'sd96) ? -16'sd96 : (exp_q > 16'sd96) ? 16'sd96 : exp_q;
  wire signed [15:0]  rest = exp_q - exp1;
  wire signed [15:0]  exp2 = (rest < -16'sd126) ? -16'sd126 : (rest > 16'sd127) ? 16'sd127 : rest;
  function automatic logic [31:0] scalar(input logic [3:0] code, input logic [31:0] p0_, input logic [31:0] p2_,
                                         input logic [31:0] g_, input logic [31:0] unit_, input logic [31:0] pow_,
                                         input logic [31:0] inv_, input logic [31:0] k_, input logic [31:0] index_);
    case (code)
      vector_pkg::ScHalf:  scalar = 32'h3F000000;
      vector_pkg::Sc1p5:   scalar = 32'h3FC00000;
      vector_pkg::ScLog2e: scalar = 32'h3FB8AA3B;
      vector_pkg::ScC1:    scalar = 32'h3D372713;
      vector_pkg::ScC2:    scalar = 32'h40135761;
      vector_pkg::ScP0:    scalar = p0_;
      vector_pkg::ScP2:    scalar = p2_;
      vector_pkg::ScG:     scalar = g_;
      vector_pkg::ScUnit:  scalar = unit_;
      vector_pkg::ScPow:   scalar = pow_;
      vector_pkg::ScInv:   scalar = inv_;
      vector_pkg::ScK:     scalar = k_;
      vector_pkg::ScIndex: scalar = index_;
      default:             scalar = 32'h3F800000;
    endcase
  endfunction
  wire [31:0] unit_sc = (is_scale && seeds) ? {1'b0, 8'(16'sd112 + exp1), 23'h000100} : {1'b0, 8'(16'sd127 + exp1), 23'd0};
  wire [31:0] pow_sc  = {1'b0, 8'(16'sd127 + exp2), 23'd0};
  wire [31:0] k_sc    = {{23{k_q[8]}}, k_q};
  wire [31:0] a_scalar = scalar(a_sc, p0, p2, g_q, unit_sc, pow_sc, inv_q, k_sc, {7'd0, index});
  wire [31:0] b_scalar = scalar(b_sc, p0, p2, l_zero_q ? 32'h3F800000 : g_q, unit_sc, pow_sc, inv_q, k_sc, 32'd0);
  wire [31:0] c_scalar = scalar(c_sc, p0, p2, g_q, unit_sc, pow_sc, inv_q, k_sc, 32'd0);

  // ------------------------------------------------------------------------------------------
  // Loads and stores.
  // ------------------------------------------------------------------------------------------
  logic [63:0] ld_addr, st_addr;
  logic [24:0] ld_n, ld_last, ld_rows, st_n, st_last, st_rows;
  logic [31:0] ld_stride, st_stride;
  logic [1:0]  ld_size;
  wire  [63:0] col4 = {37'd0, col_q, 2'd0};
  always_comb begin
    ld_addr   = row_s_q + col4;
    ld_n      = seg;
    ld_rows   = tile_rows_q;
    ld_stride = s_r[31:0];
    ld_size   = 2'd0;
    case (ld)
      vector_pkg::LdY: begin
        ld_addr   = row_d_q + col4;
        ld_stride = d_r[31:0];
      end
      vector_pkg::LdU, vector_pkg::LdUrow: ld_addr = row_x_q + col4;
      vector_pkg::LdGain: begin
        ld_addr   = wei + col4;
        ld_stride = '0;
      end
      vector_pkg::LdBias: begin
        ld_addr   = aux + col4;
        ld_stride = '0;
      end
      vector_pkg::LdFull: begin
        ld_addr = row_s_q;
        ld_n    = n;
      end
      vector_pkg::LdAcc: ld_size = 2'd1;
      vector_pkg::LdIdx: begin
        ld_addr = is_embed ? row_s_q : vec_x_q;
        ld_n    = 25'd1;
      end
      vector_pkg::LdTab: begin
        ld_addr = table_q;
        ld_size = (is_embed && !plain) ? 2'd2 : 2'd0;
      end
      vector_pkg::LdBlk: begin
        ld_addr   = (is_kv && pc_q > 5'd2) ? row_x_q : row_s_q;
        ld_n      = blk_n;
        ld_rows   = blk_rows;
        ld_stride = blk_stride;
      end
      vector_pkg::LdCs: begin
        ld_addr   = vec_x_q;
        ld_n      = half;
        ld_rows   = 25'd2;
        ld_stride = {5'd0, half, 2'd0};
      end
      vector_pkg::LdPair: begin
        ld_addr   = row_d_q;
        ld_n      = half;
        ld_rows   = tile_rows_q << 1;
        ld_stride = {5'd0, half, 2'd0};
      end
      vector_pkg::LdExp: begin
        ld_addr = row_x_q + 64'd8;
        ld_n    = 25'd1;
      end
      vector_pkg::LdL: begin
        ld_addr = row_s_q + {36'd0, cols, 3'd0};
        ld_n    = 25'd1;
        ld_size = 2'd1;
      end
      default: ;
    endcase
    ld_last = (ld == vector_pkg::LdBlk) ? blk_last : ld_n;
  end

  always_comb begin
    st_addr   = row_d_q + col4;
    st_n      = seg;
    st_rows   = tile_rows_q;
    st_stride = d_r[31:0];
    case (st)
      vector_pkg::StA, vector_pkg::StB: begin
        st_addr = row_d_q + ((st == vector_pkg::StB) ? {37'd0, half, 2'd0} : 64'd0);
        st_n    = half;
      end
      vector_pkg::StQ: begin
        st_n      = blk_words;
        st_rows   = blk_rows;
        st_stride = 32'd32;
      end
      vector_pkg::StWord: begin
        st_addr = is_arg ? row_d_q : vec_x_q;
        st_n    = 25'd1;
      end
      vector_pkg::StTab: st_addr = table_q;
      vector_pkg::StK, vector_pkg::StV: begin
        st_addr   = row_d_q + ((st == vector_pkg::StK) ? k_off_q : v_off_q);
        st_n      = blk_words;
        st_rows   = blk_rows;
        st_stride = (st == vector_pkg::StK) ? 32'd64 : 32'd4096;
      end
      vector_pkg::StKexp, vector_pkg::StVexp: begin
        st_addr = row_d_q + exp_off_q + ((st == vector_pkg::StVexp) ? 64'd64 : 64'd0);
        st_n    = 25'd1;
      end
      default: ;
    endcase
    st_last = (st == vector_pkg::StQ) ? blk_words_last : st_n;
  end

  logic                ld_ready, st_ready, s_valid, s_ready, q_valid, q_ready;
  logic                load_err, load_idle, store_idle, pass_idle, pass_done, pass_bad, scalar_valid;
  logic [32*Lanes-1:0] s_data, q_data;
  logic [31:0]         scalar_y;
  logic [63:0]         word;

  wire ld_start    = state_q == StLoad && ld != vector_pkg::LdNone;
  wire st_start    = state_q == StStore && st != vector_pkg::StNone;
  wire pass_start  = state_q == StPass && kind != vector_pkg::KRecip;
  wire recip_start = state_q == StPass && kind == vector_pkg::KRecip;

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
    .out_ready_i (s_ready),
    .out_data_o  (s_data),
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
    .limit_i       ({1'b0, is_kv && kv8}),
    .unsigned_i    (ld == vector_pkg::LdL),
    .k_i           (k_q[7:0]),
    .a_sel_i       (a_sel),
    .a_base_i      (place(a_at[7:3], half_at[OffW-1:0], level_at)),
    .a_os_i        (apart(a_at[2:0], seg_at, half_at)),
    .a_swap_i      (a_swap),
    .b_sel_i       (b_sel),
    .b_base_i      (place(b_at[7:3], half_at[OffW-1:0], level_at)),
    .b_os_i        (apart(b_at[2:0], seg_at, half_at)),
    .b_step_i      (!b_lane0),
    .b_lane0_i     (b_lane0),
    .b_twice_i     (b_twice),
    .c_sel_i       ((shape == vector_pkg::ShTree && in_lanes) ? vector_pkg::BSelf : c_sel),
    .c_shift_i     (5'd1 << level),
    .neg_a_i       (neg_a),
    .neg_c_i       (neg_c),
    .neg_even_i    (neg_even),
    .zero_i        (is_attn && l_zero_q && ld == vector_pkg::LdAcc),
    .d_sel_i       (d_sel),
    .d_base_i      (place(d_at[7:3], half_at[OffW-1:0], level_at)),
    .d_os_i        (apart(d_at[2:0], seg_at, half_at)),
    .check_i       (check),
    .halves_i      (halves),
    .n_i           (ps_n),
    .n_last_i      (ps_last),
    .np_i          (ps_chunks),
    .np_last_i     (ps_chunks_last),
    .rows_i        (ps_rows),
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
    .job_byte_i    (st == vector_pkg::StKexp || st == vector_pkg::StVexp),
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

  logic        recip_done;
  logic [31:0] recip;
  fp_recip u_recip (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .start_i(recip_start),
    .x_i    (l_q),
    .done_o (recip_done),
    .y_o    (recip)
  );

  // ------------------------------------------------------------------------------------------
  // The sequencer.
  // ------------------------------------------------------------------------------------------
  logic [3:0] error_q;
  logic       done_q;
  wire        run_done  = (kind == vector_pkg::KRecip) ? recip_done : pass_done;
  wire        last_row  = row_q + tile_rows_q >= nrows;
  wire        last_vec  = vec_q == batch - 16'd1;
  wire        last_all  = last_vec && (!is_attn || group_q == p3[24:0] - 25'd1);
  wire        tileable  = is_norm || is_rope;
  wire signed [31:0] word_s   = word[31:0];
  wire signed [15:0] word_k   = (word_s > 32'sd4096) ? 16'sd4096 : (word_s < -32'sd4096) ? -16'sd4096 : word_s[15:0];
  wire signed [15:0] word_e   = (word_s > 32'sd127) ? 16'sd127 : (word_s < -32'sd128) ? -16'sd128 : word_s[15:0];
  wire signed [15:0] unit_exp = seeds ? -16'sd8 : -16'sd24;
  wire signed [15:0] top_exp  = (is_kv && kv8) ? 16'sd133 : 16'sd141;   // 127 + the exponent wanted
  wire signed [15:0] raw_k    = top_exp - $signed({8'd0, key[30:23]});
  wire [23:0]        pick     = word[23:0];
  wire [31:0]        pick_by  = is_embed ? p2 : (op == vector_pkg::OpGather) ? p0 : p1;
  wire [63:0]        pick_in  = is_embed ? wei : (op == vector_pkg::OpGather) ? src : dst;
  wire [55:0]        picked   = 56'(pick) * 56'(pick_by);

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
          state_q <= (check_error != seedbed_pkg::ErrNone) ? StFinish : (blocks12 || is_attn) ? StDivide : StSize;
        end
        StDivide: if (bits_q == '0) begin
          state_q <= (is_attn && rem_q != '0) ? StFinish : StSize;
          if (is_attn && rem_q != '0) error_q <= seedbed_pkg::ErrShape;
        end
        StSize: if (!tileable || tile_log_q == 3'd4 || row_chunks > 25'(Depth) >> (tile_log_q + 3'd1)) state_q <= StVector;
        StVector: state_q <= StTile;
        StTile: state_q <= StLoad;
        StLoad: if (ld == vector_pkg::LdNone || ld_ready) state_q <= StStore;
        StStore: if (st == vector_pkg::StNone || st_ready) state_q <= StPass;
        StPass: state_q <= StRun;
        StRun: if (run_done) state_q <= StNext;
        StNext: begin
          if (error_q != seedbed_pkg::ErrNone) state_q <= StFinish;
          else if (flow == 3'd0 || (flow == 3'd1) || (flow == 3'd2 && more_seg) || flow == 3'd4) state_q <= StLoad;
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
        else if (state_q == StRun && run_done && kind == vector_pkg::KWord && (is_embed || is_move) && word[31:0] >= 32'(rows)) begin
          error_q <= seedbed_pkg::ErrIndex;
        end
      end
    end

    if (state_q == StIdle && cmd_valid_i) cmd_q <= cmd_i;

    if (state_q == StCheck) begin
      num_q      <= div_num;
      quot_q     <= '0;
      rem_q      <= '0;
      bits_q     <= 5'd25;
      tile_log_q <= '0;
      vec_q      <= '0;
      group_q    <= '0;
      vec_s_q    <= src;
      vec_d_q    <= dst;
      vec_x_q    <= aux;
      group_d_q  <= dst;
      l_zero_q   <= 1'b0;
      region_q   <= {34'd0, v_line, 1'b0} * 64'd64 + {42'd0, p1[20:0], 1'b0};
    end else if (state_q == StDivide && bits_q != '0) begin
      num_q  <= num_q << 1;
      quot_q <= {quot_q[23:0], fits};
      rem_q  <= fits ? 25'(part - {1'b0, div_den}) : part[24:0];
      bits_q <= bits_q - 5'd1;
    end
    if (state_q == StSize && tileable && tile_log_q != 3'd4 && row_chunks <= 25'(Depth) >> (tile_log_q + 3'd1)) begin
      tile_log_q <= tile_log_q + 3'd1;
    end

    if (state_q == StVector) begin
      pc_q      <= '0;
      row_q     <= '0;
      row_s_q   <= vec_s_q;
      row_d_q   <= vec_d_q;
      row_x_q   <= vec_x_q;
      k_off_q   <= {29'd0, k_line, 6'd0};
      v_off_q   <= {29'd0, v_line, 6'd0} + {29'd0, v_tile, 6'd0} + {52'd0, token[5:0], 6'd0};
      exp_off_q <= {28'd0, v_line, 7'd0} + {42'd0, token[20:6], 7'd0} + {58'd0, token[5:0]};
    end
    if (state_q == StTile) begin
      col_q       <= '0;
      again_q     <= '0;
      tile_rows_q <= (nrows - row_q < 25'd1 << tile_log_q) ? nrows - row_q : 25'd1 << tile_log_q;
    end

    if (scalar_valid) begin
      if (ld == vector_pkg::LdL) l_q <= scalar_y;
      else g_q <= scalar_y;
    end
    if (state_q == StRun && run_done) begin
      case (kind)
        vector_pkg::KWord: begin
          table_q <= pick_in + {6'd0, picked, 2'd0};
          exp_q   <= is_attn ? (sigmoid ? -16'sd24 : 16'sd0) - word_e
                     : is_embed ? $signed(p0[15:0]) - 16'sd24 : unit_exp + $signed(p0[15:0]) - word_k;
        end
        vector_pkg::KMax: begin
          k_q <= (key == '0) ? (is_kv ? 9'sd96 : 9'sd0)
                 : (raw_k > 16'sd96) ? 9'sd96 : (raw_k < -16'sd96) ? -9'sd96 : raw_k[8:0];
        end
        vector_pkg::KRecip: begin
          inv_q    <= (l_q == '0) ? 32'h3F800000 : recip;
          l_zero_q <= l_q == '0;
        end
        default: ;
      endcase
    end

    if (state_q == StNext) begin
      if (flow == 3'd4) begin
        again_q <= again_q + 2'd1;
        pc_q    <= (again_q == 2'd3) ? pc_q + 5'd1 : back;
      end else if ((flow == 3'd1 || flow == 3'd2) && more_seg) begin
        col_q <= col_q + seg;
        pc_q  <= back;
      end else if (flow == 3'd0 || flow == 3'd1) begin
        col_q <= '0;
        // Sigmoid attention needs no sum of P, a binary32 table no factor.
        pc_q  <= (is_attn && sigmoid && pc_q == 5'd1) ? 5'd4 : (is_embed && plain && pc_q == 5'd0) ? 5'd2 : pc_q + 5'd1;
        if (flow == 3'd0) col_q <= col_q;
      end else begin
        row_q   <= row_q + tile_rows_q;
        row_s_q <= row_s_q + (s_r << tile_log_q);
        row_d_q <= row_d_q + (d_r << tile_log_q);
        row_x_q <= row_x_q + (x_r << tile_log_q);
        pc_q    <= row_pc;
        if (is_attn) l_zero_q <= 1'b0;
        if (last_row) begin
          if (is_attn) begin  // tokens, then KV heads; source rows and records follow one another
            vec_q   <= last_vec ? '0 : vec_q + 16'd1;
            vec_s_q <= row_s_q + s_r;
            vec_x_q <= row_x_q + x_r;
            if (last_vec) begin
              group_q   <= group_q + 25'd1;
              group_d_q <= group_d_q + 64'(quot_q) * 64'(row_bytes);
              vec_d_q   <= group_d_q + 64'(quot_q) * 64'(row_bytes);
            end else begin
              vec_d_q <= vec_d_q + 64'(rows) * 64'(row_bytes);
            end
          end else begin
            vec_q   <= vec_q + 16'd1;
            vec_s_q <= vec_s_q + {24'd0, s_v};
            vec_d_q <= vec_d_q + {24'd0, d_v};
            vec_x_q <= vec_x_q + {24'd0, x_v};
          end
        end
      end
    end
  end

  wire unused = &{1'b0, beat_last_i, word[63:32], p3[31:25], seg_chunks};

endmodule
