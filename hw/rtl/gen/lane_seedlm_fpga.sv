// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Dot product of one SeedLM word (C weights from a seed, P coefficients) with C activations, exact: the
// same numbers as lane_seedlm, arranged for an FPGA with 6-input LUTs, carry chains and DSP cascades.
//
// With x the stream after the seed, V[c][p] = x[cP+1+p .. cP+16+p] and a_c the activations, let
//
//   D_p = sum_c a_c (V[c][p] - 2^15)      L_p = sum_c a_c x[cP+1+p]      X = sum_c a_c
//   T_p = floor(X/2) - sum_c a_c x[cP+16+p]
//
// A state is the one before, less its lowest bit, halved, with a new top bit. So
//
//   D_{p+1} = (D_p - K_{p+1}) / 2,   K_{p+1} = L_p + 2^15 (2 T_{p+1} + X mod 2),   value = sum_p q_p D_p
//
// and only D_0 is multiplied: C products down a chain of DSPs, one stage a cycle. The windows of the
// stream move along beside it, P bits a stage (an LFSR step is one XOR of four). L and T take two
// activations a row: acc + (0, a, b or a+b) is one LUT6 a bit, as a+b comes from outside, for all
// lanes at once (act_skew). A coefficient is two radix-4 Booth digits, again one LUT6 a bit.
//
//   cycles 1 .. C    windows 0..C-1      2 .. C+1       products      3 .. C+2   their sum, D_0 last
//   C/2+2 .. C+1     rows of L and T     C+2            K             C+3+p      D_p
//   C+3 .. C+2P+2    rows of the coefficients
//
// Parameters: C weights a word, P coefficients: (8,3) or (12,4).
// Ports, cycle 0 being that of word_i
//   word_i   {q2, q1, q0, f, seed}; side_i is q3 (ignored for P = 3)
//   act_i    activation c (16 bits) in cycle 1+c
//   pair_i   for each pair (a, b) = (2r, 2r+1), in cycle C/2+2+r: a, b, a+b from the low end, 17 bits each
//   half_i   floor(X/2) in cycle C/2+2; odd_i: X mod 2 in cycle C+2
//   value_o  sum_p q_p D_p; to be shifted left by shift_o (= f)
// Latency: C+2P+3 cycles from word_i to value_o, one word a cycle. It has no enable: nothing is kept.

module lane_seedlm_fpga #(
  parameter int C = 8,
  parameter int P = 3
) (
  input  logic                clk_i,
  input  logic [31:0]         word_i,
  input  logic [3:0]          side_i,
  input  logic [C*16-1:0]     act_i,
  input  logic [(C/2)*51-1:0] pair_i,
  input  logic signed [18:0]  half_i,
  input  logic                odd_i,
  output logic signed [39:0]  value_o,
  output logic [3:0]          shift_o
);

  localparam int W   = 15 + P;  // bits of a window
  localparam int R   = C / 2;   // pairs
  localparam int E   = P - 1;   // steps from D_0 to the last D_p
  localparam int DW  = 35;      // bits of a D_p, and of a K_p
  localparam int Lat = C + 2 * P + 3;

  initial if (!((C == 8 && P == 3) || (C == 12 && P == 4))) $fatal(1, "lane_seedlm_fpga: C, P");

  // ------------------------------------------------------------------------------------------
  // Windows: bit i of field c is x[cP+1+i]. x[n+16] = x[n] ^ x[n+1] ^ x[n+3] ^ x[n+12].
  // ------------------------------------------------------------------------------------------
  logic [C*W-1:0] window_q;

  always_ff @(posedge clk_i) begin
    window_q[14:0] <= word_i[15:1];
    for (int j = 0; j < P; j++) begin
      window_q[15+j] <= word_i[j] ^ word_i[j+1] ^ word_i[j+3] ^ word_i[j+12];
    end
    for (int c = 1; c < C; c++) begin
      window_q[c*W +: 15] <= window_q[(c-1)*W+P +: 15];
      for (int j = 0; j < P; j++) begin
        window_q[c*W+15+j] <= window_q[(c-1)*W+P-1+j] ^ window_q[(c-1)*W+P+j]
                              ^ window_q[(c-1)*W+P+2+j] ^ window_q[(c-1)*W+P+11+j];
      end
    end
  end

  // ------------------------------------------------------------------------------------------
  // D_0: field c of part is the sum of the products 0..c. The product has its own width exactly:
  // with a bit more Yosys 0.23 loses signs when it packs the chain into DSPs.
  // ------------------------------------------------------------------------------------------
  logic [C*DW-1:0] part;
  for (genvar c = 0; c < C; c++) begin : g_mul
    wire signed [15:0]    v = {~window_q[c*W+15], window_q[c*W +: 15]};
    wire signed [15:0]    a = act_i[16*c +: 16];
    logic signed [31:0]   prod_q;
    logic signed [DW-1:0] part_q;
    always_ff @(posedge clk_i) prod_q <= v * a;
    if (c == 0) begin : g_first
      always_ff @(posedge clk_i) part_q <= {{(DW - 32) {prod_q[31]}}, prod_q};
    end else begin : g_next
      wire signed [DW-1:0] above = part[(c-1)*DW +: DW];
      always_ff @(posedge clk_i) part_q <= above + {{(DW - 32) {prod_q[31]}}, prod_q};
    end
    assign part[c*DW +: DW] = part_q;
  end

  // ------------------------------------------------------------------------------------------
  // K_{e+1}, e = 0..E-1. Bits 16+e of a window move down by P a stage, so a later window delays them.
  // ------------------------------------------------------------------------------------------
  logic [E*DW-1:0] kk;  // field e is K_{e+1}, in cycle C+3
  for (genvar e = 0; e < E; e++) begin : g_edge
    wire [C-1:0] low, top;
    for (genvar c = 0; c < C; c++) begin : g_bit
      localparam int Wait = R + 1 + c / 2 - c;  // cycles from window c to its pair's row
      localparam int Far  = (C - 1 - c < (16 + e) / P) ? C - 1 - c : (16 + e) / P;
      localparam int Skip = (Far < Wait) ? Far : Wait;
      delay #(.N(Wait)) u_low (.clk_i(clk_i), .d_i(window_q[c*W+e]), .q_o(low[c]));
      delay #(.N(Wait - Skip)) u_top (.clk_i(clk_i), .d_i(window_q[(c+Skip)*W+16+e-Skip*P]), .q_o(top[c]));
    end
    logic [R*20-1:0] l;
    logic [R*19-1:0] t;
    for (genvar r = 0; r < R; r++) begin : g_row
      localparam int LW = $clog2(r + 1) + 17;  // bits of a sum over r+1 pairs
      wire [16:0] a  = pair_i[51*r +: 17];
      wire [16:0] b  = pair_i[51*r+17 +: 17];
      wire [16:0] ab = pair_i[51*r+34 +: 17];
      wire [16:0] lx = low[2*r+1] ? (low[2*r] ? ab : b) : (low[2*r] ? a : 17'd0);
      wire [16:0] tx = top[2*r+1] ? (top[2*r] ? ab : b) : (top[2*r] ? a : 17'd0);
      logic [LW-1:0] l_q;
      logic [18:0]   t_q;
      if (r == 0) begin : g_first
        always_ff @(posedge clk_i) begin
          l_q <= lx;
          t_q <= half_i - {{2{tx[16]}}, tx};
        end
      end else begin : g_next
        always_ff @(posedge clk_i) begin
          l_q <= l[20*(r-1) +: LW] + {{(LW - 17) {lx[16]}}, lx};
          t_q <= t[19*(r-1) +: 19] - {{2{tx[16]}}, tx};
        end
      end
      assign l[20*r +: 20] = {{(21 - LW) {l_q[LW-1]}}, l_q[LW-2:0]};
      assign t[19*r +: 19] = t_q;
    end
    logic [DW-1:0] k_q;
    always_ff @(posedge clk_i) begin
      k_q[14:0]    <= l[20*(R-1) +: 15];
      k_q[DW-1:15] <= {t[19*(R-1) +: 19], odd_i} + {{15{l[20*R-1]}}, l[20*(R-1)+15 +: 5]};
    end
    assign kk[e*DW +: DW] = k_q;
  end

  // ------------------------------------------------------------------------------------------
  // D_p in cycle C+3+p. D_p - K_{p+1} is even, so its lowest bit needs no subtraction.
  // ------------------------------------------------------------------------------------------
  logic [P*DW-1:0] d;
  logic [DW-1:0]   d0_q;
  always_ff @(posedge clk_i) d0_q <= part[(C-1)*DW +: DW];
  assign d[DW-1:0] = d0_q;
  for (genvar e = 0; e < E; e++) begin : g_state
    logic [DW-1:0] kd, d_q;
    delay #(.Width(DW), .N(e)) u_k (.clk_i(clk_i), .d_i(kk[e*DW +: DW]), .q_o(kd));
    always_ff @(posedge clk_i) begin
      d_q <= {d[(e+1)*DW-1], d[e*DW+1 +: DW-1]} - {kd[DW-1], kd[DW-1:1]};
    end
    assign d[(e+1)*DW +: DW] = d_q;
    wire unused = kd[0];
  end

  // ------------------------------------------------------------------------------------------
  // Coefficients, two digits of -2..2 each. A negative digit adds ~D instead of -D; what that lacks, one
  // for each negative digit, is the first row's other operand.
  // ------------------------------------------------------------------------------------------
  wire [15:0] q = {side_i, word_i[31:20]};

  function automatic logic [2:0] ones(input logic [3:0] v);
    ones[0] = ^v;
    ones[1] = ((v[0] & v[1]) | (v[2] & v[3]) | ((v[0] | v[1]) & (v[2] | v[3]))) & ~&v;
    ones[2] = &v;
  endfunction

  wire  [2:0] neg_lo = ones({(P == 4) && q[13], q[9], q[5], q[1]});
  wire  [2:0] neg_hi = ones({(P == 4) && q[15], q[11], q[7], q[3]});
  logic [4:0] lack_q, lack;
  if (P == 3) begin : g_lack3
    always_ff @(posedge clk_i) lack_q <= {1'b0, neg_hi[1:0], neg_lo[1:0]};
    wire unused = &{1'b0, neg_hi[2], neg_lo[2]};
  end else begin : g_lack4
    always_ff @(posedge clk_i) lack_q <= {neg_hi, 2'd0} + {2'd0, neg_lo};
  end
  delay #(.Width(5), .N(C + 2)) u_lack (.clk_i(clk_i), .d_i(lack_q), .q_o(lack));

  // Row k, in cycle C+3+k: D_0 low and high, the other D_p low, the other D_p high. (So no D_p waits for
  // three cycles without a use, which would put it into shift register LUTs.)
  logic [P*DW-1:0] d_lo, d_hi;
  for (genvar p = 0; p < P; p++) begin : g_wait
    delay #(.Width(DW), .N((p == 0) ? 0 : 1)) u_lo (.clk_i(clk_i), .d_i(d[p*DW +: DW]), .q_o(d_lo[p*DW +: DW]));
    delay #(.Width(DW), .N((p == 0) ? 1 : P - 1)) u_hi (.clk_i(clk_i), .d_i(d_lo[p*DW +: DW]), .q_o(d_hi[p*DW +: DW]));
  end

  logic [2*P*40-1:0] total;
  for (genvar k = 0; k < 2 * P; k++) begin : g_coef
    localparam bit Hi = k == 1 || k > P;
    localparam int N  = (k < 2) ? 0 : (k > P) ? k - P : k - 1;  // p of this row
    // Largest sum of coefficients so far, and the bits of C * 2^30 times that.
    localparam int M  = (k < 2) ? 8 : (k > P) ? 8 * (N + 1) + 2 * (P - 1 - N) : 8 + 2 * N;
    localparam int TW = 31 + $clog2(C * M + 1);
    logic [3:0]    c;
    logic [DW:0]   row;
    logic [TW-1:0] t_q;
    delay #(.Width(4), .N(C + 3 + k)) u_q (.clk_i(clk_i), .d_i(q[4*N +: 4]), .q_o(c));
    if (Hi) begin : g_hi
      wire [DW-1:0] x = d_hi[N*DW +: DW];
      assign row = (({DW + 1{c[2] ^ c[1]}} & {x[DW-1], x})
                    | ({DW + 1{(c[3] && !c[2] && !c[1]) || (!c[3] && c[2] && c[1])}} & {x, 1'b0})) ^ {DW + 1{c[3]}};
      always_ff @(posedge clk_i) begin
        t_q[1:0]    <= total[40*(k-1) +: 2];
        t_q[TW-1:2] <= total[40*(k-1)+2 +: TW-2] + {{(TW - DW - 2) {row[DW]}}, row[DW-1:0]};
      end
    end else begin : g_lo
      wire [DW-1:0] x = d_lo[N*DW +: DW];
      assign row = (({DW + 1{c[0]}} & {x[DW-1], x}) | ({DW + 1{c[1] & ~c[0]}} & {x, 1'b0})) ^ {DW + 1{c[1]}};
      if (k == 0) begin : g_first
        always_ff @(posedge clk_i) t_q <= {{(TW - 5) {1'b0}}, lack} + {{(TW - DW) {row[DW]}}, row[DW-1:0]};
      end else begin : g_next
        always_ff @(posedge clk_i) t_q <= total[40*(k-1) +: TW] + {{(TW - DW) {row[DW]}}, row[DW-1:0]};
      end
    end
    assign total[40*k +: 40] = {{(41 - TW) {t_q[TW-1]}}, t_q[TW-2:0]};
    wire unused = &{1'b0, c};
  end

  assign value_o = total[40*(2*P-1) +: 40];
  delay #(.Width(4), .N(Lat)) u_shift (.clk_i(clk_i), .d_i(word_i[19:16]), .q_o(shift_o));

  wire unused = &{1'b0, side_i, q, total, window_q};

endmodule
