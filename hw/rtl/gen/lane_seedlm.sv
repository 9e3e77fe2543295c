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
  input  logic [C*16-1:0]    act_i,
  input  logic signed [19:0] act_sum_i,
  output logic signed [39:0] value_o,
  output logic [3:0]         shift_o
);

  localparam int N  = C * P;   // new stream bits
  localparam int MW = 17 - P;  // bits of the middle
  localparam int E  = P - 1;   // edge bits on each side

  // R1: the stream.
  logic [N-1:0]      new_bits;
  logic [N+15:0]     x_q;
  logic [15:0]       q1_q, q2_q, q3_q;  // coefficients at R1, R2, R3
  logic [3:0]        f1_q, f2_q, f3_q, f4_q, f5_q;

  lfsr_expand #(
    .K   (16),
    .Taps(32'h0000_100B),
    .N   (N)
  ) u_expand (
    .seed_i(word_i[15:0]),
    .bits_o(new_bits)
  );

  // R2: products with the middles, gated sums over the edges.
  logic [C*32-1:0]    prod_q;
  logic [2*E*20-1:0]  edge_q, edge3_q;
  // R3: the sum of the products.
  logic signed [35:0] mid_q;
  // R4: coefficients applied. R5: the total.
  logic signed [39:0] a_q, value_q;
  logic signed [31:0] lo_q, hi_q;

  // Coefficients with their signs.
  function automatic logic signed [9:0] coef(input logic [15:0] q, input int p);
    coef = {{6{q[4*p+3]}}, q[4*p +: 4]};
  endfunction

  function automatic logic signed [9:0] coef_mid(input logic [15:0] q);
    coef_mid = '0;
    for (int p = 0; p < P; p++) coef_mid = coef_mid + (coef(q, p) <<< (P - 1 - p));
  endfunction

  function automatic logic signed [9:0] coef_lo(input logic [15:0] q, input int i);
    coef_lo = '0;
    for (int p = 0; p < P; p++) if (p <= i) coef_lo = coef_lo + (coef(q, p) <<< (i - p));
  endfunction

  function automatic logic signed [9:0] coef_hi(input logic [15:0] q, input int k);
    coef_hi = '0;
    for (int p = 0; p < P; p++) if (p > k) coef_hi = coef_hi + (coef(q, p) <<< (k + P - 1 - p));
  endfunction

  // minus the sum of the coefficients, times 2^(P-2)
  function automatic logic signed [9:0] coef_bias(input logic [15:0] q);
    coef_bias = '0;
    for (int p = 0; p < P; p++) coef_bias = coef_bias - (coef(q, p) <<< (P - 2));
  endfunction

  function automatic logic [31:0] product(input logic [MW-1:0] m, input logic [15:0] a);
    product = $signed({{16{a[15]}}, a}) * $signed({{(32 - MW) {1'b0}}, m});
  endfunction

  function automatic logic signed [35:0] total(input logic [C*32-1:0] prod);
    total = '0;
    for (int c = 0; c < C; c++) total = total + {{4{prod[32*c+31]}}, prod[32*c +: 32]};
  endfunction

  function automatic logic signed [31:0] apply_lo(input logic [15:0] q, input logic [2*E*20-1:0] e);
    apply_lo = '0;
    for (int i = 0; i < E; i++) begin
      apply_lo = apply_lo + coef_lo(q, i) * $signed(e[20*i +: 20]);
    end
  endfunction

  function automatic logic signed [31:0] apply_hi(input logic [15:0] q, input logic [2*E*20-1:0] e,
                                                  input logic signed [19:0] s);
    apply_hi = coef_bias(q) * s;
    for (int k = 0; k < E; k++) begin
      apply_hi = apply_hi + coef_hi(q, k) * $signed(e[20*(E+k) +: 20]);
    end
  endfunction

  function automatic logic [19:0] gated(input logic b, input logic [15:0] a);
    gated = b ? {{4{a[15]}}, a} : 20'd0;
  endfunction

  function automatic logic [2*E*20-1:0] edge_sums(input logic [N+15:0] x, input logic [C*16-1:0] a);
    logic [19:0] lo, hi;
    edge_sums = '0;
    for (int i = 0; i < E; i++) begin
      lo = '0;
      hi = '0;
      for (int c = 0; c < C; c++) begin
        lo = lo + gated(x[c*P+1+i], a[16*c +: 16]);
        hi = hi + gated(x[c*P+17+i], a[16*c +: 16]);
      end
      edge_sums[20*i +: 20]     = lo;
      edge_sums[20*(E+i) +: 20] = hi;
    end
  endfunction

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      // R1
      x_q  <= {new_bits, word_i[15:0]};
      q1_q <= {side_i, word_i[31:20]};
      f1_q <= word_i[19:16];
      // R2
      for (int c = 0; c < C; c++) begin
        prod_q[32*c +: 32] <= product(x_q[c*P+P +: MW], act_i[16*c +: 16]);
      end
      edge_q <= edge_sums(x_q, act_i);
      q2_q   <= q1_q;
      f2_q   <= f1_q;
      // R3
      mid_q   <= total(prod_q);
      edge3_q <= edge_q;
      q3_q    <= q2_q;
      f3_q    <= f2_q;
      // R4
      a_q  <= 40'(coef_mid(q3_q)) * 40'(mid_q);
      lo_q <= apply_lo(q3_q, edge3_q);
      hi_q <= apply_hi(q3_q, edge3_q, act_sum_i);
      f4_q <= f3_q;
      // R5
      value_q <= a_q + {{8{lo_q[31]}}, lo_q} + ({{8{hi_q[31]}}, hi_q} <<< MW);
      f5_q    <= f4_q;
    end
  end

  assign value_o = value_q;
  assign shift_o = f5_q;

endmodule
