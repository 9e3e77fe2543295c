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
//   Outstanding  bursts in flight at most; the FIFO holds that many
// Ports
//   req_*    address (aligned to the bus), beats >= 1, tag
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
  parameter int BeatsW      = 40
) (
  input  logic              clk_i,
  input  logic              rst_ni,
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
  localparam int PageB   = 4096 / (BusW / 8);
  localparam int BurstB  = (MaxBurst < PageB) ? MaxBurst : PageB;
  localparam int Depth   = Outstanding * BurstB;
  localparam int RoomW   = $clog2(Depth + 1);
  localparam int FlightW = $clog2(Outstanding + 1);
  localparam int LevelW  = $clog2(Depth + 2);

  initial if (BusW < 64 || BusW > 1024 || Depth != (1 << $clog2(Depth)))
    $fatal(1, "axi_read: bad BusW, MaxBurst or Outstanding");

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
      go_q       <= room_d >= RoomW'(BurstB) && inflight_d < FlightW'(Outstanding);
      if (flush_i) count_q <= '0;
      else if (pop) count_q <= last_o ? '0 : count_q + BeatsW'(1);
    end
  end

  wire unused = &{1'b0, rresp_i[0], fifo_ready, start_beats};

`ifdef FORMAL
  always_ff @(posedge clk_i) begin
    if (rst_ni && rvalid_i && inflight_q != '0) assert (fifo_ready || flush_i);
  end
`endif

endmodule
