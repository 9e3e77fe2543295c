// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Constants shared by the core's modules. The numbers are those of docs/device.md and docs/formats.md.

// A module alone never uses all of the constants.
/* verilator lint_off UNUSEDPARAM */

package seedbed_pkg;

  // Codec ids.
  localparam logic [1:0] CodecFp16    = 2'd0;
  localparam logic [1:0] CodecInt4    = 2'd1;
  localparam logic [1:0] CodecSeedlm4 = 2'd2;
  localparam logic [1:0] CodecSeedlm3 = 2'd3;

  // Operations.
  localparam logic [7:0] OpNop    = 8'd0;
  localparam logic [7:0] OpMatvec = 8'd1;
  localparam logic [7:0] OpAttention = 8'd13;  // ATTENTION_X, of the attention unit; all others are the vector unit's

  // What a read request fetches.
  localparam logic [1:0] TagCmd = 2'd0;
  localparam logic [1:0] TagAct = 2'd1;
  localparam logic [1:0] TagWei = 2'd2;
  localparam logic [1:0] TagUnit = 2'd3;  // what a unit asked for

  // Units beside the matrix engine: bit of a vector, register UNITS.
  localparam int UnitAttention = 0;
  localparam int UnitVector    = 1;
  localparam int NumUnits      = 2;

  // ERROR register.
  localparam logic [3:0] ErrNone  = 4'd0;
  localparam logic [3:0] ErrOp    = 4'd1;
  localparam logic [3:0] ErrCodec = 4'd2;
  localparam logic [3:0] ErrShape = 4'd3;
  localparam logic [3:0] ErrAlign = 4'd4;
  localparam logic [3:0] ErrRead  = 4'd5;
  localparam logic [3:0] ErrWrite = 4'd6;
  localparam logic [3:0] ErrFinite = 4'd7;
  localparam logic [3:0] ErrIndex = 4'd8;

  // Cycle classes: bit i drives counter i+1, those of the units 11 and 12.
  localparam int ClassUseful  = 0;
  localparam int ClassWait    = 1;
  localparam int ClassStall   = 2;
  localparam int ClassActLoad = 3;
  localparam int ClassDrain   = 4;
  localparam int ClassControl = 5;
  localparam int ClassCompute = 6;
  localparam int ClassAttend  = 7;
  localparam int ClassVector  = 8;
  localparam int NumClasses   = 9;
  localparam int NumCounters  = 13;

  // Device addresses are below 2^56, so that no address calculation wraps.
  localparam int AddrBits = 56;

  // Cycles from a word at a lane's input to its addend.
  localparam int LaneLatency = 6;
  // The same for seedlm4 built for an FPGA (Style 1): lane_seedlm_fpga and its shifter.
  localparam int LaneLatencyFpga = 19;

  localparam logic [31:0] Id      = 32'h5345_4544;
  localparam logic [31:0] Version = 32'h0001_0002;

endpackage

/* verilator lint_on UNUSEDPARAM */
