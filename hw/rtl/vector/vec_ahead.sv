// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Runs ahead of vector_unit's sequencer through the steps of a vector and has loaded what they will take, in their
// order: while a pass works its successors' numbers are on their way.
//
// What depends on a number that an earlier step reads (a row of a table, the exponents of the keys that a query sees)
// waits until the sequencer is there. Otherwise a load may pass stores of the same command: an operation reads nothing
// that it writes, but the row, or the segment of one, in place (docs/device.md).
//
// Parameters: Most, loads that the sequencer has not come to.
// Ports
//   op_i, flag_*        as vec_program has them
//   vector_i            pulse: a vector begins;  nrows_i rows of it;  tile_log_i rows of a tile (log2)
//   more_i, seg_i       vec_shape's, of column col_o
//   waits_i             level: the sequencer is at a step with a load;  there_o   level: that is asked for
//   takes_i             pulse: it goes on
//   again_i, back_i     pulse: a TOPK goes back for another result
//   stop_i              level: ask for nothing more, until the next vector
//   job_*               to vec_load, where vec_place says: what (ld_o), from which column, of how many rows
//   second_o            QUANTIZE_KV: V;  row_end_o pulse: a tile is done, another follows
// Latency: a step a cycle.

module vec_ahead #(
  parameter int Most = 3
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic [7:0]  op_i,
  input  logic        flag_plain_i,
  input  logic        flag_sigmoid_i,
  input  logic        flag_inter_i,
  input  logic        flag_scaled_i,
  input  logic        flag_bias_i,
  input  logic        vector_i,
  input  logic [24:0] nrows_i,
  input  logic [2:0]  tile_log_i,
  input  logic        more_i,
  input  logic [24:0] seg_i,
  input  logic        waits_i,
  input  logic        takes_i,
  input  logic        again_i,
  input  logic [4:0]  back_i,
  input  logic        stop_i,
  output logic        there_o,
  output logic        job_valid_o,
  input  logic        job_ready_i,
  output logic [4:0]  ld_o,
  output logic [24:0] col_o,
  output logic [24:0] tile_rows_o,
  output logic        second_o,
  output logic        row_end_o
);

  localparam int MostW = $clog2(Most + 1);

  logic             run_q;
  logic [4:0]       pc_q;
  logic [24:0]      row_q, col_q;
  logic [MostW-1:0] ahead_q;  // loads asked for that the sequencer has not come to

  logic [vector_pkg::StepW-1:0] step;
  logic [4:0] row_pc, next_pc, back, ld;
  logic [2:0] flow;
  vec_program u_program (
    .op_i          (op_i),
    .pc_i          (pc_q),
    .flag_plain_i  (flag_plain_i),
    .flag_sigmoid_i(flag_sigmoid_i),
    .flag_inter_i  (flag_inter_i),
    .flag_scaled_i (flag_scaled_i),
    .flag_bias_i   (flag_bias_i),
    .row_pc_o      (row_pc),
    .next_o        (next_pc),
    .step_o        (step)
  );
  assign {flow, back, ld} = step[vector_pkg::StepW-1 -: 13];

  wire needs = ld != vector_pkg::LdNone;
  wire waits = ld == vector_pkg::LdTab || ld == vector_pkg::LdExps;  // for a number
  wire goes  = waits ? waits_i && ahead_q == '0 : ahead_q != MostW'(Most);
  wire sent  = job_valid_o && job_ready_i;
  wire steps = run_q && !stop_i && (!needs || sent);

  wire [24:0] tile     = 25'd1 << tile_log_i;
  wire [24:0] left     = nrows_i - row_q;
  wire        last_row = left <= tile;
  wire        loops    = (flow == 3'd1 || flow == 3'd2) && more_i;
  wire        tile_end = flow == 3'd3 || (flow == 3'd2 && !more_i);

  assign job_valid_o = run_q && needs && goes && !stop_i;
  assign there_o     = ahead_q != '0 || sent;
  assign ld_o        = ld;
  assign col_o       = col_q;
  assign tile_rows_o = (left < tile) ? left : tile;
  assign second_o    = pc_q > 5'd2;
  assign row_end_o   = steps && tile_end && !last_row;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || stop_i) run_q <= 1'b0;
    else if (vector_i || again_i) run_q <= 1'b1;
    else if (steps && (flow == 3'd5 || (tile_end && last_row))) run_q <= 1'b0;  // a TOPK's next turn, the next vector

    if (!rst_ni || stop_i || vector_i) ahead_q <= '0;
    else ahead_q <= ahead_q + MostW'(sent) - MostW'(takes_i);

    if (vector_i) begin
      pc_q  <= '0;
      row_q <= '0;
      col_q <= '0;
    end else if (again_i) begin
      pc_q <= back_i;
    end else if (steps) begin
      if (loops) begin
        pc_q  <= back;
        col_q <= col_q + seg_i;
      end else if (tile_end) begin
        pc_q  <= row_pc;
        row_q <= row_q + tile;
        col_q <= '0;
      end else begin
        if (flow == 3'd1) col_q <= '0;
        pc_q <= next_pc;
      end
    end
  end

  wire unused = &{1'b0, step};

endmodule
