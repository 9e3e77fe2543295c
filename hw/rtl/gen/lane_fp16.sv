// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Dot product of one fp16 word (two binary16 weights) with 2 activations, exact in 64 bits.
//
// Ports
//   en_i      advances the pipeline; stable while words are in it
//   word_i    bits 15..0: weight 0, bits 31..16: weight 1
//   act_i     the 2 activations of the word given one cycle before
//   addend_o  h(w0) a0 + h(w1) a1, h in units of 2^-24. Six cycles after word_i.

module lane_fp16 (
  input  logic        clk_i,
  input  logic        en_i,
  input  logic [31:0] word_i,
  input  logic [31:0] act_i,
  output logic [63:0] addend_o
);

  logic [31:0]        w1_q;
  logic signed [27:0] p2a_q, p2b_q, p3a_q, p3b_q;
  logic [4:0]         e2a_q, e2b_q, e3a_q, e3b_q;
  logic [63:0]        v4a_q, v4b_q, v5_q, v6_q;

  function automatic logic signed [27:0] product(input logic [15:0] h, input logic [15:0] a);
    logic signed [27:0] m;
    m = $signed({17'd0, h[14:10] != 5'd0, h[9:0]});
    product = (h[15] ? -m : m) * $signed({{12{a[15]}}, a});
  endfunction

  function automatic logic [4:0] left(input logic [4:0] e);
    left = (e == 5'd0) ? 5'd0 : e - 5'd1;
  endfunction

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      w1_q  <= word_i;
      p2a_q <= product(w1_q[15:0], act_i[15:0]);
      p2b_q <= product(w1_q[31:16], act_i[31:16]);
      e2a_q <= left(w1_q[14:10]);
      e2b_q <= left(w1_q[30:26]);
      p3a_q <= p2a_q;
      p3b_q <= p2b_q;
      e3a_q <= e2a_q;
      e3b_q <= e2b_q;
      v4a_q <= {{36{p3a_q[27]}}, p3a_q} << e3a_q;
      v4b_q <= {{36{p3b_q[27]}}, p3b_q} << e3b_q;
      v5_q  <= v4a_q + v4b_q;
      v6_q  <= v5_q;
    end
  end

  assign addend_o = v6_q;

endmodule
