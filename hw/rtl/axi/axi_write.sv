// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// AXI4 write master: requests and a stream of beats in, bursts out.
//
// Parameters: BusW data bits; MaxBurst beats a burst at most; Outstanding bursts without a response
// at most (a power of two); DataDepth beats of the data FIFO; ElemB bytes a strobe bit of elem_i.
// Ports
//   req_*    address (aligned to the bus), beats >= 1; req_last_i marks the last request of a job
//   data_*   the beats, elem_i one strobe for each ElemB bytes; never refused for lack of a request
//   pop_o    pulse: a beat left the data FIFO
//   done_o   pulse: all responses of a job are in; err_o pulse: a response was an error, which belongs
//            to the oldest job that is not done
//   idle_o   nothing held, nothing in flight

module axi_write #(
  parameter int BusW        = 512,
  parameter int MaxBurst    = 64,
  parameter int Outstanding = 8,
  parameter int DataDepth   = 16,
  parameter int ElemB       = 8
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               req_valid_i,
  output logic               req_ready_o,
  input  logic [63:0]        req_addr_i,
  input  logic [8:0]         req_beats_i,
  input  logic               req_last_i,
  input  logic               data_valid_i,
  output logic               data_ready_o,
  input  logic [BusW-1:0]    data_i,
  input  logic [BusW/8/ElemB-1:0] elem_i,
  output logic               pop_o,
  output logic               done_o,
  output logic               err_o,
  output logic               idle_o,
  output logic [15:0]        inflight_o,
  output logic [15:0]        level_o,

  output logic               awvalid_o,
  input  logic               awready_i,
  output logic [63:0]        awaddr_o,
  output logic [7:0]         awlen_o,
  output logic               wvalid_o,
  input  logic               wready_i,
  output logic [BusW-1:0]    wdata_o,
  output logic [BusW/8-1:0]  wstrb_o,
  output logic               wlast_o,
  input  logic               bvalid_i,
  output logic               bready_o,
  input  logic [1:0]         bresp_i
);

  localparam int BytesW  = $clog2(BusW / 8);
  localparam int Elems   = BusW / 8 / ElemB;
  localparam int FlightW = $clog2(Outstanding + 1);
  localparam int LevelW  = $clog2(DataDepth + 2);

  logic               start, start_last, go_q, burst_valid, burst_ready;
  logic [63:0]        req_addr;
  logic [8:0]         req_beats, start_beats;
  logic               req_last;
  logic               len_valid, len_ready, flag_ready, flag_valid, flag;
  logic [8:0]         len;
  logic               data_valid;
  logic [Elems-1:0]   elem;
  logic [8:0]         count_q;
  logic [FlightW-1:0] inflight_q, inflight_d;
  logic [LevelW-1:0]  level;

  wire w_last = count_q + 9'd1 == len;
  wire w_pop  = wvalid_o && wready_i;
  wire b_pop  = bvalid_i && bready_o;

  // Requests wait here, so that the source need not.
  fifo #(
    .Width(64 + 9 + 1),
    .Depth(DataDepth)
  ) u_req (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(1'b0),
    .valid_i(req_valid_i),
    .ready_o(req_ready_o),
    .data_i ({req_last_i, req_beats_i, req_addr_i}),
    .valid_o(burst_valid),
    .ready_i(burst_ready),
    .data_o ({req_last, req_beats, req_addr}),
    .level_o()
  );

  axi_burst #(
    .BytesW  (BytesW),
    .MaxBurst(MaxBurst),
    .BeatsW  (9)
  ) u_burst (
    .clk_i        (clk_i),
    .rst_ni       (rst_ni),
    .flush_i      (1'b0),
    .go_i         (go_q && len_ready && flag_ready),
    .req_valid_i  (burst_valid),
    .req_ready_o  (burst_ready),
    .req_addr_i   (req_addr),
    .req_beats_i  (req_beats),
    .req_last_i   (req_last),
    .burst_valid_o(awvalid_o),
    .burst_ready_i(awready_i),
    .burst_addr_o (awaddr_o),
    .burst_len_o  (awlen_o),
    .burst_last_o (),
    .start_o      (start),
    .start_beats_o(start_beats),
    .start_last_o (start_last)
  );

  // Lengths of the bursts whose data have not all left.
  fifo #(
    .Width(9),
    .Depth(Outstanding)
  ) u_len (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(1'b0),
    .valid_i(start),
    .ready_o(len_ready),
    .data_i (start_beats),
    .valid_o(len_valid),
    .ready_i(w_pop && w_last),
    .data_o (len),
    .level_o()
  );

  // For each burst without a response: is it the last of its job?
  fifo #(
    .Width(1),
    .Depth(Outstanding)
  ) u_flag (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(1'b0),
    .valid_i(start),
    .ready_o(flag_ready),
    .data_i (start_last),
    .valid_o(flag_valid),
    .ready_i(b_pop),
    .data_o (flag),
    .level_o()
  );

  fifo #(
    .Width(BusW + Elems),
    .Depth(DataDepth)
  ) u_data (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(1'b0),
    .valid_i(data_valid_i),
    .ready_o(data_ready_o),
    .data_i ({elem_i, data_i}),
    .valid_o(data_valid),
    .ready_i(w_pop),
    .data_o ({elem, wdata_o}),
    .level_o(level)
  );

  for (genvar e = 0; e < Elems; e++) begin : g_strobe
    assign wstrb_o[ElemB*e +: ElemB] = {ElemB{elem[e]}};
  end

  assign wvalid_o   = data_valid && len_valid;
  assign wlast_o    = w_last;
  assign bready_o   = flag_valid;
  assign pop_o      = w_pop;
  assign done_o     = b_pop && flag;
  assign err_o      = b_pop && bresp_i[1];
  assign idle_o     = inflight_q == '0 && level == '0 && !burst_valid;
  assign inflight_o = 16'(inflight_q);
  assign level_o    = 16'(level);

  always_comb begin
    inflight_d = inflight_q;
    if (start) inflight_d = inflight_d + FlightW'(1);
    if (b_pop) inflight_d = inflight_d - FlightW'(1);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q    <= '0;
      inflight_q <= '0;
      go_q       <= 1'b0;
    end else begin
      inflight_q <= inflight_d;
      go_q       <= inflight_d < FlightW'(Outstanding);
      if (w_pop) count_q <= w_last ? '0 : count_q + 9'd1;
    end
  end

  wire unused = &{1'b0, bresp_i[0]};

`ifdef FORMAL
`ifdef PROVE_WRITE
  // Bounded: bus rules; a beat picked at the input leaves in its turn, unchanged; a job picked at the
  // input is reported done once, in its turn, after all its beats left and all its bursts were answered.
  logic past_q = 1'b0;
  logic [7:0] f_bursts, f_wbursts;
  faxi_write_master #(
    .BytesW  (BytesW),
    .MaxBeats(MaxBurst),
    .MaxOut  (Outstanding)
  ) f_bus (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .awvalid_i(awvalid_o),
    .awready_i(awready_i),
    .awaddr_i (awaddr_o),
    .awlen_i  (awlen_o),
    .wvalid_i (wvalid_o),
    .wready_i (wready_i),
    .wlast_i  (wlast_o),
    .wcheck_i ({wstrb_o[0], wdata_o[14:0]}),
    .bvalid_i (bvalid_i),
    .bready_i (bready_o),
    .bursts_o (f_bursts),
    .wbursts_o(f_wbursts)
  );
  (* anyseq *) logic f_pick_job, f_pick_beat;
  wire         f_req = req_valid_i && req_ready_o;
  logic [6:0] f_out_q;                         // beats requested, not sent
  logic [7:0]  f_jobs_q, f_job_ahead_q;         // jobs given, not done
  logic        f_has_q, f_beat_has_q;
  logic [6:0] f_left_q, f_beat_ahead_q;        // beats to be sent before the job can be done
  logic [BusW+Elems-1:0] f_beat_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      f_out_q      <= '0;
      f_jobs_q     <= '0;
      f_has_q      <= 1'b0;
      f_beat_has_q <= 1'b0;
    end else begin
      f_out_q  <= f_out_q + (f_req ? 7'(req_beats_i) : 7'd0) - 7'(pop_o);
      f_jobs_q <= f_jobs_q + 8'(f_req && req_last_i) - 8'(done_o);
      if (f_req && req_last_i && f_pick_job && !f_has_q) begin
        f_has_q       <= 1'b1;
        f_job_ahead_q <= f_jobs_q - 8'(done_o);
        f_left_q      <= f_out_q + 7'(req_beats_i) - 7'(pop_o);
      end else if (f_has_q) begin
        if (pop_o && f_left_q != '0) f_left_q <= f_left_q - 7'd1;
        if (done_o && f_job_ahead_q != '0) f_job_ahead_q <= f_job_ahead_q - 8'd1;
        else if (done_o) f_has_q <= 1'b0;
      end
      if (data_valid_i && data_ready_o && f_pick_beat && !f_beat_has_q) begin
        f_beat_has_q   <= 1'b1;
        f_beat_ahead_q <= 7'(level) - 7'(pop_o);
        f_beat_q       <= {elem_i, data_i};
      end else if (f_beat_has_q && pop_o) begin
        f_beat_ahead_q <= f_beat_ahead_q - 7'd1;
        if (f_beat_ahead_q == '0) f_beat_has_q <= 1'b0;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    past_q <= 1'b1;
    if (!past_q) assume (!rst_ni);
    // the addresses themselves are the business of axi_burst's proof: two pages do here
    if (req_valid_i) assume (req_beats_i != '0 && req_beats_i < 9'd4 && req_addr_i[63:13] == '0 &&
                             req_addr_i[BytesW-1:0] == '0);
    if (past_q && rst_ni) begin
      if (pop_o) assert (f_out_q != '0);
      if (done_o) assert (f_jobs_q != '0);
      if (done_o && f_has_q && f_job_ahead_q == '0) assert (f_left_q == '0);
      if (pop_o && f_beat_has_q && f_beat_ahead_q == '0) assert ({wstrb_o[0], elem, wdata_o} == {elem[0], f_beat_q});
      assert (16'(inflight_q) >= 16'(f_bursts));
      // everything answered: every job is done
      if (idle_o && f_out_q == '0 && f_bursts == '0 && !awvalid_o) assert (f_jobs_q == '0);
    end
  end
`endif
`endif

endmodule
