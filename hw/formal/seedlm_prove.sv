// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// lane_seedlm with its expander against the definition of docs/formats.md, all seeds and coefficients.
//
// The lane is a pipeline without feedback; with inputs that stand still every register takes the value
// at its input, so the proof reads each register as a wire (run.sh, mode "flow"). One activation, any,
// is Act and the others are 0; one coefficient, any, is Coef and the others are 0. The value must then
// be Act * Coef * (V[c][p] - 2^15) for every seed. Everything after the expander is linear in the
// activations and, apart from the exponent, in the coefficients, by the form of the code; that no sum
// overflows its register is left to simulation with extreme words (tests/rtl/tb_lane.cpp).

module seedlm_prove #(
  parameter int C   = 8,
  parameter int P   = 3,
  parameter int Act  = 1,
  parameter int Coef = 1
) (
  input logic        clk_i,
  input logic [15:0] seed_i,
  input logic [3:0]  exponent_i,
  input logic [1:0]  coef_i,    // which coefficient
  input logic [3:0]  weight_i   // which weight
);

  localparam logic signed [15:0] A = Act;
  localparam logic signed [3:0]  Q = Coef;
  localparam logic signed [19:0] Product = A * Q;
  wire [31:0] word_i = {(coef_i == 2'd2) ? Q : 4'd0, (coef_i == 2'd1) ? Q : 4'd0,
                        (coef_i == 2'd0) ? Q : 4'd0, exponent_i, seed_i};
  wire [3:0]  side_i = (coef_i == 2'd3) ? Q : 4'd0;

  logic [C*P-1:0]     bits;
  logic [C*16-1:0]    act;
  logic signed [39:0] value;
  logic [3:0]         shift;

  for (genvar c = 0; c < C; c++) begin : g_act
    assign act[16*c +: 16] = (weight_i == 4'(c)) ? A : 16'sd0;
  end

  lfsr_expand #(
    .N(C * P)
  ) u_expand (
    .seed_i(word_i[15:0]),
    .bits_o(bits)
  );

  lane_seedlm #(
    .C(C),
    .P(P)
  ) u_lane (
    .clk_i    (clk_i),
    .en_i     (1'b1),
    .word_i   (word_i),
    .side_i   (side_i),
    .bits_i   (bits),
    .act_i    (act),
    .act_sum_i((weight_i < 4'(C)) ? {{4{A[15]}}, A} : 20'sd0),
    .value_o  (value),
    .shift_o  (shift)
  );

  // V[c][p] is the state after cP+p+1 steps.
  always_comb begin : p_definition
    logic [15:0]        state;
    logic signed [39:0] v;
    state = seed_i;
    v     = '0;
    for (int n = 0; n < C * P; n++) begin
      state = {state[0] ^ state[1] ^ state[3] ^ state[12], state[15:1]};
      if (weight_i == 4'(n / P) && coef_i == 2'(n % P)) v = $signed({{25{~state[15]}}, state[14:0]});
    end
    assert (value == v * $signed({{20{Product[19]}}, Product}));
    assert (shift == exponent_i);
  end

endmodule
