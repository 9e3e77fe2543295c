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
  // One word, picked at any moment, is followed from its entry to its exit: it leaves once, unchanged,
  // after exactly the words that were there before it. Unbounded by induction.
  logic past_q = 1'b0;
`ifdef PROVE_FIFO
  (* anyseq *) logic f_pick;
  logic              f_held_q;   // the picked word is inside
  logic [LevelW-1:0] f_ahead_q;  // words inside that leave before it
  logic [LevelW-1:0] f_count_q;  // words that came and have not left
  logic [Width-1:0]  f_word_q;
  wire [AddrW-1:0]   f_at  = rptr_q + f_ahead_q[AddrW-1:0] - AddrW'(valid_q);
  wire               f_pop = valid_o && ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      f_held_q  <= 1'b0;
      f_count_q <= '0;
    end else begin
      f_count_q <= f_count_q + LevelW'(push) - LevelW'(f_pop);
      if (push && f_pick && !f_held_q) begin
        f_held_q  <= 1'b1;
        f_word_q  <= data_i;
        f_ahead_q <= f_count_q - LevelW'(f_pop);
      end else if (f_held_q && f_pop) begin
        if (f_ahead_q == '0) f_held_q <= 1'b0;
        else f_ahead_q <= f_ahead_q - 1'b1;
      end
    end
  end
`endif
  always_ff @(posedge clk_i) begin
    past_q <= 1'b1;
`ifdef PROVE_FIFO
    if (!past_q) assume (!rst_ni);
`endif
    if (past_q && rst_ni) begin
      assert (held_q <= LevelW'(Depth));
      assert (AddrW'(wptr_q - rptr_q) == held_q[AddrW-1:0]);
      if ($past(rst_ni && !clear_i && valid_o && !ready_i)) begin
        assert (valid_o);
        assert (data_o == $past(data_o));
      end
`ifdef PROVE_FIFO
      assert (level_o == f_count_q);
      assert (ready_o || f_count_q >= LevelW'(Depth));
      if ($past(rst_ni && !clear_i && held_q != '0)) assert (valid_o);
      if (f_held_q) begin
        assert (f_ahead_q < level_o);
        if (f_ahead_q == '0 && valid_o) assert (data_o == f_word_q);
        else assert (mem[f_at] == f_word_q);
      end
`endif
    end
  end
`endif

endmodule
