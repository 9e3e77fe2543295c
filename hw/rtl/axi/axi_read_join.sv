// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Two axi_read at one AXI4 read channel: the first goes before the second.
//
// One ID: data come back in the order of the bursts, so a queue of whose each was says where a beat belongs. Both
// are always ready for beats.
//
// Parameters: Outstanding, bursts in flight at most, of both together.
// Ports
//   a_*, b_*   the two, a first: AR in, what belongs to it of R out (data, resp and last are the same for both)
//   arvalid_o .. rlast_i   the bus; araddr and arlen are those of the one whose turn sel_o says: 1 is b
// Latency: none.

module axi_read_join #(
  parameter int Outstanding = 16
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic a_arvalid_i,
  output logic a_arready_o,
  output logic a_rvalid_o,
  input  logic b_arvalid_i,
  output logic b_arready_o,
  output logic b_rvalid_o,

  output logic sel_o,
  output logic arvalid_o,
  input  logic arready_i,
  input  logic rvalid_i,
  input  logic rready_i,
  input  logic rlast_i
);

  localparam int PtrW = $clog2(Outstanding);
  localparam int Size = 1 << PtrW;

  logic [Size-1:0] whose_q;       // bit i: burst i is b's
  logic [PtrW-1:0] wptr_q, rptr_q;
  logic            held_q, sel_q; // an offer that was not taken stays
  wire             take = arvalid_o && arready_i;

  assign sel_o       = held_q ? sel_q : !a_arvalid_i;
  assign arvalid_o   = a_arvalid_i || b_arvalid_i;
  assign a_arready_o = arready_i && !sel_o;
  assign b_arready_o = arready_i && sel_o;
  assign a_rvalid_o  = rvalid_i && !whose_q[rptr_q];
  assign b_rvalid_o  = rvalid_i && whose_q[rptr_q];

  always_ff @(posedge clk_i) begin
    if (take) whose_q[wptr_q] <= sel_o;
    sel_q <= sel_o;
    if (!rst_ni) begin
      wptr_q <= '0;
      rptr_q <= '0;
      held_q <= 1'b0;
    end else begin
      if (take) wptr_q <= wptr_q + 1'b1;
      if (rvalid_i && rready_i && rlast_i) rptr_q <= rptr_q + 1'b1;
      held_q <= arvalid_o && !arready_i;
    end
  end

`ifdef FORMAL
`ifdef PROVE_READ_JOIN
  // Unbounded, as long as no more bursts are in flight than there is room for: a burst picked at any moment goes, after the
  // bursts before it and whole, to the one that asked for it; an offer on the bus stays as it is until it is taken.
  logic past_q = 1'b0;
  (* anyseq *) logic f_pick;
  logic [PtrW:0] f_out_q, f_ahead_q;   // bursts in flight; those before the picked one
  logic          f_has_q, f_whose_q;
  wire  [PtrW-1:0] f_at = rptr_q + f_ahead_q[PtrW-1:0];
  wire           f_end = rvalid_i && rready_i && rlast_i;
  always_ff @(posedge clk_i) begin
    past_q <= 1'b1;
    if (!past_q) assume (!rst_ni);
    if (!rst_ni) begin
      f_out_q <= '0;
      f_has_q <= 1'b0;
    end else begin
      f_out_q <= f_out_q + (PtrW+1)'(take) - (PtrW+1)'(f_end);
      if (take && f_pick && !f_has_q) begin
        f_has_q   <= 1'b1;
        f_whose_q <= b_arready_o;
        f_ahead_q <= f_out_q - (PtrW+1)'(f_end);
      end else if (f_has_q && f_end) begin
        if (f_ahead_q == '0) f_has_q <= 1'b0;
        else f_ahead_q <= f_ahead_q - 1'b1;
      end
    end
    if (rvalid_i) assume (f_out_q != '0);
    if (f_out_q == (PtrW+1)'(Outstanding)) assume (!arvalid_o || !arready_i);
    if (past_q && rst_ni) begin
      if ($past(rst_ni && a_arvalid_i && !a_arready_o)) assume (a_arvalid_i);
      if ($past(rst_ni && b_arvalid_i && !b_arready_o)) assume (b_arvalid_i);
      assert (PtrW'(wptr_q - rptr_q) == f_out_q[PtrW-1:0] && f_out_q <= (PtrW+1)'(Outstanding));
      assert (!(a_arready_o && b_arready_o) && (a_arready_o || b_arready_o) == arready_i);
      if (take) assert (sel_o ? b_arvalid_i : a_arvalid_i);
      if ($past(rst_ni && arvalid_o && !arready_i)) assert (arvalid_o && sel_o == $past(sel_o));
      if (held_q) assert (sel_q ? b_arvalid_i : a_arvalid_i);
      assert (!(a_rvalid_o && b_rvalid_o) && (a_rvalid_o || b_rvalid_o) == rvalid_i);
      if (f_has_q) assert (f_ahead_q < f_out_q && whose_q[f_at] == f_whose_q);
      if (f_has_q && f_ahead_q == '0 && rvalid_i) assert (b_rvalid_o == f_whose_q);
    end
  end
`endif
`endif

endmodule
