// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Properties of an AXI4 read master with one ID that issues INCR bursts of whole beats.
//
// Asserted of the master: a request stands still until it is taken; address on a beat boundary; at most
// MaxBeats beats; never across 4 KB; at most MaxOut bursts in flight; rready high whenever a beat may come.
// Assumed of the memory (Env = 1): nothing before a request; each burst answered once, in order, with
// rlast on its last beat and only there; with Patience > 0 also that arready and the next beat come
// within that many cycles.
//
// Ports: the bus; owed_o, beats of the taken bursts still to come; bursts_o, bursts not wholly answered.

module faxi_read_master #(
  parameter int BytesW   = 3,
  parameter int MaxBeats = 4,
  parameter int MaxOut   = 2,
  parameter int Env      = 1,
  parameter int Patience = 0,
  parameter int RReady   = 1
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        arvalid_i,
  input  logic        arready_i,
  input  logic [63:0] araddr_i,
  input  logic [7:0]  arlen_i,
  input  logic        rvalid_i,
  input  logic        rready_i,
  input  logic        rlast_i,
  output logic [15:0] owed_o,
  output logic [7:0]  bursts_o
);

  // Beats to come of each burst in flight, oldest lowest.
  logic [9*MaxOut-1:0] left_q, left_d;
  logic [7:0]          bursts_q, bursts_d;
  logic [7:0]          arwait_q, rwait_q;
  logic                past_q = 1'b0;

  wire ar = arvalid_i && arready_i;
  wire r  = rvalid_i && rready_i;

  always_comb begin : p_next
    left_d   = left_q;
    bursts_d = bursts_q;
    if (r) begin
      if (rlast_i) begin
        left_d   = {9'd0, left_q[9*MaxOut-1:9]};
        if (MaxOut == 1) left_d = '0;
        bursts_d = bursts_q - 8'd1;
      end else begin
        left_d[8:0] = left_q[8:0] - 9'd1;
      end
    end
    if (ar) begin
      for (int i = 0; i < MaxOut; i++) begin
        if (bursts_d == 8'(i)) left_d[9*i +: 9] = {1'b0, arlen_i} + 9'd1;
      end
      bursts_d = bursts_d + 8'd1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      left_q   <= '0;
      bursts_q <= '0;
      arwait_q <= '0;
      rwait_q  <= '0;
    end else begin
      left_q   <= left_d;
      bursts_q <= bursts_d;
      arwait_q <= (arvalid_i && !arready_i) ? arwait_q + 8'd1 : 8'd0;
      rwait_q  <= (bursts_q != '0 && !rvalid_i) ? rwait_q + 8'd1 : 8'd0;
    end
  end

  logic [15:0] owed;
  always_comb begin : p_owed
    owed = '0;
    for (int i = 0; i < MaxOut; i++) owed = owed + {7'd0, left_q[9*i +: 9]};
  end
  assign owed_o   = owed;
  assign bursts_o = bursts_q;

  localparam int PageW = 12 - BytesW;
  wire [12:0] burst_end = {1'b0, 12'(araddr_i[11:BytesW])} + {5'd0, arlen_i};  // last beat, in beats

  always @(posedge clk_i) begin
    past_q <= 1'b1;
    if (past_q && rst_ni) begin
      // the ledger itself, for induction
      assert (bursts_q <= 8'(MaxOut));
      for (int i = 0; i < MaxOut; i++) begin
        if (bursts_q > 8'(i)) assert (left_q[9*i +: 9] != '0 && left_q[9*i +: 9] <= 9'(MaxBeats));
        else assert (left_q[9*i +: 9] == '0);
      end
      // the master
      if ($past(rst_ni && arvalid_i && !arready_i)) begin
        assert (arvalid_i);
        assert (araddr_i == $past(araddr_i));
        assert (arlen_i == $past(arlen_i));
      end
      if (arvalid_i) begin
        assert (araddr_i[BytesW-1:0] == '0);
        assert ({1'b0, arlen_i} < 9'(MaxBeats));
        assert (burst_end < 13'(1 << PageW));
        assert (bursts_q < 8'(MaxOut));
      end
      if (RReady != 0 && bursts_q != '0) assert (rready_i);
      // the memory
      if (Env != 0) begin
        if (rvalid_i) begin
          assume (bursts_q != '0);
          assume (rlast_i == (left_q[8:0] == 9'd1));
        end
        if (Patience != 0) begin
          assert (arwait_q <= 8'(Patience));
          assert (rwait_q <= 8'(Patience));
          if (arwait_q >= 8'(Patience) && arvalid_i) assume (arready_i);
          if (rwait_q >= 8'(Patience) && bursts_q != '0) assume (rvalid_i);
        end
      end
    end
  end

endmodule
