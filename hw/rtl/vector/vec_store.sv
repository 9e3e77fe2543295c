// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Writes rows of words, given in chunks of Lanes words, to wherever they belong in memory: the reverse
// of vec_load. Only the bytes of the rows are written.
//
// Parameters: BusW; Lanes, words of a chunk, a power of two, 2..BusW/32.
// Ports
//   job_*   rows of n words (the last one of `last`), `stride` bytes apart, at a 4-byte aligned address;
//           byte: a single byte, the lowest of the chunk, at any address
//   in_*    the chunks, each row from lane 0 on
//   wr_*    requests (aligned, up to 128 beats each), then their beats with byte strobes
//   idle_o  no job, nothing held
// Latency: 2 cycles from a chunk to its beat; a row costs 3 cycles more than its beats.

module vec_store #(
  parameter int BusW  = 512,
  parameter int Lanes = 16
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
  input  logic                job_byte_i,

  input  logic                in_valid_i,
  output logic                in_ready_o,
  input  logic [32*Lanes-1:0] in_data_i,

  output logic                wr_req_valid_o,
  input  logic                wr_req_ready_i,
  output logic [63:0]         wr_req_addr_o,
  output logic [8:0]          wr_req_beats_o,
  output logic                wr_valid_o,
  input  logic                wr_ready_i,
  output logic [BusW-1:0]     wr_data_o,
  output logic [BusW/8-1:0]   wr_strb_o,
  output logic                idle_o
);

  localparam int Words  = BusW / 32;
  localparam int WordsW = $clog2(Words);
  localparam int LanesW = $clog2(Lanes);
  localparam logic [25:0] MaxRun = 26'd128;

  typedef enum logic [1:0] {
    StIdle = 2'd0,
    StRow  = 2'd1,  // the next row's size
    StReq  = 2'd2,  // request a run of its beats
    StData = 2'd3
  } state_e;

  state_e            state_q;
  logic [63:0]       addr_q, run_addr_q;
  logic [24:0]       n_q, last_q, rows_q;
  logic [31:0]       stride_q;
  logic              byte_q;
  logic [24:0]       left_q;    // words to come
  logic [25:0]       beats_q;   // beats of the row not requested
  logic [8:0]        run_q;     // beats of the run to come
  logic [WordsW-1:0] pos_q;     // where the next word goes
  logic [BusW-1:0]   part_q, out_q;
  logic [Words-1:0]  mask_q, strb_q;
  logic              out_valid_q;

  wire [24:0] n     = (rows_q == 25'd1) ? last_q : n_q;
  wire [26:0] span  = 27'(n) + 27'(addr_q[2 +: WordsW]) + 27'(Words - 1);
  wire [8:0]  run   = (beats_q > MaxRun) ? 9'(MaxRun) : beats_q[8:0];

  // The chunk, turned so that its first word is at pos_q, and the words of it that are there.
  logic [BusW-1:0]     placed;
  logic [2*Words-1:0]  hits;
  wire [LanesW-1:0]    turn = pos_q[LanesW-1:0];
  wire [32*Lanes-1:0]  turned = (in_data_i << {turn, 5'd0}) | (in_data_i >> (10'(32 * Lanes) - {5'(turn), 5'd0}));
  assign placed = {(Words / Lanes) {turned}};
  wire [5:0] count = (left_q > 25'(Lanes)) ? 6'(Lanes) : 6'(left_q);
  always_comb begin
    for (int i = 0; i < 2 * Words; i++) hits[i] = 32'(pos_q) <= i && i < 32'(pos_q) + 32'(count);
  end

  wire room  = !out_valid_q || wr_ready_i;
  wire flush = left_q == '0;                                        // the row's last beat is in part_q
  wire full  = 32'(pos_q) + 32'(count) >= Words;
  wire move  = state_q == StData && room && (flush || in_valid_i);  // a chunk is taken, or the rest flushed
  wire out   = move && (flush || full || 32'(left_q) <= Lanes);     // a beat leaves
  wire rest  = !flush && 32'(pos_q) + 32'(count) > Words;           // words for the next beat
  wire row_done = out && !rest && (flush || 32'(left_q) <= Lanes);
  wire run_done = out && run_q == 9'd1;

  assign job_ready_o    = state_q == StIdle;
  assign in_ready_o     = state_q == StData && room && !flush;
  assign wr_req_valid_o = state_q == StReq;
  assign wr_req_addr_o  = run_addr_q;
  assign wr_req_beats_o = run;
  assign idle_o         = state_q == StIdle && !out_valid_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q     <= StIdle;
      out_valid_q <= 1'b0;
    end else begin
      case (state_q)
        StIdle: if (job_valid_i) state_q <= StRow;
        StRow:  state_q <= StReq;
        StReq:  if (wr_req_ready_i) state_q <= StData;
        default: begin
          if (row_done) state_q <= (rows_q == 25'd1) ? StIdle : StRow;
          else if (run_done) state_q <= StReq;
        end
      endcase
      if (out) out_valid_q <= 1'b1;
      else if (wr_ready_i) out_valid_q <= 1'b0;
    end

    if (job_valid_i && job_ready_o) begin
      addr_q   <= job_addr_i;
      n_q      <= job_n_i;
      last_q   <= job_last_i;
      rows_q   <= job_rows_i;
      stride_q <= job_stride_i;
      byte_q   <= job_byte_i;
    end else if (row_done) begin
      addr_q <= addr_q + {32'd0, stride_q};
      rows_q <= rows_q - 25'd1;
    end

    if (state_q == StRow) begin
      run_addr_q <= {addr_q[63:WordsW+2], {(WordsW + 2) {1'b0}}};
      beats_q    <= 26'(span >> WordsW);
      left_q     <= n;
      pos_q      <= addr_q[2 +: WordsW];
      mask_q     <= '0;
    end
    if (state_q == StReq && wr_req_ready_i) begin
      run_addr_q <= run_addr_q + (64'(run) << (WordsW + 2));
      beats_q    <= beats_q - 26'(run);
      run_q      <= run;
    end
    if (move) begin
      left_q <= left_q - 25'(count);
      pos_q  <= pos_q + WordsW'(count);
      for (int i = 0; i < Words; i++) begin
        if (out) begin
          mask_q[i] <= hits[Words+i];
          if (hits[Words+i]) part_q[32*i +: 32] <= placed[32*i +: 32];
        end else if (hits[i]) begin
          mask_q[i] <= 1'b1;
          part_q[32*i +: 32] <= placed[32*i +: 32];
        end
      end
    end
    if (out) begin
      run_q  <= run_q - 9'd1;
      strb_q <= mask_q | hits[Words-1:0];
      for (int i = 0; i < Words; i++) begin
        out_q[32*i +: 32] <= byte_q ? {4{placed[32*i +: 8]}} : mask_q[i] ? part_q[32*i +: 32] : placed[32*i +: 32];
      end
    end
  end

  // A single byte; the beat may wait while the next job is taken.
  logic       out_byte_q;
  logic [1:0] out_lane_q;
  always_ff @(posedge clk_i) begin
    if (out) begin
      out_byte_q <= byte_q;
      out_lane_q <= addr_q[1:0];
    end
  end

  assign wr_valid_o = out_valid_q;
  assign wr_data_o  = out_q;
  for (genvar i = 0; i < Words; i++) begin : g_strb
    assign wr_strb_o[4*i +: 4] = {4{strb_q[i]}} & (out_byte_q ? 4'd1 << out_lane_q : 4'hF);
  end

endmodule
