// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Reads the command list: records ahead of both readers of them (cmd_fetch, cmd_weights), as far as there is room.
//
// Parameters: BusW, BeatsW; Depth, records that each reader can hold; Chunk, records of a request, a power of two.
// Ports
//   start_i        pulse: a list of cmd_count_i >= 1 records at cmd_addr_i, a multiple of 64
//   clear_i        pulse: the list is over
//   req_*          read requests;  beat_*: their beats
//   rec_*          a record whenever rec_valid_o: room was kept for it;  rec_err_o: it could not be read
//   main_take_i, scan_take_i   pulses: that reader is through with a record
// Latency: a cycle from start_i to the first request; none from the last beat of a record to it.

module cmd_records #(
  parameter int BusW   = 512,
  parameter int BeatsW = 40,
  parameter int Depth  = 16,
  parameter int Chunk  = 4
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              start_i,
  input  logic [63:0]       cmd_addr_i,
  input  logic [31:0]       cmd_count_i,
  input  logic              clear_i,

  output logic              req_valid_o,
  input  logic              req_ready_i,
  output logic [63:0]       req_addr_o,
  output logic [BeatsW-1:0] req_beats_o,

  input  logic              beat_valid_i,
  output logic              beat_ready_o,
  input  logic [BusW-1:0]   beat_data_i,
  input  logic              beat_err_i,

  output logic              rec_valid_o,
  output logic [511:0]      rec_o,
  output logic              rec_err_o,
  input  logic              main_take_i,
  input  logic              scan_take_i
);

  localparam int BytesW = $clog2(BusW / 8);
  localparam int ChunkW = $clog2(Chunk);
  localparam int RoomW  = $clog2(Depth + 1);
  localparam logic [31:0] BeatBytes = BusW >> 3;

  initial if (Depth < 2 * Chunk || Chunk != (1 << ChunkW)) $fatal(1, "cmd_records: Depth or Chunk");

  logic [63:0]      addr_q;
  logic [31:0]      unasked_q;                 // records not requested yet
  logic [RoomW-1:0] main_room_q, scan_room_q;  // places not promised to a record

  // Records to the next multiple of Chunk, so that later requests begin on a beat.
  wire [31:0] to_chunk = 32'(Chunk) - {{(32 - ChunkW) {1'b0}}, addr_q[6 +: ChunkW]};
  wire [31:0] ask      = (unasked_q < to_chunk) ? unasked_q : to_chunk;
  wire [63:0] ask_end  = addr_q + {26'd0, ask, 6'd0};
  wire [63:0] ask_from = {addr_q[63:BytesW], {BytesW{1'b0}}};
  wire [63:0] ask_span = ask_end - ask_from + {32'd0, BeatBytes - 32'd1};
  wire        asked    = req_valid_o && req_ready_i;

  assign req_valid_o = unasked_q != '0 && main_room_q >= RoomW'(Chunk) && scan_room_q >= RoomW'(Chunk) && !clear_i;
  assign req_addr_o  = ask_from;
  assign req_beats_o = BeatsW'(ask_span >> BytesW);

  always_ff @(posedge clk_i) begin
    if (start_i) addr_q <= cmd_addr_i;
    else if (asked) addr_q <= ask_end;
    if (!rst_ni || clear_i) unasked_q <= '0;
    else if (start_i) unasked_q <= cmd_count_i;
    else if (asked) unasked_q <= unasked_q - ask;
    if (!rst_ni || clear_i) begin
      main_room_q <= RoomW'(Depth);
      scan_room_q <= RoomW'(Depth);
    end else begin
      main_room_q <= main_room_q - (asked ? RoomW'(ask) : RoomW'(0)) + RoomW'(main_take_i);
      scan_room_q <= scan_room_q - (asked ? RoomW'(ask) : RoomW'(0)) + RoomW'(scan_take_i);
    end
  end

  if (BusW < 512) begin : g_narrow
    localparam int Beats  = 512 / BusW;
    localparam int CountW = $clog2(Beats);
    logic [512-BusW-1:0] part_q;
    logic [CountW-1:0]   count_q;
    logic                err_q;
    wire last_part = count_q == CountW'(Beats - 1);
    assign beat_ready_o = 1'b1;
    assign rec_valid_o  = beat_valid_i && last_part;
    assign rec_o        = {beat_data_i, part_q};
    assign rec_err_o    = beat_err_i || err_q;
    always_ff @(posedge clk_i) begin
      if (beat_valid_i) part_q <= (512 - BusW)'({beat_data_i, part_q} >> BusW);
      if (!rst_ni || clear_i) begin
        count_q <= '0;
        err_q   <= 1'b0;
      end else if (beat_valid_i) begin
        count_q <= last_part ? '0 : count_q + 1'b1;
        err_q   <= last_part ? 1'b0 : err_q || beat_err_i;
      end
    end
  end else if (BusW == 512) begin : g_equal
    assign beat_ready_o = 1'b1;
    assign rec_valid_o  = beat_valid_i;
    assign rec_o        = beat_data_i;
    assign rec_err_o    = beat_err_i;
  end else begin : g_wide
    // Two records a beat; the list may begin in an upper and end in a lower half.
    logic        half_q;
    logic [31:0] left_q;
    assign beat_ready_o = half_q || left_q == 32'd1;
    assign rec_valid_o  = beat_valid_i;
    assign rec_o        = half_q ? beat_data_i[BusW-1 -: 512] : beat_data_i[511:0];
    assign rec_err_o    = beat_err_i;
    always_ff @(posedge clk_i) begin
      if (start_i) begin
        half_q <= cmd_addr_i[6];
        left_q <= cmd_count_i;
      end else if (rec_valid_o) begin
        half_q <= !half_q;
        left_q <= left_q - 32'd1;
      end
    end
  end

endmodule
