// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// A board behind its byte stream: link_rx, an engine, link_tx. The tops add a UART and pins.
//
// Parameters
//   Board        1 icebreaker, 2 ulx3s (docs/board-protocol.md)
//   ClockHz      what the board's clock gives, for the host's reports
//   Serial       1: serial_engine, one lane; 0: lanes_engine of BusW/32 lanes
//   Codecs, Style, WeightWords, ActWords, Huge   see the engines
//   IdleBits     see link_rx
// Ports: rx_* bytes from the line, tx_* bytes for it; busy_o the engine works, open_o a session was opened.

module board_core #(
  parameter logic [7:0]  Board       = 8'd1,
  parameter logic [31:0] ClockHz     = 32'd12_000_000,
  parameter bit          Serial      = 1'b1,
  parameter int          BusW        = 32,
  parameter logic [3:0]  Codecs      = 4'b1111,
  parameter bit          Style       = 1'b0,
  parameter int          WeightWords = 32768,
  parameter int          ActWords    = 1024,
  parameter bit          Huge        = 1'b0,
  parameter int          IdleBits    = 16
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       rx_valid_i,
  input  logic [7:0] rx_data_i,
  input  logic       rx_error_i,
  output logic       tx_valid_o,
  input  logic       tx_ready_i,
  output logic [7:0] tx_data_o,
  output logic       busy_o,
  output logic       open_o
);

  // First byte lowest (docs/board-protocol.md, "Identify").
  wire [191:0] identity;
  assign identity[15:0]    = board_pkg::Protocol;
  assign identity[31:16]   = board_pkg::Version;
  assign identity[39:32]   = board_pkg::Magic;
  assign identity[47:40]   = Board;
  assign identity[55:48]   = Serial ? 8'd1 : 8'(BusW / 32);
  assign identity[63:56]   = {4'd0, Codecs};
  assign identity[95:64]   = WeightWords;
  assign identity[127:96]  = ActWords;
  assign identity[159:128] = seedbed_pkg::Version;
  assign identity[191:160] = ClockHz;

  logic         we_weights, we_acts, order, run, restart, tx_busy;
  logic [23:0]  addr, wbase;
  logic [31:0]  data, echo;
  logic [7:0]   status, op;
  logic [1:0]   body, codec;
  logic [15:0]  seq, groups, abase;
  logic [16:0]  words;
  logic         result_valid, result_ready, result_last, run_busy;
  logic [63:0]  result;
  logic [127:0] trailer;
  logic         open_q;

  link_rx #(
    .WeightWords(WeightWords),
    .ActWords   (ActWords),
    .Codecs     (Codecs),
    .IdleBits   (IdleBits)
  ) u_rx (
    .clk_i       (clk_i),
    .rst_ni      (rst_ni),
    .valid_i     (rx_valid_i),
    .data_i      (rx_data_i),
    .error_i     (rx_error_i),
    .run_busy_i  (run_busy || run),
    .tx_busy_i   (tx_busy),
    .we_weights_o(we_weights),
    .we_acts_o   (we_acts),
    .addr_o      (addr),
    .data_o      (data),
    .order_o     (order),
    .run_o       (run),
    .restart_o   (restart),
    .status_o    (status),
    .body_o      (body),
    .op_o        (op),
    .seq_o       (seq),
    .echo_o      (echo),
    .codec_o     (codec),
    .wbase_o     (wbase),
    .groups_o    (groups),
    .abase_o     (abase),
    .words_o     (words)
  );

  if (Serial) begin : g_serial
    serial_engine #(
      .Codecs     (Codecs),
      .WeightWords(WeightWords),
      .ActWords   (ActWords),
      .Huge       (Huge)
    ) u_engine (
      .clk_i         (clk_i),
      .rst_ni        (rst_ni),
      .we_weights_i  (we_weights),
      .we_acts_i     (we_acts),
      .addr_i        (addr),
      .data_i        (data),
      .run_i         (run),
      .codec_i       (codec),
      .wbase_i       (wbase),
      .groups_i      (groups),
      .abase_i       (abase),
      .words_i       (words),
      .busy_o        (run_busy),
      .result_valid_o(result_valid),
      .result_ready_i(result_ready),
      .result_o      (result),
      .result_last_o (result_last),
      .trailer_o     (trailer)
    );
  end else begin : g_lanes
    lanes_engine #(
      .BusW       (BusW),
      .Codecs     (Codecs),
      .Style      (Style),
      .WeightWords(WeightWords),
      .ActWords   (ActWords)
    ) u_engine (
      .clk_i         (clk_i),
      .rst_ni        (rst_ni),
      .we_weights_i  (we_weights),
      .we_acts_i     (we_acts),
      .addr_i        (addr),
      .data_i        (data),
      .run_i         (run),
      .codec_i       (codec),
      .wbase_i       (wbase),
      .groups_i      (groups),
      .abase_i       (abase),
      .words_i       (words),
      .busy_o        (run_busy),
      .result_valid_o(result_valid),
      .result_ready_i(result_ready),
      .result_o      (result),
      .result_last_o (result_last),
      .trailer_o     (trailer)
    );
  end

  link_tx u_tx (
    .identity_i    (identity),
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
    .order_i       (order),
    .status_i      (status),
    .body_i        (body),
    .op_i          (op),
    .seq_i         (seq),
    .echo_i        (echo),
    .result_valid_i(result_valid),
    .result_ready_o(result_ready),
    .result_i      (result),
    .result_last_i (result_last),
    .trailer_i     (trailer),
    .valid_o       (tx_valid_o),
    .ready_i       (tx_ready_i),
    .data_o        (tx_data_o),
    .busy_o        (tx_busy)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) open_q <= 1'b0;
    else if (restart) open_q <= 1'b1;
  end

  assign busy_o = run_busy;
  assign open_o = open_q;

  wire unused = Huge || Style;

endmodule
