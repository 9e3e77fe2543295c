// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Memory with one port: a write or a read a cycle.
//
// Parameters: Width; Depth; Huge: the largest blocks the device has (iCE40 UP5K: SPRAM, 16384 x 16 each).
// Latency: data_o one cycle after re_i; it stands until the next read. Not cleared by a reset.

module board_ram #(
  parameter int Width = 32,
  parameter int Depth = 1024,
  parameter bit Huge  = 1'b0,
  parameter int AddrW = $clog2(Depth)
) (
  input  logic             clk_i,
  input  logic             we_i,
  input  logic             re_i,
  input  logic [AddrW-1:0] addr_i,
  input  logic [Width-1:0] data_i,
  output logic [Width-1:0] data_o
);

  initial if (Depth < 2 || AddrW != $clog2(Depth)) $fatal(1, "board_ram: Depth");

  logic [Width-1:0] data_q;
  assign data_o = data_q;

  if (Huge) begin : g_huge
    (* ram_style = "huge" *) logic [Width-1:0] mem [0:Depth-1];
    always_ff @(posedge clk_i) begin
      if (we_i) mem[addr_i] <= data_i;
      else if (re_i) data_q <= mem[addr_i];
    end
  end else begin : g_block
    (* ram_style = "block" *) logic [Width-1:0] mem [0:Depth-1];
    always_ff @(posedge clk_i) begin
      if (we_i) mem[addr_i] <= data_i;
      else if (re_i) data_q <= mem[addr_i];
    end
  end

endmodule
