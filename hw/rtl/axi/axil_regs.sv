// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// AXI4-Lite slave with the ap_ctrl_hs register map of docs/device.md.
//
// Parameters: Params, Codecs, MaxBatch, Ports and Units, the contents of the registers PARAMS, CODECS, MAX_BATCH, PORTS
// and UNITS.
// Ports
//   s_*         AXI4-Lite, 32-bit data, 12-bit address; writes honour the byte strobes
//   start_o     pulse: begin the list at cmd_addr_o, cmd_count_o; port_stride_o: PORT_STRIDE
//   done_i      pulse: the list ended; idle_i: nothing in work
//   error_i..unit_state_i, counters_i, beats_i: read-only registers
//   irq_o       level, GIER & any enabled ISR bit
// Latency: a read answers two cycles after its address.

module axil_regs #(
  parameter logic [31:0] Params   = '0,
  parameter logic [31:0] Codecs   = '0,
  parameter logic [31:0] MaxBatch = 32'd1,
  parameter int          Ports    = 1,
  parameter logic [31:0] Units    = '0
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         s_awvalid_i,
  output logic         s_awready_o,
  input  logic [11:0]  s_awaddr_i,
  input  logic         s_wvalid_i,
  output logic         s_wready_o,
  input  logic [31:0]  s_wdata_i,
  input  logic [3:0]   s_wstrb_i,
  output logic         s_bvalid_o,
  input  logic         s_bready_i,
  output logic [1:0]   s_bresp_o,
  input  logic         s_arvalid_i,
  output logic         s_arready_o,
  input  logic [11:0]  s_araddr_i,
  output logic         s_rvalid_o,
  input  logic         s_rready_i,
  output logic [31:0]  s_rdata_o,
  output logic [1:0]   s_rresp_o,

  output logic         start_o,
  output logic [63:0]  cmd_addr_o,
  output logic [31:0]  cmd_count_o,
  output logic [63:0]  port_stride_o,
  input  logic         done_i,
  input  logic         idle_i,
  input  logic [3:0]   error_i,
  input  logic [31:0]  error_index_i,
  input  logic [31:0]  cur_index_i,
  input  logic [31:0]  state_i,
  input  logic [31:0]  outstanding_i,
  input  logic [31:0]  level_i,
  input  logic [31:0]  unit_state_i,
  input  logic [64*seedbed_pkg::NumCounters-1:0] counters_i,
  input  logic [128*Ports-1:0] beats_i,
  output logic         irq_o
);

  logic        aw_held_q, w_held_q, b_valid_q, ar_held_q, r_valid_q;
  logic [11:0] awaddr_q, araddr_q;
  logic [31:0] wdata_q, rdata_q;
  logic [3:0]  wstrb_q;
  logic        start_q, done_q, ready_q, gier_q;
  logic [1:0]  ier_q, isr_q;
  logic [63:0] cmd_addr_q;
  logic [31:0] cmd_count_q;
  logic [63:0] port_stride_q;

  assign s_awready_o = !aw_held_q;
  assign s_wready_o  = !w_held_q;
  assign s_bvalid_o  = b_valid_q;
  assign s_bresp_o   = 2'b00;
  assign s_arready_o = !ar_held_q;
  assign s_rvalid_o  = r_valid_q;
  assign s_rdata_o   = rdata_q;
  assign s_rresp_o   = 2'b00;
  assign start_o     = start_q && idle_i;
  assign cmd_addr_o  = cmd_addr_q;
  assign cmd_count_o = cmd_count_q;
  assign port_stride_o = port_stride_q;
  assign irq_o       = gier_q && (isr_q & ier_q) != 2'b00;

  wire do_write = aw_held_q && w_held_q && (!b_valid_q || s_bready_i);
  wire do_read  = ar_held_q && (!r_valid_q || s_rready_i);

  wire [9:0]  wword = awaddr_q[11:2];
  wire [31:0] wmask = {{8{wstrb_q[3]}}, {8{wstrb_q[2]}}, {8{wstrb_q[1]}}, {8{wstrb_q[0]}}};
  wire        wbit0 = wstrb_q[0];

  function automatic logic [31:0] merge(input logic [31:0] old, input logic [31:0] data,
                                        input logic [31:0] mask);
    merge = (old & ~mask) | (data & mask);
  endfunction

  wire [1:0] isr_toggle = (do_write && wword == 10'h003 && wbit0) ? wdata_q[1:0] : 2'b00;

  wire [9:0] rword = araddr_q[11:2];
  wire [5:0] rcnt  = rword[5:0] - 6'h20;  // word among the counters, which begin at 0x80
  wire [4:0] rbeat = rword[4:0];          // word among the ports' beats, which begin at 0x100

  logic [31:0] rdata;
  always_comb begin
    rdata = '0;
    case (rword)
      10'h000: rdata = {28'd0, ready_q, idle_i && !start_q, done_q, start_q};
      10'h001: rdata = {31'd0, gier_q};
      10'h002: rdata = {30'd0, ier_q};
      10'h003: rdata = {30'd0, isr_q};
      10'h004: rdata = cmd_addr_q[31:0];
      10'h005: rdata = cmd_addr_q[63:32];
      10'h007: rdata = cmd_count_q;
      10'h009: rdata = port_stride_q[31:0];
      10'h00a: rdata = port_stride_q[63:32];
      10'h010: rdata = seedbed_pkg::Id;
      10'h011: rdata = seedbed_pkg::Version;
      10'h012: rdata = Params;
      10'h013: rdata = Codecs;
      10'h014: rdata = {28'd0, error_i};
      10'h015: rdata = error_index_i;
      10'h016: rdata = cur_index_i;
      10'h017: rdata = state_i;
      10'h018: rdata = outstanding_i;
      10'h019: rdata = level_i;
      10'h01a: rdata = MaxBatch;
      10'h01b: rdata = Ports;
      10'h01c: rdata = Units;
      10'h01d: rdata = unit_state_i;
      default: begin
        for (int i = 0; i < 2 * seedbed_pkg::NumCounters; i++) begin
          if (rword[9:6] == 4'd0 && rword[5] && rcnt == 6'(i)) rdata = counters_i[32*i +: 32];
        end
        for (int i = 0; i < 4 * Ports; i++) begin
          if (rword[9:5] == 5'h02 && rbeat == 5'(i)) rdata = beats_i[32*i +: 32];
        end
      end
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (s_awvalid_i && s_awready_o) awaddr_q <= s_awaddr_i;
    if (s_wvalid_i && s_wready_o) begin
      wdata_q <= s_wdata_i;
      wstrb_q <= s_wstrb_i;
    end
    if (s_arvalid_i && s_arready_o) araddr_q <= s_araddr_i;
    if (do_read) rdata_q <= rdata;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      aw_held_q   <= 1'b0;
      w_held_q    <= 1'b0;
      b_valid_q   <= 1'b0;
      ar_held_q   <= 1'b0;
      r_valid_q   <= 1'b0;
      start_q     <= 1'b0;
      done_q      <= 1'b0;
      ready_q     <= 1'b0;
      gier_q      <= 1'b0;
      ier_q       <= 2'b00;
      isr_q       <= 2'b00;
      cmd_addr_q  <= '0;
      cmd_count_q <= '0;
      port_stride_q <= '0;
    end else begin
      if (do_write) aw_held_q <= 1'b0;
      else if (s_awvalid_i) aw_held_q <= 1'b1;
      if (do_write) w_held_q <= 1'b0;
      else if (s_wvalid_i) w_held_q <= 1'b1;
      if (do_write) b_valid_q <= 1'b1;
      else if (s_bready_i) b_valid_q <= 1'b0;
      if (do_read) ar_held_q <= 1'b0;
      else if (s_arvalid_i) ar_held_q <= 1'b1;
      if (do_read) r_valid_q <= 1'b1;
      else if (s_rready_i) r_valid_q <= 1'b0;

      if (start_o) start_q <= 1'b0;
      if (do_read && rword == 10'h000) begin
        done_q  <= 1'b0;
        ready_q <= 1'b0;
      end
      if (do_write) begin
        case (wword)
          10'h000: if (wbit0 && wdata_q[0]) start_q <= 1'b1;
          10'h001: if (wbit0) gier_q <= wdata_q[0];
          10'h002: if (wbit0) ier_q <= wdata_q[1:0];
          10'h004: cmd_addr_q[31:0] <= merge(cmd_addr_q[31:0], wdata_q, wmask);
          10'h005: cmd_addr_q[63:32] <= merge(cmd_addr_q[63:32], wdata_q, wmask);
          10'h007: cmd_count_q <= merge(cmd_count_q, wdata_q, wmask);
          10'h009: port_stride_q[31:0] <= merge(port_stride_q[31:0], wdata_q, wmask);
          10'h00a: port_stride_q[63:32] <= merge(port_stride_q[63:32], wdata_q, wmask);
          default: ;
        endcase
      end
      if (done_i) begin
        done_q  <= 1'b1;
        ready_q <= 1'b1;
      end
      // A toggle by software and an event in the same cycle both count.
      isr_q <= (isr_q ^ isr_toggle) | (done_i ? ier_q : 2'b00);
    end
  end

  wire unused = &{1'b0, awaddr_q[1:0], araddr_q[1:0]};

`ifdef FORMAL
`ifdef PROVE_REGS
  // Unbounded: bus rules, every request answered once and in time; ap_ctrl_hs; what a write can change.
  logic past_q = 1'b0;
  logic [2:0] f_aws, f_ws, f_ars;
  (* anyconst *) logic [5:0] f_counter;  // one word of the counters
  faxil_slave #(
    .AddrW(12),
    .Bound(2)
  ) f_bus (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .awvalid_i(s_awvalid_i),
    .awready_i(s_awready_o),
    .awaddr_i (s_awaddr_i),
    .wvalid_i (s_wvalid_i),
    .wready_i (s_wready_o),
    .wdata_i  (s_wdata_i),
    .wstrb_i  (s_wstrb_i),
    .bvalid_i (s_bvalid_o),
    .bready_i (s_bready_i),
    .bresp_i  (s_bresp_o),
    .arvalid_i(s_arvalid_i),
    .arready_i(s_arready_o),
    .araddr_i (s_araddr_i),
    .rvalid_i (s_rvalid_o),
    .rready_i (s_rready_i),
    .rdata_i  (s_rdata_o),
    .rresp_i  (s_rresp_o),
    .aws_o    (f_aws),
    .ws_o     (f_ws),
    .ars_o    (f_ars)
  );
  wire       f_ctrl_write = do_write && wword == 10'h000 && wstrb_q[0];
  wire       f_ctrl_read  = do_read && rword == 10'h000;
  wire [1:0] f_toggle     = (do_write && wword == 10'h003 && wstrb_q[0]) ? wdata_q[1:0] : 2'b00;
  always_ff @(posedge clk_i) begin
    past_q <= 1'b1;
    if (!past_q) assume (!rst_ni);
    assume (f_counter < 6'(2 * seedbed_pkg::NumCounters));
    if (past_q && rst_ni) begin
      assert (f_aws == 3'(aw_held_q) + 3'(b_valid_q));
      assert (f_ws == 3'(w_held_q) + 3'(b_valid_q));
      assert (f_ars == 3'(ar_held_q) + 3'(r_valid_q));
      if (start_o) assert (idle_i);
    end
    if (past_q && rst_ni && $past(rst_ni)) begin
      // start: set by a write, falls with the start pulse
      assert (start_q == ($past(f_ctrl_write && wdata_q[0]) || $past(start_q && !start_o)));
      // done and ready: set by the end of the list, cleared by a read of CTRL
      assert (done_q == ($past(done_i) || $past(done_q && !f_ctrl_read)));
      assert (ready_q == ($past(done_i) || $past(ready_q && !f_ctrl_read)));
      assert (isr_q == ($past(isr_q ^ f_toggle) | ($past(done_i) ? $past(ier_q) : 2'b00)));
      assert (gier_q == $past((do_write && wword == 10'h001 && wstrb_q[0]) ? wdata_q[0] : gier_q));
      assert (ier_q == $past((do_write && wword == 10'h002 && wstrb_q[0]) ? wdata_q[1:0] : ier_q));
      for (int b = 0; b < 4; b++) begin
        assert (cmd_addr_q[8*b +: 8] == $past((do_write && wword == 10'h004 && wstrb_q[b]) ?
                                              wdata_q[8*b +: 8] : cmd_addr_q[8*b +: 8]));
        assert (cmd_addr_q[32+8*b +: 8] == $past((do_write && wword == 10'h005 && wstrb_q[b]) ?
                                                 wdata_q[8*b +: 8] : cmd_addr_q[32+8*b +: 8]));
        assert (cmd_count_q[8*b +: 8] == $past((do_write && wword == 10'h007 && wstrb_q[b]) ?
                                               wdata_q[8*b +: 8] : cmd_count_q[8*b +: 8]));
        assert (port_stride_q[8*b +: 8] == $past((do_write && wword == 10'h009 && wstrb_q[b]) ?
                                                 wdata_q[8*b +: 8] : port_stride_q[8*b +: 8]));
        assert (port_stride_q[32+8*b +: 8] == $past((do_write && wword == 10'h00a && wstrb_q[b]) ?
                                                    wdata_q[8*b +: 8] : port_stride_q[32+8*b +: 8]));
      end
      // what a read gives is the register at that cycle
      if ($past(do_read)) begin
        assert (s_rvalid_o);
        case ($past(rword))
          10'h000: assert (s_rdata_o == {28'd0, $past(ready_q), $past(idle_i && !start_q), $past(done_q), $past(start_q)});
          10'h004: assert (s_rdata_o == $past(cmd_addr_q[31:0]));
          10'h005: assert (s_rdata_o == $past(cmd_addr_q[63:32]));
          10'h007: assert (s_rdata_o == $past(cmd_count_q));
          10'h009: assert (s_rdata_o == $past(port_stride_q[31:0]));
          10'h00a: assert (s_rdata_o == $past(port_stride_q[63:32]));
          10'h010: assert (s_rdata_o == seedbed_pkg::Id);
          10'h011: assert (s_rdata_o == seedbed_pkg::Version);
          10'h012: assert (s_rdata_o == Params);
          10'h013: assert (s_rdata_o == Codecs);
          10'h014: assert (s_rdata_o == {28'd0, $past(error_i)});
          10'h015: assert (s_rdata_o == $past(error_index_i));
          10'h016: assert (s_rdata_o == $past(cur_index_i));
          10'h017: assert (s_rdata_o == $past(state_i));
          10'h018: assert (s_rdata_o == $past(outstanding_i));
          10'h01a: assert (s_rdata_o == MaxBatch);
          10'h01b: assert (s_rdata_o == Ports);
          10'h01c: assert (s_rdata_o == Units);
          10'h01d: assert (s_rdata_o == $past(unit_state_i));
          default: ;
        endcase
        if ($past(rword) == 10'h020 + 10'(f_counter)) begin
          assert (s_rdata_o == $past(32'(counters_i >> {f_counter, 5'd0})));
        end
      end
    end
  end
`endif
`endif

endmodule
