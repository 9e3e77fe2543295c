// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Stops the clock of a part that has nothing to do, for simulators: Verilator evaluates a part's registers, and what
// depends on them alone, only at an edge of their clock.
//
// Parameters
//   Enable  1 gates; 0 is a wire (FPGAs, proofs: clk_o is clk_i)
//   Hold    cycles that the clock goes on after on_i was last high: no fewer than the deepest pipeline without reset, so
//           that the part stops in the state in which it would stay
// Ports
//   on_i    level, from registers of clk_i's domain: the part works, or is offered something in this cycle
//   clk_o   has every edge of clk_i at the end of a cycle in which on_i is high, in reset, and Hold cycles after either
// Latency: none, the edge that ends a cycle with on_i is the first. The latch is open while clk_i is low.

module clock_gate #(
  parameter bit Enable = 1'b0,
  parameter int Hold   = 32
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic on_i,
  output logic clk_o
);

  if (Enable) begin : g_gate
    localparam int HoldW = $clog2(Hold + 1);

    logic [HoldW-1:0] left_q;
    logic             open;
    wire              now = on_i || !rst_ni;

    always_ff @(posedge clk_i) begin
      if (now) left_q <= HoldW'(Hold);
      else if (left_q != '0) left_q <= left_q - 1'b1;
    end

    always_latch if (!clk_i) open = now || left_q != '0;
    assign clk_o = clk_i && open;
  end else begin : g_wire
    assign clk_o = clk_i;
    wire unused = &{1'b0, rst_ni, on_i};
  end

endmodule
