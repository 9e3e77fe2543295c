// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// From the score y to P, an unsigned number of 24 bits (docs/numerics.md 6.4): sigmoid, or 2^(y -
// max).
//
// Parameters: Modes, bit 0 builds the sigmoid, bit 1 the softmax. The sigmoid's table has 1024
// entries, 2^-f alone 64.
// Ports
//   sigmoid_i       mode; max_i the row's largest y (softmax); stable while scores are in the
//                   pipeline
//   y_i, see_i      score; 0 comes out when see_i is 0
//   p_o             P, 5 cycles later
// Latency: 5 cycles, one score a cycle, no valid.

module attn_prob #(
  parameter int Modes = 3
) (
  input  logic               clk_i,
  input  logic               sigmoid_i,
  input  logic signed [21:0] max_i,
  input  logic signed [21:0] y_i,
  input  logic               see_i,
  output logic [23:0]        p_o
);

  localparam bit HasSigmoid = (Modes & 1) != 0;
  localparam bit HasSoftmax = (Modes & 2) != 0;
  initial if (!HasSigmoid && !HasSoftmax) $fatal(1, "attn_prob: no mode");

  // c1: u. c2: table. c3: product. c4: mantissa. c5: P.
  logic [21:0] u1_q;
  logic        flip1_q, flip2_q, flip3_q, flip4_q;
  logic        see1_q, see2_q, see3_q, see4_q;
  logic [4:0]  n2_q, n3_q, n4_q;
  logic [7:0]  r2_q;
  logic [25:0] entry;
  logic [15:0] base3_q, mant4_q;
  logic [9:0]  drop3_q;
  logic [23:0] p5_q;

  wire sig = HasSigmoid && (sigmoid_i || !HasSoftmax);

  wire [21:0] u_exp = max_i - y_i;
  wire [21:0] u_sig = y_i[21] ? -y_i : y_i;
  wire [3:0]  row   = (!sig || u1_q[21:18] != 4'd0) ? 4'd15 : u1_q[17:14];
  wire [17:0] drop  = entry[9:0] * r2_q + 18'd128;
  wire [23:0] decay = {mant4_q, 8'd0} >> n4_q;

  attn_table #(
    .Rows(HasSigmoid ? 16 : 1)
  ) u_table (
    .clk_i (clk_i),
    .en_i  (1'b1),
    .addr_i({row, u1_q[13:8]}),
    .data_o(entry)
  );

  always_ff @(posedge clk_i) begin
    u1_q    <= sig ? u_sig : u_exp;
    flip1_q <= sig && !y_i[21] && y_i != '0;
    see1_q  <= see_i;

    n2_q    <= (u1_q[21:19] != 3'd0) ? 5'd31 : u1_q[18:14];
    r2_q    <= u1_q[7:0];
    flip2_q <= flip1_q;
    see2_q  <= see1_q;

    base3_q <= entry[25:10];
    drop3_q <= drop[17:8];
    n3_q    <= n2_q;
    flip3_q <= flip2_q;
    see3_q  <= see2_q;

    mant4_q <= base3_q - {6'd0, drop3_q};
    n4_q    <= n3_q;
    flip4_q <= flip3_q;
    see4_q  <= see3_q;

    p5_q    <= see4_q ? decay ^ {24{flip4_q}} : 24'd0;
  end

  assign p_o = p5_q;

  wire unused = &{1'b0, drop[7:0], sigmoid_i};

endmodule
