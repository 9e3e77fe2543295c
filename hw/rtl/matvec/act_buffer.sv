// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Activation buffer: filled by whole bus beats, read as one slot a cycle.
//
// Parameters: BusW; ActCap, capacity in int16 elements (a power of two).
// Ports
//   we_i, waddr_i (in beats), wdata_i
//   step2_i, step8_i   slot size 2 (fp16) or 8; neither: 16. With step2_i set step8_i is ignored
//   re_i, relem_i      read the slot that begins at this element (a multiple of the slot size)
//   act_o              16 elements, the slot in the low ones, the rest unspecified
// Latency: two cycles from re_i to act_o. Reading what is written in the same cycle gives old data.

module act_buffer #(
  parameter int BusW   = 512,
  parameter int ActCap = 65536,
  parameter int ElemW  = $clog2(ActCap)
) (
  input  logic               clk_i,
  input  logic               we_i,
  input  logic [ElemW-1:0]   waddr_i,
  input  logic [BusW-1:0]    wdata_i,
  input  logic               step2_i,
  input  logic               step8_i,
  input  logic               re_i,
  input  logic [ElemW-1:0]   relem_i,
  output logic [255:0]       act_o
);

  // A memory row is at least a slot of 16; a narrow bus fills it in Parts.
  localparam int RowW   = (BusW > 256) ? BusW : 256;
  localparam int Parts  = RowW / BusW;
  localparam int PartW  = $clog2(Parts);
  localparam int RowE   = RowW / 16;
  localparam int RowEW  = $clog2(RowE);
  localparam int Rows   = ActCap / RowE;
  localparam int RowsW  = $clog2(Rows);

  initial if (ActCap != (1 << ElemW) || Rows < 2) $fatal(1, "act_buffer: bad ActCap");

  logic [RowW-1:0]  row_q;
  logic [RowEW-1:0] elem_q;
  wire  [RowsW-1:0] wrow = RowsW'(waddr_i >> PartW);
  wire  [RowsW-1:0] rrow = relem_i[ElemW-1:RowEW];

  for (genvar p = 0; p < Parts; p++) begin : g_part
    logic [BusW-1:0] mem [0:Rows-1];
    logic [BusW-1:0] part_q;
    wire we_part = we_i && (waddr_i & ElemW'(Parts - 1)) == ElemW'(p);
    always_ff @(posedge clk_i) begin
      if (we_part) mem[wrow] <= wdata_i;
    end
    always_ff @(posedge clk_i) begin
      if (re_i) part_q <= mem[rrow];
    end
    assign row_q[BusW*p +: BusW] = part_q;
  end

  always_ff @(posedge clk_i) begin
    if (re_i) elem_q <= relem_i[RowEW-1:0];
  end

  // Halve the row until 16 elements are left, then pick the part of them that the slot needs.
  logic [255:0] sixteen, act_q;
  if (RowW == 256) begin : g_row16
    assign sixteen = row_q;
  end else if (RowW == 512) begin : g_row32
    assign sixteen = elem_q[4] ? row_q[511:256] : row_q[255:0];
  end else begin : g_row64
    assign sixteen = elem_q[5] ? (elem_q[4] ? row_q[RowW-1 -: 256] : row_q[RowW-257 -: 256])
                               : (elem_q[4] ? row_q[511:256] : row_q[255:0]);
  end

  logic [127:0] eight;
  logic [63:0]  four;
  logic [31:0]  two;
  always_comb begin
    eight = ((step2_i || step8_i) && elem_q[3]) ? sixteen[255:128] : sixteen[127:0];
    four  = (step2_i && elem_q[2]) ? eight[127:64] : eight[63:0];
    two   = (step2_i && elem_q[1]) ? four[63:32] : four[31:0];
  end

  always_ff @(posedge clk_i) begin
    act_q <= {sixteen[255:128], eight[127:64], four[63:32], two};
  end

  assign act_o = act_q;

  wire unused = &{1'b0, elem_q, waddr_i};

endmodule
