// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// What the vector unit does for each operation: a list of steps. A step may load, may store, and makes one
// pass. The steps are those of docs/numerics.md sections 2, 4, 5 and 6, in its order of rounding.
//
// A list is walked for each vector of the batch from step 0, for each tile of rows from row_pc_o, for
// each segment of a row from the step that flow_o goes back to.
//
// Ports
//   op_i, flag_*   operation and its variant;  pc_i  step
//   row_pc_o       first step of a tile of rows
//   flow_o         after the step: 0 the next one; 1 back to back_o while there are segments, then the
//                  next; 2 likewise, then the tile is done; 3 the tile is done; 4 back to back_o until it was
//                  there four times; 5 back to back_o until the k results of TOPK are there
//   the rest       the pass (vec_pass) with symbolic addresses: region; offset 0..3 chunks, 4 half a
//                  row, 5 the other chains of a level; row distance 0 none, 1 a row's segment, 2 the chains,
//                  3 two halves, 4 half a row. level_o: log2 of the chains that are left (ShTree)
// Latency: none.

module vec_program (
  input  logic [7:0] op_i,
  input  logic [4:0] pc_i,
  input  logic       flag_plain_i,    // EMBED: a binary32 table
  input  logic       flag_sigmoid_i,  // ATTN_SCALE
  input  logic       flag_inter_i,    // ROPE: pairs are neighbours
  input  logic       flag_scaled_i,   // ADD
  input  logic       flag_bias_i,     // LAYERNORM
  output logic [4:0] row_pc_o,
  output logic [2:0] flow_o,
  output logic [4:0] back_o,
  output logic [4:0] ld_o,
  output logic [3:0] st_o,
  output logic [3:0] kind_o,
  output logic [3:0] shape_o,
  output logic [2:0] level_o,
  output logic [1:0] a_sel_o,
  output logic [7:0] a_at_o,          // region, offset, row distance
  output logic       a_swap_o,
  output logic [1:0] b_sel_o,
  output logic [7:0] b_at_o,
  output logic       b_lane0_o,
  output logic       b_twice_o,
  output logic [1:0] c_sel_o,
  output logic       neg_a_o,
  output logic       neg_c_o,
  output logic       neg_even_o,
  output logic [1:0] d_sel_o,
  output logic [7:0] d_at_o,
  output logic [3:0] a_sc_o,
  output logic [3:0] b_sc_o,
  output logic [3:0] c_sc_o,
  output logic       check_o,
  output logic       halves_o
);

  wire of_norm = op_i == vector_pkg::OpRmsnorm || op_i == vector_pkg::OpLayernorm;
  wire of_map  = op_i == vector_pkg::OpAdd || op_i == vector_pkg::OpSiluMul || op_i == vector_pkg::OpGeluMul ||
                 op_i == vector_pkg::OpRope;

  logic [vector_pkg::StepW-1:0] norm, map, row;
  vec_steps_norm u_norm (
    .op_i       (op_i),
    .pc_i       (pc_i),
    .flag_bias_i(flag_bias_i),
    .step_o     (norm)
  );
  vec_steps_map u_map (
    .op_i         (op_i),
    .pc_i         (pc_i),
    .flag_inter_i (flag_inter_i),
    .flag_scaled_i(flag_scaled_i),
    .step_o       (map)
  );
  vec_steps_row u_row (
    .op_i          (op_i),
    .pc_i          (pc_i),
    .flag_plain_i  (flag_plain_i),
    .flag_sigmoid_i(flag_sigmoid_i),
    .step_o        (row)
  );

  assign {flow_o, back_o, ld_o, st_o, kind_o, shape_o, level_o, a_sel_o, a_at_o, a_swap_o, b_sel_o, b_at_o,
          b_lane0_o, b_twice_o, c_sel_o, neg_a_o, neg_c_o, neg_even_o, d_sel_o, d_at_o, a_sc_o, b_sc_o, c_sc_o, check_o, halves_o} =
    of_norm ? norm : of_map ? map : row;

  // Cosines and sines, and what the heads of a KV head share, come once a vector.
  assign row_pc_o = (op_i == vector_pkg::OpRope) ? 5'd1 : (op_i == vector_pkg::OpQuantizeQ) ? 5'd2 : '0;

endmodule
