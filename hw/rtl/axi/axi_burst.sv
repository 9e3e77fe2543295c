// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Cuts a request (address, beats) into AXI4 INCR bursts: at most MaxBurst beats, never across 4 KB.
//
// Parameters: BytesW = log2 of the bus width in bytes; MaxBurst beats, a power of two, at most 256;
// BeatsW, bits of a request's length.
// Ports
//   req_*     a request: address aligned to the bus, beats >= 1; req_last_i travels with it
//   go_i      a burst may be started (the caller has room for MaxBurst beats)
//   flush_i   forget what has not been offered yet
//   burst_*   AXI AR or AW; burst_last_o: last burst of a request whose req_last_i was set
//   start_o   pulse: a burst of start_beats_o beats will be offered from the next cycle on
// Latency: two cycles from request to burst; one burst every cycle.

module axi_burst #(
  parameter int BytesW   = 6,
  parameter int MaxBurst = 64,
  parameter int BeatsW   = 40
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              flush_i,
  input  logic              go_i,
  input  logic              req_valid_i,
  output logic              req_ready_o,
  input  logic [63:0]       req_addr_i,
  input  logic [BeatsW-1:0] req_beats_i,
  input  logic              req_last_i,
  output logic              burst_valid_o,
  input  logic              burst_ready_i,
  output logic [63:0]       burst_addr_o,
  output logic [7:0]        burst_len_o,
  output logic              burst_last_o,
  output logic              start_o,
  output logic [8:0]        start_beats_o,
  output logic              start_last_o
);

  localparam int PageW    = 12 - BytesW;  // log2 of the beats in 4 KB
  localparam int MaxBeats = (MaxBurst < (1 << PageW)) ? MaxBurst : (1 << PageW);

  initial if (BytesW < 2 || BytesW > 7 || MaxBurst > 256) $fatal(1, "axi_burst: bad parameters");

  logic              active_q, last_q, valid_q, valid_last_q;
  logic [63:0]       addr_q, burst_addr_q;
  logic [BeatsW-1:0] beats_q;
  logic [7:0]        len_q;

  // Beats to the end of the page, 1..2^PageW.
  wire [PageW:0] to_page = {1'b1, {PageW{1'b0}}} - {1'b0, addr_q[11:BytesW]};

  logic [8:0] n;
  always_comb begin
    n = 9'(MaxBeats);
    if (11'(to_page) < 11'(n)) n = 9'(to_page);
    if (beats_q < BeatsW'(n)) n = beats_q[8:0];
  end

  wire final_burst = beats_q <= BeatsW'(n);
  wire start       = active_q && go_i && (!valid_q || burst_ready_i) && !flush_i;

  assign req_ready_o   = (!active_q || (start && final_burst)) && !flush_i;
  assign burst_valid_o = valid_q;
  assign burst_addr_o  = burst_addr_q;
  assign burst_len_o   = len_q;
  assign burst_last_o  = valid_last_q;
  assign start_o       = start;
  assign start_beats_o = n;
  assign start_last_o  = final_burst && last_q;

  always_ff @(posedge clk_i) begin
    if (req_valid_i && req_ready_o) begin
      addr_q  <= req_addr_i;
      beats_q <= req_beats_i;
      last_q  <= req_last_i;
    end else if (start) begin
      addr_q  <= addr_q + (64'(n) << BytesW);
      beats_q <= beats_q - BeatsW'(n);
    end
    if (start) begin
      burst_addr_q <= addr_q;
      len_q        <= 8'(n - 9'd1);
      valid_last_q <= final_burst && last_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      valid_q  <= 1'b0;
    end else begin
      if (flush_i) active_q <= 1'b0;
      else if (req_valid_i && req_ready_o) active_q <= 1'b1;
      else if (start && final_burst) active_q <= 1'b0;
      if (start) valid_q <= 1'b1;
      else if (burst_ready_i) valid_q <= 1'b0;
    end
  end

`ifdef FORMAL
  // The bursts of a request tile it: they begin at its address, follow one another without a gap, end
  // after its beats; none is longer than MaxBurst, none crosses 4 KB. Unbounded by induction.
  logic past_q = 1'b0;
`ifdef PROVE_BURST
  logic              f_open_q;          // a request is not wholly offered
  logic [63:0]       f_next_q;          // where the next burst must begin
  logic [BeatsW-1:0] f_left_q;          // beats not yet in a burst that was taken or is on offer
  logic              f_last_q;
  wire [9:0]         f_n = {2'd0, burst_len_o} + 10'd1;
  logic              f_new;             // the burst on offer is seen for the first time
  always_ff @(posedge clk_i) begin
    f_new <= rst_ni && start;
    if (!rst_ni) f_open_q <= 1'b0;
    else if (flush_i) f_open_q <= 1'b0;
    else if (req_valid_i && req_ready_o) begin
      f_open_q <= 1'b1;
      f_next_q <= req_addr_i;
      f_left_q <= req_beats_i;
      f_last_q <= req_last_i;
    end else if (start) begin
      f_next_q <= f_next_q + (64'(start_beats_o) << BytesW);
      f_left_q <= f_left_q - BeatsW'(start_beats_o);
      if (f_left_q == BeatsW'(start_beats_o)) f_open_q <= 1'b0;
    end
  end
`endif
  always_ff @(posedge clk_i) begin
    past_q <= 1'b1;
`ifdef PROVE_BURST
    if (!past_q) assume (!rst_ni);
    if (req_valid_i) assume (req_beats_i != '0 && req_addr_i[BytesW-1:0] == '0);
    if (past_q && rst_ni) begin
      assert (f_open_q == active_q);
      if (active_q) begin
        assert (f_next_q == addr_q && f_left_q == beats_q && f_last_q == last_q);
      end
      if (start) assert (active_q && start_beats_o != '0 && BeatsW'(start_beats_o) <= f_left_q);
      if (f_new) begin
        assert (burst_valid_o && burst_addr_o == $past(f_next_q));
        assert (f_n == $past({1'b0, start_beats_o}));
        assert (burst_last_o == $past(f_last_q && f_left_q == BeatsW'(start_beats_o)));
        assert (f_n == 10'(MaxBeats) || BeatsW'(f_n) == $past(f_left_q) ||
                12'(burst_addr_o[11:0] + 12'(12'(f_n) << BytesW)) == 12'd0);
      end else if (burst_valid_o) begin
        assert ($past(rst_ni && burst_valid_o && !burst_ready_i));
      end
    end
`endif
    if (past_q && rst_ni && active_q) assert (beats_q != '0 && addr_q[BytesW-1:0] == '0);
    if (past_q && rst_ni && burst_valid_o) begin
      assert (burst_addr_o[BytesW-1:0] == '0);
      assert (10'(burst_len_o) < 10'(MaxBeats));
      assert (13'(burst_addr_o[11:BytesW]) + 13'(burst_len_o) < 13'(1 << PageW));
      if ($past(rst_ni && burst_valid_o && !burst_ready_i)) begin
        assert (burst_addr_o == $past(burst_addr_o) && burst_len_o == $past(burst_len_o));
      end
    end
  end
`endif

endmodule
