// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// The steps of RMSNORM and LAYERNORM (docs/numerics.md section 5.4).
//
// Ports: op_i, pc_i operation and step, flag_* variants; step_o, the step as vec_program takes it apart.
// Latency: none.

module vec_steps_norm (
  input  logic [7:0] op_i,
  input  logic [4:0] pc_i,
  input  logic       flag_bias_i,
  output logic [vector_pkg::StepW-1:0] step_o
);

  // Places in the buffer: {region, offset, row distance}.
  localparam logic [7:0] AtT   = {vector_pkg::RegT, 3'd0, 3'd1};   // the tile
  localparam logic [7:0] AtS   = {vector_pkg::RegS, 3'd0, 3'd2};   // a row's chains, then its scalars: h or m,
  localparam logic [7:0] AtY   = {vector_pkg::RegS, 3'd1, 3'd2};   // y = rsqrt,
  localparam logic [7:0] AtW   = {vector_pkg::RegS, 3'd2, 3'd2};   // t,
  localparam logic [7:0] AtMu  = {vector_pkg::RegU, 3'd0, 3'd2};   // the mean
  localparam logic [7:0] AtS2  = {vector_pkg::RegS, 3'd5, 3'd2};   // the other half of the chains

  logic       a_swap, b_lane0, b_twice, neg_a, neg_c, neg_even, check, halves;
  logic [1:0] a_sel, b_sel, c_sel, d_sel;
  logic [2:0] flow, level;
  logic [3:0] st, kind, shape, a_sc, b_sc, c_sc;
  logic [4:0] back, ld;
  logic [7:0] a_at, b_at, d_at;
  assign step_o = {flow, back, ld, st, kind, shape, level, a_sel, a_at, a_swap, b_sel, b_at, b_lane0, b_twice,
                   c_sel, neg_a, neg_c, neg_even, d_sel, d_at, a_sc, b_sc, c_sc, check, halves};

  wire is_layer = op_i == vector_pkg::OpLayernorm;

  // The norms' steps after the chains of a sum: tree (6), m, seed and h (3), an iteration of 1/sqrt (3).
  logic       in_tree, in_root;
  logic [2:0] tree_at, root_at;
  always_comb begin
    in_tree = 1'b0;
    in_root = 1'b0;
    tree_at = '0;
    root_at = '0;
    if (op_i == vector_pkg::OpRmsnorm) begin
      in_tree = pc_i >= 5'd1 && pc_i < 5'd7;
      in_root = pc_i >= 5'd7 && pc_i < 5'd13;
      tree_at = 3'(pc_i - 5'd1);
      root_at = 3'(pc_i - 5'd7);
    end else if (is_layer) begin
      in_tree = (pc_i >= 5'd1 && pc_i < 5'd7) || (pc_i >= 5'd10 && pc_i < 5'd16);
      in_root = pc_i >= 5'd16 && pc_i < 5'd22;
      tree_at = (pc_i < 5'd7) ? 3'(pc_i - 5'd1) : 3'(pc_i - 5'd10);
      root_at = 3'(pc_i - 5'd16);
    end
  end

  always_comb begin
    flow     = 3'd0;
    back     = '0;
    ld       = vector_pkg::LdNone;
    st       = vector_pkg::StNone;
    kind     = vector_pkg::KNone;
    shape    = vector_pkg::ShTile;
    level    = '0;
    a_sel    = vector_pkg::AStream;
    a_at     = AtT;
    a_swap   = 1'b0;
    b_sel    = vector_pkg::BScalar;
    b_at     = AtT;
    b_lane0  = 1'b0;
    b_twice  = 1'b0;
    c_sel    = vector_pkg::BScalar;
    neg_a    = 1'b0;
    neg_c    = 1'b0;
    neg_even = 1'b0;
    d_sel    = vector_pkg::DNone;
    d_at     = AtT;
    a_sc     = vector_pkg::ScOne;
    b_sc     = vector_pkg::ScOne;
    c_sc     = vector_pkg::ScOne;
    check    = 1'b0;
    halves   = 1'b0;

    if (in_tree) begin
      kind  = vector_pkg::KAdd;
      shape = vector_pkg::ShTree;
      level = 3'd5 - tree_at;
      a_sel = vector_pkg::ABuf;
      a_at  = AtS;
      c_sel = vector_pkg::BBuf;  // BSelf where the two are in one chunk: vector_unit knows
      b_at  = AtS2;
      d_sel = vector_pkg::DBuf;
      d_at  = AtS;
    end else if (in_root) begin
      shape = vector_pkg::ShOne;
      a_sel = vector_pkg::ABuf;
      a_at  = AtS;
      d_sel = vector_pkg::DBuf;
      d_at  = AtS;
      case (root_at)
        3'd0: begin
          kind = vector_pkg::KMulAdd;
          b_sc = vector_pkg::ScP2;
          c_sc = vector_pkg::ScP0;
        end
        3'd1: begin
          kind = vector_pkg::KSeed;
          d_at = AtY;
        end
        3'd2: begin
          kind = vector_pkg::KMul;
          b_sc = vector_pkg::ScHalf;
        end
        3'd3: begin  // t = y * y
          kind  = vector_pkg::KMul;
          a_at  = AtY;
          b_sel = vector_pkg::BSelf;
          d_at  = AtW;
        end
        3'd4: begin  // t = 1.5 - h * t
          kind  = vector_pkg::KMulAdd;
          neg_a = 1'b1;
          b_sel = vector_pkg::BBuf;
          b_at  = AtW;
          c_sc  = vector_pkg::Sc1p5;
          d_at  = AtW;
        end
        default: begin  // y = y * t
          kind  = vector_pkg::KMul;
          a_at  = AtY;
          b_sel = vector_pkg::BBuf;
          b_at  = AtW;
          d_at  = AtY;
          flow  = 3'd4;
          back  = pc_i - 5'd2;
        end
      endcase
    end else begin
      case (op_i)
        // 0 chains of squares, 1-6 tree, 7 m, 8 seed, 9 h, 10-12 iteration (four times), 13-14 scale and gain
        vector_pkg::OpRmsnorm: case (pc_i)
          5'd0: begin
            ld    = vector_pkg::LdFull;
            kind  = vector_pkg::KSumSq;
            shape = vector_pkg::ShFull;
            b_sel = vector_pkg::BSelf;
            d_sel = vector_pkg::DBuf;
            d_at  = AtS;
          end
          5'd13: begin
            ld      = vector_pkg::LdX;
            kind    = vector_pkg::KMul;
            b_sel   = vector_pkg::BBuf;
            b_at    = AtY;
            b_lane0 = 1'b1;
            d_sel   = vector_pkg::DBuf;
          end
          default: begin
            ld    = vector_pkg::LdGain;
            st    = vector_pkg::StY;
            kind  = vector_pkg::KMul;
            b_sel = vector_pkg::BBuf;
            d_sel = vector_pkg::DStore;
            check = 1'b1;
            flow  = 3'd2;
            back  = 5'd13;
          end
        endcase

        // 0 chains of x, 1-6 tree, 7 -mean, 8-9 chains of squares of x - mean, 10-15 tree, 16 m, 17 seed, 18 h,
        // 19-21 iteration (four times), 22-25 subtract, scale, gain, bias
        vector_pkg::OpLayernorm: case (pc_i)
          5'd0: begin
            ld    = vector_pkg::LdFull;
            kind  = vector_pkg::KSum;
            shape = vector_pkg::ShFull;
            d_sel = vector_pkg::DBuf;
            d_at  = AtS;
          end
          5'd7: begin
            kind  = vector_pkg::KMul;
            shape = vector_pkg::ShOne;
            a_sel = vector_pkg::ABuf;
            a_at  = AtS;
            b_sc  = vector_pkg::ScP2;
            d_sel = vector_pkg::DBuf;
            d_at  = AtMu;
          end
          5'd8, 5'd22: begin
            ld      = vector_pkg::LdX;
            kind    = vector_pkg::KAdd;
            c_sel   = vector_pkg::BBuf;
            b_at    = AtMu;
            b_lane0 = 1'b1;
            neg_c   = 1'b1;
            d_sel   = vector_pkg::DBuf;
          end
          5'd9: begin
            kind  = vector_pkg::KSumSq;
            a_sel = vector_pkg::ABuf;
            b_sel = vector_pkg::BSelf;
            d_sel = vector_pkg::DBuf;
            d_at  = AtS;
            flow  = 3'd1;
            back  = 5'd8;
          end
          5'd23: begin
            kind    = vector_pkg::KMul;
            a_sel   = vector_pkg::ABuf;
            b_sel   = vector_pkg::BBuf;
            b_at    = AtY;
            b_lane0 = 1'b1;
            d_sel   = vector_pkg::DBuf;
          end
          5'd24: begin
            ld    = vector_pkg::LdGain;
            st    = flag_bias_i ? vector_pkg::StNone : vector_pkg::StY;
            kind  = vector_pkg::KMul;
            b_sel = vector_pkg::BBuf;
            d_sel = flag_bias_i ? vector_pkg::DBuf : vector_pkg::DStore;
            check = 1'b1;
            flow  = flag_bias_i ? 3'd0 : 3'd2;
            back  = 5'd22;
          end
          default: begin
            ld    = vector_pkg::LdBias;
            st    = vector_pkg::StY;
            kind  = vector_pkg::KAdd;
            c_sel = vector_pkg::BBuf;
            d_sel = vector_pkg::DStore;
            check = 1'b1;
            flow  = 3'd2;
            back  = 5'd22;
          end
        endcase
        default: flow = 3'd3;
      endcase
    end
  end

endmodule
