// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Results to memory: a finished row group of a vector is captured while the next one accumulates, and
// leaves as one or two beats with strobes for the rows that exist. Of a job the first row group comes
// first, of all vectors in order; vector v goes to destination + v * (8 * rows rounded up to 64).
//
// Every result is announced before it arrives (reserve_i), and only while room_o says so; so results
// are never refused. With MaxBatch 1 they never wait either; otherwise they queue up, one a cycle.
//
// Parameters: BusW; MaxBatch; DataDepth, beats of axi_write's data FIFO (a result reserves two); Ports: the row
// groups are dealt to so many clusters in turn, of which this is one.
// Ports
//   job_*      before its first result is announced: where the first of this cluster's groups goes, how many
//              rows there are from its first one on (other clusters' included), vectors after the first, and
//              from one vector's results to the next's, in 64 bytes (of one vector of no meaning)
//   reserve_i  a result will come; with MaxBatch 1 the next may follow two cycles later
//   result_*   the results (lane_array)
//   req_*, data_*, elem_o   to axi_write; pop_i from it
//   idle_o     no result announced that has not left

module drain #(
  parameter int BusW      = 512,
  parameter int MaxBatch  = 16,
  parameter int DataDepth = 32,
  parameter int Ports     = 1
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               clear_i,
  input  logic               job_valid_i,
  output logic               job_ready_o,
  input  logic [63:0]        job_dst_i,
  input  logic [23:0]        job_rows_i,
  input  logic [3:0]         job_more_i,
  input  logic [21:0]        job_stride_i,
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
  localparam int JobW   = 64 + 24;
  localparam int MoreW  = (MaxBatch > 1) ? 4 + 22 : 0;

  logic               job_valid, job_pop;
  logic [63:0]        job_dst;
  logic [23:0]        job_rows;
  logic [3:0]         job_more;
  logic [21:0]        job_stride;  // between vectors, in 64 bytes
  logic [JobW+MoreW-1:0] job;

  assign {job_stride, job_more, job_rows, job_dst} = (JobW + 26)'(job);

  fifo #(
    .Width(JobW + MoreW),
    .Depth(4)
  ) u_jobs (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(clear_i),
    .valid_i(job_valid_i),
    .ready_o(job_ready_o),
    .data_i ((JobW + MoreW)'({job_stride_i, job_more_i, job_rows_i, job_dst_i})),
    .valid_o(job_valid),
    .ready_i(job_pop),
    .data_o (job),
    .level_o()
  );

  logic               begun_q;   // the job at the head is in work
  logic [63:0]        addr_q;    // of its next result
  logic [23:0]        rows_q;    // its rows left, from the group in work on
  logic [CountW-1:0]  used_q;    // beats reserved and not gone
  logic               last_vec;

  wire [63:0] addr  = begun_q ? addr_q : job_dst;
  wire [23:0] rows  = begun_q ? rows_q : job_rows;
  wire        final_group = rows <= 24'(Stride);
  wire        two         = rows > 24'(Elems);

  logic [Lanes-1:0] exist;
  always_comb begin
    for (int l = 0; l < Lanes; l++) exist[l] = rows > 24'(l);
  end

  assign job_pop     = result_valid_i && final_group && last_vec;
  assign req_valid_o = result_valid_i;
  assign req_addr_o  = addr;
  assign req_beats_o = two ? 9'd2 : 9'd1;
  assign req_last_o  = final_group && last_vec;
  assign room_o      = used_q <= CountW'(DataDepth - 2);
  assign idle_o      = used_q == '0;

  always_ff @(posedge clk_i) begin
    if (result_valid_i) rows_q <= last_vec ? rows - 24'(Stride) : rows;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      begun_q <= 1'b0;
      used_q  <= '0;
    end else begin
      if (clear_i) begun_q <= 1'b0;
      else if (result_valid_i) begun_q <= !req_last_o;
      used_q  <= used_q + (reserve_i ? CountW'(2) : CountW'(0)) - CountW'(pop_i)
                 - CountW'(result_valid_i && !two);
    end
  end

  if (MaxBatch > 1) begin : g_batch
    // A result reserves two beats and keeps at least one until that has left: DataDepth are the most.
    localparam int SetsW = $clog2(DataDepth);
    localparam int SetW  = 2 * BusW + Lanes + 1;
    logic [SetW-1:0]  mem [0:DataDepth-1];
    logic [SetsW:0]   wptr_q, rptr_q;
    logic             second_q;    // the upper half of the set at the head is next
    logic [2*BusW-1:0] head;
    logic [Lanes-1:0] head_exist;
    logic             head_two;
    logic [3:0]       vec_q;
    logic [63:0]      group_q;     // where the first vector's rows of this group go

    wire [63:0] group = begun_q ? group_q : job_dst;
    wire [63:0] next_group = group + {32'd0, StrideBytes};
    wire        held  = wptr_q != rptr_q;
    wire        leave = held && (second_q || !head_two);

    assign {head_two, head_exist, head} = mem[rptr_q[SetsW-1:0]];
    assign last_vec     = vec_q == job_more;
    assign data_valid_o = held;
    assign data_o       = second_q ? head[2*BusW-1:BusW] : head[BusW-1:0];
    assign elem_o       = second_q ? head_exist[Lanes-1:Elems] : head_exist[Elems-1:0];

    always_ff @(posedge clk_i) begin
      if (result_valid_i) begin
        mem[wptr_q[SetsW-1:0]] <= {two, exist, result_i};
        addr_q  <= last_vec ? next_group : addr + {36'd0, job_stride, 6'd0};
        group_q <= last_vec ? next_group : group;
      end
    end

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        wptr_q   <= '0;
        rptr_q   <= '0;
        second_q <= 1'b0;
        vec_q    <= '0;
      end else begin
        if (result_valid_i) wptr_q <= wptr_q + 1'b1;
        if (leave) rptr_q <= rptr_q + 1'b1;
        second_q <= held && !leave;
        if (clear_i) vec_q <= '0;
        else if (result_valid_i) vec_q <= last_vec ? '0 : vec_q + 4'd1;
      end
    end
  end else begin : g_one
    logic [1:0]         left_q;    // beats of the captured group to send
    logic               second_q;  // the next is its upper half
    logic [2*BusW-1:0]  group_q;
    logic [Lanes-1:0]   exist_q;

    assign last_vec     = 1'b1;
    assign data_valid_o = left_q != 2'd0;
    assign data_o       = second_q ? group_q[2*BusW-1:BusW] : group_q[BusW-1:0];
    assign elem_o       = second_q ? exist_q[Lanes-1:Elems] : exist_q[Elems-1:0];

    always_ff @(posedge clk_i) begin
      if (result_valid_i) begin
        group_q <= result_i;
        exist_q <= exist;
        addr_q  <= addr + {32'd0, StrideBytes};
      end
    end

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        left_q   <= '0;
        second_q <= 1'b0;
      end else begin
        if (result_valid_i) left_q <= two ? 2'd2 : 2'd1;
        else if (left_q != 2'd0) left_q <= left_q - 2'd1;
        second_q <= !result_valid_i && left_q == 2'd2;
      end
    end

    wire unused_batch = &{1'b0, job_stride, job_more};

`ifdef FORMAL
    always_ff @(posedge clk_i) begin
      if (rst_ni && result_valid_i) assert (left_q != 2'd2);
    end
`endif
  end

`ifdef FORMAL
  always_ff @(posedge clk_i) begin
    if (rst_ni && result_valid_i) begin
      assert (job_valid);
    end
  end
`else
  wire unused = &{1'b0, job_valid};
`endif

endmodule
