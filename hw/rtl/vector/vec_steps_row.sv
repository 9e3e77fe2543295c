// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// The steps of what takes a row to another form: QUANTIZE, SCALE, EMBED, GATHER, SCATTER, ARGMAX, TOPK, QUANTIZE_KV,
// QUANTIZE_Q, ATTN_SCALE (docs/numerics.md sections 2, 4, 5.4, 6).
//
// Ports: op_i, pc_i operation and step, flag_* variants; step_o, the step as vec_program takes it apart.
// Latency: none.

module vec_steps_row (
  input  logic [7:0] op_i,
  input  logic [4:0] pc_i,
  input  logic       flag_plain_i,
  input  logic       flag_sigmoid_i,
  output logic [vector_pkg::StepW-1:0] step_o
);

  // Places in the buffer: {region, offset, row distance}.
  localparam logic [7:0] AtT   = {vector_pkg::RegT, 3'd0, 3'd1};   // the tile

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
      // 0 k of the vector, 1 write it, 2 the integers
      vector_pkg::OpQuantize: case (pc_i)
        5'd0: begin
          ld   = vector_pkg::LdX;
          kind = vector_pkg::KMax;
        end
        5'd1: begin
          st    = vector_pkg::StWord;
          kind  = vector_pkg::KCopy;
          shape = vector_pkg::ShWord;
          a_sel = vector_pkg::AScalar;
          a_sc  = vector_pkg::ScK;
          d_sel = vector_pkg::DStore;
        end
        default: begin
          ld    = vector_pkg::LdBlk;
          st    = vector_pkg::StQ;
          kind  = vector_pkg::KQuant;
          shape = vector_pkg::ShBlk;
          d_sel = vector_pkg::DStore;
          flow  = 3'd3;
        end
      endcase

      vector_pkg::OpScale: case (pc_i)
        5'd0: begin
          ld    = vector_pkg::LdIdx;
          kind  = vector_pkg::KWord;
          shape = vector_pkg::ShWord;
        end
        5'd1: begin
          kind  = vector_pkg::KMul;
          shape = vector_pkg::ShWord;
          a_sel = vector_pkg::AScalar;
          a_sc  = vector_pkg::ScUnit;
          b_sc  = vector_pkg::ScPow;
          d_sel = vector_pkg::DScalar;
        end
        default: begin
          ld    = vector_pkg::LdAcc;
          st    = vector_pkg::StY;
          kind  = vector_pkg::KInt;
          b_sc  = vector_pkg::ScG;
          d_sel = vector_pkg::DStore;
          check = 1'b1;
          flow  = 3'd3;
        end
      endcase

      vector_pkg::OpEmbed: case (pc_i)
        5'd0: begin
          ld    = vector_pkg::LdIdx;
          kind  = vector_pkg::KWord;
          shape = vector_pkg::ShWord;
        end
        5'd1: begin
          kind  = vector_pkg::KMul;
          shape = vector_pkg::ShWord;
          a_sel = vector_pkg::AScalar;
          a_sc  = vector_pkg::ScUnit;
          b_sc  = vector_pkg::ScPow;
          d_sel = vector_pkg::DScalar;
        end
        default: begin
          ld    = vector_pkg::LdTab;
          st    = vector_pkg::StY;
          kind  = flag_plain_i ? vector_pkg::KCopy : vector_pkg::KHalf;
          b_sc  = vector_pkg::ScG;
          d_sel = vector_pkg::DStore;
          check = 1'b1;
          flow  = 3'd3;
        end
      endcase

      vector_pkg::OpGather, vector_pkg::OpScatter: case (pc_i)
        5'd0: begin
          ld    = vector_pkg::LdIdx;
          kind  = vector_pkg::KWord;
          shape = vector_pkg::ShWord;
        end
        default: begin
          ld    = (op_i == vector_pkg::OpGather) ? vector_pkg::LdTab : vector_pkg::LdX;
          st    = (op_i == vector_pkg::OpGather) ? vector_pkg::StY : vector_pkg::StTab;
          kind  = vector_pkg::KCopy;
          d_sel = vector_pkg::DStore;
          flow  = 3'd3;
        end
      endcase

      vector_pkg::OpArgmax: case (pc_i)
        5'd0: begin
          ld   = vector_pkg::LdX;
          kind = vector_pkg::KArgmax;
        end
        default: begin
          st    = vector_pkg::StIdx;
          kind  = vector_pkg::KCopy;
          shape = vector_pkg::ShWord;
          a_sel = vector_pkg::AScalar;
          a_sc  = vector_pkg::ScIndex;
          d_sel = vector_pkg::DStore;
          flow  = 3'd3;
        end
      endcase

      // 0 the largest behind the last one, 1 its index, 2 its value, k times
      vector_pkg::OpTopk: case (pc_i)
        5'd0: begin
          ld   = vector_pkg::LdX;
          kind = vector_pkg::KArgmax;
        end
        default: begin
          st    = (pc_i == 5'd1) ? vector_pkg::StIdx : vector_pkg::StVal;
          kind  = vector_pkg::KCopy;
          shape = vector_pkg::ShWord;
          a_sel = vector_pkg::AScalar;
          a_sc  = (pc_i == 5'd1) ? vector_pkg::ScIndex : vector_pkg::ScValue;
          d_sel = vector_pkg::DStore;
          flow  = (pc_i == 5'd1) ? 3'd0 : 3'd5;
        end
      endcase

      // K, then V: largest magnitude, integers, exponent
      vector_pkg::OpQuantizeKv: case (pc_i)
        5'd0, 5'd3: begin
          ld   = (pc_i == 5'd0) ? vector_pkg::LdX : vector_pkg::LdUrow;
          kind = vector_pkg::KMax;
        end
        5'd1, 5'd4: begin
          ld    = vector_pkg::LdBlk;
          st    = (pc_i == 5'd1) ? vector_pkg::StK : vector_pkg::StV;
          kind  = vector_pkg::KQuant;
          shape = vector_pkg::ShBlk;
          d_sel = vector_pkg::DStore;
        end
        default: begin
          st    = (pc_i == 5'd2) ? vector_pkg::StKexp : vector_pkg::StVexp;
          kind  = vector_pkg::KCopy;
          shape = vector_pkg::ShWord;
          a_sel = vector_pkg::AScalar;
          a_sc  = vector_pkg::ScK;
          d_sel = vector_pkg::DStore;
          flow  = (pc_i == 5'd2) ? 3'd0 : 3'd3;
        end
      endcase

      // 0 the window, 1 e_ref, for each head 2 largest magnitude, 3 header, 4 integers
      vector_pkg::OpQuantizeQ: case (pc_i)
        5'd0: begin
          ld    = vector_pkg::LdWin;
          kind  = vector_pkg::KWord;
          shape = vector_pkg::ShWord;
        end
        5'd1: begin
          ld    = vector_pkg::LdExps;
          kind  = vector_pkg::KMax;
          shape = vector_pkg::ShExps;
        end
        5'd2: begin
          ld   = vector_pkg::LdX;
          kind = vector_pkg::KMax;
        end
        5'd3: begin
          ld    = vector_pkg::LdHead;
          st    = vector_pkg::StHead;
          kind  = vector_pkg::KCopy;
          shape = vector_pkg::ShHead;
          d_sel = vector_pkg::DStore;
        end
        default: begin
          ld    = vector_pkg::LdBlk;
          st    = vector_pkg::StRec;
          kind  = vector_pkg::KQuant;
          shape = vector_pkg::ShBlk;
          d_sel = vector_pkg::DStore;
          flow  = 3'd3;
        end
      endcase

      // 0 e_ref, 1 the factor, 2 l, 3 its inverse, 4-5 the row (softmax)
      vector_pkg::OpAttnScale: case (pc_i)
        5'd0: begin
          ld    = vector_pkg::LdExp;
          kind  = vector_pkg::KWord;
          shape = vector_pkg::ShWord;
        end
        5'd1: begin
          kind  = vector_pkg::KMul;
          shape = vector_pkg::ShWord;
          a_sel = vector_pkg::AScalar;
          a_sc  = vector_pkg::ScUnit;
          b_sc  = vector_pkg::ScPow;
          d_sel = vector_pkg::DScalar;
        end
        5'd2: begin
          ld    = vector_pkg::LdL;
          kind  = vector_pkg::KInt;
          shape = vector_pkg::ShWord;
          d_sel = vector_pkg::DScalar;
        end
        5'd3: kind = vector_pkg::KRecip;
        5'd4: begin
          ld    = vector_pkg::LdAcc;
          kind  = vector_pkg::KInt;
          b_sc  = flag_sigmoid_i ? vector_pkg::ScG : vector_pkg::ScInv;
          st    = flag_sigmoid_i ? vector_pkg::StY : vector_pkg::StNone;
          d_sel = flag_sigmoid_i ? vector_pkg::DStore : vector_pkg::DBuf;
          check = 1'b1;
          flow  = flag_sigmoid_i ? 3'd3 : 3'd0;
        end
        default: begin
          halves = 1'b1;
          st    = vector_pkg::StY;
          kind  = vector_pkg::KMul;
          a_sel = vector_pkg::ABuf;
          b_sc  = vector_pkg::ScG;
          d_sel = vector_pkg::DStore;
          check = 1'b1;
          flow  = 3'd3;
        end
      endcase
      default: flow = 3'd3;
    endcase
  end

endmodule
