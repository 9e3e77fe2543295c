// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// lane_seedlm in the form of the definition, for simulation: the same numbers in the same cycles. A processor multiplies
// 64-bit integers as fast as it gates an addition, so each of the C * P states has a multiplication of its own,
//
//   sum_p q_p ( sum_c a_c V[c][p]  -  2^15 sum_c a_c ),   V[c][p] = x[cP+1+p .. cP+16+p],
//
// about half of what lane_seedlm takes in steps of a processor, and three (four) times its multipliers as a circuit.
//
// Parameters and ports: as lane_seedlm; but
//   wide_i     the activations, 64 bits each with the sign carried through

module lane_seedlm_sim #(
  parameter int C = 8,
  parameter int P = 3
) (
  input  logic               clk_i,
  input  logic               en_i,
  input  logic [31:0]        word_i,
  input  logic [3:0]         side_i,
  input  logic [C*P-1:0]     bits_i,
  input  logic [C*64-1:0]    wide_i,
  input  logic signed [19:0] act_sum_i,
  output logic signed [39:0] value_o,
  output logic [3:0]         shift_o
);

  localparam int N = C * P;

  initial if (!((C == 8 && P == 3) || (C == 12 && P == 4))) $fatal(1, "lane_seedlm_sim: C, P");

  logic [N+15:0]      x1_q;                    // R1: stream
  logic [15:0]        q1_q, q2_q;
  logic [3:0]         f1_q, f2_q, f3_q, f4_q, f5_q;
  logic [63:0]        total3_q, total4_q;      // R3: sum_p q_p of them; R4: less the bias
  logic [63:0]        q3_q;                    //     sum_p q_p
  logic signed [39:0] value5_q;

  wire [63:0] stream = 64'(x1_q);

  for (genvar p = 0; p < 4; p++) begin : g_state
    logic [63:0] t2_q;
    if (p < P) begin : g_used
      always_ff @(posedge clk_i) begin
        if (en_i) begin : p_sum
          logic [63:0] sum;
          sum = '0;
          for (int c = 0; c < C; c++) begin
            sum = sum + wide_i[64*c +: 64] * ((stream >> (c * P + 1 + p)) & 64'hFFFF);
          end
          t2_q <= sum;
        end
      end
    end else begin : g_unused
      assign t2_q = '0;
    end
  end

  function automatic logic [63:0] coefficient(input logic [3:0] q);
    coefficient = {{60{q[3]}}, q};
  endfunction

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      x1_q <= {bits_i, word_i[15:0]};
      q1_q <= {(P == 4) ? side_i : 4'd0, word_i[31:20]};
      q2_q <= q1_q;
      total3_q <= coefficient(q2_q[3:0]) * g_state[0].t2_q + coefficient(q2_q[7:4]) * g_state[1].t2_q +
                  coefficient(q2_q[11:8]) * g_state[2].t2_q +
                  ((P == 4) ? coefficient(q2_q[15:12]) * g_state[3].t2_q : 64'd0);
      q3_q     <= coefficient(q2_q[3:0]) + coefficient(q2_q[7:4]) + coefficient(q2_q[11:8]) + coefficient(q2_q[15:12]);
      total4_q <= total3_q - ((q3_q * {{44{act_sum_i[19]}}, act_sum_i}) << 15);
      value5_q <= total4_q[39:0];
      f1_q <= word_i[19:16];
      f2_q <= f1_q;
      f3_q <= f2_q;
      f4_q <= f3_q;
      f5_q <= f4_q;
    end
  end

  assign value_o = value5_q;
  assign shift_o = f5_q;

  wire unused = &{1'b0, side_i, total4_q};

endmodule
