// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Results of the attention engine to memory: rows of dim int64 and one u64 (docs/numerics.md 6.5), one after another,
// each from a multiple of 64 bytes on; only the 8 (dim + 1) bytes are written.
//
// Parameters: BusW, 64..512; Ports: above 1, the rows of only every so many-th KV head are written
// Ports
//   start_i    pulse: the next row goes to dst_i (address / 64); dim_i elements a row, stable from then on
//   rows_i     rows of a KV head; step_i words of 64 bytes from its last one to the next that is written (Ports above 1)
//   line_*     the engine's out_*: lines of eight sums, then one with the sum of P in its lowest element (line_one_i)
//   wr_*       a unit's write port: a run a row, then its beats
//   idle_o     nothing held
// Latency: a cycle a row for the run's request; a beat a cycle.

module attn_write #(
  parameter int BusW  = 512,
  parameter int Ports = 1
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              start_i,
  input  logic [57:0]       dst_i,
  input  logic [8:0]        dim_i,
  input  logic [21:0]       rows_i,
  input  logic [31:0]       step_i,

  input  logic              line_valid_i,
  output logic              line_ready_o,
  input  logic [511:0]      line_i,
  input  logic              line_one_i,

  output logic              wr_req_valid_o,
  input  logic              wr_req_ready_i,
  output logic [63:0]       wr_req_addr_o,
  output logic [8:0]        wr_req_beats_o,
  output logic              wr_valid_o,
  input  logic              wr_ready_i,
  output logic [BusW-1:0]   wr_data_o,
  output logic [BusW/8-1:0] wr_strb_o,
  output logic              idle_o
);

  localparam int Parts = 512 / BusW;  // beats of a line
  localparam int PartW = (Parts > 1) ? $clog2(Parts) : 1;
  localparam int ElemW = $clog2(BusW / 64);

  logic        open_q;   // the row's run is asked for
  logic [57:0] addr_q;

  wire last_part, row_ends, pop;

  // dim elements make whole lines; the last beat has the sum of P.
  assign wr_req_valid_o = line_valid_i && !open_q;
  assign wr_req_addr_o  = {addr_q, 6'd0};
  assign wr_req_beats_o = (dim_i >> ElemW) + 9'd1;
  assign wr_valid_o     = line_valid_i && open_q;
  assign pop            = wr_valid_o && wr_ready_i;
  assign line_ready_o   = pop && last_part;
  assign row_ends       = line_ready_o && line_one_i;
  assign wr_strb_o      = line_one_i ? (BusW/8)'(8'hFF) : '1;
  assign idle_o         = !open_q && !line_valid_i;

  if (Parts > 1) begin : g_parts
    logic [PartW-1:0] part_q;
    assign wr_data_o = line_i[BusW*part_q +: BusW];
    assign last_part = line_one_i || part_q == PartW'(Parts - 1);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) part_q <= '0;
      else if (pop) part_q <= last_part ? '0 : part_q + 1'b1;
    end
  end else begin : g_whole
    assign wr_data_o = line_i;
    assign last_part = 1'b1;
  end

  // From a row to the next.
  logic [31:0] step;
  if (Ports > 1) begin : g_skip
    logic [21:0] left_q;  // rows of this KV head
    wire         head_ends = left_q == 22'd1;
    always_ff @(posedge clk_i) begin
      if (start_i) left_q <= rows_i;
      else if (row_ends) left_q <= head_ends ? rows_i : left_q - 22'd1;
    end
    assign step = head_ends ? step_i : {26'd0, dim_i[8:3]} + 32'd1;
  end else begin : g_next
    assign step = {26'd0, dim_i[8:3]} + 32'd1;
    wire unused_skip = &{1'b0, rows_i, step_i};
  end

  always_ff @(posedge clk_i) begin
    if (start_i) addr_q <= dst_i;
    else if (row_ends) addr_q <= addr_q + {26'd0, step};
    if (!rst_ni) open_q <= 1'b0;
    else if (wr_req_valid_o && wr_req_ready_i) open_q <= 1'b1;
    else if (row_ends) open_q <= 1'b0;
  end

  wire unused = &{1'b0, dim_i[2:0]};

endmodule
