// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Dot product of one SeedLM word (C weights from a seed, P coefficients) with C activations, exact.
//
// Weight c needs the states V[c][p] = x[cP+1+p .. cP+16+p], p = 0..P-1, of the stream x
// (lfsr_expand). They overlap in the middle M[c] = x[cP+P .. cP+16], which stands in V[c][p] at
// weight 2^(P-1-p); the P-1 bits below and above are edges that only some of the states have.
// With a_c the activations:
//
//   sum_c a_c sum_p q_p (V[c][p] - 2^15) =
//       Q * sum_c a_c M[c]                        Q     = sum_p q_p 2^(P-1-p)
//     + sum_i lo_i * sum_c a_c x[cP+1+i]          lo_i  = sum_{p<=i} q_p 2^(i-p),       i = 0..P-2
//     + sum_k hi_k * sum_c a_c x[cP+17+k] * H     hi_k  = sum_{p>k} q_p 2^(k+P-1-p),    k = 0..P-2
//     - (sum_p q_p) 2^(P-2) * sum_c a_c * H       H     = 2^(17-P)
//
// so a weight costs one multiplication (17-P bits by 16) and 2(P-1) gated additions, and the
// coefficients are applied once a word.
//
// Parameters: C weights a word, P coefficients. The formats are (8,3) and (12,4).
// Ports
//   en_i       advances the pipeline; stable while words are in it
//   word_i     {q2, q1, q0, f, seed}; side_i is q3 (ignored for P = 3)
//   bits_i     the C*P stream bits that follow the seed (lfsr_expand, shared by the seed codecs)
//   act_i      the C activations of the word given one cycle before
//   act_sum_i  their sum, two cycles after act_i
//   value_o    the sum above; to be shifted left by shift_o (= f). Five cycles after word_i.

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
  localparam int E  = P - 1;   // edge bits on each side
  localparam int QW = 4 + P;   // bits of a sum of shifted coefficients
  localparam int PW = MW + 16; // bits of a product; not more: Yosys 0.23 loses a sign bit kept twice in a DSP
  localparam int S  = (C + 3) / 4;

  initial if (!((C == 8 && P == 3) || (C == 12 && P == 4))) $fatal(1, "lane_seedlm: C, P");

  // Registers by stage. Fields of 32 bits hold what the comment says; the rest are constant zeros.
  logic [N+15:0]         x1_q;                    // R1: stream
  logic [15:0]           q1_q, q2_q, q3_q;        //     coefficients
  logic [3:0]            f1_q, f2_q, f3_q, f4_q, f5_q;
  logic [C*PW-1:0]       prod2_q;                 // R2: products with the middles, signed
  logic [2*E*32-1:0]     edge2_q, edge3_q;        //     gated sums, 20 bits: E low ones, E high ones
  logic signed [35:0]    mid3_q;                  // R3: sum of the products
  logic signed [39:0]    mid4_q, value5_q;        // R4: coefficients applied; R5: the total
  logic signed [31:0]    lo4_q, hi4_q;

  // sum of q_p << (base - p) over from <= p <= to; a negative shift is not asked for.
  function automatic logic signed [QW-1:0] coefs(input logic [15:0] q, input int from, input int to,
                                                 input int base);
    logic signed [31:0] sum;
    sum = 32'sd0;
    for (int p = 0; p < P; p++) begin
      if (p >= from && p <= to) sum = sum + ({{28{q[4*p+3]}}, q[4*p +: 4]} << (base - p));
    end
    coefs = sum[QW-1:0];
  endfunction

  // sum of the coefficients, times 2^(P-2)
  function automatic logic signed [QW-1:0] flat(input logic [15:0] q);
    logic signed [31:0] sum;
    sum = 32'sd0;
    for (int p = 0; p < P; p++) sum = sum + ({{28{q[4*p+3]}}, q[4*p +: 4]} << (P - 2));
    flat = sum[QW-1:0];
  endfunction

  // R1
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      x1_q <= {bits_i, word_i[15:0]};
      q1_q <= {side_i, word_i[31:20]};
      f1_q <= word_i[19:16];
    end
  end

  // R2
  always_ff @(posedge clk_i) begin
    if (en_i) begin : p_products
      logic signed [31:0] act;
      logic        [31:0] lo [0:E-1];
      logic        [31:0] hi [0:E-1];
      for (int i = 0; i < E; i++) begin
        lo[i] = '0;
        hi[i] = '0;
      end
      for (int c = 0; c < C; c++) begin
        act = {{16{act_i[16*c+15]}}, act_i[16*c +: 16]};
        prod2_q[PW*c +: PW] <= $signed({{MW{act_i[16*c+15]}}, act_i[16*c +: 16]})
                               * $signed({{16{1'b0}}, x1_q[c*P+P +: MW]});
        for (int i = 0; i < E; i++) begin
          lo[i] = lo[i] + (act & {32{x1_q[c*P+1+i]}});
          hi[i] = hi[i] + (act & {32{x1_q[c*P+17+i]}});
        end
      end
      for (int i = 0; i < E; i++) begin
        edge2_q[32*i +: 32]     <= {12'd0, lo[i][19:0]};
        edge2_q[32*(E+i) +: 32] <= {12'd0, hi[i][19:0]};
      end
      q2_q <= q1_q;
      f2_q <= f1_q;
    end
  end

  // R3. Four products of PW <= 30 bits add up in 32.
  always_ff @(posedge clk_i) begin
    if (en_i) begin : p_sum
      logic [31:0] four;
      logic [63:0] all;
      all = '0;
      for (int s = 0; s < S; s++) begin
        four = '0;
        for (int k = 0; k < 4; k++) begin
          four = four + {{(32 - PW) {prod2_q[PW*(4*s+k)+PW-1]}}, prod2_q[PW*(4*s+k) +: PW]};
        end
        all = all + {{32{four[31]}}, four};
      end
      mid3_q  <= all[35:0];
      edge3_q <= edge2_q;
      q3_q    <= q2_q;
      f3_q    <= f2_q;
    end
  end

  // R4
  always_ff @(posedge clk_i) begin
    if (en_i) begin : p_coefficients
      logic signed [31:0] lo, hi;
      lo = 32'sd0;
      hi = -(flat(q3_q) * act_sum_i);
      for (int i = 0; i < E; i++) begin
        lo = lo + coefs(q3_q, 0, i, i) * $signed(edge3_q[32*i +: 20]);
        hi = hi + coefs(q3_q, i + 1, P - 1, i + P - 1) * $signed(edge3_q[32*(E+i) +: 20]);
      end
      lo4_q  <= lo;
      hi4_q  <= hi;
      mid4_q <= coefs(q3_q, 0, P - 1, P - 1) * mid3_q;
      f4_q   <= f3_q;
    end
  end

  // R5
  always_ff @(posedge clk_i) begin
    if (en_i) begin : p_total
      value5_q <= mid4_q + {{8{lo4_q[31]}}, lo4_q} + ({{8{hi4_q[31]}}, hi4_q} << MW);
      f5_q     <= f4_q;
    end
  end

  assign value_o = value5_q;
  assign shift_o = f5_q;

endmodule
