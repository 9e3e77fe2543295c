// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Properties of an AXI4-Lite slave that holds at most Held requests a channel and two answers.
//
// Assumed of the master (Env = 1): AW, W and AR stand still until taken.
// Asserted of the slave: B and R stand still until taken; every taken write (address and data) is
// answered exactly once, every taken read exactly once, none without a request; when the master takes
// answers at once, the answer comes within Bound cycles and a new request is accepted within Bound.

module faxil_slave #(
  parameter int AddrW = 12,
  parameter int Bound = 3,
  parameter int Env   = 1
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             awvalid_i,
  input  logic             awready_i,
  input  logic [AddrW-1:0] awaddr_i,
  input  logic             wvalid_i,
  input  logic             wready_i,
  input  logic [31:0]      wdata_i,
  input  logic [3:0]       wstrb_i,
  input  logic             bvalid_i,
  input  logic             bready_i,
  input  logic [1:0]       bresp_i,
  input  logic             arvalid_i,
  input  logic             arready_i,
  input  logic [AddrW-1:0] araddr_i,
  input  logic             rvalid_i,
  input  logic             rready_i,
  input  logic [31:0]      rdata_i,
  input  logic [1:0]       rresp_i,
  output logic [2:0]       aws_o,
  output logic [2:0]       ws_o,
  output logic [2:0]       ars_o
);

  logic [2:0] aws_q, ws_q, ars_q;      // taken, not answered
  logic [2:0] bwait_q, rwait_q, awwait_q, wwait_q, arwait_q;
  logic       past_q = 1'b0;

  wire aw = awvalid_i && awready_i;
  wire w  = wvalid_i && wready_i;
  wire b  = bvalid_i && bready_i;
  wire ar = arvalid_i && arready_i;
  wire r  = rvalid_i && rready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      aws_q    <= '0;
      ws_q     <= '0;
      ars_q    <= '0;
      bwait_q  <= '0;
      rwait_q  <= '0;
      awwait_q <= '0;
      wwait_q  <= '0;
      arwait_q <= '0;
    end else begin
      aws_q    <= aws_q + 3'(aw) - 3'(b);
      ws_q     <= ws_q + 3'(w) - 3'(b);
      ars_q    <= ars_q + 3'(ar) - 3'(r);
      bwait_q  <= (aws_q != '0 && ws_q != '0 && !bvalid_i) ? bwait_q + 3'd1 : 3'd0;
      rwait_q  <= (ars_q != '0 && !rvalid_i) ? rwait_q + 3'd1 : 3'd0;
      // a write channel may wait for the other one; only then or behind an answer not taken
      awwait_q <= (awvalid_i && !awready_i && (ws_q != '0) && !(bvalid_i && !bready_i)) ? awwait_q + 3'd1 : 3'd0;
      wwait_q  <= (wvalid_i && !wready_i && (aws_q != '0) && !(bvalid_i && !bready_i)) ? wwait_q + 3'd1 : 3'd0;
      arwait_q <= (arvalid_i && !arready_i && !(rvalid_i && !rready_i)) ? arwait_q + 3'd1 : 3'd0;
    end
  end

  assign aws_o = aws_q;
  assign ws_o  = ws_q;
  assign ars_o = ars_q;

  always @(posedge clk_i) begin
    past_q <= 1'b1;
    if (past_q && rst_ni) begin
      if (Env != 0) begin
        if ($past(rst_ni && awvalid_i && !awready_i)) assume (awvalid_i && awaddr_i == $past(awaddr_i));
        if ($past(rst_ni && wvalid_i && !wready_i)) begin
          assume (wvalid_i && wdata_i == $past(wdata_i) && wstrb_i == $past(wstrb_i));
        end
        if ($past(rst_ni && arvalid_i && !arready_i)) assume (arvalid_i && araddr_i == $past(araddr_i));
      end
      if ($past(rst_ni && bvalid_i && !bready_i)) assert (bvalid_i && bresp_i == $past(bresp_i));
      if ($past(rst_ni && rvalid_i && !rready_i)) begin
        assert (rvalid_i && rdata_i == $past(rdata_i) && rresp_i == $past(rresp_i));
      end
      if (bvalid_i) assert (aws_q != '0 && ws_q != '0);
      if (rvalid_i) assert (ars_q != '0);
      assert (aws_q <= 3'd2 && ws_q <= 3'd2 && ars_q <= 3'd2);
      assert (bwait_q <= 3'(Bound) && rwait_q <= 3'(Bound));
      assert (awwait_q <= 3'(Bound) && wwait_q <= 3'(Bound) && arwait_q <= 3'(Bound));
    end
  end

endmodule
