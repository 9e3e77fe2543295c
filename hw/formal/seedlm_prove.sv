// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// lane_seedlm with its expander against the definition of docs/formats.md, all seeds and coefficients.
//
// The lane is a pipeline without feedback; with inputs that stand still every register takes the value
// at its input, so the proof reads each register as a wire (run.sh, mode "flow"). One activation is
// Act and the others are 0, so that the value is Act * w_int of that weight.

module seedlm_prove #(
  parameter int C   = 8,
  parameter int P   = 3,
  parameter int Act = 1
) (
  input logic        clk_i,
  input logic [31:0] word_i,
  input logic [3:0]  side_i,
  input logic [3:0]  weight_i
);

  localparam logic signed [15:0] A = Act;

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

  // sum_p q_p (V[c][p] - 2^15), V[c][p] the state after cP+p+1 steps
  always_comb begin : p_definition
    logic [15:0]        state, q;
    logic signed [39:0] w;
    state = word_i[15:0];
    q     = {side_i, word_i[31:20]};
    w     = '0;
    for (int n = 0; n < C * P; n++) begin
      state = {state[0] ^ state[1] ^ state[3] ^ state[12], state[15:1]};
      if (weight_i == 4'(n / P)) begin
        w = w + $signed({{36{q[4*(n%P)+3]}}, q[4*(n%P) +: 4]}) * $signed({{24{~state[15]}}, ~state[15], state[14:0]});
      end
    end
    assert (value == w * A);
    assert (shift == word_i[19:16]);
  end

endmodule
