// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// A number of cycles of delay: q_o is d_i, N cycles later (N = 0: a wire).

module delay #(
  parameter int Width = 1,
  parameter int N     = 1
) (
  input  logic             clk_i,
  input  logic [Width-1:0] d_i,
  output logic [Width-1:0] q_o
);

  if (N == 0) begin : g_wire
    assign q_o = d_i;
    wire unused = clk_i;
  end else begin : g_line
    logic [N*Width-1:0] line_q;
    if (N == 1) begin : g_one
      always_ff @(posedge clk_i) line_q <= d_i;
    end else begin : g_more
      always_ff @(posedge clk_i) line_q <= {line_q[(N-1)*Width-1:0], d_i};
    end
    assign q_o = line_q[N*Width-1 -: Width];
  end

endmodule
