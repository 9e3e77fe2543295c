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
//                  there four times
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
  output logic [3:0] ld_o,
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

  // Places in the buffer: {region, offset, row distance}.
  localparam logic [7:0] AtT   = {vector_pkg::RegT, 3'd0, 3'd1};   // the tile
  localparam logic [7:0] AtS   = {vector_pkg::RegS, 3'd0, 3'd2};   // a row's chains, then its scalars: h or m,
  localparam logic [7:0] AtY   = {vector_pkg::RegS, 3'd1, 3'd2};   // y = rsqrt,
  localparam logic [7:0] AtW   = {vector_pkg::RegS, 3'd2, 3'd2};   // t,
  localparam logic [7:0] AtMu  = {vector_pkg::RegU, 3'd0, 3'd2};   // the mean
  localparam logic [7:0] AtS2  = {vector_pkg::RegS, 3'd5, 3'd2};   // the other half of the chains
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
    row_pc_o   = '0;
    flow_o     = 3'd0;
    back_o     = '0;
    ld_o       = vector_pkg::LdNone;
    st_o       = vector_pkg::StNone;
    kind_o     = vector_pkg::KNone;
    shape_o    = vector_pkg::ShTile;
    level_o    = '0;
    a_sel_o    = vector_pkg::AStream;
    a_at_o     = AtT;
    a_swap_o   = 1'b0;
    b_sel_o    = vector_pkg::BScalar;
    b_at_o     = AtT;
    b_lane0_o  = 1'b0;
    b_twice_o  = 1'b0;
    c_sel_o    = vector_pkg::BScalar;
    neg_a_o    = 1'b0;
    neg_c_o    = 1'b0;
    neg_even_o = 1'b0;
    d_sel_o    = vector_pkg::DNone;
    d_at_o     = AtT;
    a_sc_o     = vector_pkg::ScOne;
    b_sc_o     = vector_pkg::ScOne;
    c_sc_o     = vector_pkg::ScOne;
    check_o    = 1'b0;
    halves_o   = 1'b0;

    if (in_tree) begin
      kind_o  = vector_pkg::KAdd;
      shape_o = vector_pkg::ShTree;
      level_o = 3'd5 - tree_at;
      a_sel_o = vector_pkg::ABuf;
      a_at_o  = AtS;
      c_sel_o = vector_pkg::BBuf;  // BSelf where the two are in one chunk: vector_unit knows
      b_at_o  = AtS2;
      d_sel_o = vector_pkg::DBuf;
      d_at_o  = AtS;
    end else if (in_root) begin
      shape_o = vector_pkg::ShOne;
      a_sel_o = vector_pkg::ABuf;
      a_at_o  = AtS;
      d_sel_o = vector_pkg::DBuf;
      d_at_o  = AtS;
      case (root_at)
        3'd0: begin
          kind_o = vector_pkg::KMulAdd;
          b_sc_o = vector_pkg::ScP2;
          c_sc_o = vector_pkg::ScP0;
        end
        3'd1: begin
          kind_o = vector_pkg::KSeed;
          d_at_o = AtY;
        end
        3'd2: begin
          kind_o = vector_pkg::KMul;
          b_sc_o = vector_pkg::ScHalf;
        end
        3'd3: begin  // t = y * y
          kind_o  = vector_pkg::KMul;
          a_at_o  = AtY;
          b_sel_o = vector_pkg::BSelf;
          d_at_o  = AtW;
        end
        3'd4: begin  // t = 1.5 - h * t
          kind_o  = vector_pkg::KMulAdd;
          neg_a_o = 1'b1;
          b_sel_o = vector_pkg::BBuf;
          b_at_o  = AtW;
          c_sc_o  = vector_pkg::Sc1p5;
          d_at_o  = AtW;
        end
        default: begin  // y = y * t
          kind_o  = vector_pkg::KMul;
          a_at_o  = AtY;
          b_sel_o = vector_pkg::BBuf;
          b_at_o  = AtW;
          d_at_o  = AtY;
          flow_o  = 3'd4;
          back_o  = pc_i - 5'd2;
        end
      endcase
    end else begin
      case (op_i)
        vector_pkg::OpAdd: case (pc_i)
          5'd0: begin
            ld_o    = vector_pkg::LdX;
            kind_o  = flag_scaled_i ? vector_pkg::KMul : vector_pkg::KCopy;
            b_sc_o  = vector_pkg::ScP0;
            d_sel_o = vector_pkg::DBuf;
          end
          default: begin
            ld_o    = vector_pkg::LdY;
            st_o    = vector_pkg::StY;
            kind_o  = vector_pkg::KAdd;
            c_sel_o = vector_pkg::BBuf;
            d_sel_o = vector_pkg::DStore;
            check_o = 1'b1;
            flow_o  = 3'd2;
          end
        endcase

        vector_pkg::OpScale: case (pc_i)
          5'd0: begin
            ld_o    = vector_pkg::LdIdx;
            kind_o  = vector_pkg::KWord;
            shape_o = vector_pkg::ShWord;
          end
          5'd1: begin
            kind_o  = vector_pkg::KMul;
            shape_o = vector_pkg::ShWord;
            a_sel_o = vector_pkg::AScalar;
            a_sc_o  = vector_pkg::ScUnit;
            b_sc_o  = vector_pkg::ScPow;
            d_sel_o = vector_pkg::DScalar;
          end
          default: begin
            ld_o    = vector_pkg::LdAcc;
            st_o    = vector_pkg::StY;
            kind_o  = vector_pkg::KInt;
            b_sc_o  = vector_pkg::ScG;
            d_sel_o = vector_pkg::DStore;
            check_o = 1'b1;
            flow_o  = 3'd3;
          end
        endcase

        vector_pkg::OpSiluMul: case (pc_i)
          5'd0: begin
            ld_o    = vector_pkg::LdX;
            kind_o  = vector_pkg::KSig;
            b_sc_o  = vector_pkg::ScLog2e;
            d_sel_o = vector_pkg::DBuf;
          end
          5'd1: begin
            ld_o    = vector_pkg::LdX;
            kind_o  = vector_pkg::KMul;
            b_sel_o = vector_pkg::BBuf;
            d_sel_o = vector_pkg::DBuf;
          end
          default: begin
            ld_o    = vector_pkg::LdU;
            st_o    = vector_pkg::StY;
            kind_o  = vector_pkg::KMul;
            b_sel_o = vector_pkg::BBuf;
            d_sel_o = vector_pkg::DStore;
            check_o = 1'b1;
            flow_o  = 3'd2;
          end
        endcase

        vector_pkg::OpGeluMul: case (pc_i)
          5'd0: begin
            ld_o    = vector_pkg::LdX;
            kind_o  = vector_pkg::KMul;
            b_sel_o = vector_pkg::BSelf;
            d_sel_o = vector_pkg::DBuf;
          end
          5'd1: begin
            kind_o  = vector_pkg::KMulAdd;
            a_sel_o = vector_pkg::ABuf;
            b_sc_o  = vector_pkg::ScC1;
            c_sc_o  = vector_pkg::ScOne;
            d_sel_o = vector_pkg::DBuf;
          end
          5'd2, 5'd4: begin
            ld_o    = vector_pkg::LdX;
            kind_o  = vector_pkg::KMul;
            b_sel_o = vector_pkg::BBuf;
            d_sel_o = vector_pkg::DBuf;
          end
          5'd3: begin
            kind_o  = vector_pkg::KSig;
            a_sel_o = vector_pkg::ABuf;
            b_sc_o  = vector_pkg::ScC2;
            d_sel_o = vector_pkg::DBuf;
          end
          default: begin
            ld_o    = vector_pkg::LdU;
            st_o    = vector_pkg::StY;
            kind_o  = vector_pkg::KMul;
            b_sel_o = vector_pkg::BBuf;
            d_sel_o = vector_pkg::DStore;
            check_o = 1'b1;
            flow_o  = 3'd2;
          end
        endcase

        // 0 chains of squares, 1-6 tree, 7 m, 8 seed, 9 h, 10-12 iteration (four times), 13-14 scale and gain
        vector_pkg::OpRmsnorm: case (pc_i)
          5'd0: begin
            ld_o    = vector_pkg::LdFull;
            kind_o  = vector_pkg::KSumSq;
            shape_o = vector_pkg::ShFull;
            b_sel_o = vector_pkg::BSelf;
            d_sel_o = vector_pkg::DBuf;
            d_at_o  = AtS;
          end
          5'd13: begin
            ld_o      = vector_pkg::LdX;
            kind_o    = vector_pkg::KMul;
            b_sel_o   = vector_pkg::BBuf;
            b_at_o    = AtY;
            b_lane0_o = 1'b1;
            d_sel_o   = vector_pkg::DBuf;
          end
          default: begin
            ld_o    = vector_pkg::LdGain;
            st_o    = vector_pkg::StY;
            kind_o  = vector_pkg::KMul;
            b_sel_o = vector_pkg::BBuf;
            d_sel_o = vector_pkg::DStore;
            check_o = 1'b1;
            flow_o  = 3'd2;
            back_o  = 5'd13;
          end
        endcase

        // 0 k of the vector, 1 write it, 2 the integers
        vector_pkg::OpQuantize: case (pc_i)
          5'd0: begin
            ld_o   = vector_pkg::LdX;
            kind_o = vector_pkg::KMax;
          end
          5'd1: begin
            st_o    = vector_pkg::StWord;
            kind_o  = vector_pkg::KCopy;
            shape_o = vector_pkg::ShWord;
            a_sel_o = vector_pkg::AScalar;
            a_sc_o  = vector_pkg::ScK;
            d_sel_o = vector_pkg::DStore;
          end
          default: begin
            ld_o    = vector_pkg::LdBlk;
            st_o    = vector_pkg::StQ;
            kind_o  = vector_pkg::KQuant;
            shape_o = vector_pkg::ShBlk;
            d_sel_o = vector_pkg::DStore;
            flow_o  = 3'd3;
          end
        endcase

        vector_pkg::OpArgmax: case (pc_i)
          5'd0: begin
            ld_o   = vector_pkg::LdX;
            kind_o = vector_pkg::KArgmax;
          end
          default: begin
            st_o    = vector_pkg::StWord;
            kind_o  = vector_pkg::KCopy;
            shape_o = vector_pkg::ShWord;
            a_sel_o = vector_pkg::AScalar;
            a_sc_o  = vector_pkg::ScIndex;
            d_sel_o = vector_pkg::DStore;
            flow_o  = 3'd3;
          end
        endcase

        vector_pkg::OpEmbed: case (pc_i)
          5'd0: begin
            ld_o    = vector_pkg::LdIdx;
            kind_o  = vector_pkg::KWord;
            shape_o = vector_pkg::ShWord;
          end
          5'd1: begin
            kind_o  = vector_pkg::KMul;
            shape_o = vector_pkg::ShWord;
            a_sel_o = vector_pkg::AScalar;
            a_sc_o  = vector_pkg::ScUnit;
            b_sc_o  = vector_pkg::ScPow;
            d_sel_o = vector_pkg::DScalar;
          end
          default: begin
            ld_o    = vector_pkg::LdTab;
            st_o    = vector_pkg::StY;
            kind_o  = flag_plain_i ? vector_pkg::KCopy : vector_pkg::KHalf;
            b_sc_o  = vector_pkg::ScG;
            d_sel_o = vector_pkg::DStore;
            check_o = 1'b1;
            flow_o  = 3'd3;
          end
        endcase

        vector_pkg::OpGather, vector_pkg::OpScatter: case (pc_i)
          5'd0: begin
            ld_o    = vector_pkg::LdIdx;
            kind_o  = vector_pkg::KWord;
            shape_o = vector_pkg::ShWord;
          end
          default: begin
            ld_o    = (op_i == vector_pkg::OpGather) ? vector_pkg::LdTab : vector_pkg::LdX;
            st_o    = (op_i == vector_pkg::OpGather) ? vector_pkg::StY : vector_pkg::StTab;
            kind_o  = vector_pkg::KCopy;
            d_sel_o = vector_pkg::DStore;
            flow_o  = 3'd3;
          end
        endcase

        // Pairs (a, b): T = b s, X = a c, a' = X - T; then T = a s, X = b c, b' = X + T.
        vector_pkg::OpRope: begin
          row_pc_o = 5'd1;
          d_sel_o  = vector_pkg::DBuf;
          if (pc_i == 5'd0) begin
            ld_o    = vector_pkg::LdCs;
            kind_o  = vector_pkg::KCopy;
            shape_o = vector_pkg::ShCs;
            d_at_o  = AtCs;
          end else if (flag_inter_i) begin
            case (pc_i)
              5'd1: begin
                ld_o   = vector_pkg::LdY;
                kind_o = vector_pkg::KCopy;
              end
              5'd2: begin
                kind_o    = vector_pkg::KMul;
                a_sel_o   = vector_pkg::ABuf;
                a_swap_o  = 1'b1;
                b_sel_o   = vector_pkg::BBuf;
                b_at_o    = AtSi;
                b_twice_o = 1'b1;
                d_at_o    = AtUr;
              end
              5'd3: begin
                kind_o    = vector_pkg::KMul;
                a_sel_o   = vector_pkg::ABuf;
                b_sel_o   = vector_pkg::BBuf;
                b_at_o    = AtCo;
                b_twice_o = 1'b1;
                d_at_o    = AtXr;
              end
              default: begin
                st_o       = vector_pkg::StY;
                kind_o     = vector_pkg::KAdd;
                a_sel_o    = vector_pkg::ABuf;
                a_at_o     = AtXr;
                c_sel_o    = vector_pkg::BBuf;
                b_at_o     = AtUr;
                neg_even_o = 1'b1;
                d_sel_o    = vector_pkg::DStore;
                check_o    = 1'b1;
                flow_o     = 3'd3;
              end
            endcase
          end else begin
            shape_o = vector_pkg::ShHalf;
            a_sel_o = vector_pkg::ABuf;
            b_sel_o = vector_pkg::BBuf;
            kind_o  = vector_pkg::KMul;
            case (pc_i)
              5'd1: begin
                ld_o    = vector_pkg::LdPair;
                kind_o  = vector_pkg::KCopy;
                shape_o = vector_pkg::ShPair;
                a_sel_o = vector_pkg::AStream;
                d_at_o  = AtAll;
              end
              5'd2, 5'd5: begin
                a_at_o = (pc_i == 5'd2) ? AtB : AtA;
                b_at_o = AtSi;
                d_at_o = AtU;
              end
              5'd3, 5'd6: begin
                a_at_o = (pc_i == 5'd3) ? AtA : AtB;
                b_at_o = AtCo;
                d_at_o = AtX;
              end
              default: begin
                st_o    = (pc_i == 5'd4) ? vector_pkg::StA : vector_pkg::StB;
                kind_o  = vector_pkg::KAdd;
                a_at_o  = AtX;
                c_sel_o = vector_pkg::BBuf;
                b_at_o  = AtU;
                neg_c_o = pc_i == 5'd4;
                d_sel_o = vector_pkg::DStore;
                check_o = 1'b1;
                flow_o  = (pc_i == 5'd4) ? 3'd0 : 3'd3;
              end
            endcase
          end
        end

        // K, then V: largest magnitude, integers, exponent
        vector_pkg::OpQuantizeKv: case (pc_i)
          5'd0, 5'd3: begin
            ld_o   = (pc_i == 5'd0) ? vector_pkg::LdX : vector_pkg::LdUrow;
            kind_o = vector_pkg::KMax;
          end
          5'd1, 5'd4: begin
            ld_o    = vector_pkg::LdBlk;
            st_o    = (pc_i == 5'd1) ? vector_pkg::StK : vector_pkg::StV;
            kind_o  = vector_pkg::KQuant;
            shape_o = vector_pkg::ShBlk;
            d_sel_o = vector_pkg::DStore;
          end
          default: begin
            st_o    = (pc_i == 5'd2) ? vector_pkg::StKexp : vector_pkg::StVexp;
            kind_o  = vector_pkg::KCopy;
            shape_o = vector_pkg::ShWord;
            a_sel_o = vector_pkg::AScalar;
            a_sc_o  = vector_pkg::ScK;
            d_sel_o = vector_pkg::DStore;
            flow_o  = (pc_i == 5'd2) ? 3'd0 : 3'd3;
          end
        endcase

        // 0 e_ref, 1 the factor, 2 l, 3 its inverse, 4-5 the row (softmax)
        vector_pkg::OpAttnScale: case (pc_i)
          5'd0: begin
            ld_o    = vector_pkg::LdExp;
            kind_o  = vector_pkg::KWord;
            shape_o = vector_pkg::ShWord;
          end
          5'd1: begin
            kind_o  = vector_pkg::KMul;
            shape_o = vector_pkg::ShWord;
            a_sel_o = vector_pkg::AScalar;
            a_sc_o  = vector_pkg::ScUnit;
            b_sc_o  = vector_pkg::ScPow;
            d_sel_o = vector_pkg::DScalar;
          end
          5'd2: begin
            ld_o    = vector_pkg::LdL;
            kind_o  = vector_pkg::KInt;
            shape_o = vector_pkg::ShWord;
            d_sel_o = vector_pkg::DScalar;
          end
          5'd3: kind_o = vector_pkg::KRecip;
          5'd4: begin
            ld_o    = vector_pkg::LdAcc;
            kind_o  = vector_pkg::KInt;
            b_sc_o  = flag_sigmoid_i ? vector_pkg::ScG : vector_pkg::ScInv;
            st_o    = flag_sigmoid_i ? vector_pkg::StY : vector_pkg::StNone;
            d_sel_o = flag_sigmoid_i ? vector_pkg::DStore : vector_pkg::DBuf;
            check_o = 1'b1;
            flow_o  = flag_sigmoid_i ? 3'd3 : 3'd0;
          end
          default: begin
            halves_o = 1'b1;
            st_o    = vector_pkg::StY;
            kind_o  = vector_pkg::KMul;
            a_sel_o = vector_pkg::ABuf;
            b_sc_o  = vector_pkg::ScG;
            d_sel_o = vector_pkg::DStore;
            check_o = 1'b1;
            flow_o  = 3'd3;
          end
        endcase

        // 0 chains of x, 1-6 tree, 7 -mean, 8-9 chains of squares of x - mean, 10-15 tree, 16 m, 17 seed, 18 h,
        // 19-21 iteration (four times), 22-25 subtract, scale, gain, bias
        vector_pkg::OpLayernorm: case (pc_i)
          5'd0: begin
            ld_o    = vector_pkg::LdFull;
            kind_o  = vector_pkg::KSum;
            shape_o = vector_pkg::ShFull;
            d_sel_o = vector_pkg::DBuf;
            d_at_o  = AtS;
          end
          5'd7: begin
            kind_o  = vector_pkg::KMul;
            shape_o = vector_pkg::ShOne;
            a_sel_o = vector_pkg::ABuf;
            a_at_o  = AtS;
            b_sc_o  = vector_pkg::ScP2;
            d_sel_o = vector_pkg::DBuf;
            d_at_o  = AtMu;
          end
          5'd8, 5'd22: begin
            ld_o      = vector_pkg::LdX;
            kind_o    = vector_pkg::KAdd;
            c_sel_o   = vector_pkg::BBuf;
            b_at_o    = AtMu;
            b_lane0_o = 1'b1;
            neg_c_o   = 1'b1;
            d_sel_o   = vector_pkg::DBuf;
          end
          5'd9: begin
            kind_o  = vector_pkg::KSumSq;
            a_sel_o = vector_pkg::ABuf;
            b_sel_o = vector_pkg::BSelf;
            d_sel_o = vector_pkg::DBuf;
            d_at_o  = AtS;
            flow_o  = 3'd1;
            back_o  = 5'd8;
          end
          5'd23: begin
            kind_o    = vector_pkg::KMul;
            a_sel_o   = vector_pkg::ABuf;
            b_sel_o   = vector_pkg::BBuf;
            b_at_o    = AtY;
            b_lane0_o = 1'b1;
            d_sel_o   = vector_pkg::DBuf;
          end
          5'd24: begin
            ld_o    = vector_pkg::LdGain;
            st_o    = flag_bias_i ? vector_pkg::StNone : vector_pkg::StY;
            kind_o  = vector_pkg::KMul;
            b_sel_o = vector_pkg::BBuf;
            d_sel_o = flag_bias_i ? vector_pkg::DBuf : vector_pkg::DStore;
            check_o = 1'b1;
            flow_o  = flag_bias_i ? 3'd0 : 3'd2;
            back_o  = 5'd22;
          end
          default: begin
            ld_o    = vector_pkg::LdBias;
            st_o    = vector_pkg::StY;
            kind_o  = vector_pkg::KAdd;
            c_sel_o = vector_pkg::BBuf;
            d_sel_o = vector_pkg::DStore;
            check_o = 1'b1;
            flow_o  = 3'd2;
            back_o  = 5'd22;
          end
        endcase

        default: flow_o = 3'd3;
      endcase
    end
  end

endmodule
