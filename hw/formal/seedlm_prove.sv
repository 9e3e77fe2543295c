// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// lane_seedlm (Form 0) or lane_seedlm_sim (Form 1) against the definition of docs/formats.md, for every stream that follows a seed; that the
// expander gives the right stream, whose windows are the states, is lfsr_prove's business.
//
// The lane is a pipeline without feedback; with inputs that stand still every register takes the value
// at its input, so the proof reads each register as a wire (run.sh, mode "flow"). One activation, any,
// is Act and the others are 0; one coefficient, any, is Coef (1, 2, 4, -8: one of its bits) and the others are 0.
// The value must then be Act * Coef * (V[c][p] - 2^15), where
// V[c][p] = x[cP+p+1 .. cP+p+16]. By the form of the code everything after R1 is a sum of terms gated by
// single coefficient bits and linear in the activations, so this fixes all words; that no sum overflows
// its register is left to simulation with extreme words (tests/rtl/tb_lane.cpp).

module seedlm_prove #(
  parameter int C   = 8,
  parameter int P   = 3,
  parameter int Act  = 1,
  parameter int Coef = 1,
  parameter int Form = 0
) (
  input logic        clk_i,
  input logic [15:0] seed_i,
  input logic [C*P-1:0] bits_i,
  input logic [3:0]  exponent_i,
  input logic [1:0]  coef_i,    // which coefficient
  input logic [3:0]  weight_i   // which weight
);

  localparam logic signed [15:0] A = Act;
  wire signed [3:0]  q = Coef[3:0];
  wire signed [19:0] product = A * q;
  wire [31:0] word_i = {(coef_i == 2'd2) ? q : 4'd0, (coef_i == 2'd1) ? q : 4'd0,
                        (coef_i == 2'd0) ? q : 4'd0, exponent_i, seed_i};
  wire [3:0]  side_i = (coef_i == 2'd3) ? q : 4'd0;

  logic [C*16-1:0]    act;
  logic signed [39:0] value;
  logic [3:0]         shift;

  for (genvar c = 0; c < C; c++) begin : g_act
    assign act[16*c +: 16] = (weight_i == 4'(c)) ? A : 16'sd0;
  end

  wire signed [19:0] act_sum = (weight_i < 4'(C)) ? {{4{A[15]}}, A} : 20'sd0;

  if (Form == 0) begin : g_product
    lane_seedlm #(
      .C(C),
      .P(P)
    ) u_lane (
      .clk_i    (clk_i),
      .en_i     (1'b1),
      .word_i   (word_i),
      .side_i   (side_i),
      .bits_i   (bits_i),
      .act_i    (act),
      .act_sum_i(act_sum),
      .value_o  (value),
      .shift_o  (shift)
    );
  end else begin : g_states
    logic [C*64-1:0] wide;
    for (genvar c = 0; c < C; c++) begin : g_wide
      assign wide[64*c +: 64] = {{48{act[16*c+15]}}, act[16*c +: 16]};
    end
    lane_seedlm_sim #(
      .C(C),
      .P(P)
    ) u_lane (
      .clk_i    (clk_i),
      .en_i     (1'b1),
      .word_i   (word_i),
      .side_i   (side_i),
      .bits_i   (bits_i),
      .wide_i   (wide),
      .act_sum_i(act_sum),
      .value_o  (value),
      .shift_o  (shift)
    );
  end

  wire [C*P+15:0] x = {bits_i, seed_i};

  always_comb begin : p_definition
    logic [15:0]        state;
    logic signed [39:0] v;
    v = '0;
    for (int n = 0; n < C * P; n++) begin
      state = x[n+1 +: 16];
      if (weight_i == 4'(n / P) && coef_i == 2'(n % P)) v = $signed({{25{~state[15]}}, state[14:0]});
    end
    assert (value == v * $signed({{20{product[19]}}, product}));
    assert (shift == exponent_i);
  end

endmodule
