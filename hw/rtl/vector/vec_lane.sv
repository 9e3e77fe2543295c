// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// One lane of the vector unit: a multiplier, an adder, conversions and the sigmoid, in the orders that
// the operations need (vector_pkg::K*).
//
// Parameters: Chains, chains of sum64 in this lane (64 / lanes); WithInt 1: 64-bit integers too.
// Ports
//   kind_i, limit_i, unsigned_i, k_i stand still while a pass is under way, as does b_i for KInt
//   a_i, b_i, c_i, int_i   operands
//   sum_*    of KSum and KSumSq: the chain whose addend is at the adder's input, and whether it is
//            its first (then it is added to +0); the chain whose sum is at its output, and whether
//            it is one
//   y_o      result
// Latency, cycles: KCopy and KSeed 0; KQuant 3; KMul, KHalf, KAdd, KSum 5; KInt 9; KMulAdd and KSumSq
// 10; KSig 17.

module vec_lane #(
  parameter int Chains  = 4,
  parameter bit WithInt = 1'b1,
  parameter int ChainW  = $clog2(Chains)
) (
  input  logic              clk_i,
  input  logic [3:0]        kind_i,
  input  logic [1:0]        limit_i,
  input  logic              unsigned_i,
  input  logic [7:0]        k_i,
  input  logic [31:0]       a_i,
  input  logic [31:0]       b_i,
  input  logic [31:0]       c_i,
  input  logic [63:0]       int_i,
  input  logic [ChainW-1:0] sum_in_i,
  input  logic              sum_first_i,
  input  logic [ChainW-1:0] sum_out_i,
  input  logic              sum_valid_i,
  output logic [31:0]       y_o
);

  // binary16 times 2^24, an integer that binary32 holds exactly; exponent 31 is a number like others.
  wire [3:0]  half_zeros;
  lzc #(
    .Width (10),
    .CountW(4)
  ) u_half (
    .d_i    (a_i[9:0]),
    .count_o(half_zeros)
  );
  wire [9:0]  half_up = a_i[9:0] << half_zeros;
  wire [31:0] half    = (a_i[14:10] != 5'd0) ? {a_i[15], 8'd136 + 8'(a_i[14:10]), a_i[9:0], 13'd0}
                        : (a_i[9:0] == '0)   ? 32'd0  // the integer 0 has no sign
                        : {a_i[15], 8'd136 - 8'(half_zeros), half_up[8:0], 14'd0};

  logic [31:0] from_int;
  if (WithInt) begin : g_int
    fp_from_int #(
      .InW(64)
    ) u_from_int (
      .clk_i     (clk_i),
      .unsigned_i(unsigned_i),
      .d_i       (int_i),
      .y_o       (from_int)
    );
  end else begin : g_no_int
    assign from_int = '0;
    wire unused_int = &{1'b0, int_i, unsigned_i};
  end

  wire [31:0] mul_a = (kind_i == vector_pkg::KInt) ? from_int : (kind_i == vector_pkg::KHalf) ? half : a_i;
  logic [31:0] product;
  fp_mul u_mul (
    .clk_i(clk_i),
    .a_i  (mul_a),
    .b_i  (b_i),
    .y_o  (product)
  );

  logic [31:0] late_c;  // C for the adder behind the multiplier
  delay #(
    .Width(32),
    .N    (5)
  ) u_late (
    .clk_i(clk_i),
    .d_i  (c_i),
    .q_o  (late_c)
  );

  logic [31:0] chain_q [0:Chains-1];
  logic [31:0] sum;
  wire is_sum    = kind_i == vector_pkg::KSum || kind_i == vector_pkg::KSumSq;
  wire after_mul = kind_i == vector_pkg::KMulAdd || kind_i == vector_pkg::KSumSq;
  wire [31:0] chain = sum_first_i ? 32'd0 : chain_q[sum_in_i];
  fp_add u_add (
    .clk_i(clk_i),
    .a_i  (after_mul ? product : a_i),
    .b_i  (is_sum ? chain : after_mul ? late_c : c_i),
    .y_o  (sum)
  );
  always_ff @(posedge clk_i) if (sum_valid_i) chain_q[sum_out_i] <= sum;

  wire is_sig = kind_i == vector_pkg::KSig;
  logic [21:0] fixed;
  fp_to_int u_to_int (
    .clk_i  (clk_i),
    .k_i    (is_sig ? 8'd14 : k_i),
    .limit_i(is_sig ? 2'd2 : limit_i),
    .x_i    (is_sig ? product : a_i),
    .y_o    (fixed),
    .bad_o  ()
  );

  logic [23:0] p;
  logic [31:0] sigmoid;
  attn_prob #(
    .Modes(1)
  ) u_prob (
    .clk_i    (clk_i),
    .sigmoid_i(1'b1),
    .max_i    (22'd0),
    .y_i      (fixed),
    .see_i    (1'b1),
    .p_o      (p)
  );
  fp_from_int #(
    .InW  (24),
    .Scale(24)
  ) u_sigmoid (
    .clk_i     (clk_i),
    .unsigned_i(1'b1),
    .d_i       (p),
    .y_o       (sigmoid)
  );

  always_comb begin
    case (kind_i)
      vector_pkg::KMul, vector_pkg::KInt, vector_pkg::KHalf:                         y_o = product;
      vector_pkg::KAdd, vector_pkg::KMulAdd, vector_pkg::KSum, vector_pkg::KSumSq:   y_o = sum;
      vector_pkg::KSig:   y_o = sigmoid;
      vector_pkg::KQuant: y_o = {{10{fixed[21]}}, fixed};
      vector_pkg::KSeed:  y_o = 32'h5f3759df - {1'b0, a_i[31:1]};
      default:            y_o = a_i;
    endcase
  end

  wire unused = &{1'b0, half_up[9]};

endmodule
