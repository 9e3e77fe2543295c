// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// One query row of the attention engine: its query, multipliers, score pipeline, probabilities and
// sums.
// All rows of an engine run in step: the control comes from outside, once for all of them.
//
//   q memory --> attn_mac --> scores --> attn_score --> [y buffer] --> attn_prob --> P (two blocks)
//                   ^  |                                                                |
//                   |  +--> 64 accumulators --> shadow --> 64-bit sums                  |
//                   +------------------------- P >> (V exponent) <----------------------+
//
// Parameters
//   Modes   bit 0 sigmoid, bit 1 softmax. With softmax the scores of all keys wait in a buffer of
//           Keys entries until the maximum is known; the sigmoid alone needs none.
//   Keys    entries of that buffer, a power of two
//   Alibi   0 leaves ALiBi out
// Ports
//   start_i            a new job: maximum and sum forget the last one
//   hdr_we_i, q_*      query record: header beat, then query lines
//   *_a_i, *_b_i, beat_c_i   stages A, B, C of a beat of K or V: not K / V, line of the row, key
//                      and bank of P, V exponent, the beat itself
//   s_valid_i ..       stage S (9 cycles after C): a line's product; whether it is a key's first
//   score_*            one cycle later: the key's exponent, index and bitmap bit
//   y_valid_i          6 cycles later: y is written (buffer, maximum)
//   yrd_*              buffer read (one cycle), P is written 6 cycles later with p_we_i
//   exp_*              P of a key, a cycle after exp_read_i
//   mac_*              to attn_mac; red_* the transfer from its shadow into the sums (3 cycles)
//   rd_addr_i          with rd_en_i: sum to show on sum_o from the next cycle on; total_o is the
//                      sum of P
// Latency: as said.

module attn_row #(
  parameter int Modes = 3,
  parameter int Keys  = 4096,
  parameter bit Alibi = 1'b1,
  parameter int KeyW  = $clog2(Keys)
) (
  input  logic               clk_i,
  input  logic               start_i,
  input  logic               sigmoid_i,
  input  logic               kv8_i,
  input  logic               causal_i,
  input  logic [20:0]        window_i,

  input  logic               hdr_we_i,
  input  logic [191:0]       hdr_i,
  input  logic               q_lo_we_i,
  input  logic               q_hi_we_i,
  input  logic [2:0]         q_addr_i,
  input  logic [1023:0]      q_i,

  input  logic               k_not_b_i,
  input  logic               v_b_i,
  input  logic [2:0]         line_b_i,
  input  logic [6:0]         p_addr_a_i,
  input  logic signed [7:0]  vexp_b_i,
  input  logic [511:0]       beat_c_i,

  input  logic               s_valid_i,
  input  logic               s_first_i,
  input  logic signed [7:0]  score_kexp_i,
  input  logic [19:0]        score_key_i,
  input  logic               score_bit_i,
  input  logic               y_valid_i,
  input  logic [KeyW-1:0]    y_addr_i,
  input  logic [KeyW-1:0]    yrd_addr_i,
  input  logic               p_we_i,
  input  logic [6:0]         p_waddr_i,
  input  logic               exp_read_i,
  input  logic [6:0]         exp_addr_i,
  output logic [23:0]        exp_p_o,

  input  logic               mac_first_i,
  input  logic               mac_copy_i,
  input  logic [4:0]         red_lane_i,
  input  logic               red_odd1_i,
  input  logic               red_kv8_i,
  input  logic               red_first2_i,
  input  logic               red_we2_i,
  input  logic [7:0]         red_addr2_i,
  input  logic [7:0]         rd_addr_i,
  input  logic               rd_en_i,
  output logic [63:0]        sum_o,
  output logic [43:0]        total_o
);

  localparam bit HasSoftmax = (Modes & 2) != 0;

  // ------------------------------------------------------------------------------------------
  // The query record.
  // ------------------------------------------------------------------------------------------
  logic [19:0]        pos_q;
  logic signed [11:0] shift_q;
  logic signed [7:0]  vref_q;
  logic signed [22:0] bias_q;
  logic [25:0]        slope_q;
  logic [15:0]        scale_q;
  logic [511:0]       q_lo [0:7];
  logic [511:0]       q_hi [0:7];

  always_ff @(posedge clk_i) begin
    if (hdr_we_i) begin
      pos_q   <= hdr_i[19:0];
      shift_q <= hdr_i[43:32];
      vref_q  <= hdr_i[71:64];
      bias_q  <= hdr_i[118:96];
      slope_q <= hdr_i[153:128];
      scale_q <= hdr_i[175:160];
    end
    if (q_lo_we_i) q_lo[q_addr_i] <= q_i[511:0];
    if (q_hi_we_i) q_hi[q_addr_i] <= q_i[1023:512];
  end

  // ------------------------------------------------------------------------------------------
  // Operands: stage A reads P, stage B shifts it and reads the query, stage C multiplies.
  // ------------------------------------------------------------------------------------------
  logic [23:0]        p_mem [0:127];
  logic [23:0]        p, p_b_q, p_c_q, exp_p_q;
  logic [1023:0]      q_c_q;
  logic signed [35:0] s;
  logic [64*39-1:0]   shadow;

  wire signed [8:0] ahead = {vexp_b_i[7], vexp_b_i} - {vref_q[7], vref_q};
  wire [4:0]        down  = ahead[8] ? 5'd0 : (ahead[7:5] != 3'd0) ? 5'd31 : ahead[4:0];

  always_ff @(posedge clk_i) begin
    if (p_we_i) p_mem[p_waddr_i] <= p;
    if (exp_read_i) exp_p_q <= p_mem[exp_addr_i];
    p_b_q <= p_mem[p_addr_a_i];
    p_c_q <= v_b_i ? p_b_q >> down : 24'd0;
    if (k_not_b_i) q_c_q <= 1024'd0;
    else q_c_q <= {q_hi[line_b_i], q_lo[line_b_i]};
  end

  assign exp_p_o = exp_p_q;

  attn_mac u_mac (
    .clk_i   (clk_i),
    .kv8_i   (kv8_i),
    .q_i     (q_c_q),
    .p_i     (p_c_q),
    .byte_i  (beat_c_i),
    .s_o     (s),
    .first_i (mac_first_i),
    .copy_i  (mac_copy_i),
    .shadow_o(shadow)
  );

  // ------------------------------------------------------------------------------------------
  // Scores: lines of a key added up, then y.
  // ------------------------------------------------------------------------------------------
  logic signed [39:0] s_q;
  logic signed [21:0] y, max_q;
  logic               see;

  always_ff @(posedge clk_i) begin
    if (s_valid_i) s_q <= (s_first_i ? 40'sd0 : s_q) + {{4{s[35]}}, s};
  end

  attn_score #(
    .Alibi(Alibi)
  ) u_score (
    .clk_i   (clk_i),
    .shift_i (shift_q),
    .scale_i (scale_q),
    .bias_i  (bias_q),
    .slope_i (slope_q),
    .pos_i   (pos_q),
    .window_i(window_i),
    .causal_i(causal_i),
    .s_i     (s_q),
    .kexp_i  (score_kexp_i),
    .key_i   (score_key_i),
    .bit_i   (score_bit_i),
    .y_o     (y),
    .see_o   (see)
  );

  // ------------------------------------------------------------------------------------------
  // P: straight on for the sigmoid alone, out of the buffer otherwise.
  // ------------------------------------------------------------------------------------------
  logic [22:0] prob_in;

  if (HasSoftmax) begin : g_buffer
    logic [22:0] y_mem [0:Keys-1];
    logic [22:0] y_rd_q;
    logic [43:0] total_q;
    always_ff @(posedge clk_i) begin
      if (y_valid_i) y_mem[y_addr_i] <= {see, y};
      y_rd_q <= y_mem[yrd_addr_i];
      if (start_i) max_q <= 22'sh20_0000;
      else if (y_valid_i && see && y > max_q) max_q <= y;
      if (start_i) total_q <= '0;
      else if (p_we_i && !sigmoid_i) total_q <= total_q + {20'd0, p};
    end
    assign prob_in = y_rd_q;
    assign total_o = total_q;
  end else begin : g_straight
    assign prob_in = {see, y};
    assign max_q   = '0;
    assign total_o = '0;
    wire unused = &{1'b0, start_i, y_valid_i, y_addr_i, yrd_addr_i};
  end

  attn_prob #(
    .Modes(Modes)
  ) u_prob (
    .clk_i    (clk_i),
    .sigmoid_i(sigmoid_i),
    .max_i    (max_q),
    .y_i      (prob_in[21:0]),
    .see_i    (prob_in[22]),
    .p_o      (p)
  );

  // ------------------------------------------------------------------------------------------
  // Sums: one element a cycle from the shadow into memory. r1: lanes. r2: one value. r3: written.
  // ------------------------------------------------------------------------------------------
  logic [63:0]        acc_mem [0:255];
  logic [63:0]        acc_rd_q;
  logic signed [38:0] even_q, odd_q;
  logic signed [47:0] value_q;
  logic [63:0]        acc_next;

  // Bit b of all even (odd) lanes side by side, so that a lane number selects.
  logic [38:0] even_pick, odd_pick;
  for (genvar b = 0; b < 39; b++) begin : g_pick
    wire [31:0] even_bits, odd_bits;
    for (genvar i = 0; i < 32; i++) begin : g_bit
      assign even_bits[i] = shadow[39*2*i+b];
      assign odd_bits[i]  = shadow[39*(2*i+1)+b];
    end
    assign even_pick[b] = even_bits[red_lane_i];
    assign odd_pick[b]  = odd_bits[red_lane_i];
  end

  assign acc_next = (red_first2_i ? 64'd0 : acc_rd_q) + {{16{value_q[47]}}, value_q};

  always_ff @(posedge clk_i) begin
    even_q  <= even_pick;
    odd_q   <= odd_pick;
    value_q <= !red_kv8_i   ? {{9{even_q[38]}}, even_q} + {odd_q[38], odd_q, 8'd0}
               : red_odd1_i ? {{9{odd_q[38]}}, odd_q} : {{9{even_q[38]}}, even_q};
    if (rd_en_i) acc_rd_q <= acc_mem[rd_addr_i];
    if (red_we2_i) acc_mem[red_addr2_i] <= acc_next;
  end

  assign sum_o = acc_rd_q;

  wire unused = &{1'b0, hdr_i[31:20], hdr_i[63:44], hdr_i[95:72], hdr_i[127:119],
                  hdr_i[159:154], hdr_i[191:176]};

endmodule
