// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Codes that the parts of the vector unit share (hw/rtl/vector; docs/vector.md explains them).

// A module alone never uses all of them.
/* verilator lint_off UNUSEDPARAM */

package vector_pkg;

  // Operations (docs/device.md).
  localparam logic [7:0] OpQuantize   = 8'd2;
  localparam logic [7:0] OpScale      = 8'd3;
  localparam logic [7:0] OpEmbed      = 8'd4;
  localparam logic [7:0] OpRmsnorm    = 8'd5;
  localparam logic [7:0] OpRope       = 8'd6;
  localparam logic [7:0] OpSiluMul    = 8'd9;
  localparam logic [7:0] OpAdd        = 8'd10;
  localparam logic [7:0] OpQuantizeQ  = 8'd11;
  localparam logic [7:0] OpQuantizeKv = 8'd12;
  localparam logic [7:0] OpAttnScale  = 8'd14;
  localparam logic [7:0] OpLayernorm  = 8'd15;
  localparam logic [7:0] OpGeluMul    = 8'd16;
  localparam logic [7:0] OpGather     = 8'd17;
  localparam logic [7:0] OpScatter    = 8'd18;
  localparam logic [7:0] OpArgmax     = 8'd19;
  localparam logic [7:0] OpTopk       = 8'd20;

  // What a pass does with its operands A, B, C, element by element.
  localparam logic [3:0] KNone   = 4'd0;
  localparam logic [3:0] KCopy   = 4'd1;   // A
  localparam logic [3:0] KMul    = 4'd2;   // A * B
  localparam logic [3:0] KAdd    = 4'd3;   // A + C
  localparam logic [3:0] KMulAdd = 4'd4;   // A * B + C, two roundings
  localparam logic [3:0] KSumSq  = 4'd5;   // sum64 of A * B, up to the 64 chains
  localparam logic [3:0] KSum    = 4'd6;   // sum64 of A, likewise
  localparam logic [3:0] KSeed   = 4'd7;   // first guess of 1/sqrt(A)
  localparam logic [3:0] KSig    = 4'd8;   // sigmoid32 with A * B as its v
  localparam logic [3:0] KQuant  = 4'd9;   // A * 2^k, to integers
  localparam logic [3:0] KInt    = 4'd10;  // fl32(64-bit integer A) * B
  localparam logic [3:0] KHalf   = 4'd11;  // fl32(w_int of binary16 A) * B
  localparam logic [3:0] KMax    = 4'd12;  // largest magnitude of A
  localparam logic [3:0] KArgmax = 4'd13;  // index of the largest A
  localparam logic [3:0] KWord   = 4'd14;  // the first 64 bits of A, for the sequencer
  localparam logic [3:0] KRecip  = 4'd15;  // no pass: 1 / the scalar L

  // Operand A: from memory, the buffer, or a scalar.
  localparam logic [1:0] AStream = 2'd0;
  localparam logic [1:0] ABuf    = 2'd1;
  localparam logic [1:0] AScalar = 2'd2;
  // Operands B and C: from the buffer, a scalar, or A (C: lanes of A from further up).
  localparam logic [1:0] BBuf    = 2'd0;
  localparam logic [1:0] BScalar = 2'd1;
  localparam logic [1:0] BSelf   = 2'd2;
  // Where results go.
  localparam logic [1:0] DNone   = 2'd0;
  localparam logic [1:0] DBuf    = 2'd1;
  localparam logic [1:0] DStore  = 2'd2;
  localparam logic [1:0] DScalar = 2'd3;

  // Regions of the buffer.
  localparam logic [1:0] RegT = 2'd0;
  localparam logic [1:0] RegU = 2'd1;
  localparam logic [1:0] RegS = 2'd2;
  localparam logic [1:0] RegV = 2'd3;

  // Scalars.
  localparam logic [3:0] ScOne   = 4'd0;
  localparam logic [3:0] ScHalf  = 4'd1;
  localparam logic [3:0] Sc1p5   = 4'd2;
  localparam logic [3:0] ScLog2e = 4'd3;
  localparam logic [3:0] ScC1    = 4'd4;
  localparam logic [3:0] ScC2    = 4'd5;
  localparam logic [3:0] ScP0    = 4'd6;
  localparam logic [3:0] ScP2    = 4'd7;
  localparam logic [3:0] ScG     = 4'd8;   // factor of a row, computed
  localparam logic [3:0] ScUnit  = 4'd9;   // the factor's two parts
  localparam logic [3:0] ScPow   = 4'd10;
  localparam logic [3:0] ScInv   = 4'd11;
  localparam logic [3:0] ScK     = 4'd12;  // exponent of a quantised row
  localparam logic [3:0] ScIndex = 4'd13;
  localparam logic [3:0] ScValue = 4'd14;  // the value at that index

  // Loads and stores of a step; `tile` rows (a segment of them), `full` rows, `row`: one.
  localparam logic [4:0] LdNone = 5'd0;
  localparam logic [4:0] LdX    = 5'd1;   // src tile
  localparam logic [4:0] LdY    = 5'd2;   // dst tile
  localparam logic [4:0] LdU    = 5'd3;   // aux tile
  localparam logic [4:0] LdGain = 5'd4;   // weights, the same for each row of the tile
  localparam logic [4:0] LdBias = 5'd5;   // aux likewise
  localparam logic [4:0] LdFull = 5'd6;   // src full rows
  localparam logic [4:0] LdAcc  = 5'd7;   // src int64 tile
  localparam logic [4:0] LdIdx  = 5'd8;   // the vector's 32-bit word
  localparam logic [4:0] LdTab  = 5'd9;   // a row of the table
  localparam logic [4:0] LdBlk  = 5'd10;  // src row (KV: aux row) in blocks
  localparam logic [4:0] LdCs   = 5'd11;  // cosines and sines
  localparam logic [4:0] LdPair = 5'd12;  // dst tile, each row as two halves
  localparam logic [4:0] LdUrow = 5'd13;  // aux row
  localparam logic [4:0] LdExp  = 5'd14;  // V exponent of a query record
  localparam logic [4:0] LdL    = 5'd15;  // sum of P behind a row
  localparam logic [4:0] LdWin  = 5'd16;  // the window of a query
  localparam logic [4:0] LdExps = 5'd17;  // V exponents that a query sees (vec_query)
  localparam logic [4:0] LdHead = 5'd18;  // the header of a head's query records (vec_query)

  localparam logic [3:0] StNone = 4'd0;
  localparam logic [3:0] StY    = 4'd1;   // dst tile
  localparam logic [3:0] StA    = 4'd2;   // dst tile, first halves of its rows
  localparam logic [3:0] StB    = 4'd3;   // second halves
  localparam logic [3:0] StQ    = 4'd4;   // quantised vector
  localparam logic [3:0] StWord = 4'd5;   // the vector's 32-bit word
  localparam logic [3:0] StTab  = 4'd6;   // a row of the table
  localparam logic [3:0] StK    = 4'd7;   // a row of K
  localparam logic [3:0] StV    = 4'd8;   // the lines of a row of V
  localparam logic [3:0] StKexp = 4'd9;
  localparam logic [3:0] StVexp = 4'd10;
  localparam logic [3:0] StHead = 4'd11;  // header of a query record
  localparam logic [3:0] StRec  = 4'd12;  // its numbers
  localparam logic [3:0] StIdx  = 4'd13;  // index and value of a TOPK
  localparam logic [3:0] StVal  = 4'd14;

  // Shapes of a pass.
  localparam logic [3:0] ShTile = 4'd0;   // rows of the tile, their segment
  localparam logic [3:0] ShFull = 4'd1;   // rows of the tile, whole
  localparam logic [3:0] ShOne  = 4'd2;   // rows of the tile, one chunk each
  localparam logic [3:0] ShTree = 4'd3;   // rows of the tile, chains of one level
  localparam logic [3:0] ShWord = 4'd4;   // one element
  localparam logic [3:0] ShBlk  = 4'd5;   // the blocks of a row
  localparam logic [3:0] ShRow  = 4'd6;   // one padded row
  localparam logic [3:0] ShPair = 4'd7;   // rows of the tile as two halves each
  localparam logic [3:0] ShHalf = 4'd8;   // rows of the tile, a half
  localparam logic [3:0] ShCs   = 4'd9;   // two halves
  localparam logic [3:0] ShExps = 4'd10;  // lines of exponents
  localparam logic [3:0] ShHead = 4'd11;  // a line

  // Bits of a step (vec_program).
  localparam int StepW = 80;

endpackage

/* verilator lint_on UNUSEDPARAM */
