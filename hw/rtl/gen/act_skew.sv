// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// The activations of a slot as lane_seedlm_fpga wants them, once for all lanes.
//
// Parameters: C activations a slot: 8 or 12.
// Ports, act_i being given in cycle 1
//   act_o   activation c in cycle 1+c
//   pair_o  for each pair (a, b) = (2r, 2r+1), in cycle C/2+2+r: a, b, a+b, 17 bits each
//   half_o  half of the sum of all, rounded down, in cycle C/2+2; odd_o: the sum's lowest bit in cycle C+2

module act_skew #(
  parameter int C = 8
) (
  input  logic                clk_i,
  input  logic [C*16-1:0]     act_i,
  output logic [C*16-1:0]     act_o,
  output logic [(C/2)*51-1:0] pair_o,
  output logic signed [18:0]  half_o,
  output logic                odd_o
);

  localparam int R = C / 2;

  initial if (C != 8 && C != 12) $fatal(1, "act_skew: C");

  for (genvar c = 0; c < C; c++) begin : g_act
    delay #(.Width(16), .N(c)) u_act (.clk_i(clk_i), .d_i(act_i[16*c +: 16]), .q_o(act_o[16*c +: 16]));
  end

  // Sums of pairs twice: at once for the sum of all, and again when the pair is due.
  logic [R*17-1:0] sum1_q;  // cycle 2
  for (genvar r = 0; r < R; r++) begin : g_pair
    wire [16:0] a = {act_i[32*r+15], act_i[32*r +: 16]};
    wire [16:0] b = {act_i[32*r+31], act_i[32*r+16 +: 16]};
    logic [16:0] aw, bw;
    always_ff @(posedge clk_i) sum1_q[17*r +: 17] <= a + b;
    delay #(.Width(17), .N(R - r)) u_a (.clk_i(clk_i), .d_i({act_o[32*r+15], act_o[32*r +: 16]}), .q_o(aw));
    delay #(.Width(17), .N(R - r - 1)) u_b (.clk_i(clk_i), .d_i({act_o[32*r+31], act_o[32*r+16 +: 16]}), .q_o(bw));
    logic [50:0] pair_q;
    always_ff @(posedge clk_i) pair_q <= {aw + bw, bw, aw};
    assign pair_o[51*r +: 51] = pair_q;
  end

  // A chain of sums, one pair a cycle.
  logic [R*20-1:0] part;
  assign part[19:0] = {{3{sum1_q[16]}}, sum1_q[16:0]};
  for (genvar r = 1; r < R; r++) begin : g_sum
    logic [16:0] s;
    logic [19:0] part_q;
    delay #(.Width(17), .N(r - 1)) u_s (.clk_i(clk_i), .d_i(sum1_q[17*r +: 17]), .q_o(s));
    always_ff @(posedge clk_i) part_q <= part[20*(r-1) +: 20] + {{3{s[16]}}, s};
    assign part[20*r +: 20] = part_q;
  end

  // part's last is there in cycle R+1.
  logic signed [18:0] half_q;
  always_ff @(posedge clk_i) half_q <= part[20*R-1 -: 19];
  assign half_o = half_q;
  delay #(.Width(1), .N(R + 1)) u_odd (.clk_i(clk_i), .d_i(part[20*(R-1)]), .q_o(odd_o));

endmodule
