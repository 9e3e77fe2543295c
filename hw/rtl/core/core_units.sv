// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// The units beside the matrix engines: an attention unit at every port, which share the KV heads of a record, and a vector
// unit at port 0.
//
//   records --> attention 0, vector --unit_port--> cluster 0's reader and writer
//          \--> attention 1         --unit_port--> cluster 1's
//           ...
//
// To the command processor the attention units are one: they take a record when all can, and it is done when all are done, with
// the error of the lowest port that had one. At done every beat that was asked for is taken and every write answered.
//
// Parameters: those of seedbed_core; an operation of an absent unit is refused by cmd_fetch.
// Ports (unit u at the u-th part of a vector, seedbed_pkg::Unit*; port p likewise)
//   cmd_*       a record; done_o pulse, with error_o: the unit is done with it
//   sel_i       one-hot: the unit that works, from the cycle after it took its record to its done
//   state_o     register UNIT_STATE: of the attention units that of the lowest port that still works, else port 0's
//   works_o     level, a bit a port: its writer is a unit's;  the rest: unit_port's way to its cluster

module core_units #(
  parameter int BusW      = 512,
  parameter int BeatsW    = 40,
  parameter int Ports     = 1,
  parameter int Attention = 0,
  parameter int AttnRows  = 4,
  parameter int AttnKeys  = 16384,
  parameter int Vector    = 0,
  parameter bit Style     = 1'b1
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,

  input  logic [1:0]              cmd_valid_i,
  output logic [1:0]              cmd_ready_o,
  input  logic [511:0]            cmd_i,
  output logic [1:0]              done_o,
  output logic [7:0]              error_o,
  input  logic [1:0]              sel_i,
  output logic [31:0]             state_o,

  output logic [Ports-1:0]        works_o,
  output logic [Ports-1:0]        req_valid_o,
  input  logic [Ports-1:0]        req_ready_i,
  output logic [64*Ports-1:0]     req_addr_o,
  output logic [BeatsW*Ports-1:0] req_beats_o,
  input  logic [Ports-1:0]        beat_valid_i,
  output logic [Ports-1:0]        beat_ready_o,
  input  logic [BusW*Ports-1:0]   beat_data_i,
  input  logic [Ports-1:0]        beat_err_i,
  input  logic [Ports-1:0]        beat_last_i,
  output logic [Ports-1:0]        wreq_valid_o,
  input  logic [Ports-1:0]        wreq_ready_i,
  output logic [64*Ports-1:0]     wreq_addr_o,
  output logic [9*Ports-1:0]      wreq_beats_o,
  output logic [Ports-1:0]        wvalid_o,
  input  logic [Ports-1:0]        wready_i,
  output logic [BusW*Ports-1:0]   wdata_o,
  output logic [BusW/8*Ports-1:0] wstrb_o,
  input  logic [Ports-1:0]        wpop_i,
  input  logic [Ports-1:0]        widle_i,
  input  logic [Ports-1:0]        werr_i
);

  localparam int StrbW = BusW / 8;

  // ------------------------------------------------------------------------------------------
  // The attention units as one.
  // ------------------------------------------------------------------------------------------
  logic [Ports-1:0]   attn_ready, attn_done, attn_busy;
  logic [4*Ports-1:0] attn_error;
  logic [8*Ports-1:0] attn_state;
  logic [Ports-1:0]   ended_q;     // units that are done with the record while others are not
  logic [3:0]         error;
  logic [7:0]         state;
  logic               vec_ready, vec_done, vec_busy;
  logic [3:0]         vec_error;
  logic [7:0]         vec_state;

  wire all_ready = &attn_ready;
  wire all_ended = &(ended_q | attn_done);
  wire take      = (cmd_valid_i & cmd_ready_o) != 2'b00;

  always_comb begin
    error = seedbed_pkg::ErrNone;
    state = attn_state[7:0];
    for (int p = Ports - 1; p >= 0; p--) begin
      if (attn_error[4*p +: 4] != seedbed_pkg::ErrNone) error = attn_error[4*p +: 4];
      if (attn_busy[p]) state = attn_state[8*p +: 8];
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) ended_q <= '0;
    else ended_q <= all_ended ? '0 : ended_q | attn_done;
  end

  assign cmd_ready_o = {vec_ready, all_ready};
  assign done_o      = {vec_done, all_ended};
  assign error_o     = {vec_error, error};
  assign state_o     = {8'(attn_busy), 6'd0, vec_busy, attn_busy != '0, vec_state, state};

  // ------------------------------------------------------------------------------------------
  // A port's units.
  // ------------------------------------------------------------------------------------------
  for (genvar p = 0; p < Ports; p++) begin : g_port
    localparam bit HasVector = Vector != 0 && p == 0;

    if (Attention != 0 || HasVector) begin : g_units
      logic [1:0]          u_req_valid, u_req_ready, u_beat_valid, u_beat_ready;
      logic [127:0]        u_req_addr, u_wr_req_addr;
      logic [2*BeatsW-1:0] u_req_beats;
      logic [1:0]          u_wr_req_valid, u_wr_req_ready, u_wr_valid, u_wr_ready;
      logic [17:0]         u_wr_req_beats;
      logic [2*BusW-1:0]   u_wr_data;
      logic [2*StrbW-1:0]  u_wr_strb;
      logic                u_wr_idle, u_wr_err;
      wire  [1:0]          sel = {HasVector && sel_i[1], sel_i[0]};

      assign works_o[p] = sel != 2'b00;

      unit_port #(
        .BusW  (BusW),
        .BeatsW(BeatsW)
      ) u_port (
        .clk_i            (clk_i),
        .rst_ni           (rst_ni),
        .sel_i            (sel),
        .take_i           (take),
        .req_valid_i      (u_req_valid),
        .req_ready_o      (u_req_ready),
        .req_addr_i       (u_req_addr),
        .req_beats_i      (u_req_beats),
        .beat_valid_o     (u_beat_valid),
        .beat_ready_i     (u_beat_ready),
        .wr_req_valid_i   (u_wr_req_valid),
        .wr_req_ready_o   (u_wr_req_ready),
        .wr_req_addr_i    (u_wr_req_addr),
        .wr_req_beats_i   (u_wr_req_beats),
        .wr_valid_i       (u_wr_valid),
        .wr_ready_o       (u_wr_ready),
        .wr_data_i        (u_wr_data),
        .wr_strb_i        (u_wr_strb),
        .wr_idle_o        (u_wr_idle),
        .wr_err_o         (u_wr_err),
        .port_req_valid_o (req_valid_o[p]),
        .port_req_ready_i (req_ready_i[p]),
        .port_req_addr_o  (req_addr_o[64*p +: 64]),
        .port_req_beats_o (req_beats_o[BeatsW*p +: BeatsW]),
        .port_beat_valid_i(beat_valid_i[p]),
        .port_beat_ready_o(beat_ready_o[p]),
        .port_wreq_valid_o(wreq_valid_o[p]),
        .port_wreq_ready_i(wreq_ready_i[p]),
        .port_wreq_addr_o (wreq_addr_o[64*p +: 64]),
        .port_wreq_beats_o(wreq_beats_o[9*p +: 9]),
        .port_wvalid_o    (wvalid_o[p]),
        .port_wready_i    (wready_i[p]),
        .port_wdata_o     (wdata_o[BusW*p +: BusW]),
        .port_wstrb_o     (wstrb_o[StrbW*p +: StrbW]),
        .port_wpop_i      (wpop_i[p]),
        .port_widle_i     (widle_i[p]),
        .port_werr_i      (werr_i[p])
      );

      if (Attention != 0) begin : g_attention
        wire clk_attention;
        clock_gate #(
          .Enable(!Style)
        ) u_gate (
          .clk_i (clk_i),
          .rst_ni(rst_ni),
          .on_i  (cmd_valid_i[0] || attn_busy[p]),
          .clk_o (clk_attention)
        );
        attn_unit #(
          .BusW  (BusW),
          .BeatsW(BeatsW),
          .Modes (Attention),
          .T     (AttnRows),
          .Keys  (AttnKeys),
          .Ports (Ports),
          .Index (p)
        ) u_attention (
          .clk_i         (clk_attention),
          .rst_ni        (rst_ni),
          .cmd_valid_i   (cmd_valid_i[0] && all_ready),
          .cmd_ready_o   (attn_ready[p]),
          .cmd_i         (cmd_i),
          .done_o        (attn_done[p]),
          .error_o       (attn_error[4*p +: 4]),
          .req_valid_o   (u_req_valid[0]),
          .req_ready_i   (u_req_ready[0]),
          .req_addr_o    (u_req_addr[63:0]),
          .req_beats_o   (u_req_beats[BeatsW-1:0]),
          .beat_valid_i  (u_beat_valid[0]),
          .beat_ready_o  (u_beat_ready[0]),
          .beat_data_i   (beat_data_i[BusW*p +: BusW]),
          .beat_err_i    (beat_err_i[p]),
          .beat_last_i   (beat_last_i[p]),
          .wr_req_valid_o(u_wr_req_valid[0]),
          .wr_req_ready_i(u_wr_req_ready[0]),
          .wr_req_addr_o (u_wr_req_addr[63:0]),
          .wr_req_beats_o(u_wr_req_beats[8:0]),
          .wr_valid_o    (u_wr_valid[0]),
          .wr_ready_i    (u_wr_ready[0]),
          .wr_data_o     (u_wr_data[BusW-1:0]),
          .wr_strb_o     (u_wr_strb[StrbW-1:0]),
          .wr_idle_i     (u_wr_idle),
          .wr_err_i      (u_wr_err),
          .busy_o        (attn_busy[p]),
          .state_o       (attn_state[8*p +: 8])
        );
      end else begin : g_no_attention
        assign attn_ready[p]           = 1'b0;
        assign attn_done[p]            = 1'b0;
        assign attn_error[4*p +: 4]    = '0;
        assign attn_busy[p]            = 1'b0;
        assign attn_state[8*p +: 8]    = '0;
        assign u_req_valid[0]          = 1'b0;
        assign u_req_addr[63:0]        = '0;
        assign u_req_beats[BeatsW-1:0] = '0;
        assign u_beat_ready[0]         = 1'b0;
        assign u_wr_req_valid[0]       = 1'b0;
        assign u_wr_req_addr[63:0]     = '0;
        assign u_wr_req_beats[8:0]     = '0;
        assign u_wr_valid[0]           = 1'b0;
        assign u_wr_data[BusW-1:0]     = '0;
        assign u_wr_strb[StrbW-1:0]    = '0;
        wire unused_attention = &{1'b0, u_req_ready[0], u_beat_valid[0], u_wr_req_ready[0], u_wr_ready[0]};
      end

      if (HasVector) begin : g_vector
        wire clk_vector;
        clock_gate #(
          .Enable(!Style)
        ) u_gate (
          .clk_i (clk_i),
          .rst_ni(rst_ni),
          .on_i  (cmd_valid_i[1] || vec_busy),
          .clk_o (clk_vector)
        );
        vector_unit #(
          .BusW  (BusW),
          .Lanes ((BusW >= 512) ? 16 : BusW / 32),
          .BeatsW(BeatsW)
        ) u_vector (
          .clk_i         (clk_vector),
          .rst_ni        (rst_ni),
          .cmd_valid_i   (cmd_valid_i[1]),
          .cmd_ready_o   (vec_ready),
          .cmd_i         (cmd_i),
          .done_o        (vec_done),
          .error_o       (vec_error),
          .req_valid_o   (u_req_valid[1]),
          .req_ready_i   (u_req_ready[1]),
          .req_addr_o    (u_req_addr[127:64]),
          .req_beats_o   (u_req_beats[2*BeatsW-1:BeatsW]),
          .beat_valid_i  (u_beat_valid[1]),
          .beat_ready_o  (u_beat_ready[1]),
          .beat_data_i   (beat_data_i[BusW-1:0]),
          .beat_err_i    (beat_err_i[0]),
          .beat_last_i   (beat_last_i[0]),
          .wr_req_valid_o(u_wr_req_valid[1]),
          .wr_req_ready_i(u_wr_req_ready[1]),
          .wr_req_addr_o (u_wr_req_addr[127:64]),
          .wr_req_beats_o(u_wr_req_beats[17:9]),
          .wr_valid_o    (u_wr_valid[1]),
          .wr_ready_i    (u_wr_ready[1]),
          .wr_data_o     (u_wr_data[2*BusW-1:BusW]),
          .wr_strb_o     (u_wr_strb[2*StrbW-1:StrbW]),
          .wr_idle_i     (u_wr_idle),
          .wr_err_i      (u_wr_err),
          .busy_o        (vec_busy),
          .state_o       (vec_state)
        );
      end else begin : g_no_vector
        assign u_req_valid[1]                 = 1'b0;
        assign u_req_addr[127:64]             = '0;
        assign u_req_beats[2*BeatsW-1:BeatsW] = '0;
        assign u_beat_ready[1]                = 1'b0;
        assign u_wr_req_valid[1]              = 1'b0;
        assign u_wr_req_addr[127:64]          = '0;
        assign u_wr_req_beats[17:9]           = '0;
        assign u_wr_valid[1]                  = 1'b0;
        assign u_wr_data[2*BusW-1:BusW]       = '0;
        assign u_wr_strb[2*StrbW-1:StrbW]     = '0;
        wire unused_vector = &{1'b0, u_req_ready[1], u_beat_valid[1], u_wr_req_ready[1], u_wr_ready[1]};
      end
    end else begin : g_none
      assign works_o[p]                       = 1'b0;
      assign req_valid_o[p]                   = 1'b0;
      assign req_addr_o[64*p +: 64]           = '0;
      assign req_beats_o[BeatsW*p +: BeatsW]  = '0;
      assign beat_ready_o[p]                  = 1'b0;
      assign wreq_valid_o[p]                  = 1'b0;
      assign wreq_addr_o[64*p +: 64]          = '0;
      assign wreq_beats_o[9*p +: 9]           = '0;
      assign wvalid_o[p]                      = 1'b0;
      assign wdata_o[BusW*p +: BusW]          = '0;
      assign wstrb_o[StrbW*p +: StrbW]        = '0;
      assign attn_ready[p]                    = 1'b0;
      assign attn_done[p]                     = 1'b0;
      assign attn_error[4*p +: 4]             = '0;
      assign attn_busy[p]                     = 1'b0;
      assign attn_state[8*p +: 8]             = '0;
      wire unused_port = &{1'b0, req_ready_i[p], beat_valid_i[p], wreq_ready_i[p], wready_i[p], wpop_i[p], widle_i[p], werr_i[p]};
    end
  end

  if (Vector == 0) begin : g_no_vector_unit
    assign vec_ready = 1'b0;
    assign vec_done  = 1'b0;
    assign vec_error = '0;
    assign vec_busy  = 1'b0;
    assign vec_state = '0;
  end

  // What a core without one of the units does not look at.
  wire unused = &{1'b0, cmd_valid_i, cmd_i, sel_i, take, beat_data_i, beat_err_i, beat_last_i};

endmodule
