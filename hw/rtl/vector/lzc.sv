// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Leading zeros of a word, by halving.
//
// Parameters: Width, 2..128; CountW derived, do not set.
// Ports: count_o is the number of zeros above the highest one, and meaningless when d_i is 0.
// Latency: none.

module lzc #(
  parameter int Width  = 32,
  parameter int CountW = $clog2(Width)
) (
  input  logic [Width-1:0]  d_i,
  output logic [CountW-1:0] count_o
);

  localparam int Full = 1 << CountW;

  always_comb begin : p_count
    logic [Full-1:0] x;
    x = {d_i, {(Full - Width) {1'b0}}};
    count_o = '0;
    for (int k = CountW - 1; k >= 0; k--) begin
      if ((x >> (Full - (1 << k))) == '0) begin
        count_o[k] = 1'b1;
        x = x << (1 << k);
      end
    end
  end

endmodule
