// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// One lane for a small FPGA: a main word at a time, one coefficient times one LFSR state a cycle, all codecs with one
// multiplier, exact modulo 2^64. The same sums as lane.sv, in 24 cycles for a seedlm4 word where that takes one.
//
// With q a coefficient, X a 16-bit number and s a shift, each weight is (sum_p q_p X_p) << s:
//
//   seedlm4, seedlm3   q_p the coefficients, X_p = state - 2^15 (one LFSR step a cycle), s = f
//   int4               q the nibble, X = the signed mantissa of the group's scale, s = its exponent
//   fp16               q = 1, X = the signed mantissa of the weight, s = its exponent
//
// Parameters: Codecs, mask of the codecs built in.
// Ports
//   clear_i           the sum starts anew
//   start_i           take word_i, side_i (lane.sv's), codec_i; only while ready_o
//   ready_o           the last step of a word, or nothing to do
//   act_index_o       activation within the slot that act_i must bring one cycle later
//   step_o            a product is formed in this cycle; idle_o: nothing is on its way to sum_o
//   sum_o             all words since clear_i
// Latency: C * P cycles a word, 4 cycles from its last step until sum_o has it.

module serial_lane #(
  parameter logic [3:0] Codecs = 4'b1111
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               clear_i,
  input  logic               start_i,
  output logic               ready_o,
  input  logic [1:0]         codec_i,
  input  logic [31:0]        word_i,
  input  logic [15:0]        side_i,
  output logic [3:0]         act_index_o,
  input  logic signed [15:0] act_i,
  output logic               step_o,
  output logic               idle_o,
  output logic [63:0]        sum_o
);

  localparam bit Seeds = Codecs[2] || Codecs[3];
  localparam bit Halfs = Codecs[0] || Codecs[1];

  logic               busy_q;
  logic [1:0]         codec_q;
  logic [15:0]        state_q;         // LFSR, or the weights of int4 and fp16 to come, low
  logic [15:0]        q_q;             // coefficients in turn, lowest first; int4, fp16: the weights to come, high
  logic [3:0]         f_q;
  logic [15:0]        scale_q;
  logic [3:0]         c_q;             // weight within the word
  logic [1:0]         p_q;             // coefficient

  wire is_seed  = Seeds && (!Halfs || codec_q[1]);
  wire is_int4  = Codecs[1] && codec_q == seedbed_pkg::CodecInt4;
  wire is_three = Codecs[3] && codec_q == seedbed_pkg::CodecSeedlm3;
  wire [1:0] last_p = is_seed ? (is_three ? 2'd3 : 2'd2) : 2'd0;
  wire [3:0] last_c = is_seed ? (is_three ? 4'd11 : 4'd7) : (is_int4 ? 4'd7 : 4'd1);
  wire end_p    = p_q == last_p;
  wire end_word = end_p && c_q == last_c;

  assign ready_o     = !busy_q || end_word;
  assign step_o      = busy_q;
  assign act_index_o = c_q;

  // ------------------------------------------------------------------------------------------
  // The number and the coefficient of this cycle.
  // ------------------------------------------------------------------------------------------
  wire [15:0] state = {state_q[0] ^ state_q[1] ^ state_q[3] ^ state_q[12], state_q[15:1]};
  wire [15:0] half  = is_int4 ? scale_q : state_q;
  wire signed [11:0] mant = $signed({1'b0, half[14:10] != 5'd0, half[9:0]});
  wire signed [11:0] signed_mant = half[15] ? -mant : mant;

  wire signed [15:0] x = is_seed ? {~state[15], state[14:0]} : {{4{signed_mant[11]}}, signed_mant};
  wire [3:0]         q = is_seed ? q_q[3:0] : is_int4 ? state_q[3:0] : 4'd1;
  wire [4:0]         s = is_seed ? {1'b0, f_q} : (half[14:10] == 5'd0) ? 5'd0 : half[14:10] - 5'd1;

  wire signed [21:0] xw   = {{6{x[15]}}, x};
  wire signed [21:0] term = (xw & {22{q[0]}}) + ((xw <<< 1) & {22{q[1]}}) + ((xw <<< 2) & {22{q[2]}})
                            - ((xw <<< 3) & {22{q[3]}});

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
    end else if (start_i) begin
      busy_q <= 1'b1;
    end else if (end_word) begin
      busy_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      codec_q <= codec_i;
      state_q <= word_i[15:0];
      q_q     <= (codec_i[1] && Seeds) ? {side_i[3:0], word_i[31:20]} : word_i[31:16];
      f_q     <= word_i[19:16];
      scale_q <= side_i;
      c_q     <= 4'd0;
      p_q     <= 2'd0;
    end else if (busy_q) begin
      p_q <= end_p ? 2'd0 : p_q + 2'd1;
      if (end_p) c_q <= c_q + 4'd1;
      if (is_seed) begin
        state_q <= state;
        // Round and round: P nibbles.
        q_q <= is_three ? {q_q[3:0], q_q[15:4]} : {4'd0, q_q[3:0], q_q[11:4]};
      end else if (is_int4) begin
        {q_q, state_q} <= {4'd0, q_q, state_q[15:4]};
      end else begin
        state_q <= q_q;
      end
    end
  end

  // ------------------------------------------------------------------------------------------
  // Weight, product, shift, sum: a stage each.
  // ------------------------------------------------------------------------------------------
  logic signed [21:0] part_q, w1_q;    // |sum q X| <= 4 * 8 * 2^15
  logic signed [37:0] prod2_q;
  logic [4:0]         s1_q, s2_q;
  logic [63:0]        shift3_q, sum_q;
  logic               valid1_q, valid2_q, valid3_q;

  wire signed [21:0] part = ((p_q == 2'd0) ? 22'sd0 : part_q) + term;

  always_ff @(posedge clk_i) begin
    part_q   <= part;
    w1_q     <= part;
    s1_q     <= s;
    prod2_q  <= w1_q * act_i;
    s2_q     <= s1_q;
    shift3_q <= {{26{prod2_q[37]}}, prod2_q} << s2_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid1_q <= 1'b0;
      valid2_q <= 1'b0;
      valid3_q <= 1'b0;
      sum_q    <= 64'd0;
    end else begin
      valid1_q <= busy_q && end_p;
      valid2_q <= valid1_q;
      valid3_q <= valid2_q;
      if (clear_i) sum_q <= 64'd0;
      else if (valid3_q) sum_q <= sum_q + shift3_q;
    end
  end

  assign idle_o = !busy_q && !valid1_q && !valid2_q && !valid3_q;
  assign sum_o  = sum_q;

  wire unused = &{1'b0, Halfs, f_q, scale_q};

endmodule
