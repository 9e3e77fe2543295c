// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Answers of docs/board-protocol.md: header, body and CRC-32 as escaped bytes between two flags.
//
// Ports
//   identity_i         the body of the answer to OpIdentify, first byte lowest
//   order_i, status_i, body_i, op_i, seq_i, echo_i   an answer to send; only while busy_o is low
//   result_valid_i, result_ready_o, result_i, result_last_i   the results of BodyResults, one 64-bit number each
//   trailer_i          what follows them: four 32-bit counters, valid from the last result on
//   valid_o, ready_i, data_o   bytes for the line
//   busy_o             from the cycle after order_i
// Latency: the first flag two cycles after order_i.

module link_tx (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic [191:0] identity_i,
  input  logic         order_i,
  input  logic [7:0]   status_i,
  input  logic [1:0]   body_i,
  input  logic [7:0]   op_i,
  input  logic [15:0]  seq_i,
  input  logic [31:0]  echo_i,
  input  logic         result_valid_i,
  output logic         result_ready_o,
  input  logic [63:0]  result_i,
  input  logic         result_last_i,
  input  logic [127:0] trailer_i,
  output logic         valid_o,
  input  logic         ready_i,
  output logic [7:0]   data_o,
  output logic         busy_o
);

  // What is being sent, eight bytes at a time.
  localparam logic [2:0] Idle    = 3'd0;
  localparam logic [2:0] Open    = 3'd1;  // the flag before
  localparam logic [2:0] Head    = 3'd2;
  localparam logic [2:0] Ident   = 3'd3;
  localparam logic [2:0] Result  = 3'd4;
  localparam logic [2:0] Trailer = 3'd5;
  localparam logic [2:0] Crc     = 3'd6;
  localparam logic [2:0] Close   = 3'd7;  // the flag behind

  logic [2:0]  state_q;
  logic [1:0]  body_q;
  logic [1:0]  chunk_q;    // of Ident, of Trailer
  logic [63:0] shift_q;
  logic [3:0]  left_q;     // bytes in it
  logic        last_q;     // the last result is in it
  logic        escape_q;   // the byte's escape is out
  logic        valid_q;    // data_q waits for the line
  logic [7:0]  data_q;
  logic [31:0] crc_q, crc;

  wire [7:0] octet   = shift_q[7:0];
  wire       special = octet == board_pkg::Flag || octet == board_pkg::Escape;
  wire       room    = !valid_q || ready_i;
  wire       in_body = state_q != Idle && state_q != Open && state_q != Close;
  wire       give    = in_body && left_q != 4'd0 && room;
  wire       done    = left_q == 4'd0;

  crc32 u_crc (
    .crc_i (crc_q),
    .data_i(octet),
    .crc_o (crc)
  );

  assign result_ready_o = state_q == Result && done && !last_q;
  assign valid_o        = valid_q;
  assign data_o         = data_q;
  assign busy_o         = state_q != Idle;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q  <= Idle;
      valid_q  <= 1'b0;
      escape_q <= 1'b0;
      left_q   <= 4'd0;
      last_q   <= 1'b0;
      chunk_q  <= 2'd0;
    end else begin
      if (ready_i) valid_q <= 1'b0;

      if (give) begin
        valid_q  <= 1'b1;
        escape_q <= special && !escape_q;
        if (special && !escape_q) begin
          data_q <= board_pkg::Escape;
        end else begin
          data_q  <= escape_q ? octet ^ board_pkg::Flip : octet;
          shift_q <= {8'd0, shift_q[63:8]};
          left_q  <= left_q - 4'd1;
          if (state_q != Crc) crc_q <= crc;
        end
      end

      case (state_q)
        Idle: begin
          if (order_i) begin
            state_q <= Open;
            body_q  <= body_i;
            shift_q <= {echo_i, seq_i, status_i, op_i | 8'h80};
            crc_q   <= board_pkg::CrcInit;
            chunk_q <= 2'd0;
            last_q  <= 1'b0;
          end
        end
        Open: begin
          if (room) begin
            valid_q <= 1'b1;
            data_q  <= board_pkg::Flag;
            left_q  <= 4'd8;
            state_q <= Head;
          end
        end
        Head: begin
          if (done) begin
            state_q <= (body_q == board_pkg::BodyIdentity) ? Ident : (body_q == board_pkg::BodyResults) ? Result : Crc;
            if (body_q == board_pkg::BodyNone) begin
              shift_q <= {32'd0, ~crc_q};
              left_q  <= 4'd4;
            end
          end
        end
        Ident: begin
          if (done) begin
            chunk_q <= chunk_q + 2'd1;
            if (chunk_q == 2'd3) begin
              state_q <= Crc;
              shift_q <= {32'd0, ~crc_q};
              left_q  <= 4'd4;
            end else begin
              shift_q <= (chunk_q == 2'd0) ? identity_i[63:0] : (chunk_q == 2'd1) ? identity_i[127:64] : identity_i[191:128];
              left_q  <= 4'd8;
            end
          end
        end
        Result: begin
          if (done) begin
            if (last_q) begin
              state_q <= Trailer;
            end else if (result_valid_i) begin
              shift_q <= result_i;
              left_q  <= 4'd8;
              last_q  <= result_last_i;
            end
          end
        end
        Trailer: begin
          if (done) begin
            chunk_q <= chunk_q + 2'd1;
            if (chunk_q == 2'd2) begin
              state_q <= Crc;
              shift_q <= {32'd0, ~crc_q};
              left_q  <= 4'd4;
            end else begin
              shift_q <= (chunk_q == 2'd0) ? trailer_i[63:0] : trailer_i[127:64];
              left_q  <= 4'd8;
            end
          end
        end
        Crc: begin
          if (done) state_q <= Close;
        end
        default: begin  // Close
          if (room) begin
            valid_q <= 1'b1;
            data_q  <= board_pkg::Flag;
            state_q <= Idle;
          end
        end
      endcase
    end
  end

endmodule
