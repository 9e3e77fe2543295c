// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Binary32 times a power of two to an integer, to nearest even, clamped: QUANTIZE (docs/numerics.md
// sections 2 and 6.1) and the argument of the sigmoid (section 5).
//
// Ports
//   k_i      y = rne(x * 2^k), -96..96
//   limit_i  0: to +-32767; 1: to +-127; 2: to -2^21 .. 2^21-1
//   x_i, y_o, bad_o (x is not finite; y_o is then meaningless)
// Latency: 3 cycles, one a cycle, no valid.

module fp_to_int (
  input  logic        clk_i,
  input  logic [7:0]  k_i,
  input  logic [1:0]  limit_i,
  input  logic [31:0] x_i,
  output logic [21:0] y_o,
  output logic        bad_o
);

  // 1: x = m * 2^(e - 150); the product with 2^k goes down by 150 - e - k. If that is 0 or less, m has
  // its top bit (k <= 96) and every limit is passed.
  wire [7:0]  e    = x_i[30:23];
  wire [9:0]  down = 10'd150 - 10'(e) - 10'(e == '0) - {{2{k_i[7]}}, k_i};
  logic        sign1_q, bad1_q, over1_q;
  logic [1:0]  limit1_q, limit2_q;
  logic [4:0]  down1_q;
  logic [23:0] m1_q;
  always_ff @(posedge clk_i) begin
    sign1_q  <= x_i[31];
    bad1_q   <= &e;
    over1_q  <= down[9] || down == '0;
    limit1_q <= limit_i;
    down1_q  <= (down[9:5] != '0) ? 5'd31 : down[4:0];
    m1_q     <= {e != '0, x_i[22:0]};
  end

  // 2: shift, with a guard and a sticky bit.
  logic [25:0] low;
  always_comb begin : p_shift
    logic lost;
    lost = 1'b0;
    low  = {m1_q, 2'd0};
    for (int k = 0; k < 5; k++) begin
      if (down1_q[k]) begin
        lost = lost || (low & ~({26{1'b1}} << (1 << k))) != '0;
        low  = low >> (1 << k);
      end
    end
    low[0] = low[0] || lost;
  end
  logic        sign2_q, bad2_q, over2_q;
  logic [25:0] low2_q;
  always_ff @(posedge clk_i) begin
    sign2_q  <= sign1_q;
    bad2_q   <= bad1_q;
    over2_q  <= over1_q;
    limit2_q <= limit1_q;
    low2_q   <= low;
  end

  // 3: round, clamp, sign.
  wire         up  = low2_q[1] && (low2_q[0] || low2_q[2]);
  wire [23:0]  mag = low2_q[25:2] + 24'(up);
  wire [21:0]  top = (limit2_q == 2'd2) ? {1'b0, 21'h1FFFFF} + 22'(sign2_q)
                     : (limit2_q == 2'd1) ? 22'd127 : 22'd32767;
  wire [21:0]  q   = (over2_q || mag > {2'd0, top}) ? top : mag[21:0];
  logic [21:0] y_q;
  logic        bad_q;
  always_ff @(posedge clk_i) begin
    y_q   <= (q ^ {22{sign2_q}}) + 22'(sign2_q);
    bad_q <= bad2_q;
  end
  assign y_o   = y_q;
  assign bad_o = bad_q;

endmodule
