// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// One query row's multipliers: a 512-bit beat of K times the query, or of V times one probability.
//
//                  +--> even tree --+
//   q --+          |                +--> s_o (one number a beat of K)
//       +--(x 64)--+--> odd tree  --+
//   p --+          |
//                  +--> 64 accumulators --> shadow_o (copied at the end of a tile of 64 keys)
//
// A multiplier takes one byte of the beat. 16-bit elements are two bytes, the low one unsigned: their two products are put
// together behind the trees and behind the accumulators (which are the DSPs' own P registers), not in between.
//
// Ports, cycle by cycle (c0 = the cycle in which q_i, p_i and byte_i are given)
//   kv8_i    elements are bytes; stable while beats are in the pipeline
//   q_i      64 x 16 bits, the query's part for each byte (0 for a beat of V); p_i: P' (0 for a beat of K)
//   byte_i   the beat
//   s_o      q . beat, 6 cycles after c0
//   first_i, take_i, copy_i   two cycles after c0: this product starts the sums / is added to them / completes them
//   shadow_o the sums, from the second cycle after copy_i on, until the next copy
// Latency: as said; one beat a cycle.

module attn_mac (
  input  logic               clk_i,
  input  logic               kv8_i,
  input  logic [1023:0]      q_i,
  input  logic [23:0]        p_i,
  input  logic [511:0]       byte_i,
  output logic signed [35:0] s_o,
  input  logic               first_i,
  input  logic               take_i,
  input  logic               copy_i,
  output logic [64*39-1:0]   shadow_o
);

  logic [64*33-1:0]   prod_q;
  logic [64*39-1:0]   shadow_q;
  logic               copy_q;

  for (genvar h = 0; h < 64; h++) begin : g_lane
    logic signed [24:0] a_q, d_q;
    logic signed [8:0]  b_q;
    logic signed [33:0] prod;
    logic signed [32:0] m_q;
    logic signed [38:0] acc_q;
    // q and P' are never both there: the sum is the DSP's pre-adder where a multiplexer would be LUTs.
    wire signed [24:0] ad = a_q + d_q;
    assign prod = ad * b_q;
    always_ff @(posedge clk_i) begin
      a_q <= {{9{q_i[16*h+15]}}, q_i[16*h +: 16]};
      d_q <= {1'b0, p_i};
      b_q <= {byte_i[8*h+7] & (kv8_i || (h % 2 != 0)), byte_i[8*h +: 8]};
      m_q <= prod[32:0];
      if (take_i) acc_q <= (first_i ? 39'sd0 : acc_q) + {{6{m_q[32]}}, m_q};
      if (copy_q) shadow_q[39*h +: 39] <= acc_q;
    end
    assign prod_q[33*h +: 33] = m_q;
    wire unused = &{1'b0, prod[33]};
  end

  always_ff @(posedge clk_i) copy_q <= copy_i;
  assign shadow_o = shadow_q;

  // Trees: 32 products of 24 bits each.
  logic [16*26-1:0]   l1_q;
  logic [4*28-1:0]    l2_q;
  logic signed [28:0] even_q, odd_q;
  logic signed [35:0] s_q;

  function automatic logic signed [25:0] lane_sum4(input logic [64*33-1:0] p, input int at);
    lane_sum4 = '0;
    for (int i = 0; i < 4; i++) begin
      lane_sum4 = lane_sum4 + {{2{p[33*(at+2*i)+23]}}, p[33*(at+2*i) +: 24]};
    end
  endfunction

  function automatic logic signed [27:0] sum4(input logic [16*26-1:0] p, input int at);
    sum4 = '0;
    for (int i = 0; i < 4; i++) sum4 = sum4 + {{2{p[26*(at+i)+25]}}, p[26*(at+i) +: 26]};
  endfunction

  function automatic logic signed [28:0] sum2(input logic [4*28-1:0] p, input int at);
    sum2 = {p[28*at+27], p[28*at +: 28]} + {p[28*(at+1)+27], p[28*(at+1) +: 28]};
  endfunction

  always_ff @(posedge clk_i) begin
    for (int i = 0; i < 8; i++) begin
      l1_q[26*i +: 26]     <= lane_sum4(prod_q, 8 * i);
      l1_q[26*(8+i) +: 26] <= lane_sum4(prod_q, 8 * i + 1);
    end
    for (int i = 0; i < 4; i++) l2_q[28*i +: 28] <= sum4(l1_q, 4 * i);
    even_q <= sum2(l2_q, 0);
    odd_q  <= sum2(l2_q, 2);
    s_q    <= {{7{even_q[28]}}, even_q}
              + (kv8_i ? {{7{odd_q[28]}}, odd_q} : {odd_q[27:0], 8'd0});
  end

  assign s_o = s_q;

endmodule
