// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Register slice: cuts every combinational path between two valid/ready sides at full throughput.
//
// Parameters: Width, bits of the payload.
// Latency: one cycle. ready_o, valid_o and data_o are registers.

module skid_buffer #(
  parameter int Width = 8
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             valid_i,
  output logic             ready_o,
  input  logic [Width-1:0] data_i,
  output logic             valid_o,
  input  logic             ready_i,
  output logic [Width-1:0] data_o
);

  logic             valid_q, full_q;  // full_q: the spare register holds the younger entry
  logic [Width-1:0] data_q, spare_q;

  assign ready_o = !full_q;
  assign valid_o = valid_q;
  assign data_o  = data_q;

  always_ff @(posedge clk_i) begin
    if (!full_q) spare_q <= data_i;
    if (!valid_q || ready_i) data_q <= full_q ? spare_q : data_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      full_q  <= 1'b0;
    end else if (!valid_q || ready_i) begin
      valid_q <= full_q || valid_i;
      full_q  <= 1'b0;
    end else if (valid_i) begin
      full_q <= 1'b1;
    end
  end

`ifdef FORMAL
  // One word, picked at any moment, is followed through: it leaves once, unchanged, in order.
  logic past_q = 1'b0;
`ifdef PROVE_SKID
  (* anyseq *) logic f_pick;
  logic             f_held_q, f_ahead_q;
  logic [1:0]       f_count_q;
  logic [Width-1:0] f_word_q;
  wire              f_push = valid_i && ready_o;
  wire              f_pop  = valid_o && ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      f_held_q  <= 1'b0;
      f_count_q <= '0;
    end else begin
      f_count_q <= f_count_q + 2'(f_push) - 2'(f_pop);
      if (f_push && f_pick && !f_held_q) begin
        f_held_q  <= 1'b1;
        f_word_q  <= data_i;
        f_ahead_q <= valid_o && !f_pop;
      end else if (f_held_q && f_pop) begin
        f_held_q  <= f_ahead_q;
        f_ahead_q <= 1'b0;
      end
    end
  end
`endif
  always_ff @(posedge clk_i) begin
    past_q <= 1'b1;
`ifdef PROVE_SKID
    if (!past_q) assume (!rst_ni);
`endif
    if (past_q && rst_ni) begin
      assert (!full_q || valid_q);
      if ($past(rst_ni && valid_o && !ready_i)) begin
        assert (valid_o);
        assert (data_o == $past(data_o));
      end
`ifdef PROVE_SKID
      assert (f_count_q == {1'b0, valid_q} + {1'b0, full_q});
      if ($past(rst_ni && f_push)) assert (valid_o);
      if (f_held_q) begin
        assert (valid_q && (!f_ahead_q || full_q));
        assert ((f_ahead_q ? spare_q : data_q) == f_word_q);
      end
`endif
    end
  end
`endif

endmodule
