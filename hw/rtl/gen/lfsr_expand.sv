// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// All states of a Fibonacci LFSR after a seed, without a register.
//
//        +--------------------- ^ <---- ^ <------- ^ <---+      taps 12, 3, 1, 0 (K = 16)
//        |                      |       |          |     |
//        v   15 14 13    12     |   .. 3 2        1     0 |
//        +->[x  x  x     x ] ---+ ... [x]--+     [x]---+  [x]---> out, the stream's bit n
//
// Every state is a window of one bit stream x: x[0..K-1] = seed (bit 0 first) and
// x[n+K] = XOR over taps t of x[n+t]; the state after n steps is x[n..n+K-1].
// The map from seed to x is linear, so the new bits are the XOR of one constant column for each
// seed bit that is set. A column is what the sequential register gives from that one bit.
//
// Parameters
//   K     bits of the register
//   Taps  mask of the taps (bit t: x[n+t] is fed back)
//   N     new bits
//   Style 0: tables for four seed bits each, which simulates fast; 1: XORs of seed bits
// Ports: seed_i (K) -> bits_o (N), bits_o[i] = x[K+i]; 0 while en_i is low, so that nothing switches (or is simulated)
// for words of another codec. Combinational.

module lfsr_expand #(
  parameter int          K    = 16,
  parameter logic [31:0] Taps = 32'h0000_100B,
  parameter int          N    = 24,
  parameter bit          Style = 1'b1
) (
  input  logic         en_i,
  input  logic [K-1:0] seed_i,
  output logic [N-1:0] bits_o
);

  initial if (K < 2 || K > 24 || Taps[0] != 1'b1 || (Taps >> K) != 0) $fatal(1, "lfsr_expand: bad K or Taps");

  // For each seed bit j the N bits that follow the seed with that bit alone set.
  function automatic logic [K*N-1:0] columns(input int width);
    logic [K-1:0] state;
    logic         b;
    columns = '0;
    for (int j = 0; j < width; j++) begin
      state = '0;
      state[j] = 1'b1;
      for (int n = 0; n < N; n++) begin
        b = ^(state & Taps[K-1:0]);
        columns[j*N + n] = b;
        state = {b, state[K-1:1]};
      end
    end
  endfunction

  localparam logic [K*N-1:0] Columns = columns(K);

  if (Style) begin : g_xor
    always_comb begin
      bits_o = '0;
      if (en_i) begin
        for (int j = 0; j < K; j++) begin
          bits_o = bits_o ^ ({N{seed_i[j]}} & Columns[j*N +: N]);
        end
      end
    end
  end else begin : g_table
    localparam int G = (K + 3) / 4;
    logic [N-1:0]   rom [0:16*G-1];
    wire  [4*G-1:0] seed = (4*G)'(seed_i);
    initial begin
      for (int i = 0; i < 16 * G; i++) begin
        rom[i] = '0;
        for (int j = 0; j < 4; j++) begin
          if (i / 16 * 4 + j < K && (i >> j & 1) != 0) rom[i] = rom[i] ^ Columns[(i/16*4+j)*N +: N];
        end
      end
    end
    always_comb begin
      bits_o = '0;
      if (en_i) begin
        for (int g = 0; g < G; g++) bits_o = bits_o ^ rom[16*g + 32'(seed[4*g +: 4])];
      end
    end
  end

endmodule
