// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// One query row's multipliers: a 512-bit beat of K times the query, or of V times one probability.
//
//                  +--> even tree --+
//   q --+          |                +--> s_o (one number a beat of K)
//       +--(x 64)--+--> odd tree  --+
//   p --+          |
//                  +--> 64 accumulators --> shadow_o (copied at the end of a tile of 64 keys)
//
// A multiplier takes one byte of the beat. 16-bit elements are two bytes, the low one unsigned:
// their two products are put together behind the trees and behind the accumulators (which are the
// DSPs' own P registers), not in between.
//
// Ports, cycle by cycle (c0 = the cycle in which q_i, p_i and byte_i are given)
//   kv8_i    elements are bytes; stable while beats are in the pipeline
//   q_i      64 x 16 bits, the query's part for each byte (0 unless the beat is of K); p_i: P' (0
//            unless it is of V)
//   byte_i   the beat
//   s_o      q . beat, 9 cycles after c0
//   first_i  two cycles after c0: forget what was summed before (every beat of K, the first of a
//            tile of V)
//   copy_i   two cycles after c0: this product completes a tile
//   shadow_o the sums, from the second cycle after copy_i on, until the next copy
// A cycle without a beat adds 0. K goes through the accumulators too: a DSP has one output.
// Latency: as said; one beat a cycle.

module attn_mac (
  input  logic               clk_i,
  input  logic               kv8_i,
  input  logic [1023:0]      q_i,
  input  logic [23:0]        p_i,
  input  logic [511:0]       byte_i,
  output logic signed [35:0] s_o,
  input  logic               first_i,
  input  logic               copy_i,
  output logic [64*39-1:0]   shadow_o
);

  logic [64*24-1:0]   prod;
  logic [64*39-1:0]   shadow_q;
  logic               copy_q;

  for (genvar h = 0; h < 64; h++) begin : g_lane
    // The low byte of a 16-bit element is unsigned.
    wire signed [8:0]   b = {byte_i[8*h+7] & (kv8_i || (h % 2 != 0)), byte_i[8*h +: 8]};
    logic signed [38:0] acc;
    attn_lane u_lane (
      .clk_i  (clk_i),
      .q_i    (q_i[16*h +: 16]),
      .p_i    (p_i),
      .b_i    (b),
      .first_i(first_i),
      .acc_o  (acc)
    );
    always_ff @(posedge clk_i) if (copy_q) shadow_q[39*h +: 39] <= acc;
    assign prod[24*h +: 24] = acc[23:0];
  end

  always_ff @(posedge clk_i) copy_q <= copy_i;
  assign shadow_o = shadow_q;

  // Trees of 32 products of 24 bits, a register behind every level.
  logic [32*25-1:0]   l1_q;
  logic [16*26-1:0]   l2_q;
  logic [8*27-1:0]    l3_q;
  logic [4*28-1:0]    l4_q;
  logic signed [28:0] even_q, odd_q;
  logic signed [35:0] s_q;

  always_ff @(posedge clk_i) begin
    for (int i = 0; i < 16; i++) begin
      l1_q[25*i +: 25] <= {prod[96*i+23], prod[96*i +: 24]} + {prod[96*i+71], prod[96*i+48 +: 24]};
      l1_q[25*(16+i) +: 25] <= {prod[96*i+47], prod[96*i+24 +: 24]}
                               + {prod[96*i+95], prod[96*i+72 +: 24]};
    end
    for (int i = 0; i < 16; i++) begin
      l2_q[26*i +: 26] <= {l1_q[50*i+24], l1_q[50*i +: 25]} + {l1_q[50*i+49], l1_q[50*i+25 +: 25]};
    end
    for (int i = 0; i < 8; i++) begin
      l3_q[27*i +: 27] <= {l2_q[52*i+25], l2_q[52*i +: 26]} + {l2_q[52*i+51], l2_q[52*i+26 +: 26]};
    end
    for (int i = 0; i < 4; i++) begin
      l4_q[28*i +: 28] <= {l3_q[54*i+26], l3_q[54*i +: 27]} + {l3_q[54*i+53], l3_q[54*i+27 +: 27]};
    end
    even_q <= {l4_q[27], l4_q[0 +: 28]} + {l4_q[55], l4_q[28 +: 28]};
    odd_q  <= {l4_q[83], l4_q[56 +: 28]} + {l4_q[111], l4_q[84 +: 28]};
    s_q    <= {{7{even_q[28]}}, even_q}
              + (kv8_i ? {{7{odd_q[28]}}, odd_q} : {odd_q[27:0], 8'd0});
  end

  assign s_o = s_q;

endmodule
