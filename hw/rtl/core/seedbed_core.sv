// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// The core: control registers, command processor, matrix engine, one AXI4 master.
//
//   s_axil --> axil_regs --> cmd_fetch --requests--> axi_read ==beats==> matvec_engine
//                                 ^                     |                    |
//                                 +------records--------+     axi_write <----+ results
//
// Parameters
//   BusW         AXI data bits, 64..1024, a power of two; lanes = BusW/32
//   ActW         bits of an activation; 16
//   ActCap       activation buffer, elements, a power of two, 1024..65536
//   Outstanding  read bursts in flight (64 beats or 4 KB each; the data FIFO holds them all)
//   Codecs       bit i: codec id i is built in
//   Style        0 simulates fast, 1 is small on an FPGA (see lane); the results are the same
// Registers and counters: docs/device.md. All AXI outputs come from registers or from a few gates
// behind them, never from an AXI input.

module seedbed_core #(
  parameter int         BusW        = 512,
  parameter int         ActW        = 16,
  parameter int         ActCap      = 32768,
  parameter int         Outstanding = 8,
  parameter logic [3:0] Codecs      = 4'b1111,
  parameter bit         Style       = 1'b0
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

  localparam int BeatsW    = 40;
  localparam int MaxBurst  = 64;
  localparam int DataDepth = 16;

  initial begin
    if (BusW < 64 || BusW > 1024 || BusW != (1 << $clog2(BusW))) $fatal(1, "seedbed_core: BusW");
    if (ActW != 16) $fatal(1, "seedbed_core: ActW must be 16");
    if (ActCap < 1024 || ActCap > 65536) $fatal(1, "seedbed_core: ActCap");
    if (Codecs == 4'd0) $fatal(1, "seedbed_core: no codec");
  end

  localparam logic [31:0] Params = {8'(seedbed_pkg::AddrBits), 8'($clog2(ActCap)), 8'(ActW), 8'(BusW / 32)};

  logic              start, list_done, fetch_idle;
  logic [63:0]       cmd_addr;
  logic [31:0]       cmd_count;
  logic [3:0]        error;
  logic [31:0]       error_index, cur_index;
  logic [3:0]        fetch_state, engine_state;
  logic [64*seedbed_pkg::NumCounters-1:0] counts;

  logic              req_valid, req_ready;
  logic [63:0]       req_addr;
  logic [BeatsW-1:0] req_beats;
  logic [1:0]        req_tag;

  logic              beat_pend, beat_valid, beat_err, beat_last, cmd_ready, engine_ready;
  logic [1:0]        beat_tag;
  logic [BusW-1:0]   beat_data;

  logic              job_valid, job_ready;
  logic [1:0]        job_codec;
  logic [16:0]       job_words;
  logic [23:0]       job_rows;
  logic [63:0]       job_dst;
  logic [31:0]       job_index;

  logic              wr_req_valid, wr_req_last, wr_data_valid, wr_pop, wr_done, wr_err, wr_idle;
  logic [63:0]       wr_req_addr;
  logic [8:0]        wr_req_beats;
  logic [BusW-1:0]   wr_data;
  logic [BusW/64-1:0] wr_elem;

  logic              read_err, flush, clear, read_idle, useful, engine_idle, rbeat, event_done;
  logic [31:0]       read_index;
  logic [15:0]       read_inflight, read_level, write_inflight, write_level;

  wire is_cmd = beat_tag == seedbed_pkg::TagCmd;

  axil_regs #(
    .Params(Params),
    .Codecs({28'd0, Codecs})
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
    .done_i       (list_done),
    .idle_i       (fetch_idle),
    .error_i      (error),
    .error_index_i(error_index),
    .cur_index_i  (cur_index),
    .state_i      ({16'd0, 4'(beat_pend), 2'd0, beat_tag, engine_state, fetch_state}),
    .outstanding_i({write_inflight, read_inflight}),
    .level_i      ({write_level, read_level}),
    .counters_i   (counts),
    .irq_o        (irq_o)
  );

  cmd_fetch #(
    .BusW  (BusW),
    .Codecs(Codecs),
    .ActCap(ActCap),
    .BeatsW(BeatsW)
  ) u_fetch (
    .clk_i        (clk_i),
    .rst_ni       (rst_ni),
    .start_i      (start),
    .cmd_addr_i   (cmd_addr),
    .cmd_count_i  (cmd_count),
    .idle_o       (fetch_idle),
    .done_o       (list_done),
    .req_valid_o  (req_valid),
    .req_ready_i  (req_ready),
    .req_addr_o   (req_addr),
    .req_beats_o  (req_beats),
    .req_tag_o    (req_tag),
    .beat_valid_i (beat_valid && is_cmd),
    .beat_ready_o (cmd_ready),
    .beat_data_i  (beat_data),
    .beat_err_i   (beat_err),
    .job_valid_o  (job_valid),
    .job_ready_i  (job_ready),
    .job_codec_o  (job_codec),
    .job_words_o  (job_words),
    .job_rows_o   (job_rows),
    .job_dst_o    (job_dst),
    .job_index_o  (job_index),
    .job_done_i   (wr_done),
    .read_err_i   (read_err),
    .read_index_i (read_index),
    .write_err_i  (wr_err),
    .quiet_i      (read_idle && wr_idle && engine_idle),
    .flush_o      (flush),
    .reset_o      (clear),
    .event_done_o (event_done),
    .error_o      (error),
    .error_index_o(error_index),
    .cur_index_o  (cur_index),
    .state_o      (fetch_state)
  );

  axi_read #(
    .BusW       (BusW),
    .MaxBurst   (MaxBurst),
    .Outstanding(Outstanding),
    .BeatsW     (BeatsW)
  ) u_read (
    .clk_i      (clk_i),
    .rst_ni     (rst_ni),
    .flush_i    (flush),
    .idle_o     (read_idle),
    .req_valid_i(req_valid),
    .req_ready_o(req_ready),
    .req_addr_i (req_addr),
    .req_beats_i(req_beats),
    .req_tag_i  (req_tag),
    .pend_o     (beat_pend),
    .tag_o      (beat_tag),
    .valid_o    (beat_valid),
    .ready_i    (is_cmd ? cmd_ready : engine_ready),
    .data_o     (beat_data),
    .err_o      (beat_err),
    .last_o     (beat_last),
    .inflight_o (read_inflight),
    .level_o    (read_level),
    .rbeat_o    (rbeat),
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

  matvec_engine #(
    .BusW     (BusW),
    .Codecs   (Codecs),
    .Style    (Style),
    .ActCap   (ActCap),
    .DataDepth(DataDepth)
  ) u_matvec (
    .clk_i          (clk_i),
    .rst_ni         (rst_ni),
    .clear_i        (clear),
    .flush_i        (flush),
    .job_valid_i    (job_valid),
    .job_ready_o    (job_ready),
    .job_codec_i    (job_codec),
    .job_words_i    (job_words),
    .job_rows_i     (job_rows),
    .job_dst_i      (job_dst),
    .job_index_i    (job_index),
    .beat_valid_i   (beat_valid),
    .beat_ready_o   (engine_ready),
    .beat_tag_i     (beat_tag),
    .beat_data_i    (beat_data),
    .beat_err_i     (beat_err),
    .beat_last_i    (beat_last),
    .useful_o       (useful),
    .read_err_o     (read_err),
    .read_index_o   (read_index),
    .wr_req_valid_o (wr_req_valid),
    .wr_req_addr_o  (wr_req_addr),
    .wr_req_beats_o (wr_req_beats),
    .wr_req_last_o  (wr_req_last),
    .wr_data_valid_o(wr_data_valid),
    .wr_data_o      (wr_data),
    .wr_elem_o      (wr_elem),
    .wr_pop_i       (wr_pop),
    .idle_o         (engine_idle),
    .state_o        (engine_state)
  );

  axi_write #(
    .BusW       (BusW),
    .MaxBurst   (MaxBurst),
    .Outstanding(8),
    .DataDepth  (DataDepth)
  ) u_write (
    .clk_i       (clk_i),
    .rst_ni      (rst_ni),
    .req_valid_i (wr_req_valid),
    .req_ready_o (),
    .req_addr_i  (wr_req_addr),
    .req_beats_i (wr_req_beats),
    .req_last_i  (wr_req_last),
    .data_valid_i(wr_data_valid),
    .data_ready_o(),
    .data_i      (wr_data),
    .elem_i      (wr_elem),
    .pop_o       (wr_pop),
    .done_o      (wr_done),
    .err_o       (wr_err),
    .idle_o      (wr_idle),
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

  // ------------------------------------------------------------------------------------------
  // Every cycle has one class, seen from the engine's input: what is the next beat, and was it taken?
  // ------------------------------------------------------------------------------------------
  logic [seedbed_pkg::NumClasses-1:0] cycle_class;
  wire pend_act = beat_pend && beat_tag == seedbed_pkg::TagAct && !flush;
  wire pend_wei = beat_pend && beat_tag == seedbed_pkg::TagWei && !flush;

  always_comb begin
    cycle_class = '0;
    if (pend_act) cycle_class[seedbed_pkg::ClassActLoad] = 1'b1;
    else if (pend_wei && useful) cycle_class[seedbed_pkg::ClassUseful] = 1'b1;
    else if (pend_wei && beat_valid) cycle_class[seedbed_pkg::ClassStall] = 1'b1;
    else if (pend_wei) cycle_class[seedbed_pkg::ClassWait] = 1'b1;
    else if (!engine_idle || !wr_idle) cycle_class[seedbed_pkg::ClassDrain] = 1'b1;
    else cycle_class[seedbed_pkg::ClassControl] = 1'b1;
  end

  counters u_counters (
    .clk_i   (clk_i),
    .rst_ni  (rst_ni),
    .clear_i (start),
    .run_i   (!fetch_idle),
    .class_i (cycle_class),
    .rbeat_i (rbeat),
    .wbeat_i (wr_pop),
    .cmd_i   (event_done),
    .values_o(counts)
  );

endmodule
