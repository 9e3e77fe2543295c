// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Reads rows of numbers and gives them in chunks of Lanes words, each row from lane 0 on, wherever it
// begins in memory.
//
// Parameters: BusW; Lanes, words of a chunk, a power of two, 2..BusW/32.
// Ports
//   job_*   rows of n elements (the last one of `last`), `stride` bytes apart, at a 4-byte aligned
//           address; size 0: 32-bit elements, 1: 64-bit (two words each; 8-byte aligned), 2: 16-bit
//           (each in the low half of a word)
//   req_*, beat_*   the bus, as axi_read has it
//   out_*   chunks; what lies behind the last element of a row is not defined
//   err_o   pulse: a beat came with an error;  idle_o   no job, nothing to come
// Latency: 3 cycles from a beat to its chunk; a row costs one cycle more than its chunks.

module vec_load #(
  parameter int BusW   = 512,
  parameter int Lanes  = 16,
  parameter int BeatsW = 40
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                job_valid_i,
  output logic                job_ready_o,
  input  logic [63:0]         job_addr_i,
  input  logic [24:0]         job_n_i,
  input  logic [24:0]         job_last_i,
  input  logic [24:0]         job_rows_i,
  input  logic [31:0]         job_stride_i,
  input  logic [1:0]          job_size_i,

  output logic                req_valid_o,
  input  logic                req_ready_i,
  output logic [63:0]         req_addr_o,
  output logic [BeatsW-1:0]   req_beats_o,
  input  logic                beat_valid_i,
  output logic                beat_ready_o,
  input  logic [BusW-1:0]     beat_data_i,
  input  logic                beat_err_i,

  output logic                out_valid_o,
  input  logic                out_ready_i,
  output logic [32*Lanes-1:0] out_data_o,
  output logic                err_o,
  output logic                idle_o
);

  localparam int Words  = BusW / 32;
  localparam int WordsW = $clog2(Words);
  localparam int LanesW = $clog2(Lanes);
  localparam int Subs   = Words / Lanes;   // chunks a beat
  localparam int SubW   = (Subs > 1) ? $clog2(Subs) : 1;
  localparam int ChunkW = 32 * Lanes;

  initial if (Lanes < 2 || Lanes > Words || Lanes != (1 << LanesW)) $fatal(1, "vec_load: Lanes");

  // ------------------------------------------------------------------------------------------
  // Requests, a row at a time; what the other end needs to know of each goes through a queue.
  // ------------------------------------------------------------------------------------------
  logic        busy_q;
  logic [63:0] addr_q;
  logic [24:0] n_q, last_q, rows_q;
  logic [31:0] stride_q;
  logic [1:0]  size_q;

  wire [24:0]       n     = (rows_q == 25'd1) ? last_q : n_q;
  wire [25:0]       words = (size_q == 2'd1) ? {n, 1'b0} : (size_q == 2'd2) ? (26'(n) + 26'd1) >> 1 : 26'(n);
  wire [WordsW-1:0] first = addr_q[2 +: WordsW];
  wire [26:0]       span  = 27'(words) + 27'(first) + 27'(Words - 1);
  logic             row_ready, row_valid;
  wire              sent  = req_valid_o && req_ready_i;

  assign job_ready_o = !busy_q;
  assign req_valid_o = busy_q && row_ready;
  assign req_addr_o  = {addr_q[63:WordsW+2], {(WordsW + 2) {1'b0}}};
  assign req_beats_o = BeatsW'(span) >> WordsW;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) busy_q <= 1'b0;
    else if (job_valid_i && job_ready_o) busy_q <= 1'b1;
    else if (sent && rows_q == 25'd1) busy_q <= 1'b0;
    if (job_valid_i && job_ready_o) begin
      addr_q   <= job_addr_i;
      n_q      <= job_n_i;
      last_q   <= job_last_i;
      rows_q   <= job_rows_i;
      stride_q <= job_stride_i;
      size_q   <= job_size_i;
    end else if (sent) begin
      addr_q <= addr_q + {32'd0, stride_q};
      rows_q <= rows_q - 25'd1;
    end
  end

  logic              row_pop, r_half;
  logic [24:0]       r_n;
  logic [25:0]       r_words;
  logic [WordsW-1:0] r_first;
  fifo #(
    .Width(1 + 25 + 26 + WordsW),
    .Depth(8)
  ) u_rows (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(1'b0),
    .valid_i(sent),
    .ready_o(row_ready),
    .data_i ({size_q == 2'd2, n, words, first}),
    .valid_o(row_valid),
    .ready_i(row_pop),
    .data_o ({r_half, r_n, r_words, r_first}),
    .level_o()
  );

  // ------------------------------------------------------------------------------------------
  // Align: a chunk is words off.. of one piece of a beat and the first of the next.
  // ------------------------------------------------------------------------------------------
  logic              active_q, have_q, half_q;
  logic [LanesW-1:0] off_q;
  logic [SubW-1:0]   sub_q;
  logic [25:0]       left_q;      // words not given yet
  logic [26:0]       pieces_q;    // pieces not taken yet
  logic [24:0]       elems_q;
  logic [ChunkW-1:0] prev_q;

  logic              o_valid_q, o_half_q, o_more_q, o_high_q;
  logic [ChunkW-1:0] o_data_q;

  wire [ChunkW-1:0]   piece   = beat_data_i[32'(sub_q) * ChunkW +: ChunkW];
  wire                o_leave = o_valid_q && out_ready_i && !(o_half_q && o_more_q && !o_high_q);
  wire                room    = !o_valid_q || o_leave;
  wire                aligned = off_q == '0;
  wire                alone   = left_q <= 26'(Lanes) - 26'(off_q);  // the rest is in prev_q
  wire                want    = active_q && pieces_q != '0 && (aligned ? room : !have_q || (room && !alone));
  wire                take    = beat_valid_i && want;
  wire                emit    = active_q && room && (aligned ? take : have_q && (alone || take));
  wire                row_end = emit && left_q <= 26'(Lanes);
  wire [2*ChunkW-1:0] both    = {piece, prev_q} >> {off_q, 5'd0};

  assign beat_ready_o = want && (32'(sub_q) == Subs - 1 || pieces_q == 27'd1);
  assign row_pop      = row_valid && !active_q;
  assign err_o        = take && beat_err_i;
  assign idle_o       = !busy_q && !row_valid && !row_wait_q && !active_q && !o_valid_q;

  // A row is in the queue for a cycle before it shows.
  logic row_wait_q;
  always_ff @(posedge clk_i) row_wait_q <= rst_ni && sent;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q  <= 1'b0;
      o_valid_q <= 1'b0;
    end else begin
      if (row_pop) active_q <= 1'b1;
      else if (row_end) active_q <= 1'b0;
      if (emit) o_valid_q <= 1'b1;
      else if (o_leave) o_valid_q <= 1'b0;
    end
    if (row_pop) begin
      off_q    <= r_first[LanesW-1:0];
      sub_q    <= (Subs > 1) ? SubW'(r_first >> LanesW) : '0;
      left_q   <= r_words;
      pieces_q <= (27'(r_words) + 27'(r_first[LanesW-1:0]) + 27'(Lanes - 1)) >> LanesW;
      elems_q  <= r_n;
      half_q   <= r_half;
      have_q   <= 1'b0;
    end else begin
      if (take) begin
        sub_q    <= (32'(sub_q) == Subs - 1) ? '0 : sub_q + 1'b1;
        pieces_q <= pieces_q - 27'd1;
        prev_q   <= piece;
        have_q   <= 1'b1;
      end
      if (emit) begin
        left_q  <= left_q - 26'(Lanes);
        elems_q <= elems_q - 25'(2 * Lanes);
      end
    end
    if (emit) begin
      o_data_q <= aligned ? piece : both[ChunkW-1:0];
      o_half_q <= half_q;
      o_more_q <= elems_q > 25'(Lanes);
      o_high_q <= 1'b0;
    end else if (o_valid_q && out_ready_i) begin
      o_high_q <= 1'b1;
    end
  end

  assign out_valid_o = o_valid_q;
  for (genvar i = 0; i < Lanes; i++) begin : g_out
    wire [15:0] half = o_high_q ? o_data_q[16*(Lanes+i) +: 16] : o_data_q[16*i +: 16];
    assign out_data_o[32*i +: 32] = o_half_q ? {16'd0, half} : o_data_q[32*i +: 32];
  end

  wire unused = &{1'b0, addr_q[1:0], both[2*ChunkW-1:ChunkW]};

endmodule
