// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Results to memory: a finished row group is captured while the next one accumulates, and leaves as
// one or two beats with strobes for the rows that exist.
//
// Every group is announced before its results arrive (reserve_i), and only while room_o says so; so
// results are never refused, and they never wait.
//
// Parameters: BusW; DataDepth, beats of axi_write's data FIFO (a group reserves two); Ports, the row
// groups are dealt to so many clusters in turn, of which this is one.
// Ports
//   job_*      where the first of this cluster's groups goes, and how many rows there are from its first
//              one on (other clusters' included); before that group is announced
//   reserve_i  the last beat of a group was taken; the next may follow two cycles later
//   result_*   its results (lane_array)
//   req_*, data_*, elem_o   to axi_write; pop_i from it
//   idle_o     no group announced that has not left

module drain #(
  parameter int BusW      = 512,
  parameter int DataDepth = 16,
  parameter int Ports     = 1
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               clear_i,
  input  logic               job_valid_i,
  output logic               job_ready_o,
  input  logic [63:0]        job_dst_i,
  input  logic [23:0]        job_rows_i,
  output logic               room_o,
  input  logic               reserve_i,
  input  logic               result_valid_i,
  input  logic [2*BusW-1:0]  result_i,
  output logic               req_valid_o,
  output logic [63:0]        req_addr_o,
  output logic [8:0]         req_beats_o,
  output logic               req_last_o,
  output logic               data_valid_o,
  output logic [BusW-1:0]    data_o,
  output logic [BusW/64-1:0] elem_o,
  input  logic               pop_i,
  output logic               idle_o
);

  localparam int Lanes  = BusW / 32;
  localparam int Elems  = BusW / 64;  // results a beat
  localparam int Stride = Lanes * Ports;  // rows from one group to the next
  localparam logic [31:0] StrideBytes = 8 * Stride;
  localparam int CountW = $clog2(DataDepth + 1);

  logic               job_valid, job_pop;
  logic [63:0]        job_dst;
  logic [23:0]        job_rows;

  fifo #(
    .Width(64 + 24),
    .Depth(4)
  ) u_jobs (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(clear_i),
    .valid_i(job_valid_i),
    .ready_o(job_ready_o),
    .data_i ({job_rows_i, job_dst_i}),
    .valid_o(job_valid),
    .ready_i(job_pop),
    .data_o ({job_rows, job_dst}),
    .level_o()
  );

  logic               begun_q;   // addr_q and rows_q are those of the job at the head
  logic [63:0]        addr_q;
  logic [23:0]        rows_q;    // rows left, from the next group on
  logic [1:0]         left_q;    // beats of the captured group to send
  logic               second_q;  // the next is its upper half
  logic [2*BusW-1:0]  group_q;
  logic [Lanes-1:0]   exist_q;
  logic [CountW-1:0]  used_q;    // beats reserved and not gone

  wire [63:0] addr  = begun_q ? addr_q : job_dst;
  wire [23:0] rows  = begun_q ? rows_q : job_rows;
  wire        final_group = rows <= 24'(Stride);
  wire        two         = rows > 24'(Elems);

  assign job_pop     = result_valid_i && final_group;
  assign req_valid_o = result_valid_i;
  assign req_addr_o  = addr;
  assign req_beats_o = two ? 9'd2 : 9'd1;
  assign req_last_o  = final_group;

  assign data_valid_o = left_q != 2'd0;
  assign data_o       = second_q ? group_q[2*BusW-1:BusW] : group_q[BusW-1:0];
  assign elem_o       = second_q ? exist_q[Lanes-1:Elems] : exist_q[Elems-1:0];
  assign room_o       = used_q <= CountW'(DataDepth - 2);
  assign idle_o       = used_q == '0;

  always_ff @(posedge clk_i) begin
    if (result_valid_i) begin
      group_q <= result_i;
      addr_q  <= addr + {32'd0, StrideBytes};
      rows_q  <= rows - 24'(Stride);
      for (int l = 0; l < Lanes; l++) exist_q[l] <= rows > 24'(l);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      begun_q  <= 1'b0;
      left_q   <= '0;
      second_q <= 1'b0;
      used_q   <= '0;
    end else begin
      if (clear_i) begun_q <= 1'b0;
      else if (result_valid_i) begun_q <= !final_group;
      if (result_valid_i) left_q <= two ? 2'd2 : 2'd1;
      else if (left_q != 2'd0) left_q <= left_q - 2'd1;
      second_q <= !result_valid_i && left_q == 2'd2;
      used_q   <= used_q + (reserve_i ? CountW'(2) : CountW'(0)) - CountW'(pop_i)
                  - CountW'(result_valid_i && !two);
    end
  end

`ifdef FORMAL
  always_ff @(posedge clk_i) begin
    if (rst_ni && result_valid_i) begin
      assert (job_valid);
      assert (left_q != 2'd2);
    end
  end
`else
  wire unused = &{1'b0, job_valid};
`endif

endmodule
