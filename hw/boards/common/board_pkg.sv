// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Constants of the board protocol (docs/board-protocol.md).

// A module alone never uses all of the constants.
/* verilator lint_off UNUSEDPARAM */

package board_pkg;

  localparam logic [15:0] Protocol = 16'd1;
  localparam logic [7:0]  Magic    = 8'h53;
  localparam logic [15:0] Version  = 16'h0100;  // of the board designs

  // Framing: RFC 1662, section 4.
  localparam logic [7:0] Flag   = 8'h7E;
  localparam logic [7:0] Escape = 8'h7D;
  localparam logic [7:0] Flip   = 8'h20;

  // Operations of a request; the answer has bit 7 set.
  localparam logic [7:0] OpIdentify = 8'd1;
  localparam logic [7:0] OpOpen     = 8'd2;
  localparam logic [7:0] OpWeights  = 8'd3;
  localparam logic [7:0] OpActs     = 8'd4;
  localparam logic [7:0] OpRun      = 8'd5;

  // Status of an answer.
  localparam logic [7:0] Ok       = 8'd0;
  localparam logic [7:0] NoOp     = 8'd1;
  localparam logic [7:0] NoCodec  = 8'd2;
  localparam logic [7:0] BadRange = 8'd3;
  localparam logic [7:0] NoSession = 8'd4;
  localparam logic [7:0] Damaged  = 8'd5;
  localparam logic [7:0] Dirty    = 8'd6;

  // CRC-32 of IEEE 802.3: its register after a message and the message's own CRC.
  localparam logic [31:0] CrcInit = 32'hFFFF_FFFF;
  localparam logic [31:0] Residue = 32'hDEBB_20E3;

  // What follows the header of an answer.
  localparam logic [1:0] BodyNone     = 2'd0;
  localparam logic [1:0] BodyIdentity = 2'd1;
  localparam logic [1:0] BodyResults  = 2'd2;

endpackage

/* verilator lint_on UNUSEDPARAM */
