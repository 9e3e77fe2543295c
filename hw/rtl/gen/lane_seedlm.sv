// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Dot product of one SeedLM word (C weights from a seed, P coefficients) with C activations, exact.
//
// Weight c needs the states V[c][p] = x[cP+1+p .. cP+16+p], p = 0..P-1, of the stream x
// (lfsr_expand), bit 0 first. They overlap in a middle M[c] = x[cP+P .. cP+16], which stands in
// V[c][p] at 2^(P-1-p); only the P-1 bits on each side of it differ:
//
//                low edge     middle M[c]      high edge
//   x[cP+1+..]   0 .. P-2   P-1 ........ 15   16 .. 14+P
//   V[c][p] is the window p .. p+15
//
// So with the activations a_c one multiplication a weight (17-P bits by 16) and 2(P-1) gated additions
//
//   mid = sum_c a_c M[c],   edge_i = sum_c a_c x[cP+1+i]
//
// give all the sums over the states
//
//   T_p = sum_c a_c (V[c][p] - 2^15) = mid 2^(P-1-p) + sum_i edge_i 2^(i-p) - 2^15 sum_c a_c,
//
// i running over the edges inside the window, and the coefficients are applied once a word:
// sum_p q_p T_p. Everything is exact.
//
// Parameters: C weights a word, P coefficients. The formats are (8,3) and (12,4).
// Ports
//   en_i       advances the pipeline; stable while words are in it
//   word_i     {q2, q1, q0, f, seed}; side_i is q3 (ignored for P = 3)
//   bits_i     the C*P stream bits that follow the seed (lfsr_expand, shared by the seed codecs)
//   act_i      the C activations of the word given one cycle before
//   act_sum_i  their sum, two cycles after act_i
//   value_o    sum_p q_p T_p; to be shifted left by shift_o (= f). Five cycles after word_i.

module lane_seedlm #(
  parameter int C = 8,
  parameter int P = 3
) (
  input  logic               clk_i,
  input  logic               en_i,
  input  logic [31:0]        word_i,
  input  logic [3:0]         side_i,
  input  logic [C*P-1:0]     bits_i,
  input  logic [C*16-1:0]    act_i,
  input  logic signed [19:0] act_sum_i,
  output logic signed [39:0] value_o,
  output logic [3:0]         shift_o
);

  localparam int N  = C * P;   // new stream bits
  localparam int MW = 17 - P;  // bits of the middle
  localparam int PW = MW + 16; // bits of a product
  localparam int E  = P - 1;   // edge bits on each side

  initial if (!((C == 8 && P == 3) || (C == 12 && P == 4))) $fatal(1, "lane_seedlm: C, P");

  // Registers by stage. Fields of 32 bits hold what the comment says; the rest are constant zeros.
  logic [N+15:0]         x1_q;                    // R1: stream
  logic [15:0]           q1_q, q2_q, q3_q, q4_q;  //     coefficients
  logic [3:0]            f1_q, f2_q, f3_q, f4_q, f5_q;
  logic [2*E*32-1:0]     edge2_q, edge3_q;        // R2: gated sums, 20 bits: E low ones, E high ones
  logic signed [35:0]    mid3_q;                  // R3: sum of the products
  logic [P*64-1:0]       sums4_q;                 // R4: T_p, 36 bits
  logic signed [39:0]    value5_q;                // R5: the total

  // R1
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      x1_q <= {bits_i, word_i[15:0]};
      q1_q <= {side_i, word_i[31:20]};
      f1_q <= word_i[19:16];
    end
  end

  // R2: products with the middles. A register of its own for each, and no wider than the product, lets it move
  // into its multiplier's DSP (Yosys 0.23 loses the product when the register has a bit more); arrays simulate slowly.
  for (genvar c = 0; c < 12; c++) begin : g_prod
    logic [PW-1:0] q;
    if (c < C) begin : g_used
      wire signed [31:0] act = {{16{act_i[16*c+15]}}, act_i[16*c +: 16]};
      always_ff @(posedge clk_i) begin
        if (en_i) q <= PW'(act * $signed({{(32 - MW) {1'b0}}, x1_q[c*P+P +: MW]}));
      end
    end else begin : g_unused
      assign q = '0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (en_i) begin : p_edges
      logic signed [31:0] act;
      logic        [31:0] lo [0:E-1];
      logic        [31:0] hi [0:E-1];
      logic [2*E*32-1:0]  edges;
      for (int i = 0; i < E; i++) begin
        lo[i] = '0;
        hi[i] = '0;
      end
      for (int c = 0; c < C; c++) begin
        act = {{16{act_i[16*c+15]}}, act_i[16*c +: 16]};
        for (int i = 0; i < E; i++) begin
          lo[i] = lo[i] + (act & {32{x1_q[c*P+1+i]}});
          hi[i] = hi[i] + (act & {32{x1_q[c*P+17+i]}});
        end
      end
      for (int i = 0; i < E; i++) begin
        edges[32*i +: 32]     = {12'd0, lo[i][19:0]};
        edges[32*(E+i) +: 32] = {12'd0, hi[i][19:0]};
      end
      edge2_q <= edges;
      q2_q <= q1_q;
      f2_q <= f1_q;
    end
  end

  // R3. Four products of at most 30 bits add up in 32.
  function automatic logic [63:0] four(input logic [PW-1:0] a, input logic [PW-1:0] b,
                                       input logic [PW-1:0] c, input logic [PW-1:0] d);
    logic [31:0] sum;
    sum = {{(32 - PW) {a[PW-1]}}, a} + {{(32 - PW) {b[PW-1]}}, b} +
          {{(32 - PW) {c[PW-1]}}, c} + {{(32 - PW) {d[PW-1]}}, d};
    four = {{32{sum[31]}}, sum};
  endfunction

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      mid3_q  <= 36'(four(g_prod[0].q, g_prod[1].q, g_prod[2].q, g_prod[3].q) +
                     four(g_prod[4].q, g_prod[5].q, g_prod[6].q, g_prod[7].q) +
                     four(g_prod[8].q, g_prod[9].q, g_prod[10].q, g_prod[11].q));
      edge3_q <= edge2_q;
      q3_q    <= q2_q;
      f3_q    <= f2_q;
    end
  end

  // R4. Edges P-1..15 are the middle; the low ones are edge3_q fields 0..E-1, the high ones E..2E-1.
  always_ff @(posedge clk_i) begin
    if (en_i) begin : p_states
      logic [63:0]     sum;
      logic [P*64-1:0] sums;
      for (int p = 0; p < P; p++) begin
        sum = ({{28{mid3_q[35]}}, mid3_q} << (P - 1 - p)) - ({{44{act_sum_i[19]}}, act_sum_i} << 15);
        for (int i = 0; i < E; i++) begin
          if (i >= p) sum = sum + ({{44{edge3_q[32*i+19]}}, edge3_q[32*i +: 20]} << (i - p));
          if (i < p) sum = sum + ({{44{edge3_q[32*(E+i)+19]}}, edge3_q[32*(E+i) +: 20]} << (16 + i - p));
        end
        sums[64*p +: 64] = {28'd0, sum[35:0]};
      end
      sums4_q <= sums;
      q4_q <= q3_q;
      f4_q <= f3_q;
    end
  end

  // R5. Four-bit coefficients: gated additions, so that no DSP is spent on them.
  always_ff @(posedge clk_i) begin
    if (en_i) begin : p_total
      logic [63:0] sum, term;
      sum = '0;
      for (int p = 0; p < P; p++) begin
        term = {{28{sums4_q[64*p+35]}}, sums4_q[64*p +: 36]};
        sum = sum + (term & {64{q4_q[4*p]}}) + ((term << 1) & {64{q4_q[4*p+1]}})
              + ((term << 2) & {64{q4_q[4*p+2]}}) - ((term << 3) & {64{q4_q[4*p+3]}});
      end
      value5_q <= sum[39:0];
      f5_q     <= f4_q;
    end
  end

  assign value_o = value5_q;
  assign shift_o = f5_q;

endmodule
