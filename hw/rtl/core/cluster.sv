// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// One AXI4 port and what works behind it: reader, matrix engine, writer.
//
//   requests --> axi_read ==activations, weights==> matvec_engine --results--> axi_write
//                    \==beats tagged TagCmd (port 0)==> cmd_fetch
//
// With Prefetch the weights have an axi_read of their own with a deep FIFO, so they can be read while a unit works:
//
//   requests --> axi_read ==activations==> matvec_engine      both at the port through axi_read_join; the weights'
//   weights  --> axi_read ====weights====>      ''           reads keep few bursts in flight until the engine wants them
//
// Of a core's Ports clusters, cluster Index works on the row groups Index, Index + Ports, ...
//
// Parameters: those of seedbed_core; Prefetch, beats (0: one stream); Index 0..Ports-1; Unit 1: units share reader and writer.
// Ports
//   req_*       read requests of this port; wei_*: those of weights, with Prefetch
//   cmd_*       the records' beats
//   job_*       a command, whole: the cluster takes its own part of rows and dst
//   done_o      pulse: this cluster's part of its oldest job is written to memory
//   read_err_o, write_err_o, *_index_o   pulse: an error response, and the command that it belongs to
//   unit_*      beats tagged TagUnit, ready; while unit_i is high the units write through the writer: runs and
//               beats with byte strobes; unit_werr_o pulse: an error response
//   flush_i     level: drop what was requested; clear_i: pulse at its end
//   pend_o, tag_o, valid_o, useful_o, compute_o   what the cycle classes are made of
//   quiet_o     no read in flight, nothing held in the write path; drained_o: the latter alone

module cluster #(
  parameter int         BusW        = 512,
  parameter int         ActCap      = 65536,
  parameter int         Outstanding = 8,
  parameter int         Prefetch    = 0,
  parameter logic [3:0] Codecs      = 4'b1111,
  parameter int         MaxBatch    = 16,
  parameter bit         Style       = 1'b0,
  parameter int         BeatsW      = 40,
  parameter int         Ports       = 1,
  parameter int         Index       = 0,
  parameter bit         Unit        = 1'b0
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              flush_i,
  input  logic              clear_i,

  input  logic              req_valid_i,
  output logic              req_ready_o,
  input  logic [63:0]       req_addr_i,
  input  logic [BeatsW-1:0] req_beats_i,
  input  logic [1:0]        req_tag_i,
  input  logic              wei_valid_i,
  output logic              wei_ready_o,
  input  logic [63:0]       wei_addr_i,
  input  logic [BeatsW-1:0] wei_beats_i,

  output logic              cmd_valid_o,
  input  logic              cmd_ready_i,
  output logic [BusW-1:0]   cmd_data_o,
  output logic              cmd_err_o,

  input  logic              unit_i,
  output logic              unit_valid_o,   // its data and error bit are cmd_data_o, cmd_err_o
  input  logic              unit_ready_i,
  output logic              unit_last_o,
  input  logic              unit_wreq_valid_i,
  output logic              unit_wreq_ready_o,
  input  logic [63:0]       unit_wreq_addr_i,
  input  logic [8:0]        unit_wreq_beats_i,
  input  logic              unit_wvalid_i,
  output logic              unit_wready_o,
  input  logic [BusW-1:0]   unit_wdata_i,
  input  logic [BusW/8-1:0] unit_wstrb_i,
  output logic              unit_widle_o,
  output logic              unit_werr_o,

  input  logic              job_valid_i,
  output logic              job_ready_o,
  input  logic [1:0]        job_codec_i,
  input  logic [3:0]        job_more_i,
  input  logic [16:0]       job_words_i,
  input  logic [23:0]       job_rows_i,
  input  logic [63:0]       job_dst_i,
  input  logic [21:0]       job_stride_i,
  input  logic [31:0]       job_index_i,

  output logic              done_o,
  output logic              read_err_o,
  output logic [31:0]       read_index_o,
  output logic              write_err_o,
  output logic [31:0]       write_index_o,
  output logic              pend_o,
  output logic [1:0]        tag_o,
  output logic              valid_o,
  output logic              useful_o,
  output logic              compute_o,
  output logic              rbeat_o,
  output logic              wbeat_o,
  output logic              drained_o,
  output logic              quiet_o,
  output logic [3:0]        state_o,
  output logic [31:0]       outstanding_o,
  output logic [31:0]       level_o,

  output logic              m_arvalid_o,
  input  logic              m_arready_i,
  output logic [63:0]       m_araddr_o,
  output logic [7:0]        m_arlen_o,
  input  logic              m_rvalid_i,
  output logic              m_rready_o,
  input  logic [BusW-1:0]   m_rdata_i,
  input  logic [1:0]        m_rresp_i,
  input  logic              m_rlast_i,
  output logic              m_awvalid_o,
  input  logic              m_awready_i,
  output logic [63:0]       m_awaddr_o,
  output logic [7:0]        m_awlen_o,
  output logic              m_wvalid_o,
  input  logic              m_wready_i,
  output logic [BusW-1:0]   m_wdata_o,
  output logic [BusW/8-1:0] m_wstrb_o,
  output logic              m_wlast_o,
  input  logic              m_bvalid_i,
  output logic              m_bready_o,
  input  logic [1:0]        m_bresp_i
);

  localparam int MaxBurst  = 64;
  localparam int DataDepth = (MaxBatch > 1) ? 32 : 16;
  // Of the rows and results of a job those of the clusters before this one are skipped.
  localparam logic [23:0] SkipRows  = 24'(Index * (BusW / 32));
  localparam logic [31:0] SkipBytes = Index * (BusW / 4);

  logic               beat_valid, beat_err, beat_last, engine_idle, read_idle, write_idle, read_pend;
  logic               act_ready, wei_valid, wei_ready, wei_err, wei_last, loaded;
  logic [BusW-1:0]    wei_data;
  logic [1:0]         beat_tag;
  logic [BusW-1:0]    beat_data;
  logic               wr_req_valid, wr_req_last, wr_data_valid, wr_pop, wr_done;
  logic [63:0]        wr_req_addr;
  logic [8:0]         wr_req_beats;
  logic [BusW-1:0]    wr_data;
  logic [BusW/64-1:0] wr_elem;
  // What axi_write gets: the matrix engine's, or with units a multiplexer's.
  localparam int ElemB = Unit ? 1 : 8;
  logic               w_req_valid, w_req_ready, w_req_last, w_valid, w_ready, w_err;
  logic [63:0]        w_req_addr;
  logic [8:0]         w_req_beats;
  logic [BusW-1:0]    w_data;
  logic [BusW/8/ElemB-1:0] w_elem;
  logic [15:0]        read_inflight, read_level, write_inflight, write_level;

  wire is_cmd  = beat_tag == seedbed_pkg::TagCmd;
  wire is_act  = beat_tag == seedbed_pkg::TagAct;
  wire is_unit = Unit && beat_tag == seedbed_pkg::TagUnit;

  assign cmd_valid_o   = beat_valid && is_cmd;
  assign cmd_data_o    = beat_data;
  assign cmd_err_o     = beat_err;
  assign unit_valid_o  = beat_valid && is_unit;
  assign unit_last_o   = beat_last;
  assign unit_widle_o  = write_idle;
  assign done_o        = wr_done;
  assign wbeat_o       = wr_pop;
  assign drained_o     = engine_idle && write_idle;
  assign quiet_o       = drained_o && read_idle;
  assign outstanding_o = {write_inflight, read_inflight};
  assign level_o       = {write_level, read_level};

  if (Prefetch > 0) begin : g_prefetch
    // Short bursts, and few in flight: a unit's reads queue behind them. While the engine has enough, so many that the memory
    // does not wait for the next (some 64 cycles of latency); while it runs short, all.
    localparam int WeiBurst = 16, WeiOut = 16, WeiAside = 3, WeiAhead = 6, Enough = (Prefetch < 512) ? Prefetch / 2 : 256;
    logic        a_arvalid, a_arready, a_rvalid, a_rready, a_rbeat, a_idle, w_pend;
    logic        w_arvalid, w_arready, w_rvalid, w_rready, w_rbeat, w_idle, sel;
    logic [63:0] a_araddr, w_araddr;
    logic [7:0]  a_arlen, w_arlen;
    logic [15:0] a_inflight, a_level, w_inflight, w_level;

    axi_read #(
      .BusW       (BusW),
      .MaxBurst   (MaxBurst),
      .Outstanding(Outstanding),
      .BeatsW     (BeatsW)
    ) u_read (
      .clk_i      (clk_i),
      .rst_ni     (rst_ni),
      .most_i     (16'(Outstanding)),
      .flush_i    (flush_i),
      .idle_o     (a_idle),
      .req_valid_i(req_valid_i),
      .req_ready_o(req_ready_o),
      .req_addr_i (req_addr_i),
      .req_beats_i(req_beats_i),
      .req_tag_i  (req_tag_i),
      .pend_o     (read_pend),
      .tag_o      (beat_tag),
      .valid_o    (beat_valid),
      .ready_i    (is_cmd ? cmd_ready_i : is_unit ? unit_ready_i : act_ready),
      .data_o     (beat_data),
      .err_o      (beat_err),
      .last_o     (beat_last),
      .inflight_o (a_inflight),
      .level_o    (a_level),
      .rbeat_o    (a_rbeat),
      .arvalid_o  (a_arvalid),
      .arready_i  (a_arready),
      .araddr_o   (a_araddr),
      .arlen_o    (a_arlen),
      .rvalid_i   (a_rvalid),
      .rready_o   (a_rready),
      .rdata_i    (m_rdata_i),
      .rresp_i    (m_rresp_i),
      .rlast_i    (m_rlast_i)
    );

    axi_read #(
      .BusW       (BusW),
      .MaxBurst   (WeiBurst),
      .Outstanding(WeiOut),
      .BeatsW     (BeatsW),
      .Depth      (Prefetch)
    ) u_weights (
      .clk_i      (clk_i),
      .rst_ni     (rst_ni),
      .most_i     (!loaded ? 16'(WeiAside) : (w_level >= 16'(Enough)) ? 16'(WeiAhead) : 16'(WeiOut)),
      .flush_i    (flush_i),
      .idle_o     (w_idle),
      .req_valid_i(wei_valid_i),
      .req_ready_o(wei_ready_o),
      .req_addr_i (wei_addr_i),
      .req_beats_i(wei_beats_i),
      .req_tag_i  (seedbed_pkg::TagWei),
      .pend_o     (w_pend),
      .tag_o      (),
      .valid_o    (wei_valid),
      .ready_i    (wei_ready),
      .data_o     (wei_data),
      .err_o      (wei_err),
      .last_o     (wei_last),
      .inflight_o (w_inflight),
      .level_o    (w_level),
      .rbeat_o    (w_rbeat),
      .arvalid_o  (w_arvalid),
      .arready_i  (w_arready),
      .araddr_o   (w_araddr),
      .arlen_o    (w_arlen),
      .rvalid_i   (w_rvalid),
      .rready_o   (w_rready),
      .rdata_i    (m_rdata_i),
      .rresp_i    (m_rresp_i),
      .rlast_i    (m_rlast_i)
    );

    axi_read_join #(
      .Outstanding(Outstanding + WeiOut)
    ) u_join (
      .clk_i      (clk_i),
      .rst_ni     (rst_ni),
      .a_arvalid_i(a_arvalid),
      .a_arready_o(a_arready),
      .a_rvalid_o (a_rvalid),
      .b_arvalid_i(w_arvalid),
      .b_arready_o(w_arready),
      .b_rvalid_o (w_rvalid),
      .sel_o      (sel),
      .arvalid_o  (m_arvalid_o),
      .arready_i  (m_arready_i),
      .rvalid_i   (m_rvalid_i),
      .rready_i   (m_rready_o),
      .rlast_i    (m_rlast_i)
    );
    assign m_araddr_o    = sel ? w_araddr : a_araddr;
    assign m_arlen_o     = sel ? w_arlen : a_arlen;
    assign m_rready_o    = a_rready && w_rready;
    assign rbeat_o       = a_rbeat || w_rbeat;
    assign read_idle     = a_idle && w_idle;
    assign read_inflight = a_inflight + w_inflight;
    assign read_level    = a_level + w_level;
    // What the engine's next beat is.
    assign pend_o        = loaded ? w_pend : read_pend;
    assign tag_o         = loaded ? seedbed_pkg::TagWei : beat_tag;
    assign valid_o       = loaded ? wei_valid : beat_valid;
  end else begin : g_one_stream
    axi_read #(
      .BusW       (BusW),
      .MaxBurst   (MaxBurst),
      .Outstanding(Outstanding),
      .BeatsW     (BeatsW)
    ) u_read (
      .clk_i      (clk_i),
      .rst_ni     (rst_ni),
      .most_i     (16'(Outstanding)),
      .flush_i    (flush_i),
      .idle_o     (read_idle),
      .req_valid_i(req_valid_i),
      .req_ready_o(req_ready_o),
      .req_addr_i (req_addr_i),
      .req_beats_i(req_beats_i),
      .req_tag_i  (req_tag_i),
      .pend_o     (read_pend),
      .tag_o      (beat_tag),
      .valid_o    (beat_valid),
      .ready_i    (is_cmd ? cmd_ready_i : is_unit ? unit_ready_i : is_act ? act_ready : wei_ready),
      .data_o     (beat_data),
      .err_o      (beat_err),
      .last_o     (beat_last),
      .inflight_o (read_inflight),
      .level_o    (read_level),
      .rbeat_o    (rbeat_o),
      .arvalid_o  (m_arvalid_o),
      .arready_i  (m_arready_i),
      .araddr_o   (m_araddr_o),
      .arlen_o    (m_arlen_o),
      .rvalid_i   (m_rvalid_i),
      .rready_o   (m_rready_o),
      .rdata_i    (m_rdata_i),
      .rresp_i    (m_rresp_i),
      .rlast_i    (m_rlast_i)
    );
    assign wei_valid   = beat_valid && beat_tag == seedbed_pkg::TagWei;
    assign wei_data    = beat_data;
    assign wei_err     = beat_err;
    assign wei_last    = beat_last;
    assign wei_ready_o = 1'b0;
    assign pend_o      = read_pend;
    assign tag_o       = beat_tag;
    assign valid_o     = beat_valid;
    wire unused_wei = &{1'b0, loaded, wei_valid_i, wei_addr_i, wei_beats_i};
  end

  matvec_engine #(
    .BusW     (BusW),
    .Codecs   (Codecs),
    .ActCap   (ActCap),
    .MaxBatch (MaxBatch),
    .Style    (Style),
    .DataDepth(DataDepth),
    .Ports    (Ports)
  ) u_matvec (
    .clk_i          (clk_i),
    .rst_ni         (rst_ni),
    .clear_i        (clear_i),
    .flush_i        (flush_i),
    .job_valid_i    (job_valid_i),
    .job_ready_o    (job_ready_o),
    .job_codec_i    (job_codec_i),
    .job_more_i     (job_more_i),
    .job_words_i    (job_words_i),
    .job_rows_i     (job_rows_i - SkipRows),
    .job_dst_i      (job_dst_i + {32'd0, SkipBytes}),
    .job_stride_i   (job_stride_i),
    .job_index_i    (job_index_i),
    .act_valid_i    (beat_valid && is_act),
    .act_ready_o    (act_ready),
    .act_data_i     (beat_data),
    .act_err_i      (beat_err),
    .act_last_i     (beat_last),
    .wei_valid_i    (wei_valid),
    .wei_ready_o    (wei_ready),
    .wei_data_i     (wei_data),
    .wei_err_i      (wei_err),
    .wei_last_i     (wei_last),
    .loaded_o       (loaded),
    .useful_o       (useful_o),
    .compute_o      (compute_o),
    .read_err_o     (read_err_o),
    .read_index_o   (read_index_o),
    .wr_req_valid_o (wr_req_valid),
    .wr_req_addr_o  (wr_req_addr),
    .wr_req_beats_o (wr_req_beats),
    .wr_req_last_o  (wr_req_last),
    .wr_data_valid_o(wr_data_valid),
    .wr_data_o      (wr_data),
    .wr_elem_o      (wr_elem),
    .wr_pop_i       (wr_pop && !(Unit && unit_i)),
    .idle_o         (engine_idle),
    .state_o        (state_o)
  );

  if (Unit) begin : g_unit
    logic [BusW/8-1:0] strobes;
    for (genvar i = 0; i < BusW / 8; i++) begin : g_strobe
      assign strobes[i] = wr_elem[i/8];
    end
    assign w_req_valid       = unit_i ? unit_wreq_valid_i : wr_req_valid;
    assign w_req_addr        = unit_i ? unit_wreq_addr_i : wr_req_addr;
    assign w_req_beats       = unit_i ? unit_wreq_beats_i : wr_req_beats;
    assign w_req_last        = !unit_i && wr_req_last;
    assign w_valid           = unit_i ? unit_wvalid_i : wr_data_valid;
    assign w_data            = unit_i ? unit_wdata_i : wr_data;
    assign w_elem            = unit_i ? unit_wstrb_i : strobes;
    assign unit_wreq_ready_o = unit_i && w_req_ready;
    assign unit_wready_o     = unit_i && w_ready;
    assign unit_werr_o       = unit_i && w_err;
    assign write_err_o       = !unit_i && w_err;
  end else begin : g_no_unit
    assign w_req_valid       = wr_req_valid;
    assign w_req_addr        = wr_req_addr;
    assign w_req_beats       = wr_req_beats;
    assign w_req_last        = wr_req_last;
    assign w_valid           = wr_data_valid;
    assign w_data            = wr_data;
    assign w_elem            = wr_elem;
    assign unit_wreq_ready_o = 1'b0;
    assign unit_wready_o     = 1'b0;
    assign unit_werr_o       = 1'b0;
    assign write_err_o       = w_err;
    wire unused_unit = &{1'b0, unit_i, unit_ready_i, unit_wreq_valid_i, unit_wreq_addr_i, unit_wreq_beats_i,
                         unit_wvalid_i, unit_wdata_i, unit_wstrb_i, w_req_ready, w_ready};
  end

  axi_write #(
    .BusW       (BusW),
    .MaxBurst   (MaxBurst),
    .Outstanding(8),
    .DataDepth  (DataDepth),
    .ElemB      (ElemB)
  ) u_write (
    .clk_i       (clk_i),
    .rst_ni      (rst_ni),
    .req_valid_i (w_req_valid),
    .req_ready_o (w_req_ready),
    .req_addr_i  (w_req_addr),
    .req_beats_i (w_req_beats),
    .req_last_i  (w_req_last),
    .data_valid_i(w_valid),
    .data_ready_o(w_ready),
    .data_i      (w_data),
    .elem_i      (w_elem),
    .pop_o       (wr_pop),
    .done_o      (wr_done),
    .err_o       (w_err),
    .idle_o      (write_idle),
    .inflight_o  (write_inflight),
    .level_o     (write_level),
    .awvalid_o   (m_awvalid_o),
    .awready_i   (m_awready_i),
    .awaddr_o    (m_awaddr_o),
    .awlen_o     (m_awlen_o),
    .wvalid_o    (m_wvalid_o),
    .wready_i    (m_wready_i),
    .wdata_o     (m_wdata_o),
    .wstrb_o     (m_wstrb_o),
    .wlast_o     (m_wlast_o),
    .bvalid_i    (m_bvalid_i),
    .bready_o    (m_bready_o),
    .bresp_i     (m_bresp_i)
  );

  // Commands whose part here is not written: a failed write belongs to the oldest. cmd_fetch keeps the
  // same for the whole core, where a command is as old as its slowest cluster.
  fifo #(
    .Width(32),
    .Depth(16)
  ) u_indices (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(clear_i),
    .valid_i(job_valid_i),
    .ready_o(),
    .data_i (job_index_i),
    .valid_o(),
    .ready_i(wr_done),
    .data_o (write_index_o),
    .level_o()
  );

endmodule
