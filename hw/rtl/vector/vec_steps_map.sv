// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// The steps of ADD, SILU_MUL, GELU_MUL and ROPE (docs/numerics.md section 5.4).
//
// Ports: op_i, pc_i operation and step, flag_* variants; step_o, the step as vec_program takes it apart.
// Latency: none.

module vec_steps_map (
  input  logic [7:0] op_i,
  input  logic [4:0] pc_i,
  input  logic       flag_inter_i,
  input  logic       flag_scaled_i,
  output logic [vector_pkg::StepW-1:0] step_o
);

  // Places in the buffer: {region, offset, row distance}.
  localparam logic [7:0] AtT   = {vector_pkg::RegT, 3'd0, 3'd1};   // the tile
  localparam logic [7:0] AtA   = {vector_pkg::RegT, 3'd0, 3'd3};   // first halves of rows
  localparam logic [7:0] AtB   = {vector_pkg::RegT, 3'd4, 3'd3};   // second halves
  localparam logic [7:0] AtAll = {vector_pkg::RegT, 3'd0, 3'd4};   // halves one after another
  localparam logic [7:0] AtU   = {vector_pkg::RegU, 3'd0, 3'd4};
  localparam logic [7:0] AtX   = {vector_pkg::RegS, 3'd0, 3'd4};
  localparam logic [7:0] AtUr  = {vector_pkg::RegU, 3'd0, 3'd1};   // the same for whole rows
  localparam logic [7:0] AtXr  = {vector_pkg::RegS, 3'd0, 3'd1};
  localparam logic [7:0] AtCs  = {vector_pkg::RegV, 3'd0, 3'd4};
  localparam logic [7:0] AtCo  = {vector_pkg::RegV, 3'd0, 3'd0};
  localparam logic [7:0] AtSi  = {vector_pkg::RegV, 3'd4, 3'd0};

  logic       a_swap, b_lane0, b_twice, neg_a, neg_c, neg_even, check, halves;
  logic [1:0] a_sel, b_sel, c_sel, d_sel;
  logic [2:0] flow, level;
  logic [3:0] st, kind, shape, a_sc, b_sc, c_sc;
  logic [4:0] back, ld;
  logic [7:0] a_at, b_at, d_at;
  assign step_o = {flow, back, ld, st, kind, shape, level, a_sel, a_at, a_swap, b_sel, b_at, b_lane0, b_twice,
                   c_sel, neg_a, neg_c, neg_even, d_sel, d_at, a_sc, b_sc, c_sc, check, halves};

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

    case (op_i)
      vector_pkg::OpAdd: case (pc_i)
        5'd0: begin
          ld    = vector_pkg::LdX;
          kind  = flag_scaled_i ? vector_pkg::KMul : vector_pkg::KCopy;
          b_sc  = vector_pkg::ScP0;
          d_sel = vector_pkg::DBuf;
        end
        default: begin
          ld    = vector_pkg::LdY;
          st    = vector_pkg::StY;
          kind  = vector_pkg::KAdd;
          c_sel = vector_pkg::BBuf;
          d_sel = vector_pkg::DStore;
          check = 1'b1;
          flow  = 3'd2;
        end
      endcase

      vector_pkg::OpSiluMul: case (pc_i)
        5'd0: begin
          ld    = vector_pkg::LdX;
          kind  = vector_pkg::KSig;
          b_sc  = vector_pkg::ScLog2e;
          d_sel = vector_pkg::DBuf;
        end
        5'd1: begin
          ld    = vector_pkg::LdX;
          kind  = vector_pkg::KMul;
          b_sel = vector_pkg::BBuf;
          d_sel = vector_pkg::DBuf;
        end
        default: begin
          ld    = vector_pkg::LdU;
          st    = vector_pkg::StY;
          kind  = vector_pkg::KMul;
          b_sel = vector_pkg::BBuf;
          d_sel = vector_pkg::DStore;
          check = 1'b1;
          flow  = 3'd2;
        end
      endcase

      vector_pkg::OpGeluMul: case (pc_i)
        5'd0: begin
          ld    = vector_pkg::LdX;
          kind  = vector_pkg::KMul;
          b_sel = vector_pkg::BSelf;
          d_sel = vector_pkg::DBuf;
        end
        5'd1: begin
          kind  = vector_pkg::KMulAdd;
          a_sel = vector_pkg::ABuf;
          b_sc  = vector_pkg::ScC1;
          c_sc  = vector_pkg::ScOne;
          d_sel = vector_pkg::DBuf;
        end
        5'd2, 5'd4: begin
          ld    = vector_pkg::LdX;
          kind  = vector_pkg::KMul;
          b_sel = vector_pkg::BBuf;
          d_sel = vector_pkg::DBuf;
        end
        5'd3: begin
          kind  = vector_pkg::KSig;
          a_sel = vector_pkg::ABuf;
          b_sc  = vector_pkg::ScC2;
          d_sel = vector_pkg::DBuf;
        end
        default: begin
          ld    = vector_pkg::LdU;
          st    = vector_pkg::StY;
          kind  = vector_pkg::KMul;
          b_sel = vector_pkg::BBuf;
          d_sel = vector_pkg::DStore;
          check = 1'b1;
          flow  = 3'd2;
        end
      endcase

      // Pairs (a, b): T = b s, X = a c, a' = X - T; then T = a s, X = b c, b' = X + T.
      vector_pkg::OpRope: begin
        d_sel  = vector_pkg::DBuf;
        if (pc_i == 5'd0) begin
          ld    = vector_pkg::LdCs;
          kind  = vector_pkg::KCopy;
          shape = vector_pkg::ShCs;
          d_at  = AtCs;
        end else if (flag_inter_i) begin
          case (pc_i)
            5'd1: begin
              ld   = vector_pkg::LdY;
              kind = vector_pkg::KCopy;
            end
            5'd2: begin
              kind    = vector_pkg::KMul;
              a_sel   = vector_pkg::ABuf;
              a_swap  = 1'b1;
              b_sel   = vector_pkg::BBuf;
              b_at    = AtSi;
              b_twice = 1'b1;
              d_at    = AtUr;
            end
            5'd3: begin
              kind    = vector_pkg::KMul;
              a_sel   = vector_pkg::ABuf;
              b_sel   = vector_pkg::BBuf;
              b_at    = AtCo;
              b_twice = 1'b1;
              d_at    = AtXr;
            end
            default: begin
              st       = vector_pkg::StY;
              kind     = vector_pkg::KAdd;
              a_sel    = vector_pkg::ABuf;
              a_at     = AtXr;
              c_sel    = vector_pkg::BBuf;
              b_at     = AtUr;
              neg_even = 1'b1;
              d_sel    = vector_pkg::DStore;
              check    = 1'b1;
              flow     = 3'd3;
            end
          endcase
        end else begin
          shape = vector_pkg::ShHalf;
          a_sel = vector_pkg::ABuf;
          b_sel = vector_pkg::BBuf;
          kind  = vector_pkg::KMul;
          case (pc_i)
            5'd1: begin
              ld    = vector_pkg::LdPair;
              kind  = vector_pkg::KCopy;
              shape = vector_pkg::ShPair;
              a_sel = vector_pkg::AStream;
              d_at  = AtAll;
            end
            5'd2, 5'd5: begin
              a_at = (pc_i == 5'd2) ? AtB : AtA;
              b_at = AtSi;
              d_at = AtU;
            end
            5'd3, 5'd6: begin
              a_at = (pc_i == 5'd3) ? AtA : AtB;
              b_at = AtCo;
              d_at = AtX;
            end
            default: begin
              st    = (pc_i == 5'd4) ? vector_pkg::StA : vector_pkg::StB;
              kind  = vector_pkg::KAdd;
              a_at  = AtX;
              c_sel = vector_pkg::BBuf;
              b_at  = AtU;
              neg_c = pc_i == 5'd4;
              d_sel = vector_pkg::DStore;
              check = 1'b1;
              flow  = (pc_i == 5'd4) ? 3'd0 : 3'd3;
            end
          endcase
        end
      end
      default: flow = 3'd3;
    endcase
  end

endmodule
