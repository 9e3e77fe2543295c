// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Floating-point sum, IEEE 754, to nearest even, subnormals kept (docs/numerics.md section 5).
//
// Parameters: ExpW, ManW bits of exponent and fraction (8, 23: binary32); Width derived, do not set.
// Ports: y_o = fl(a_i + b_i). A result that is not finite has the exponent of an infinity and no
// fraction, with the sign of an infinite sum (a NaN is not told from it: docs/numerics.md asks
// only whether a result is finite, and in the sigmoid's argument for the sign of an infinity).
// Latency: 5 cycles, one sum a cycle, no valid.

module fp_add #(
  parameter int ExpW  = 8,
  parameter int ManW  = 23,
  parameter int Width = 1 + ExpW + ManW
) (
  input  logic             clk_i,
  input  logic [Width-1:0] a_i,
  input  logic [Width-1:0] b_i,
  output logic [Width-1:0] y_o
);

  localparam int SigW  = ManW + 1;
  localparam int AlnW  = SigW + 3;  // guard, round, sticky
  localparam int SumW  = AlnW + 1;  // carry
  localparam int ShiftW = $clog2(SumW);
  localparam logic [ExpW-1:0] One = {{(ExpW - 1) {1'b0}}, 1'b1};

  // 1: the larger magnitude first, and how far the other one goes down.
  wire             swap  = b_i[Width-2:0] > a_i[Width-2:0];
  wire [Width-1:0] big   = swap ? b_i : a_i;
  wire [Width-2:0] less = swap ? a_i[Width-2:0] : b_i[Width-2:0];
  wire [ExpW-1:0]  big_e   = big[Width-2 -: ExpW];
  wire [ExpW-1:0]  less_e = less[Width-2 -: ExpW];
  wire [ExpW-1:0]  big_x   = (big_e == '0) ? One : big_e;  // a subnormal counts with the exponent 1
  wire [ExpW-1:0]  less_x = (less_e == '0) ? One : less_e;

  logic            sign1_q, minus1_q, bad1_q;
  logic [ExpW-1:0] exp1_q, down1_q;
  logic [SigW-1:0] big1_q, less1_q;
  always_ff @(posedge clk_i) begin
    sign1_q  <= big[Width-1];
    minus1_q <= a_i[Width-1] != b_i[Width-1];
    bad1_q   <= &big_e;
    exp1_q   <= big_x;
    down1_q  <= big_x - less_x;
    big1_q   <= {big_e != '0, big[ManW-1:0]};
    less1_q <= {less_e != '0, less[ManW-1:0]};
  end

  // 2: align.
  logic [AlnW-1:0] aligned;
  always_comb begin : p_align
    logic lost;
    lost    = 1'b0;
    aligned = {less1_q, 3'd0};
    for (int k = 0; k < ExpW; k++) begin
      if (down1_q[k]) begin
        if ((1 << k) >= AlnW) begin
          lost    = lost || aligned != '0;
          aligned = '0;
        end else begin
          lost    = lost || (aligned & ~({AlnW{1'b1}} << (1 << k))) != '0;
          aligned = aligned >> (1 << k);
        end
      end
    end
    aligned[0] = aligned[0] || lost;
  end

  logic            sign2_q, minus2_q, bad2_q;
  logic [ExpW-1:0] exp2_q;
  logic [SigW-1:0] big2_q;
  logic [AlnW-1:0] less2_q;
  always_ff @(posedge clk_i) begin
    sign2_q  <= sign1_q;
    minus2_q <= minus1_q;
    bad2_q   <= bad1_q;
    exp2_q   <= exp1_q;
    big2_q   <= big1_q;
    less2_q <= aligned;
  end

  // 3: add. Equal magnitudes of unlike sign give +0.
  wire [SumW-1:0] sum = {1'b0, big2_q, 3'd0} + ({1'b0, less2_q} ^ {SumW{minus2_q}}) + SumW'(minus2_q);

  logic            sign3_q, bad3_q;
  logic [ExpW-1:0] exp3_q;
  logic [SumW-1:0] sum3_q;
  always_ff @(posedge clk_i) begin
    sign3_q <= sign2_q && !(minus2_q && sum == '0);
    bad3_q  <= bad2_q;
    exp3_q  <= exp2_q;
    sum3_q  <= sum;
  end

  // 4: normalise; the top bit has the exponent exp3_q + 1, and none goes below 1.
  logic [ShiftW-1:0] zeros;
  lzc #(
    .Width (SumW),
    .CountW(ShiftW)
  ) u_zeros (
    .d_i    (sum3_q),
    .count_o(zeros)
  );
  wire              limited = 32'(zeros) > 32'(exp3_q);
  wire [ShiftW-1:0] up      = limited ? ShiftW'(exp3_q) : zeros;
  wire [SumW-1:0]   norm    = sum3_q << up;

  logic            sign4_q, bad4_q;
  logic [ExpW:0]   exp4_q;
  logic [SumW-2:0] norm4_q;
  always_ff @(posedge clk_i) begin
    sign4_q <= sign3_q;
    bad4_q  <= bad3_q;
    exp4_q  <= norm[SumW-1] ? {1'b0, exp3_q} + {1'b0, One} - (ExpW + 1)'(up) : '0;
    norm4_q <= norm[SumW-2:0];
  end

  // 5: round. A carry runs on into the exponent.
  wire                 up5   = norm4_q[3] && (norm4_q[2:0] != '0 || norm4_q[4]);
  wire [ExpW+ManW:0]   round = {exp4_q, norm4_q[SumW-2 -: ManW]} + (ExpW + ManW + 1)'(up5);
  wire                 over  = bad4_q || round[ExpW+ManW] || (&round[ManW +: ExpW]);
  logic [Width-1:0]    y_q;
  always_ff @(posedge clk_i) begin
    y_q <= {sign4_q, over ? {{ExpW{1'b1}}, {ManW{1'b0}}} : round[ExpW+ManW-1:0]};
  end
  assign y_o = y_q;

endmodule
