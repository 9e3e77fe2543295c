// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Requests of docs/board-protocol.md: from bytes of the line to memory writes and one order for each request.
//
// A header is acted on only after its own CRC-32 was right, so a damaged address writes nowhere. A payload goes to
// memory as it comes: if its CRC turns out wrong, the words that this header names, and no others, are undefined
// until they are written again, and the answer says so. Until then nothing runs: one such write is remembered by its
// header's CRC and mended by its repeat; after a second one only a new session helps.
//
// Parameters
//   WeightWords, ActWords  capacity of the two memories in 32-bit words
//   Codecs                 mask of the codecs that the engine has
//   IdleBits               a frame in which nothing came for 2^IdleBits cycles is dropped
// Ports
//   valid_i, data_i    a byte from the line; error_i: one was damaged
//   run_busy_i         the engine works: nothing may be written; tx_busy_i: an answer is being sent
//   we_weights_o, we_acts_o, addr_o, data_o   a word for a memory
//   order_o            for one cycle, a request is complete: send an answer with status_o, body_o, and op_o, seq_o, echo_o
//   run_o              with order_o: start the engine with the fields below
//   restart_o          with order_o: a session was opened
// Latency: order_o in the cycle after the closing flag.

module link_rx #(
  parameter int         WeightWords = 32768,
  parameter int         ActWords    = 1024,
  parameter logic [3:0] Codecs      = 4'b1111,
  parameter int         IdleBits    = 16
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        valid_i,
  input  logic [7:0]  data_i,
  input  logic        error_i,
  input  logic        run_busy_i,
  input  logic        tx_busy_i,
  output logic        we_weights_o,
  output logic        we_acts_o,
  output logic [23:0] addr_o,
  output logic [31:0] data_o,
  output logic        order_o,
  output logic        run_o,
  output logic        restart_o,
  output logic [7:0]  status_o,
  output logic [1:0]  body_o,
  output logic [7:0]  op_o,
  output logic [15:0] seq_o,
  output logic [31:0] echo_o,
  output logic [1:0]  codec_o,
  output logic [23:0] wbase_o,
  output logic [15:0] groups_o,
  output logic [15:0] abase_o,
  output logic [16:0] words_o
);

  localparam logic [1:0] Hunt    = 2'd0;  // nothing until a flag
  localparam logic [1:0] Head    = 2'd1;
  localparam logic [1:0] Payload = 2'd2;
  localparam logic [1:0] Skip    = 2'd3;  // a right header, refused: its payload is not looked at

  localparam int HeadBytes = 24;

  logic [1:0]           state_q;
  logic                 escaped_q;
  logic [191:0]         head_q;      // first byte lowest
  logic [4:0]           bytes_q;     // of the header; of the payload: 0..3 in a word
  logic [31:0]          crc_q, crc;
  logic [23:0]          addr_q, left_q;  // next word, and words to come
  logic                 tail_q;      // what comes is the payload's CRC
  logic                 over_q;      // more than that came
  logic [31:0]          word_q;
  logic                 we_q, order_q;
  logic [7:0]           status_q;
  logic [31:0]          session_q;   // 0: none
  logic                 broken_q;    // a write ended badly,
  logic [31:0]          broken_echo_q;  // this one;
  logic                 lost_q;      // and another one too
  logic [IdleBits-1:0]  idle_q;

  // ------------------------------------------------------------------------------------------
  // Bytes without the escapes of the framing.
  // ------------------------------------------------------------------------------------------
  wire       flag  = valid_i && data_i == board_pkg::Flag;
  wire       take  = valid_i && !flag && data_i != board_pkg::Escape;
  wire [7:0] octet = escaped_q ? data_i ^ board_pkg::Flip : data_i;

  crc32 u_crc (
    .crc_i (crc_q),
    .data_i(octet),
    .crc_o (crc)
  );

  // The payload's CRC goes on from the header's, so a payload behind another header is seen.
  logic [31:0] crc_payload;
  crc32 u_crc_payload (
    .crc_i (head_q[191:160]),
    .data_i(octet),
    .crc_o (crc_payload)
  );

  // ------------------------------------------------------------------------------------------
  // The header's fields, and what is to be said of it.
  // ------------------------------------------------------------------------------------------
  wire [7:0]  op      = head_q[7:0];
  wire [7:0]  codec   = head_q[15:8];
  wire [31:0] session = head_q[63:32];
  wire [31:0] arg0    = head_q[95:64];
  wire [31:0] arg1    = head_q[127:96];
  wire [31:0] arg2    = head_q[159:128];
  wire        whole   = state_q == Head && bytes_q == 5'(HeadBytes);
  wire        right   = crc_q == board_pkg::Residue;
  wire        is_write = op == board_pkg::OpWeights || op == board_pkg::OpActs;
  wire [24:0] room    = (op == board_pkg::OpActs) ? 25'(ActWords) : 25'(WeightWords);
  wire        fits    = arg0[31:24] == 8'd0 && arg1[31:24] == 8'd0 && arg1[23:0] != 24'd0
                        && {1'b0, arg0[23:0]} + {1'b0, arg1[23:0]} <= room;

  logic [7:0] verdict;
  always_comb begin
    verdict = board_pkg::Ok;
    case (op)
      board_pkg::OpIdentify: verdict = board_pkg::Ok;
      board_pkg::OpOpen: if (session == 32'd0) verdict = board_pkg::BadRange;
      board_pkg::OpWeights, board_pkg::OpActs: if (!fits) verdict = board_pkg::BadRange;
      board_pkg::OpRun: begin
        if (broken_q || lost_q) verdict = board_pkg::Dirty;
        else if (codec[7:2] != 6'd0 || !Codecs[codec[1:0]]) verdict = board_pkg::NoCodec;
        else if (arg0[31:24] != 8'd0 || arg1[15:0] == 16'd0 || arg2[31:17] != 15'd0 || arg2[16:0] == 17'd0) begin
          verdict = board_pkg::BadRange;
        end
      end
      default: verdict = board_pkg::NoOp;
    endcase
    if (op != board_pkg::OpIdentify && op != board_pkg::OpOpen && (session != session_q || session == 32'd0)) begin
      verdict = board_pkg::NoSession;
    end
  end

  wire end_head    = flag && whole && right;
  wire end_payload = flag && state_q == Payload;
  wire end_skip    = flag && state_q == Skip;
  wire timeout     = &idle_q && state_q != Hunt;
  wire good        = tail_q && !over_q && bytes_q == 5'd4 && right;
  wire cut         = state_q == Payload && (flag ? !good : (error_i || timeout));
  wire same        = broken_q && broken_echo_q == head_q[191:160];
  // An order needs a free transmitter: otherwise the request is as if it had never come, and the host asks again.
  wire free        = !tx_busy_i && !run_busy_i && !order_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q   <= Hunt;
      escaped_q <= 1'b0;
      bytes_q   <= 5'd0;
      we_q      <= 1'b0;
      order_q   <= 1'b0;
      session_q <= 32'd0;
      idle_q    <= '0;
      tail_q    <= 1'b0;
      over_q    <= 1'b0;
      broken_q  <= 1'b0;
      lost_q    <= 1'b0;
    end else begin
      we_q    <= 1'b0;
      order_q <= 1'b0;
      idle_q  <= valid_i ? '0 : idle_q + 1'b1;

      if (valid_i) escaped_q <= data_i == board_pkg::Escape;

      if (take) begin
        crc_q <= crc;
        if (state_q == Head && bytes_q != 5'(HeadBytes)) begin
          bytes_q <= bytes_q + 5'd1;
          head_q  <= {octet, head_q[191:8]};
        end
        if (whole) begin
          // The first byte of a payload.
          bytes_q <= 5'd1;
          tail_q  <= 1'b0;
          over_q  <= 1'b0;
          addr_q  <= arg0[23:0];
          left_q  <= arg1[23:0];
          word_q  <= {octet, word_q[31:8]};
          if (!right || !is_write || run_busy_i) state_q <= Hunt;
          else if (verdict != board_pkg::Ok) state_q <= Skip;
          else state_q <= Payload;
        end
        if (state_q == Payload) begin
          if (tail_q) begin
            if (bytes_q == 5'd4) over_q <= 1'b1;
            else bytes_q <= bytes_q + 5'd1;
          end else begin
            word_q  <= {octet, word_q[31:8]};
            bytes_q <= (bytes_q == 5'd3) ? 5'd0 : bytes_q + 5'd1;
            if (bytes_q == 5'd3) begin
              we_q   <= 1'b1;
              left_q <= left_q - 24'd1;
              if (left_q == 24'd1) tail_q <= 1'b1;
            end
          end
        end
      end

      if (we_q) addr_q <= addr_q + 24'd1;

      if (flag) begin
        state_q <= Head;
        bytes_q <= 5'd0;
        tail_q  <= 1'b0;
        crc_q   <= board_pkg::CrcInit;
        if (free) begin
          order_q <= end_head || end_payload || end_skip;
          if (end_payload) status_q <= good ? board_pkg::Ok : board_pkg::Damaged;
          // A write without its payload is damaged whatever else.
          else status_q <= (verdict == board_pkg::Ok && is_write) ? board_pkg::Damaged : verdict;
          if (end_head && op == board_pkg::OpOpen && verdict == board_pkg::Ok) begin
            session_q <= session;
            broken_q  <= 1'b0;
            lost_q    <= 1'b0;
          end
        end
      end else if (error_i || timeout) begin
        state_q   <= Hunt;
        escaped_q <= 1'b0;
      end
      if (take && whole) crc_q <= crc_payload;

      if (cut) begin
        broken_q <= 1'b1;
        if (!broken_q) broken_echo_q <= head_q[191:160];
        else if (!same) lost_q <= 1'b1;
      end else if (end_payload && same) begin
        broken_q <= 1'b0;
      end
    end
  end

  assign we_weights_o = we_q && op == board_pkg::OpWeights;
  assign we_acts_o    = we_q && op == board_pkg::OpActs;
  assign addr_o       = addr_q;
  assign data_o       = word_q;
  assign order_o      = order_q;
  assign status_o     = status_q;
  assign run_o        = order_q && op == board_pkg::OpRun && status_q == board_pkg::Ok;
  assign restart_o    = order_q && op == board_pkg::OpOpen && status_q == board_pkg::Ok;
  assign body_o       = (status_q != board_pkg::Ok) ? board_pkg::BodyNone
                        : (op == board_pkg::OpIdentify) ? board_pkg::BodyIdentity
                        : (op == board_pkg::OpRun) ? board_pkg::BodyResults : board_pkg::BodyNone;
  assign op_o         = op;
  assign seq_o        = head_q[31:16];
  assign echo_o       = head_q[191:160];
  assign codec_o      = codec[1:0];
  assign wbase_o      = arg0[23:0];
  assign groups_o     = arg1[15:0];
  assign abase_o      = arg1[31:16];
  assign words_o      = arg2[16:0];

endmodule
