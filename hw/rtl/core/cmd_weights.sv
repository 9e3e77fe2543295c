// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Requests the weights of one MATVEC after another, part by part, each from its port.
//
// It reads the records itself, and with Ahead it requests weights that the list does not change long before
// cmd_fetch comes to their command: while a unit works, or the product before is at the engine. Other weights
// wait until cmd_fetch has issued the command, which is when all that writes them is done.
//
// With several ports part p of the weights lies at weights + p * (port_stride_i, or the first part's bytes up to
// a multiple of 4 KB). Parts p = 0..(G-1) % Ports have ceil(G / Ports) of the G row groups, the others one less.
//
// Parameters: BusW, BeatsW, Ports; Depth, records that it holds; Ahead: MATVECs requested before they are issued,
// 0: only when go_i says so (acts and weights then share a stream in which order matters).
// Ports
//   clear_i       pulse: forget everything;  halt_i level: request nothing ahead any more
//   rec_*         a record, room for it was kept: refused, MATVEC, constant weights, beats of a row group, row
//                 groups - 1, address;  take_o: through with one
//   issued_i      pulse: cmd_fetch issued a MATVEC;  go_i level: the MATVEC in hand may be requested (Ahead 0)
//   write_*_i     what unfinished commands write;  look_i level: compare with it
//   clear_o       level: the MATVEC that cmd_fetch is at has no weights there
//   req_*         requests;  done_o pulse: the last part of a MATVEC was
// Latency: the number of beats is known 3 cycles and one for each of its bits after a record has come to the front,
// with other than 1, 2, 4, 8 ports 25 cycles later.

module cmd_weights #(
  parameter int BusW   = 512,
  parameter int BeatsW = 40,
  parameter int Ports  = 1,
  parameter int Depth  = 16,
  parameter int Ahead  = 0
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              clear_i,
  input  logic              halt_i,
  input  logic [63:0]       port_stride_i,

  input  logic              rec_valid_i,
  input  logic              rec_refused_i,
  input  logic              rec_matvec_i,
  input  logic              rec_constant_i,
  input  logic [16:0]       rec_beats1_i,
  input  logic [23:0]       rec_groups1_i,
  input  logic [63:0]       rec_weights_i,
  output logic              take_o,

  input  logic              issued_i,
  input  logic              go_i,
  input  logic              look_i,
  input  logic [63:0]       write_lo_i,
  input  logic [63:0]       write_hi_i,
  output logic              clear_o,

  output logic [Ports-1:0]  req_valid_o,
  input  logic [Ports-1:0]  req_ready_i,
  output logic [63:0]       req_addr_o,
  output logic [BeatsW-1:0] req_beats_o,
  output logic              done_o
);

  localparam int BytesW = $clog2(BusW / 8);
  localparam int PortsW = $clog2(Ports);
  localparam bit Pow2   = Ports == (1 << PortsW);

  // ------------------------------------------------------------------------------------------
  // The record in front. What is no MATVEC leaves at once; behind a refused one nothing is looked at.
  // ------------------------------------------------------------------------------------------
  logic        valid, refused, matvec, constant;
  logic [16:0] beats1;
  logic [23:0] groups1;
  logic [63:0] weights;
  fifo #(
    .Width(3 + 17 + 24 + 64),
    .Depth(Depth)
  ) u_records (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(clear_i),
    .valid_i(rec_valid_i),
    .ready_o(),
    .data_i ({rec_refused_i, rec_matvec_i, rec_constant_i, rec_beats1_i, rec_groups1_i, rec_weights_i}),
    .valid_o(valid),
    .ready_i(take_o),
    .data_o ({refused, matvec, constant, beats1, groups1, weights}),
    .level_o()
  );

  logic begun_q;  // its size is being computed, or known
  wire  at_matvec = valid && matvec && !refused;
  wire  begins    = at_matvec && !begun_q;
  assign take_o = valid && !refused && (!matvec || done_o);

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i || take_o) begun_q <= 1'b0;
    else if (begins) begun_q <= 1'b1;
  end

  // ------------------------------------------------------------------------------------------
  // Row groups of a port, less one, and the last port that has one more. Division by a power of two is at
  // hand; otherwise it takes a cycle a bit.
  // ------------------------------------------------------------------------------------------
  logic [23:0] most1;
  logic [2:0]  last_full;
  logic        divided;
  if (Pow2) begin : g_shift
    assign most1     = groups1 >> PortsW;
    assign last_full = 3'(groups1 & 24'(Ports - 1));
    assign divided   = begins;
  end else begin : g_divide
    logic [23:0] num_q, quot_q;
    logic [4:0]  steps_q;
    logic [2:0]  rem_q;
    wire  [3:0]  part = {rem_q, num_q[23]};
    wire         fits = part >= 4'(Ports);
    assign most1     = quot_q;
    assign last_full = rem_q;
    assign divided   = steps_q == 5'd1;
    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear_i) steps_q <= '0;
      else if (begins) steps_q <= 5'd25;
      else if (steps_q != '0) steps_q <= steps_q - 5'd1;
      if (begins) begin
        num_q <= groups1;
        rem_q <= '0;
      end else if (steps_q > 5'd1) begin
        num_q  <= num_q << 1;
        quot_q <= {quot_q[22:0], fits};
        rem_q  <= fits ? 3'(part - 4'(Ports)) : part[2:0];
      end
    end
  end

  // Product (most1 + 1) * beats1, one bit of beats1 a cycle, over when the rest is zero.
  logic              multiplying_q, known_q;
  logic [BeatsW-1:0] total_q, addend_q, fewer_q;  // beats of port 0; of a port with a row group less
  logic [16:0]       factor_q;
  logic [63:0]       slice_q;                     // from one port's part to the next
  wire               total_ready = multiplying_q && factor_q == '0;

  always_ff @(posedge clk_i) begin
    if (divided) begin
      total_q  <= '0;
      addend_q <= BeatsW'(most1) + BeatsW'(1);
      factor_q <= beats1;
    end else if (!total_ready) begin
      if (factor_q[0]) total_q <= total_q + addend_q;
      addend_q <= addend_q << 1;
      factor_q <= factor_q >> 1;
    end
    if (!rst_ni || clear_i || take_o) multiplying_q <= 1'b0;
    else if (divided) multiplying_q <= 1'b1;
    known_q <= total_ready && !take_o && !clear_i;
    fewer_q <= total_q - BeatsW'(beats1);
    slice_q <= (port_stride_i != '0) ? port_stride_i : {(64'(total_q) << BytesW) + 64'd4095} & ~64'd4095;
  end

  // ------------------------------------------------------------------------------------------
  // The parts: first compared with what is being written, then requested.
  // ------------------------------------------------------------------------------------------
  logic [2:0]  port_q;
  logic [63:0] part_q;
  logic        none_q;  // none of them is written
  wire         last_port  = port_q == 3'(Ports - 1) || groups1 <= 24'(port_q);
  wire         part_clash = part_q < write_hi_i && part_q + (64'(total_q) << BytesW) > write_lo_i;

  // MATVECs issued and not requested; below zero: requested and not issued.
  logic [5:0] lead_q;
  wire        may_go;
  if (Ahead > 0) begin : g_ahead
    wire behind = !lead_q[5] && lead_q != '0;
    wire near   = lead_q != -6'(Ahead);
    assign may_go = behind || (constant && near && !halt_i);
    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear_i) lead_q <= '0;
      else lead_q <= lead_q + 6'(issued_i) - 6'(done_o);
    end
    wire unused_go = go_i;
  end else begin : g_order
    assign may_go = go_i;
    assign lead_q = '0;
    wire unused_ahead = &{1'b0, issued_i, halt_i};
  end

  wire looks = look_i && !constant && lead_q == '0 && known_q && !none_q && !part_clash;
  assign clear_o = at_matvec && lead_q == '0 && (weights >= write_hi_i || (begun_q && none_q));

  // The next part's place is known a cycle after the number of beats.
  wire ready = (Ports == 1) ? total_ready : known_q;
  wire asks  = at_matvec && begun_q && ready && may_go && !clear_i;
  for (genvar p = 0; p < Ports; p++) begin : g_req
    assign req_valid_o[p] = asks && port_q == 3'(p);
  end
  assign req_addr_o  = part_q;
  assign req_beats_o = (port_q > last_full) ? fewer_q : total_q;
  wire asked = (req_valid_o & req_ready_i) != '0;
  assign done_o = asked && last_port;

  // cmd_fetch may go on before all parts are looked at: when nothing is being written any more.
  wire looked = issued_i && !constant && lead_q == '0;
  always_ff @(posedge clk_i) begin
    if (begins || looked || (looks && last_port)) begin
      port_q <= '0;
      part_q <= weights;
    end else if (asked || looks) begin
      port_q <= port_q + 3'd1;
      part_q <= part_q + slice_q;
    end
    if (begins) none_q <= 1'b0;
    else if (looks && last_port) none_q <= 1'b1;
  end

endmodule
