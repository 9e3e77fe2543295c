// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Properties of an AXI4 write master with one ID that issues INCR bursts of whole beats.
//
// Asserted of the master: AW and W stand still until taken; address on a beat boundary; at most MaxBeats
// beats; never across 4 KB; wlast on the last beat of a burst and only there (bursts in the order of
// their addresses); at most MaxOut bursts without a response; bready high when a response may come.
// W may run ahead of AW by the one burst whose address is on offer (awvalid_i).
// Assumed of the memory (Env = 1): a response only after a burst's address and last beat; with
// Patience > 0 also awready, wready and the response within that many cycles.
//
// Ports: the bus; bursts_o, addresses taken and not answered; wbursts_o, those whose data are not all
// taken.

module faxi_write_master #(
  parameter int BytesW   = 3,
  parameter int MaxBeats = 4,
  parameter int MaxOut   = 2,
  parameter int Env      = 1,
  parameter int Patience = 0
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        awvalid_i,
  input  logic        awready_i,
  input  logic [63:0] awaddr_i,
  input  logic [7:0]  awlen_i,
  input  logic        wvalid_i,
  input  logic        wready_i,
  input  logic        wlast_i,
  input  logic [15:0] wcheck_i,
  input  logic        bvalid_i,
  input  logic        bready_i,
  output logic [7:0]  bursts_o,
  output logic [7:0]  wbursts_o
);

  // Lengths of the bursts offered or taken whose data are not all taken, oldest lowest. A burst enters
  // in the cycle in which its address is first offered.
  logic [9*(MaxOut+1)-1:0] len_q, len_d;
  logic [7:0]              lens_q, lens_d;
  logic [8:0]              beat_q;
  logic [7:0]              taken_q;   // addresses taken, not answered
  logic [7:0]              ended_q;   // last beats taken, not answered
  logic [7:0]              awwait_q, wwait_q, bwait_q;
  logic                    seen_q;    // the address on offer was offered before
  logic                    past_q = 1'b0;

  wire aw    = awvalid_i && awready_i;
  wire w     = wvalid_i && wready_i;
  wire b     = bvalid_i && bready_i;
  wire offer = awvalid_i && !seen_q;

  // What the beat on offer belongs to: the oldest known length, or the burst offered in this cycle.
  wire [8:0] len_now = (lens_q != '0) ? len_q[8:0] : {1'b0, awlen_i} + 9'd1;

  always_comb begin : p_next
    len_d  = len_q;
    lens_d = lens_q;
    if (offer) begin
      for (int i = 0; i <= MaxOut; i++) begin
        if (lens_q == 8'(i)) len_d[9*i +: 9] = {1'b0, awlen_i} + 9'd1;
      end
      lens_d = lens_q + 8'd1;
    end
    if (w && wlast_i) begin
      len_d  = {9'd0, len_d[9*(MaxOut+1)-1:9]};
      lens_d = lens_d - 8'd1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      len_q    <= '0;
      lens_q   <= '0;
      beat_q   <= '0;
      taken_q  <= '0;
      ended_q  <= '0;
      seen_q   <= 1'b0;
      awwait_q <= '0;
      wwait_q  <= '0;
      bwait_q  <= '0;
    end else begin
      len_q    <= len_d;
      lens_q   <= lens_d;
      if (w) beat_q <= wlast_i ? 9'd0 : beat_q + 9'd1;
      taken_q  <= taken_q + 8'(aw) - 8'(b);
      ended_q  <= ended_q + 8'(w && wlast_i) - 8'(b);
      seen_q   <= awvalid_i && !awready_i;
      awwait_q <= (awvalid_i && !awready_i) ? awwait_q + 8'd1 : 8'd0;
      wwait_q  <= (wvalid_i && !wready_i) ? wwait_q + 8'd1 : 8'd0;
      bwait_q  <= (taken_q != '0 && ended_q != '0 && !bvalid_i) ? bwait_q + 8'd1 : 8'd0;
    end
  end

  assign bursts_o  = taken_q;
  assign wbursts_o = lens_q;

  localparam int PageW = 12 - BytesW;
  wire [12:0] burst_end = {1'b0, 12'(awaddr_i[11:BytesW])} + {5'd0, awlen_i};

  always @(posedge clk_i) begin
    past_q <= 1'b1;
    if (past_q && rst_ni) begin
      if ($past(rst_ni && awvalid_i && !awready_i)) begin
        assert (awvalid_i);
        assert (awaddr_i == $past(awaddr_i));
        assert (awlen_i == $past(awlen_i));
      end
      if ($past(rst_ni && wvalid_i && !wready_i)) begin
        assert (wvalid_i);
        assert (wlast_i == $past(wlast_i));
        assert (wcheck_i == $past(wcheck_i));
      end
      if (awvalid_i) begin
        assert (awaddr_i[BytesW-1:0] == '0);
        assert ({1'b0, awlen_i} < 9'(MaxBeats));
        assert (burst_end < 13'(1 << PageW));
      end
      assert (taken_q + 8'(awvalid_i) <= 8'(MaxOut));
      if (wvalid_i) begin
        assert (lens_q != '0 || offer);
        assert (wlast_i == (beat_q + 9'd1 == len_now));
      end
      if (taken_q != '0 && ended_q != '0) assert (bready_i);
      if (Env != 0) begin
        if (bvalid_i) assume (taken_q != '0 && ended_q != '0);
        if (Patience != 0) begin
          assert (awwait_q <= 8'(Patience) && wwait_q <= 8'(Patience) && bwait_q <= 8'(Patience));
          if (awwait_q >= 8'(Patience) && awvalid_i) assume (awready_i);
          if (wwait_q >= 8'(Patience) && wvalid_i) assume (wready_i);
          if (bwait_q >= 8'(Patience) && taken_q != '0 && ended_q != '0) assume (bvalid_i);
        end
      end
    end
  end

endmodule
