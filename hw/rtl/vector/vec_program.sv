// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// What the vector unit does for each operation: a list of steps. A step may load, may store, and makes one
// pass. The steps are those of docs/numerics.md sections 2, 4, 5 and 6, in its order of rounding.
//
// A list is walked for each vector of the batch from step 0, for each tile of rows from row_pc_o, for
// each segment of a row from the step that flow goes back to.
//
// Ports
//   op_i, flag_*   operation and its variant;  pc_i  step
//   row_pc_o       first step of a tile of rows;  next_o   the step behind this one
//   step_o         {flow, back, ld, st, kind, shape, level, a_sel, a_at, a_swap, b_sel, b_at, b_lane0, b_twice, c_sel,
//                  neg_a, neg_c, neg_even, d_sel, d_at, a_sc, b_sc, c_sc, check, halves}
//   flow           after the step: 0 the next one; 1 back to `back` while there are segments, then the
//                  next; 2 likewise, then the tile is done; 3 the tile is done; 4 back to `back` until it was
//                  there four times; 5 back to `back` until the k results of TOPK are there
//   the rest       the pass (vec_pass) with symbolic addresses: region; offset 0..3 chunks, 4 half a
//                  row, 5 the other chains of a level; row distance 0 none, 1 a row's segment, 2 the chains,
//                  3 two halves, 4 half a row. level: log2 of the chains that are left (ShTree)
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
  output logic [4:0] next_o,
  output logic [vector_pkg::StepW-1:0] step_o
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

  assign step_o = of_norm ? norm : of_map ? map : row;

  // Sigmoid attention needs no sum of P, a binary32 table no factor.
  assign next_o = (op_i == vector_pkg::OpAttnScale && flag_sigmoid_i && pc_i == 5'd1) ? 5'd4
                  : (op_i == vector_pkg::OpEmbed && flag_plain_i && pc_i == 5'd0) ? 5'd2 : pc_i + 5'd1;

  // Cosines and sines, and what the heads of a KV head share, come once a vector.
  assign row_pc_o = (op_i == vector_pkg::OpRope) ? 5'd1 : (op_i == vector_pkg::OpQuantizeQ) ? 5'd2 : '0;

endmodule
