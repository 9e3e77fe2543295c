// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// What QUANTIZE_Q does to words on their way from memory to a pass (docs/numerics.md section 6.1), and the keys
// that a query can see.
//
//   V exponents e   a word of four becomes the largest 127 - e of the keys that the query sees, 0 if it sees none: a
//                   magnitude, whose maximum over all lines is 127 - e_ref
//   a header        words 0, 1 and 2 become the position, shift + k, e_ref
//
// Parameters: Lanes.
// Ports
//   pos_i, last_i   position of the query; the last key that it could see
//   window_valid_i  pulse: window_i is its window (0: none)
//   skip_o, lines_o lines of exponents before the first that it sees, and how many it sees (from window_valid_i on)
//   least_valid_i   pulse: key_i is 127 - e_ref
//   k_i             exponent of the query
//   start_i         pulse: a load begins; exps_i, head_i (stand still): it brings exponents, a header
//   take_i          pulse: a chunk is taken;  data_i, data_o   the chunk
// Latency: none for the data.

module vec_query #(
  parameter int Lanes = 16
) (
  input  logic                clk_i,
  input  logic [19:0]         pos_i,
  input  logic [19:0]         last_i,
  input  logic                window_valid_i,
  input  logic [31:0]         window_i,
  output logic [13:0]         skip_o,
  output logic [14:0]         lines_o,
  input  logic                least_valid_i,
  input  logic [7:0]          key_i,
  input  logic [8:0]          k_i,
  input  logic                start_i,
  input  logic                exps_i,
  input  logic                head_i,
  input  logic                take_i,
  input  logic [32*Lanes-1:0] data_i,
  output logic [32*Lanes-1:0] data_o
);

  // The first key, and e_ref.
  logic [19:0] first_q;
  logic [7:0]  least_q;
  always_ff @(posedge clk_i) begin
    if (window_valid_i) first_q <= (window_i != '0 && 32'(pos_i) >= window_i) ? pos_i - window_i[19:0] + 20'd1 : '0;
    if (least_valid_i) least_q <= 8'd127 - key_i;
  end
  assign skip_o  = first_q[19:6];
  assign lines_o = {1'b0, last_i[19:6]} - {1'b0, first_q[19:6]} + 15'd1;

  // Where the chunk is: word in its line, line.
  logic [3:0]  word_q;
  logic [14:0] line_q;
  wire         line_end = 32'(word_q) + Lanes >= 16;
  always_ff @(posedge clk_i) begin
    if (start_i) begin
      word_q <= '0;
      line_q <= '0;
    end else if (take_i) begin
      word_q <= word_q + 4'(Lanes);  // 16 lanes: a line a chunk
      if (line_end) line_q <= line_q + 15'd1;
    end
  end
  wire       is_first = line_q == '0;
  wire       is_last  = line_q + 15'd1 == lines_o;
  wire [5:0] from     = is_first ? first_q[5:0] : 6'd0;
  wire [5:0] to       = is_last ? last_i[5:0] : 6'd63;

  for (genvar i = 0; i < Lanes; i++) begin : g_lane
    wire [3:0]  word = word_q + 4'(i);
    wire [31:0] d    = data_i[32*i +: 32];
    logic [31:0] apart;
    for (genvar b = 0; b < 4; b++) begin : g_byte
      wire [5:0] at  = {word, 2'(b)};
      wire       see = at >= from && at <= to;
      // 127 - e of a signed byte is its complement with the top bit as it was.
      assign apart[8*b +: 8] = see ? {d[8*b+7], ~d[8*b +: 7]} : 8'd0;
    end
    wire [7:0]  low   = (apart[7:0] > apart[15:8]) ? apart[7:0] : apart[15:8];
    wire [7:0]  high  = (apart[23:16] > apart[31:24]) ? apart[23:16] : apart[31:24];
    wire [7:0]  most  = (low > high) ? low : high;
    wire [31:0] named = (word == 4'd0) ? {12'd0, pos_i}
                        : (word == 4'd1) ? d + {{23{k_i[8]}}, k_i}
                        : (word == 4'd2) ? {{24{least_q[7]}}, least_q} : d;
    assign data_o[32*i +: 32] = exps_i ? {24'd0, most} : head_i ? named : d;
  end

endmodule
