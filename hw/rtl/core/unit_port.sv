// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Joins a port's units (attention, vector) to its reader and writer: the one that works has them.
//
// Parameters: BusW, BeatsW; units: seedbed_pkg::NumUnits, unit u at the u-th part of a vector.
// Ports
//   sel_i      one-hot: the unit that works, from the cycle after it took its record to its done; take_i pulse: it takes it
//   req_*      read requests (address aligned to the bus), beat_*: the answers in order
//   wr_req_*   a run of beats to write (address aligned to the bus, 1..511), wr_*: its beats, asked for first
//   wr_idle_o  everything written is answered; wr_err_o level: an answer was an error, until the next take_i
//   port_*     towards the port's cluster
// Latency: none, but for wr_idle_o and wr_err_o, a cycle.

module unit_port #(
  parameter int BusW   = 512,
  parameter int BeatsW = 40
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic [1:0]          sel_i,
  input  logic                take_i,

  input  logic [1:0]          req_valid_i,
  output logic [1:0]          req_ready_o,
  input  logic [127:0]        req_addr_i,
  input  logic [2*BeatsW-1:0] req_beats_i,
  output logic [1:0]          beat_valid_o,
  input  logic [1:0]          beat_ready_i,
  input  logic [1:0]          wr_req_valid_i,
  output logic [1:0]          wr_req_ready_o,
  input  logic [127:0]        wr_req_addr_i,
  input  logic [17:0]         wr_req_beats_i,
  input  logic [1:0]          wr_valid_i,
  output logic [1:0]          wr_ready_o,
  input  logic [2*BusW-1:0]   wr_data_i,
  input  logic [BusW/4-1:0]   wr_strb_i,
  output logic                wr_idle_o,
  output logic                wr_err_o,

  output logic                port_req_valid_o,
  input  logic                port_req_ready_i,
  output logic [63:0]         port_req_addr_o,
  output logic [BeatsW-1:0]   port_req_beats_o,
  input  logic                port_beat_valid_i,
  output logic                port_beat_ready_o,
  output logic                port_wreq_valid_o,
  input  logic                port_wreq_ready_i,
  output logic [63:0]         port_wreq_addr_o,
  output logic [8:0]          port_wreq_beats_o,
  output logic                port_wvalid_o,
  input  logic                port_wready_i,
  output logic [BusW-1:0]     port_wdata_o,
  output logic [BusW/8-1:0]   port_wstrb_o,
  input  logic                port_wpop_i,
  input  logic                port_widle_i,
  input  logic                port_werr_i
);

  localparam int StrbW = BusW / 8;

  logic [15:0] owed_q;  // beats asked for and not sent
  logic        idle_q, err_q;
  wire         second = sel_i[1];

  assign port_req_valid_o  = (req_valid_i & sel_i) != 2'b00;
  assign port_req_addr_o   = second ? req_addr_i[127:64] : req_addr_i[63:0];
  assign port_req_beats_o  = second ? req_beats_i[2*BeatsW-1:BeatsW] : req_beats_i[BeatsW-1:0];
  assign req_ready_o       = sel_i & {2{port_req_ready_i}};
  assign beat_valid_o      = sel_i & {2{port_beat_valid_i}};
  assign port_beat_ready_o = (beat_ready_i & sel_i) != 2'b00;
  // Few enough owed that the counter holds them.
  wire room = !owed_q[15];
  assign port_wreq_valid_o = (wr_req_valid_i & sel_i) != 2'b00 && room;
  assign port_wreq_addr_o  = second ? wr_req_addr_i[127:64] : wr_req_addr_i[63:0];
  assign port_wreq_beats_o = second ? wr_req_beats_i[17:9] : wr_req_beats_i[8:0];
  assign wr_req_ready_o    = sel_i & {2{port_wreq_ready_i && room}};
  assign port_wvalid_o     = (wr_valid_i & sel_i) != 2'b00;
  assign port_wdata_o      = second ? wr_data_i[2*BusW-1:BusW] : wr_data_i[BusW-1:0];
  assign port_wstrb_o      = second ? wr_strb_i[2*StrbW-1:StrbW] : wr_strb_i[StrbW-1:0];
  assign wr_ready_o        = sel_i & {2{port_wready_i}};
  assign wr_idle_o         = idle_q;
  assign wr_err_o          = err_q;

  wire ask = port_wreq_valid_o && port_wreq_ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      owed_q <= '0;
      idle_q <= 1'b1;
      err_q  <= 1'b0;
    end else begin
      owed_q <= owed_q + (ask ? {7'd0, port_wreq_beats_o} : 16'd0) - {15'd0, port_wpop_i && sel_i != 2'b00};
      idle_q <= owed_q == '0 && port_widle_i && !port_wreq_valid_o;
      err_q  <= !take_i && (err_q || port_werr_i);
    end
  end

endmodule
