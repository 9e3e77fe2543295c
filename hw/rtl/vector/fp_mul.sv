// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Floating-point product, IEEE 754, to nearest even, subnormals kept (docs/numerics.md section 5).
//
// Parameters: ExpW, ManW bits of exponent and fraction (8, 23: binary32); Width derived, do not set.
// Ports: y_o = fl(a_i * b_i). A result that is not finite has the exponent of an infinity and no
// fraction, with the sign of an infinite product (a NaN is not told from it: docs/numerics.md asks
// only whether a result is finite, and in the sigmoid's argument for the sign of an infinity).
// Latency: 5 cycles, one product a cycle, no valid.

module fp_mul #(
  parameter int ExpW  = 8,
  parameter int ManW  = 23,
  parameter int Width = 1 + ExpW + ManW
) (
  input  logic             clk_i,
  input  logic [Width-1:0] a_i,
  input  logic [Width-1:0] b_i,
  output logic [Width-1:0] y_o
);

  localparam int SigW   = ManW + 1;
  localparam int ProdW  = 2 * SigW;
  localparam int XW     = ExpW + 3;         // exponents with sign
  localparam int HighW  = SigW + 1;         // a normal times a subnormal has its top bit in here
  localparam int ShiftW = $clog2(HighW + 1);
  localparam int RoundW = SigW + 1;         // significand and guard; the rest is sticky
  localparam logic [XW-1:0] Bias = (XW'(1) << (ExpW - 1)) - XW'(1);

  // 1: unpack. The product's top bit has the exponent a + b - bias + 1.
  wire [ExpW-1:0] a_e = a_i[Width-2 -: ExpW];
  wire [ExpW-1:0] b_e = b_i[Width-2 -: ExpW];
  wire [XW-1:0]   a_x = XW'(a_e) + XW'(a_e == '0);
  wire [XW-1:0]   b_x = XW'(b_e) + XW'(b_e == '0);

  logic            sign1_q, bad1_q;
  logic [XW-1:0]   exp1_q;
  logic [SigW-1:0] a1_q, b1_q;
  always_ff @(posedge clk_i) begin
    sign1_q <= a_i[Width-1] ^ b_i[Width-1];
    bad1_q  <= (&a_e) || (&b_e);
    exp1_q  <= a_x + b_x - Bias + XW'(1);
    a1_q    <= {a_e != '0, a_i[ManW-1:0]};
    b1_q    <= {b_e != '0, b_i[ManW-1:0]};
  end

  // 2: multiply.
  logic             sign2_q, bad2_q;
  logic [XW-1:0]    exp2_q;
  logic [ProdW-1:0] prod2_q;
  always_ff @(posedge clk_i) begin
    sign2_q <= sign1_q;
    bad2_q  <= bad1_q;
    exp2_q  <= exp1_q;
    prod2_q <= a1_q * b1_q;
  end

  // 3: up by the leading zeros as far as the exponent allows, or down to the exponent 1.
  logic [ShiftW-1:0] zeros;
  lzc #(
    .Width (HighW),
    .CountW(ShiftW)
  ) u_zeros (
    .d_i    (prod2_q[ProdW-1 -: HighW]),
    .count_o(zeros)
  );
  wire [XW-1:0] room = exp2_q - XW'(1);  // negative: go down by so much
  wire [XW-1:0] fall = -room;
  wire          down = room[XW-1];
  wire          far  = fall > XW'(RoundW);
  wire          limited = XW'(zeros) > room;

  logic              sign3_q, bad3_q, down3_q;
  logic [XW-1:0]     exp3_q;
  logic [ShiftW-1:0] shift3_q;
  logic [ProdW-1:0]  prod3_q;
  always_ff @(posedge clk_i) begin
    sign3_q  <= sign2_q;
    bad3_q   <= bad2_q;
    down3_q  <= down;
    shift3_q <= down ? (far ? ShiftW'(RoundW + 1) : ShiftW'(fall)) : limited ? ShiftW'(room) : zeros;
    exp3_q   <= (down || limited) ? XW'(1) : exp2_q - XW'(zeros);
    prod3_q  <= prod2_q;
  end

  // 4: shift.
  wire [ProdW-1:0]  up4 = prod3_q << shift3_q;
  logic [RoundW:0]  down4;  // with a sticky bit
  always_comb begin : p_down
    logic lost;
    down4 = {prod3_q[ProdW-1 -: RoundW], prod3_q[ProdW-RoundW-1:0] != '0};
    lost  = 1'b0;
    for (int k = 0; k < ShiftW; k++) begin
      if (shift3_q[k]) begin
        lost  = lost || (down4 & ~({(RoundW + 1) {1'b1}} << (1 << k))) != '0;
        down4 = down4 >> (1 << k);
      end
    end
    down4[0] = down4[0] || lost;
  end

  logic            sign4_q, bad4_q;
  logic [XW-1:0]   exp4_q;
  logic [RoundW:0] norm4_q;
  always_ff @(posedge clk_i) begin
    sign4_q <= sign3_q;
    bad4_q  <= bad3_q;
    exp4_q  <= exp3_q;
    norm4_q <= down3_q ? down4 : {up4[ProdW-1 -: RoundW], up4[ProdW-RoundW-1:0] != '0};
  end

  // 5: round. Without a top bit it is a subnormal, or zero; a carry runs on into the exponent.
  wire                up5   = norm4_q[1] && (norm4_q[0] || norm4_q[2]);
  wire [XW-1:0]       exp5  = norm4_q[RoundW] ? exp4_q : '0;
  wire [XW+ManW-1:0]  round = {exp5, norm4_q[RoundW-1 -: ManW]} + (XW + ManW)'(up5);
  wire                over  = bad4_q || round[XW+ManW-1:ManW] >= (XW'(1) << ExpW) - XW'(1);
  logic [Width-1:0]   y_q;
  always_ff @(posedge clk_i) begin
    y_q <= {sign4_q, over ? {{ExpW{1'b1}}, {ManW{1'b0}}} : round[ExpW+ManW-1:0]};
  end
  assign y_o = y_q;

endmodule
