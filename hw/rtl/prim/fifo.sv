// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// FIFO with a synchronous-read memory (block RAM or LUT RAM) and a registered output.
//
// Parameters
//   Width   bits of an entry
//   Depth   entries of the memory, a power of two; the output register holds one more
//   LevelW  derived, do not set
// Ports: valid/ready on both sides; level_o counts every entry held; clear_i empties it in one cycle.
// Latency: two cycles from valid_i to valid_o when empty. One entry a cycle both ways.

module fifo #(
  parameter int Width  = 8,
  parameter int Depth  = 16,
  parameter int LevelW = $clog2(Depth + 2)
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              clear_i,
  input  logic              valid_i,
  output logic              ready_o,
  input  logic [Width-1:0]  data_i,
  output logic              valid_o,
  input  logic              ready_i,
  output logic [Width-1:0]  data_o,
  output logic [LevelW-1:0] level_o
);

  localparam int AddrW = $clog2(Depth);

  initial if (Depth < 2 || Depth != (1 << AddrW)) $fatal(1, "fifo: Depth must be a power of two");

  logic [Width-1:0]  mem [0:Depth-1];
  logic [Width-1:0]  data_q;
  logic [AddrW-1:0]  wptr_q, rptr_q;
  logic [LevelW-1:0] held_q;  // entries in the memory
  logic              valid_q;

  wire push = valid_i && ready_o;
  wire pull = held_q != '0 && (!valid_q || ready_i);  // memory to output register

  assign ready_o = held_q != LevelW'(Depth);
  assign valid_o = valid_q;
  assign data_o  = data_q;
  assign level_o = held_q + {{(LevelW - 1) {1'b0}}, valid_q};

  always_ff @(posedge clk_i) begin
    if (push) mem[wptr_q] <= data_i;
  end

  always_ff @(posedge clk_i) begin
    if (pull) data_q <= mem[rptr_q];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      wptr_q  <= '0;
      rptr_q  <= '0;
      held_q  <= '0;
      valid_q <= 1'b0;
    end else begin
      if (push) wptr_q <= wptr_q + 1'b1;
      if (pull) rptr_q <= rptr_q + 1'b1;
      if (push && !pull) held_q <= held_q + 1'b1;
      if (pull && !push) held_q <= held_q - 1'b1;
      if (pull) valid_q <= 1'b1;
      else if (ready_i) valid_q <= 1'b0;
    end
  end

`ifdef FORMAL
  logic past_q = 1'b0;
  always_ff @(posedge clk_i) begin
    past_q <= 1'b1;
    if (!past_q) assume (!rst_ni);
    if (past_q && rst_ni) begin
      assert (held_q <= LevelW'(Depth));
      assert (AddrW'(wptr_q - rptr_q) == held_q[AddrW-1:0]);
      if ($past(rst_ni && !clear_i && valid_o && !ready_i)) begin
        assert (valid_o);
        assert (data_o == $past(data_o));
      end
    end
  end
`endif

endmodule
