// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// lfsr_expand against the register of docs/formats.md, all seeds: bit n of ok_o says that the state after
// n+1 steps is the window x[n+1..n+K] of the stream, given that the state before was its window; so by
// n = 0, 1, .. every state is. The top bit: the worked example of the paper (K = 3, seed 4).
// One bit at a time (run.sh, mode "bits"): all at once is many seconds of XORs for the solver.

module lfsr_prove #(
  parameter int          K    = 16,
  parameter logic [31:0] Taps = 32'h0000_100B,
  parameter int          N    = 24
) (
  input  logic [K-1:0] seed_i,
  output logic [N:0]   ok_o
);

  logic [N-1:0] bits;
  lfsr_expand #(
    .K   (K),
    .Taps(Taps),
    .N   (N)
  ) u_expand (
    .en_i  (1'b1),
    .seed_i(seed_i),
    .bits_o(bits)
  );

  wire [N+K-1:0] x = {bits, seed_i};

  for (genvar n = 0; n < N; n++) begin : g_step
    wire [K-1:0] state = x[n +: K];
    assign ok_o[n] = {^(state & Taps[K-1:0]), state[K-1:1]} == x[n+1 +: K];
  end

  // 2,5,6,7,3,1,4,2
  logic [7:0] example;
  lfsr_expand #(
    .K   (3),
    .Taps(32'd3),
    .N   (8)
  ) u_example (
    .en_i  (1'b1),
    .seed_i(3'd4),
    .bits_o(example)
  );
  wire [10:0] e = {example, 3'd4};
  assign ok_o[N] = e[1 +: 3] == 3'd2 && e[2 +: 3] == 3'd5 && e[3 +: 3] == 3'd6 && e[4 +: 3] == 3'd7 &&
                   e[5 +: 3] == 3'd3 && e[6 +: 3] == 3'd1 && e[7 +: 3] == 3'd4 && e[8 +: 3] == 3'd2;

endmodule
