// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Reads every register of a pipeline without feedback as a wire: its value when the inputs stand still.
(* techmap_celltype = "$dff" *)
module flow_dff (CLK, D, Q);
  parameter WIDTH = 0;
  parameter CLK_POLARITY = 1;
  input CLK;
  input [WIDTH-1:0] D;
  output [WIDTH-1:0] Q;
  assign Q = D;
endmodule
