// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// The scalars of the vector unit: constants, parameters of the record, factors and exponents of a row.
//
// Ports
//   cmd_i         the record;  begin_i   pulse: a new one;  row_end_i   pulse: a row of ATTN_SCALE is done
//   word_valid_i  pulse: word_i is the exponent that the factor of the row is made of (SCALE, EMBED, ATTN_SCALE)
//   key_valid_i   pulse: key_i is the largest magnitude of a row: k_o
//   y_valid_i     pulse: y_i is a scalar result, l (to_l_i) or the factor g
//   recip_start_i pulse: 1/l;  recip_done_o pulses
//   value_i, index_i   of an arg-max
//   a_sc_i ..     vector_pkg::Sc*;  a_o .. the scalars;  zero_o: l is 0, so the row is
// Latency: none; the reciprocal: fp_recip.

module vec_scalar (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic [511:0] cmd_i,
  input  logic         begin_i,
  input  logic         row_end_i,
  input  logic         word_valid_i,
  input  logic [31:0]  word_i,
  input  logic         key_valid_i,
  input  logic [30:0]  key_i,
  input  logic         y_valid_i,
  input  logic         to_l_i,
  input  logic [31:0]  y_i,
  input  logic         recip_start_i,
  output logic         recip_done_o,
  input  logic [24:0]  index_i,
  input  logic [31:0]  value_i,
  input  logic [3:0]   a_sc_i,
  input  logic [3:0]   b_sc_i,
  input  logic [3:0]   c_sc_i,
  output logic [31:0]  a_o,
  output logic [31:0]  b_o,
  output logic [31:0]  c_o,
  output logic [8:0]   k_o,
  output logic         zero_o
);

  wire [7:0]  op    = cmd_i[7:0];
  wire [7:0]  codec = cmd_i[15:8];
  wire [31:0] p0    = cmd_i[415:384];
  wire [31:0] p2    = cmd_i[479:448];

  wire is_kv    = op == vector_pkg::OpQuantizeKv;
  wire is_attn  = op == vector_pkg::OpAttnScale;
  wire is_embed = op == vector_pkg::OpEmbed;
  wire sigmoid  = codec[0];
  wire seeds    = op == vector_pkg::OpScale && (codec == 8'd2 || codec == 8'd3);

  // The factor of a row is unit * 2^exp.
  logic signed [15:0] exp_q;
  wire signed [31:0]  word_s   = word_i;
  wire signed [15:0]  word_k   = (word_s > 32'sd4096) ? 16'sd4096 : (word_s < -32'sd4096) ? -16'sd4096 : word_s[15:0];
  wire signed [15:0]  word_e   = (word_s > 32'sd127) ? 16'sd127 : (word_s < -32'sd128) ? -16'sd128 : word_s[15:0];
  wire signed [15:0]  unit_exp = seeds ? -16'sd8 : -16'sd24;
  // Two binary32 whose product it is, rounded.
  wire signed [15:0]  exp1 = (exp_q < -16'sd96) ? -16'sd96 : (exp_q > 16'sd96) ? 16'sd96 : exp_q;
  wire signed [15:0]  rest = exp_q - exp1;
  wire signed [15:0]  exp2 = (rest < -16'sd126) ? -16'sd126 : (rest > 16'sd127) ? 16'sd127 : rest;
  wire [31:0] unit_sc = seeds ? {1'b0, 8'(16'sd112 + exp1), 23'h000100} : {1'b0, 8'(16'sd127 + exp1), 23'd0};
  wire [31:0] pow_sc  = {1'b0, 8'(16'sd127 + exp2), 23'd0};

  // The exponent of a quantised row.
  logic signed [8:0]  k_q;
  wire signed [15:0]  top_exp = (is_kv && codec[1]) ? 16'sd133 : 16'sd141;  // 127 + the exponent wanted
  wire signed [15:0]  raw_k   = top_exp - $signed({8'd0, key_i[30:23]});
  wire signed [8:0]   none_k  = (op == vector_pkg::OpQuantize) ? 9'sd0 : 9'sd96;
  wire [31:0]         k_sc    = {{23{k_q[8]}}, k_q};

  logic [31:0] g_q, l_q, inv_q, recip;
  logic        l_zero_q;
  fp_recip u_recip (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .start_i(recip_start_i),
    .x_i    (l_q),
    .done_o (recip_done_o),
    .y_o    (recip)
  );

  always_ff @(posedge clk_i) begin
    if (begin_i || row_end_i) l_zero_q <= 1'b0;
    else if (recip_done_o) l_zero_q <= l_q == '0;
    if (recip_done_o) inv_q <= (l_q == '0) ? 32'h3F800000 : recip;
    if (y_valid_i && to_l_i) l_q <= y_i;
    if (y_valid_i && !to_l_i) g_q <= y_i;
    if (word_valid_i) begin
      exp_q <= is_attn ? (sigmoid ? -16'sd24 : 16'sd0) - word_e
               : is_embed ? $signed(p0[15:0]) - 16'sd24 : unit_exp + $signed(p0[15:0]) - word_k;
    end
    if (key_valid_i) k_q <= (key_i == '0) ? none_k : (raw_k > 16'sd96) ? 9'sd96 : (raw_k < -16'sd96) ? -9'sd96 : raw_k[8:0];
  end

  function automatic logic [31:0] scalar(input logic [3:0] code, input logic [31:0] p0_, input logic [31:0] p2_,
                                         input logic [31:0] g_, input logic [31:0] unit_, input logic [31:0] pow_,
                                         input logic [31:0] inv_, input logic [31:0] k_, input logic [31:0] index_,
                                         input logic [31:0] value_);
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
      vector_pkg::ScValue: scalar = value_;
      default:             scalar = 32'h3F800000;
    endcase
  endfunction
  assign a_o = scalar(a_sc_i, p0, p2, g_q, unit_sc, pow_sc, inv_q, k_sc, {7'd0, index_i}, value_i);
  assign b_o = scalar(b_sc_i, p0, p2, l_zero_q ? 32'h3F800000 : g_q, unit_sc, pow_sc, inv_q, k_sc, 32'd0, 32'd0);
  assign c_o = scalar(c_sc_i, p0, p2, g_q, unit_sc, pow_sc, inv_q, k_sc, 32'd0, 32'd0);
  assign k_o    = k_q;
  assign zero_o = l_zero_q;

  wire unused = &{1'b0, cmd_i, key_i[22:0], rest, exp1};

endmodule
