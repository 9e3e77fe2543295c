// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// AXI4 read master: requests in, one stream of beats out, in order.
//
// A burst is started only when the data FIFO has room for it, so rready is constantly high and a
// slow consumer never blocks the bus. One ID, so data come back in the order of the requests; each
// beat leaves with the tag of its request.
//
// Parameters
//   BusW         data bits, 64..1024
//   MaxBurst     beats a burst at most (also cut at 4 KB)
//   Outstanding  bursts in flight at most
//   Depth        beats that the FIFO holds, a power of two; by default all bursts that can be in flight
// Ports
//   req_*    address (aligned to the bus), beats >= 1, tag
//   most_i   bursts in flight at most now: fewer stay out of the way of other requests to the same memory
//   flush_i  level: drop what is not requested yet and throw away what arrives
//   idle_o   no burst offered or in flight
//   pend_o   data of a request are to come or waiting; tag_o is the tag of the next beat
//   valid_o, data_o, err_o (RRESP was an error), last_o (of its request), ready_i
//   inflight_o, level_o: bursts in flight and beats in the FIFO, for diagnosis
// Latency: two cycles from request to arvalid, two from rvalid to valid_o.

module axi_read #(
  parameter int BusW        = 512,
  parameter int MaxBurst    = 64,
  parameter int Outstanding = 8,
  parameter int BeatsW      = 40,
  parameter int BurstB      = (MaxBurst < 4096 / (BusW / 8)) ? MaxBurst : 4096 / (BusW / 8),  // derived, do not set
  parameter int Depth       = Outstanding * BurstB
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic [15:0]       most_i,
  input  logic              flush_i,
  output logic              idle_o,
  input  logic              req_valid_i,
  output logic              req_ready_o,
  input  logic [63:0]       req_addr_i,
  input  logic [BeatsW-1:0] req_beats_i,
  input  logic [1:0]        req_tag_i,
  output logic              pend_o,
  output logic [1:0]        tag_o,
  output logic              valid_o,
  input  logic              ready_i,
  output logic [BusW-1:0]   data_o,
  output logic              err_o,
  output logic              last_o,
  output logic [15:0]       inflight_o,
  output logic [15:0]       level_o,
  output logic              rbeat_o,

  output logic              arvalid_o,
  input  logic              arready_i,
  output logic [63:0]       araddr_o,
  output logic [7:0]        arlen_o,
  input  logic              rvalid_i,
  output logic              rready_o,
  input  logic [BusW-1:0]   rdata_i,
  input  logic [1:0]        rresp_i,
  input  logic              rlast_i
);

  localparam int BytesW  = $clog2(BusW / 8);
  localparam int RoomW   = $clog2(Depth + 1);
  localparam int FlightW = $clog2(Outstanding + 1);
  localparam int LevelW  = $clog2(Depth + 2);

  initial if (BusW < 64 || BusW > 1024 || Depth != (1 << $clog2(Depth)) || Depth < BurstB)
    $fatal(1, "axi_read: bad BusW, MaxBurst, Outstanding or Depth");

  logic [RoomW-1:0]   room_q;      // FIFO entries not promised to any burst
  logic [FlightW-1:0] inflight_q;  // bursts started and not finished
  logic               go_q;
  logic               start;
  logic [8:0]         start_beats;
  logic               tag_ready, tag_valid, burst_ready;
  logic [BeatsW-1:0]  tag_beats, count_q;
  logic               fifo_ready, fifo_valid;
  logic [LevelW-1:0]  level;

  wire pop   = fifo_valid && ready_i && !flush_i;
  wire rbeat = rvalid_i && rready_o;

  assign rready_o   = 1'b1;
  assign rbeat_o    = rbeat;
  assign valid_o    = fifo_valid && !flush_i;
  assign last_o     = count_q + BeatsW'(1) == tag_beats;
  assign pend_o     = tag_valid;
  assign idle_o     = inflight_q == '0;
  assign inflight_o = 16'(inflight_q);
  assign level_o    = 16'(level);

  assign req_ready_o = burst_ready && tag_ready;

  axi_burst #(
    .BytesW  (BytesW),
    .MaxBurst(MaxBurst),
    .BeatsW  (BeatsW)
  ) u_burst (
    .clk_i        (clk_i),
    .rst_ni       (rst_ni),
    .flush_i      (flush_i),
    .go_i         (go_q),
    .req_valid_i  (req_valid_i && tag_ready),
    .req_ready_o  (burst_ready),
    .req_addr_i   (req_addr_i),
    .req_beats_i  (req_beats_i),
    .req_last_i   (1'b0),
    .burst_valid_o(arvalid_o),
    .burst_ready_i(arready_i),
    .burst_addr_o (araddr_o),
    .burst_len_o  (arlen_o),
    .burst_last_o (),
    .start_o      (start),
    .start_beats_o(start_beats),
    .start_last_o ()
  );

  // Tags of the requests whose data have not all left.
  fifo #(
    .Width(2 + BeatsW),
    .Depth(8)
  ) u_tags (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(flush_i),
    .valid_i(req_valid_i && burst_ready),
    .ready_o(tag_ready),
    .data_i ({req_tag_i, req_beats_i}),
    .valid_o(tag_valid),
    .ready_i(pop && last_o),
    .data_o ({tag_o, tag_beats}),
    .level_o()
  );

  fifo #(
    .Width(BusW + 1),
    .Depth(Depth)
  ) u_data (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(flush_i),
    .valid_i(rbeat),
    .ready_o(fifo_ready),
    .data_i ({rresp_i[1], rdata_i}),
    .valid_o(fifo_valid),
    .ready_i(ready_i && !flush_i),
    .data_o ({err_o, data_o}),
    .level_o(level)
  );

  // Room after this cycle, as one number: the start rule below reads it registered, and a start in
  // this cycle is seen at once because go_q is computed from the next value.
  logic [RoomW-1:0]   room_d;
  logic [FlightW-1:0] inflight_d;
  always_comb begin
    room_d = room_q;
    if (start) room_d = room_d - RoomW'(start_beats);
    if (pop) room_d = room_d + RoomW'(1);
    if (flush_i) room_d = RoomW'(Depth);
    inflight_d = inflight_q;
    if (start) inflight_d = inflight_d + FlightW'(1);
    if (rbeat && rlast_i) inflight_d = inflight_d - FlightW'(1);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      room_q     <= RoomW'(Depth);
      inflight_q <= '0;
      go_q       <= 1'b0;
      count_q    <= '0;
    end else begin
      room_q     <= room_d;
      inflight_q <= inflight_d;
      go_q       <= room_d >= RoomW'(BurstB) && inflight_d < FlightW'(Outstanding) && 16'(inflight_d) < most_i;
      if (flush_i) count_q <= '0;
      else if (pop) count_q <= last_o ? '0 : count_q + BeatsW'(1);
    end
  end

  wire unused = &{1'b0, rresp_i[0], fifo_ready, start_beats};

`ifdef FORMAL
  // What a beat can rely on, whatever surrounds the module.
  always_ff @(posedge clk_i) begin
    if (rst_ni && rvalid_i && inflight_q != '0) assert (fifo_ready || flush_i);
  end
`ifdef PROVE_READ
  // Bus rules and credit, unbounded: entries free, held and promised to bursts add up to the FIFO, so it
  // never overflows although rready is constant.
  logic past_q = 1'b0;
  logic [15:0] f_owed;
  logic [7:0]  f_bursts;
  logic        f_flushed_q;
  faxi_read_master #(
    .BytesW  (BytesW),
    .MaxBeats(BurstB),
    .MaxOut  (Outstanding)
  ) f_bus (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .arvalid_i(arvalid_o),
    .arready_i(arready_i),
    .araddr_i (araddr_o),
    .arlen_i  (arlen_o),
    .rvalid_i (rvalid_i),
    .rready_i (rready_o),
    .rlast_i  (rlast_i),
    .owed_o   (f_owed),
    .bursts_o (f_bursts)
  );
  wire [15:0] f_promised = f_owed + (arvalid_o ? 16'(arlen_o) + 16'd1 : 16'd0);
  always_ff @(posedge clk_i) begin
    past_q      <= 1'b1;
    f_flushed_q <= rst_ni && flush_i;
    if (!past_q) assume (!rst_ni);
    if (req_valid_i) assume (req_beats_i != '0 && req_addr_i[BytesW-1:0] == '0);
    // a flush lasts until nothing is in flight
    if (past_q && $past(rst_ni && flush_i && !idle_o)) assume (flush_i);
    if (past_q && rst_ni) begin
      assert (16'(inflight_q) == 16'(f_bursts) + 16'(arvalid_o));
      assert (inflight_q <= FlightW'(Outstanding));
      assert (go_q == 1'b0 || (room_q >= RoomW'(BurstB) && inflight_q < FlightW'(Outstanding)));
      if (f_flushed_q) assert (room_q == RoomW'(Depth) && level == '0);
      else assert (16'(room_q) + 16'(level) + f_promised == 16'(Depth));
    end
  end
`endif
`ifdef PROVE_READ_ORDER
  // End to end, bounded: a request picked at any moment gets its beats, after those of the requests
  // before it, with its tag and last_o on its last; a beat picked on the bus leaves in its turn,
  // unchanged; and when nobody else is to be waited for a beat leaves within 6 cycles.
  logic past_q = 1'b0;
  logic [15:0] f_owed;
  logic [7:0]  f_bursts;
  faxi_read_master #(
    .BytesW  (BytesW),
    .MaxBeats(BurstB),
    .MaxOut  (Outstanding)
  ) f_bus (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .arvalid_i(arvalid_o),
    .arready_i(arready_i),
    .araddr_i (araddr_o),
    .arlen_i  (arlen_o),
    .rvalid_i (rvalid_i),
    .rready_i (rready_o),
    .rlast_i  (rlast_i),
    .owed_o   (f_owed),
    .bursts_o (f_bursts)
  );
  (* anyseq *) logic f_pick_req, f_pick_beat;
  wire               f_req = req_valid_i && req_ready_o;
  logic [6:0]       f_out_q;                 // beats requested and not delivered
  logic              f_has_q, f_beat_has_q;
  logic [6:0]       f_ahead_q, f_beat_ahead_q;
  logic [BeatsW-1:0] f_beats_q, f_got_q;
  logic [1:0]        f_tag_q;
  logic [BusW:0]     f_beat_q;
  logic [3:0]        f_idle_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      f_out_q      <= '0;
      f_has_q      <= 1'b0;
      f_beat_has_q <= 1'b0;
      f_idle_q     <= '0;
    end else begin
      f_out_q <= f_out_q + (f_req ? 7'(req_beats_i) : 7'd0) - 7'(pop);
      if (f_req && f_pick_req && !f_has_q) begin
        f_has_q   <= 1'b1;
        f_ahead_q <= f_out_q - 7'(pop);
        f_beats_q <= req_beats_i;
        f_tag_q   <= req_tag_i;
        f_got_q   <= '0;
      end else if (f_has_q && pop) begin
        if (f_ahead_q != '0) f_ahead_q <= f_ahead_q - 7'd1;
        else begin
          f_got_q <= f_got_q + 1'b1;
          if (f_got_q + 1'b1 == f_beats_q) f_has_q <= 1'b0;
        end
      end
      if (rbeat && f_pick_beat && !f_beat_has_q) begin
        f_beat_has_q   <= 1'b1;
        f_beat_ahead_q <= 7'(level) - 7'(pop);
        f_beat_q       <= {rresp_i[1], rdata_i};
      end else if (f_beat_has_q && pop) begin
        f_beat_ahead_q <= f_beat_ahead_q - 7'd1;
        if (f_beat_ahead_q == '0) f_beat_has_q <= 1'b0;
      end
      f_idle_q <= (f_out_q == '0 || pop || !ready_i || (arvalid_o && !arready_i) ||
                   (f_bursts != '0 && !rvalid_i)) ? 4'd0 : f_idle_q + 4'd1;
    end
  end
  always_ff @(posedge clk_i) begin
    past_q <= 1'b1;
    if (!past_q) assume (!rst_ni);
    assume (most_i != '0);  // else nothing is ever asked for
    // the addresses themselves are the business of axi_burst's proof: two pages do here
    if (req_valid_i) assume (req_beats_i != '0 && req_beats_i < BeatsW'(5) && req_addr_i[63:13] == '0 &&
                             req_addr_i[BytesW-1:0] == '0);
    if (past_q && $past(rst_ni && flush_i && !idle_o)) assume (flush_i);
    if (past_q && rst_ni && !flush_i) begin
      if (valid_o) assert (f_out_q != '0);
      if (pop && f_has_q && f_ahead_q == '0) begin
        assert (tag_o == f_tag_q);
        assert (last_o == (f_got_q + 1'b1 == f_beats_q));
      end
      if (pop && f_beat_has_q && f_beat_ahead_q == '0) assert ({err_o, data_o} == f_beat_q);
      assert (f_idle_q <= 4'd6);
    end
  end
`endif
`endif

endmodule
