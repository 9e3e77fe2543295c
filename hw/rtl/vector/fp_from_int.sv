// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Integer to binary32, to nearest even.
//
// Parameters: InW bits of the integer, 8..64; Scale: the result is multiplied by 2^-Scale, 0..64.
// Ports: unsigned_i, d_i is unsigned; y_o = fl32(d_i * 2^-Scale).
// Latency: 4 cycles, one a cycle, no valid.

module fp_from_int #(
  parameter int InW   = 64,
  parameter int Scale = 0
) (
  input  logic           clk_i,
  input  logic           unsigned_i,
  input  logic [InW-1:0] d_i,
  output logic [31:0]    y_o
);

  localparam int CountW = $clog2(InW);
  localparam int PadW   = (InW < 26) ? 26 : InW;
  localparam logic [7:0] TopExp = 8'(127 + InW - 1 - Scale);

  initial if (InW < 8 || InW > 64 || Scale < 0 || Scale > 64) $fatal(1, "fp_from_int: bad parameter");

  // 1: magnitude.
  wire            minus = d_i[InW-1] && !unsigned_i;
  logic           sign1_q;
  logic [InW-1:0] mag1_q;
  always_ff @(posedge clk_i) begin
    sign1_q <= minus;
    mag1_q  <= (d_i ^ {InW{minus}}) + InW'(minus);
  end

  // 2: leading zeros.
  logic [CountW-1:0] zeros, zeros2_q;
  logic              sign2_q;
  logic [InW-1:0]    mag2_q;
  lzc #(
    .Width (InW),
    .CountW(CountW)
  ) u_zeros (
    .d_i    (mag1_q),
    .count_o(zeros)
  );
  always_ff @(posedge clk_i) begin
    sign2_q  <= sign1_q;
    mag2_q   <= mag1_q;
    zeros2_q <= zeros;
  end

  // 3: normalise.
  wire [InW-1:0]  norm   = mag2_q << zeros2_q;
  wire [PadW-1:0] padded = PadW'(norm) << (PadW - InW);
  logic           sign3_q, sticky3_q, zero3_q;
  logic [7:0]     exp3_q;
  logic [24:0]    norm3_q;
  always_ff @(posedge clk_i) begin
    sign3_q   <= sign2_q;
    zero3_q   <= mag2_q == '0;
    exp3_q    <= TopExp - 8'(zeros2_q);
    norm3_q   <= padded[PadW-1 -: 25];
    sticky3_q <= padded[PadW-26:0] != '0;
  end

  // 4: round.
  wire         up    = norm3_q[0] && (sticky3_q || norm3_q[1]);
  wire [30:0]  round = {exp3_q, norm3_q[23:1]} + 31'(up);
  logic [31:0] y_q;
  always_ff @(posedge clk_i) y_q <= zero3_q ? 32'd0 : {sign3_q, round};
  assign y_o = y_q;

  wire unused = &{1'b0, norm3_q[24]};

endmodule
