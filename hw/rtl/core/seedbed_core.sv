// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// The core: control registers, command processor, and for each AXI4 master a cluster that multiplies what
// comes through it.
//
//   s_axil --> axil_regs --> cmd_fetch --requests, jobs--> cluster 0 <==> m port 0
//                                 ^ \------------------\-> cluster 1 <==> m port 1
//                                 +----records (port 0)     ...
//                                  \-----whole records----> core_units <==> each cluster's reader and writer
//
// Port p's signals are the p-th part of the vectors m_*.
//
// Parameters
//   Ports        AXI4 masters, 1..8
//   BusW         data bits of each, 64..1024, a power of two; lanes = Ports * BusW/32
//   ActW         bits of an activation; 16
//   ActCap       activation buffer, elements, a power of two, 1024..65536
//   Outstanding  read bursts in flight (64 beats or 4 KB each; the data FIFO holds them all)
//   Prefetch     beats of weights that a port can hold, a power of two from 64, read ahead while a unit works; 0: one
//                stream of reads for all
//   Codecs       bit i: codec id i is built in
//   MaxBatch     vectors that a command may bring for one read of its weights, 1..16
//   Attention    an attention unit at each port: 0 none, 1 sigmoid, 2 softmax, 3 both; BusW at most 512
//   AttnRows     its query rows side by side, 1..16;  AttnKeys: keys a softmax may have, a power of two
//   Vector       1: vector unit, at port 0
//   Style        0 simulates fast, 1 is small on an FPGA (see lane, clock_gate); the results are the same
// Registers and counters: docs/device.md. All AXI outputs come from registers or from a few gates
// behind them, never from an AXI input.

module seedbed_core #(
  parameter int         BusW        = 512,
  parameter int         ActW        = 16,
  parameter int         ActCap      = 65536,
  parameter int         Outstanding = 8,
  parameter int         Prefetch    = 0,
  parameter logic [3:0] Codecs      = 4'b1111,
  parameter int         MaxBatch    = 16,
  parameter int         Ports       = 1,
  parameter int         Attention   = 0,
  parameter int         AttnRows    = 4,
  parameter int         AttnKeys    = 16384,
  parameter int         Vector      = 0,
  parameter bit         Style       = 1'b1
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  output logic              irq_o,

  input  logic              s_awvalid_i,
  output logic              s_awready_o,
  input  logic [11:0]       s_awaddr_i,
  input  logic              s_wvalid_i,
  output logic              s_wready_o,
  input  logic [31:0]       s_wdata_i,
  input  logic [3:0]        s_wstrb_i,
  output logic              s_bvalid_o,
  input  logic              s_bready_i,
  output logic [1:0]        s_bresp_o,
  input  logic              s_arvalid_i,
  output logic              s_arready_o,
  input  logic [11:0]       s_araddr_i,
  output logic              s_rvalid_o,
  input  logic              s_rready_i,
  output logic [31:0]       s_rdata_o,
  output logic [1:0]        s_rresp_o,

  output logic [Ports-1:0]           m_arvalid_o,
  input  logic [Ports-1:0]           m_arready_i,
  output logic [64*Ports-1:0]        m_araddr_o,
  output logic [8*Ports-1:0]         m_arlen_o,
  input  logic [Ports-1:0]           m_rvalid_i,
  output logic [Ports-1:0]           m_rready_o,
  input  logic [BusW*Ports-1:0]      m_rdata_i,
  input  logic [2*Ports-1:0]         m_rresp_i,
  input  logic [Ports-1:0]           m_rlast_i,
  output logic [Ports-1:0]           m_awvalid_o,
  input  logic [Ports-1:0]           m_awready_i,
  output logic [64*Ports-1:0]        m_awaddr_o,
  output logic [8*Ports-1:0]         m_awlen_o,
  output logic [Ports-1:0]           m_wvalid_o,
  input  logic [Ports-1:0]           m_wready_i,
  output logic [BusW*Ports-1:0]      m_wdata_o,
  output logic [BusW/8*Ports-1:0]    m_wstrb_o,
  output logic [Ports-1:0]           m_wlast_o,
  input  logic [Ports-1:0]           m_bvalid_i,
  output logic [Ports-1:0]           m_bready_o,
  input  logic [2*Ports-1:0]         m_bresp_i
);

  localparam int BeatsW    = 40;

  initial begin
    if (BusW < 64 || BusW > 1024 || BusW != (1 << $clog2(BusW))) $fatal(1, "seedbed_core: BusW");
    if (ActW != 16) $fatal(1, "seedbed_core: ActW must be 16");
    if (ActCap < 1024 || ActCap > 65536) $fatal(1, "seedbed_core: ActCap");
    if (MaxBatch < 1 || MaxBatch > 16) $fatal(1, "seedbed_core: MaxBatch");
    if (Ports < 1 || Ports > 8) $fatal(1, "seedbed_core: Ports must be 1..8");
    if (Attention < 0 || Attention > 3) $fatal(1, "seedbed_core: Attention must be 0..3");
    if (Vector < 0 || Vector > 1) $fatal(1, "seedbed_core: Vector must be 0 or 1");
    if (Prefetch != 0 && (Prefetch < 64 || Prefetch > 32768)) $fatal(1, "seedbed_core: Prefetch must be 0 or 64..32768");
    if (Codecs == 4'd0) $fatal(1, "seedbed_core: no codec");
  end

  localparam logic [31:0] Params = {8'(seedbed_pkg::AddrBits), 8'($clog2(ActCap)), 8'(ActW), 8'(BusW / 32)};

  localparam logic [1:0]  Units  = {Vector != 0, Attention != 0};
  localparam bit          AnyUnit = Units != 2'b00;
  localparam logic [31:0] UnitsReg = {3'd0, (Prefetch != 0) ? 5'($clog2(Prefetch)) : 5'd0, 3'd0, (Attention != 0) ? 5'($clog2(AttnKeys)) : 5'd0, 3'd0,
                                      (Attention != 0) ? 5'(AttnRows) : 5'd0, 4'd0, Attention != 0, Vector != 0, 2'(Attention)};

  logic              start, list_done, fetch_idle;
  logic [63:0]       cmd_addr;
  logic [31:0]       cmd_count;
  logic [3:0]        error;
  logic [31:0]       error_index, cur_index;
  logic [3:0]        fetch_state;
  logic [64*seedbed_pkg::NumCounters-1:0] counts;

  logic [63:0]       port_stride;
  logic [128*Ports-1:0] beats;

  logic [Ports-1:0]  req_valid, req_ready;
  logic [63:0]       req_addr;
  logic [BeatsW-1:0] req_beats;
  logic [1:0]        req_tag;
  logic [Ports-1:0]  wei_valid, wei_ready;
  logic [63:0]       wei_addr;
  logic [BeatsW-1:0] wei_beats;

  logic              cmd_ready;
  logic [Ports-1:0]  cmd_valid, cmd_err;
  logic [BusW*Ports-1:0] cmd_data;

  logic [Ports-1:0]  job_valid, job_ready, job_done;
  logic [1:0]        job_codec;
  logic [3:0]        job_more;
  logic [16:0]       job_words;
  logic [23:0]       job_rows;
  logic [63:0]       job_dst;
  logic [21:0]       job_stride;
  logic [31:0]       job_index;

  // Units: bit 0 attention, bit 1 vector (seedbed_pkg::Unit*), and their ways to the ports.
  logic [1:0]        unit_valid, unit_ready, unit_done, unit_sel;
  logic [7:0]        unit_error;
  logic [31:0]       unit_state;
  logic [511:0]      unit_cmd;
  logic [Ports-1:0]  unit_works, unit_req_valid, unit_beat_valid, unit_beat_ready, unit_beat_last;
  logic [Ports-1:0]  unit_wreq_valid, unit_wreq_ready, unit_wvalid, unit_wready, unit_widle, unit_werr;
  logic [64*Ports-1:0]     unit_req_addr, unit_wreq_addr;
  logic [BeatsW*Ports-1:0] unit_req_beats;
  logic [9*Ports-1:0]      unit_wreq_beats;
  logic [BusW*Ports-1:0]   unit_wdata;
  logic [BusW/8*Ports-1:0] unit_wstrb;

  logic              flush, clear, event_done;
  logic [Ports-1:0]  read_err, write_err, pend, valid, useful, compute, rbeat, wbeat, drained, quiet;
  wire  [Ports-1:0]  busy = ~drained;
  logic [2*Ports-1:0]  tag;
  logic [32*Ports-1:0] read_index, write_index, outstanding, level;
  logic [4*Ports-1:0]  engine_state;

  axil_regs #(
    .Params  (Params),
    .Codecs  ({28'd0, Codecs}),
    .MaxBatch(32'(MaxBatch)),
    .Ports   (Ports),
    .Units   (UnitsReg)
  ) u_regs (
    .clk_i        (clk_i),
    .rst_ni       (rst_ni),
    .s_awvalid_i  (s_awvalid_i),
    .s_awready_o  (s_awready_o),
    .s_awaddr_i   (s_awaddr_i),
    .s_wvalid_i   (s_wvalid_i),
    .s_wready_o   (s_wready_o),
    .s_wdata_i    (s_wdata_i),
    .s_wstrb_i    (s_wstrb_i),
    .s_bvalid_o   (s_bvalid_o),
    .s_bready_i   (s_bready_i),
    .s_bresp_o    (s_bresp_o),
    .s_arvalid_i  (s_arvalid_i),
    .s_arready_o  (s_arready_o),
    .s_araddr_i   (s_araddr_i),
    .s_rvalid_o   (s_rvalid_o),
    .s_rready_i   (s_rready_i),
    .s_rdata_o    (s_rdata_o),
    .s_rresp_o    (s_rresp_o),
    .start_o      (start),
    .cmd_addr_o   (cmd_addr),
    .cmd_count_o  (cmd_count),
    .port_stride_o(port_stride),
    .done_i       (list_done),
    .idle_i       (fetch_idle),
    .error_i      (error),
    .error_index_i(error_index),
    .cur_index_i  (cur_index),
    .state_i      ({8'(busy), 8'(pend), 3'd0, pend[0], 2'd0, tag[1:0], engine_state[3:0], fetch_state}),
    .outstanding_i(outstanding[31:0]),
    .level_i      (level[31:0]),
    .unit_state_i (unit_state),
    .counters_i   (counts),
    .beats_i      (beats),
    .irq_o        (irq_o)
  );

  cmd_fetch #(
    .BusW    (BusW),
    .Codecs  (Codecs),
    .ActCap  (ActCap),
    .MaxBatch(MaxBatch),
    .BeatsW  (BeatsW),
    .Depth   (AnyUnit ? 16 : 8),
    .Ports   (Ports),
    .Units   (Units),
    .Ahead   ((Prefetch > 0) ? 4 : 0)
  ) u_fetch (
    .clk_i        (clk_i),
    .rst_ni       (rst_ni),
    .start_i      (start),
    .cmd_addr_i   (cmd_addr),
    .cmd_count_i  (cmd_count),
    .port_stride_i(port_stride),
    .idle_o       (fetch_idle),
    .done_o       (list_done),
    .req_valid_o  (req_valid),
    .req_ready_i  (req_ready),
    .req_addr_o   (req_addr),
    .req_beats_o  (req_beats),
    .req_tag_o    (req_tag),
    .wei_valid_o  (wei_valid),
    .wei_ready_i  (wei_ready),
    .wei_addr_o   (wei_addr),
    .wei_beats_o  (wei_beats),
    .beat_valid_i (cmd_valid[0]),
    .beat_ready_o (cmd_ready),
    .beat_data_i  (cmd_data[BusW-1:0]),
    .beat_err_i   (cmd_err[0]),
    .job_valid_o  (job_valid),
    .job_ready_i  (job_ready),
    .job_codec_o  (job_codec),
    .job_more_o   (job_more),
    .job_words_o  (job_words),
    .job_rows_o   (job_rows),
    .job_dst_o    (job_dst),
    .job_stride_o (job_stride),
    .job_index_o  (job_index),
    .job_done_i   (job_done),
    .unit_valid_o (unit_valid),
    .unit_ready_i (unit_ready),
    .unit_cmd_o   (unit_cmd),
    .unit_done_i  (unit_done),
    .unit_error_i (unit_error),
    .unit_busy_o  (unit_sel),
    .read_err_i   (read_err),
    .read_index_i (read_index),
    .write_err_i  (write_err),
    .write_index_i(write_index),
    .quiet_i      (&quiet),
    .flush_o      (flush),
    .reset_o      (clear),
    .event_done_o (event_done),
    .error_o      (error),
    .error_index_o(error_index),
    .cur_index_o  (cur_index),
    .state_o      (fetch_state)
  );

  for (genvar p = 0; p < Ports; p++) begin : g_cluster
    wire unit_req    = unit_req_valid[p] && !req_valid[p];  // records may be fetched beside a unit
    wire c_req_valid = req_valid[p] || unit_req;

    cluster #(
      .BusW       (BusW),
      .ActCap     (ActCap),
      .Outstanding(Outstanding),
      .Prefetch   (Prefetch),
      .Codecs     (Codecs),
      .MaxBatch   (MaxBatch),
      .Style      (Style),
      .BeatsW     (BeatsW),
      .Ports      (Ports),
      .Index      (p),
      .Unit       (Attention != 0 || (AnyUnit && p == 0))
    ) u_cluster (
      .clk_i        (clk_i),
      .rst_ni       (rst_ni),
      .flush_i      (flush),
      .clear_i      (clear),
      .req_valid_i  (c_req_valid),
      .req_ready_o  (req_ready[p]),
      .req_addr_i   (unit_req ? unit_req_addr[64*p +: 64] : req_addr),
      .req_beats_i  (unit_req ? unit_req_beats[BeatsW*p +: BeatsW] : req_beats),
      .req_tag_i    (unit_req ? seedbed_pkg::TagUnit : req_tag),
      .wei_valid_i  (wei_valid[p]),
      .wei_ready_o  (wei_ready[p]),
      .wei_addr_i   (wei_addr),
      .wei_beats_i  (wei_beats),
      .cmd_valid_o  (cmd_valid[p]),
      .cmd_ready_i  (cmd_ready),
      .cmd_data_o   (cmd_data[BusW*p +: BusW]),
      .cmd_err_o    (cmd_err[p]),
      .unit_i           (unit_works[p]),
      .unit_valid_o     (unit_beat_valid[p]),
      .unit_ready_i     (unit_beat_ready[p]),
      .unit_last_o      (unit_beat_last[p]),
      .unit_wreq_valid_i(unit_wreq_valid[p]),
      .unit_wreq_ready_o(unit_wreq_ready[p]),
      .unit_wreq_addr_i (unit_wreq_addr[64*p +: 64]),
      .unit_wreq_beats_i(unit_wreq_beats[9*p +: 9]),
      .unit_wvalid_i    (unit_wvalid[p]),
      .unit_wready_o    (unit_wready[p]),
      .unit_wdata_i     (unit_wdata[BusW*p +: BusW]),
      .unit_wstrb_i     (unit_wstrb[BusW/8*p +: BusW/8]),
      .unit_widle_o     (unit_widle[p]),
      .unit_werr_o      (unit_werr[p]),
      .job_valid_i  (job_valid[p]),
      .job_ready_o  (job_ready[p]),
      .job_codec_i  (job_codec),
      .job_more_i   (job_more),
      .job_words_i  (job_words),
      .job_rows_i   (job_rows),
      .job_dst_i    (job_dst),
      .job_stride_i (job_stride),
      .job_index_i  (job_index),
      .done_o       (job_done[p]),
      .read_err_o   (read_err[p]),
      .read_index_o (read_index[32*p +: 32]),
      .write_err_o  (write_err[p]),
      .write_index_o(write_index[32*p +: 32]),
      .pend_o       (pend[p]),
      .tag_o        (tag[2*p +: 2]),
      .valid_o      (valid[p]),
      .useful_o     (useful[p]),
      .compute_o    (compute[p]),
      .rbeat_o      (rbeat[p]),
      .wbeat_o      (wbeat[p]),
      .drained_o    (drained[p]),
      .quiet_o      (quiet[p]),
      .state_o      (engine_state[4*p +: 4]),
      .outstanding_o(outstanding[32*p +: 32]),
      .level_o      (level[32*p +: 32]),
      .m_arvalid_o  (m_arvalid_o[p]),
      .m_arready_i  (m_arready_i[p]),
      .m_araddr_o   (m_araddr_o[64*p +: 64]),
      .m_arlen_o    (m_arlen_o[8*p +: 8]),
      .m_rvalid_i   (m_rvalid_i[p]),
      .m_rready_o   (m_rready_o[p]),
      .m_rdata_i    (m_rdata_i[BusW*p +: BusW]),
      .m_rresp_i    (m_rresp_i[2*p +: 2]),
      .m_rlast_i    (m_rlast_i[p]),
      .m_awvalid_o  (m_awvalid_o[p]),
      .m_awready_i  (m_awready_i[p]),
      .m_awaddr_o   (m_awaddr_o[64*p +: 64]),
      .m_awlen_o    (m_awlen_o[8*p +: 8]),
      .m_wvalid_o   (m_wvalid_o[p]),
      .m_wready_i   (m_wready_i[p]),
      .m_wdata_o    (m_wdata_o[BusW*p +: BusW]),
      .m_wstrb_o    (m_wstrb_o[BusW/8*p +: BusW/8]),
      .m_wlast_o    (m_wlast_o[p]),
      .m_bvalid_i   (m_bvalid_i[p]),
      .m_bready_o   (m_bready_o[p]),
      .m_bresp_i    (m_bresp_i[2*p +: 2])
    );
  end

  // Only port 0 has records; what the others would say in their place is not looked at.
  wire unused = &{1'b0, cmd_valid, cmd_err, cmd_data, tag, valid, useful, compute, engine_state, outstanding, level};

  core_units #(
    .BusW     (BusW),
    .BeatsW   (BeatsW),
    .Ports    (Ports),
    .Attention(Attention),
    .AttnRows (AttnRows),
    .AttnKeys (AttnKeys),
    .Vector   (Vector),
    .Style    (Style)
  ) u_units (
    .clk_i       (clk_i),
    .rst_ni      (rst_ni),
    .cmd_valid_i (unit_valid),
    .cmd_ready_o (unit_ready),
    .cmd_i       (unit_cmd),
    .done_o      (unit_done),
    .error_o     (unit_error),
    .sel_i       (unit_sel),
    .state_o     (unit_state),
    .works_o     (unit_works),
    .req_valid_o (unit_req_valid),
    .req_ready_i (req_ready & ~req_valid),
    .req_addr_o  (unit_req_addr),
    .req_beats_o (unit_req_beats),
    .beat_valid_i(unit_beat_valid),
    .beat_ready_o(unit_beat_ready),
    .beat_data_i (cmd_data),
    .beat_err_i  (cmd_err),
    .beat_last_i (unit_beat_last),
    .wreq_valid_o(unit_wreq_valid),
    .wreq_ready_i(unit_wreq_ready),
    .wreq_addr_o (unit_wreq_addr),
    .wreq_beats_o(unit_wreq_beats),
    .wvalid_o    (unit_wvalid),
    .wready_i    (unit_wready),
    .wdata_o     (unit_wdata),
    .wstrb_o     (unit_wstrb),
    .wpop_i      (wbeat),
    .widle_i     (unit_widle),
    .werr_i      (unit_werr)
  );

  // ------------------------------------------------------------------------------------------
  // Every cycle has one class, seen from the engine's input: what is the next beat, and was it
  // taken? With several ports it is port 0's engine, and waiting for the others is draining.
  // ------------------------------------------------------------------------------------------
  logic [seedbed_pkg::NumClasses-1:0] cycle_class;
  wire pend_act = pend[0] && tag[1:0] == seedbed_pkg::TagAct && !flush;
  wire pend_wei = pend[0] && tag[1:0] == seedbed_pkg::TagWei && !flush;

  wire others_pend = (pend >> 1) != '0;

  always_comb begin
    cycle_class = '0;
    if (unit_sel[seedbed_pkg::UnitAttention]) cycle_class[seedbed_pkg::ClassAttend] = 1'b1;
    else if (unit_sel[seedbed_pkg::UnitVector]) cycle_class[seedbed_pkg::ClassVector] = 1'b1;
    else if (pend_act) cycle_class[seedbed_pkg::ClassActLoad] = 1'b1;
    else if (pend_wei && useful[0]) cycle_class[seedbed_pkg::ClassUseful] = 1'b1;
    else if (pend_wei && compute[0]) cycle_class[seedbed_pkg::ClassCompute] = 1'b1;
    else if (pend_wei && valid[0]) cycle_class[seedbed_pkg::ClassStall] = 1'b1;
    else if (pend_wei) cycle_class[seedbed_pkg::ClassWait] = 1'b1;
    else if (busy != '0 || others_pend) cycle_class[seedbed_pkg::ClassDrain] = 1'b1;
    else cycle_class[seedbed_pkg::ClassControl] = 1'b1;
  end

  counters #(
    .Ports(Ports),
    .Units(Units)
  ) u_counters (
    .clk_i   (clk_i),
    .rst_ni  (rst_ni),
    .clear_i (start),
    .run_i   (!fetch_idle),
    .class_i (cycle_class),
    .rbeat_i (rbeat),
    .wbeat_i (wbeat),
    .cmd_i   (event_done),
    .values_o(counts),
    .beats_o (beats)
  );

endmodule
