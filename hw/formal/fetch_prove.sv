// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// cmd_fetch ends every list of one command, with the error of docs/device.md, within Bound cycles.
//
// Around it: a memory and an engine that answer whenever they like, but within Patience cycles; the
// record is any, its beat may be bad, the engine may report a bad beat or a bad response.
// Good = 2: one command of a unit, which takes it and ends it likewise, with any error.
// Ahead = 1: weights through a stream of their own, before the command is issued if the record calls them constant.

module fetch_prove #(
  parameter int Good     = 1,
  parameter int Bound    = 25,
  parameter int Patience = 1,
  parameter int Ahead    = 0
) (
  input logic clk_i
);

  localparam logic [3:0] Codecs = 4'b0110;
  localparam int         ActCap = 1024;

  (* anyconst *) logic [511:0] any_rec;
  (* anyconst *) logic [63:0]  addr;
  (* anyconst *) logic         count, rec_err;
  (* anyconst *) logic [3:0]   unit_why;
  (* anyconst *) logic [1:0]   outcome;      // of the engine: 0, 1 done; 2 a bad beat; 3 a bad response
  (* anyseq *)   logic         go_wei, go_req, go_beat, go_job, go_end, go_quiet;

  // Of a unit's record most is of no meaning here: free bits at both ends and in the middle do.
  wire [511:0] rec = (Good == 2) ? {any_rec[23:8], 232'd0, any_rec[31:24], 248'd0, any_rec[7:0]} : any_rec;

  logic       past_q = 1'b0;
  logic       issued_q, started_q, busy_q, asked_q, failed_q, ended_q;
  logic [2:0] owed_q;
  logic [7:0] time_q;
  logic [3:0] w_wei_q, w_req_q, w_beat_q, w_job_q, w_end_q, w_quiet_q;

  logic        wei_valid, req_valid, job_valid, done, idle, flush, beat_ready;
  logic [39:0] req_beats;
  logic [1:0]  req_tag;
  logic [3:0]  error;
  localparam logic [1:0] Units = (Good == 2) ? 2'b11 : 2'b00;
  logic [1:0]   unit_valid, unit_busy;
  logic [511:0] unit_cmd;
  logic         unit_busy_q, unit_ended_q;

  wire start    = past_q && !started_q;
  wire req      = req_valid && go_req;
  wire cmd_req  = req && req_tag == seedbed_pkg::TagCmd;
  wire wei_req  = (Ahead > 0) ? wei_valid && go_wei : req && req_tag == seedbed_pkg::TagWei;
  wire beat     = owed_q != '0 && go_beat && !flush;
  wire job      = job_valid && go_job;
  wire ending   = busy_q && asked_q && go_end && !failed_q;  // the engine's last word
  wire job_done = ending && outcome != 2'd2;
  wire read_err = ending && outcome == 2'd2;
  wire quiet    = flush && go_quiet;
  wire unit_take = unit_valid != 2'b00 && go_job;
  wire unit_end  = unit_busy_q && go_end;

  cmd_fetch #(
    .BusW  (512),
    .Codecs(Codecs),
    .ActCap(ActCap),
    .MaxBatch(16),
    .Depth   (4),
    .Units   (Units),
    .Ahead   (Ahead)
  ) u_fetch (
    .clk_i        (clk_i),
    .rst_ni       (past_q),
    .start_i      (start),
    .cmd_addr_i   (addr),
    .cmd_count_i  ({31'd0, count}),
    .port_stride_i(64'd0),
    .idle_o       (idle),
    .done_o       (done),
    .req_valid_o  (req_valid),
    .req_ready_i  (go_req),
    .req_addr_o   (),
    .req_beats_o  (req_beats),
    .req_tag_o    (req_tag),
    .wei_valid_o  (wei_valid),
    .wei_ready_i  (go_wei),
    .wei_addr_o   (),
    .wei_beats_o  (),
    .beat_valid_i (beat),
    .beat_ready_o (beat_ready),
    .beat_data_i  (rec),
    .beat_err_i   (rec_err),
    .job_valid_o  (job_valid),
    .job_ready_i  (go_job),
    .job_codec_o  (),
    .job_more_o   (),
    .job_words_o  (),
    .job_rows_o   (),
    .job_dst_o    (),
    .job_stride_o (),
    .job_index_o  (),
    .job_done_i   (job_done),
    .unit_valid_o (unit_valid),
    .unit_ready_i ({2{go_job}}),
    .unit_cmd_o   (unit_cmd),
    .unit_done_i  ({2{unit_end}}),
    .unit_error_i ({unit_why, unit_why}),
    .unit_busy_o  (unit_busy),
    .read_err_i   (read_err),
    .read_index_i (32'd0),
    .write_err_i  (ending && outcome == 2'd3),
    .write_index_i(32'd0),
    .quiet_i      (quiet),
    .flush_o      (flush),
    .reset_o      (),
    .event_done_o (),
    .error_o      (error),
    .error_index_o(),
    .cur_index_o  (),
    .state_o      ()
  );

  // What docs/device.md says of the record.
  wire [7:0]  op    = rec[7:0];
  wire [7:0]  codec = rec[15:8];
  wire [15:0] batch = rec[31:16];
  wire [31:0] rows  = rec[63:32];
  wire [31:0] cols  = rec[95:64];
  // All vectors of a batch, each padded to 32 elements, fit the activation buffer.
  wire [31:0] acts  = batch[4:0] * {16'd0, 11'((cols[15:0] + 16'd31) >> 5), 5'd0};
  logic [3:0] expect_error;
  always_comb begin
    expect_error = 4'd0;
    if (count == 1'b0) expect_error = 4'd0;
    else if (addr[5:0] != '0 || addr[63:56] != '0) expect_error = 4'd4;
    else if (rec_err) expect_error = 4'd5;
    else if (Good == 2) expect_error = unit_why;
    else if (op > 8'd1) expect_error = 4'd1;
    else if (op == 8'd1) begin
      if (codec != 8'd1 && codec != 8'd2) expect_error = 4'd2;
      else if (rows == '0 || rows > 32'hFFFFFF || cols == '0 || cols > ActCap ||
               batch == '0 || batch > 16'd16 || acts > ActCap) expect_error = 4'd3;
      else if (rec[128 +: 6] != '0 || rec[192 +: 6] != '0 || rec[256 +: 6] != '0 ||
               rec[184 +: 8] != '0 || rec[248 +: 8] != '0 || rec[312 +: 8] != '0) expect_error = 4'd4;
      else if (outcome == 2'd2) expect_error = 4'd5;
      else if (outcome == 2'd3) expect_error = 4'd6;
    end
  end

  always_ff @(posedge clk_i) begin
    past_q <= 1'b1;
    if (!past_q) begin
      started_q <= 1'b0;
      busy_q    <= 1'b0;
      asked_q   <= 1'b0;
      failed_q  <= 1'b0;
      ended_q   <= 1'b0;
      issued_q  <= 1'b0;
      unit_busy_q  <= 1'b0;
      unit_ended_q <= 1'b0;
      owed_q    <= '0;
      time_q    <= '0;
      {w_wei_q, w_req_q, w_beat_q, w_job_q, w_end_q, w_quiet_q} <= '0;
    end else begin
      started_q <= 1'b1;
      if (!ended_q) time_q <= time_q + 8'd1;
      if (done) ended_q <= 1'b1;
      owed_q <= owed_q + (cmd_req ? req_beats[2:0] : 3'd0) - 3'(beat && beat_ready);
      if (job) busy_q <= 1'b1;
      if (unit_take) unit_busy_q <= 1'b1;
      else if (unit_end) unit_busy_q <= 1'b0;
      if (unit_end) unit_ended_q <= 1'b1;
      if (wei_req) asked_q <= 1'b1;
      if (req && req_tag == seedbed_pkg::TagAct) issued_q <= 1'b1;
      if (job_done) busy_q <= 1'b0;
      if (read_err) failed_q <= 1'b1;
      w_wei_q   <= (wei_valid && !go_wei) ? w_wei_q + 4'd1 : 4'd0;
      w_req_q   <= (req_valid && !go_req) ? w_req_q + 4'd1 : 4'd0;
      w_beat_q  <= (owed_q != '0 && !go_beat) ? w_beat_q + 4'd1 : 4'd0;
      w_job_q   <= !go_job ? w_job_q + 4'd1 : 4'd0;
      w_end_q   <= (((busy_q && asked_q) || unit_busy_q) && !go_end) ? w_end_q + 4'd1 : 4'd0;
      w_quiet_q <= (flush && !go_quiet) ? w_quiet_q + 4'd1 : 4'd0;
    end
    if (w_wei_q >= 4'(Patience)) assume (go_wei);
    if (w_req_q >= 4'(Patience)) assume (go_req);
    if (w_beat_q >= 4'(Patience)) assume (go_beat);
    if (w_job_q >= 4'(Patience)) assume (go_job);
    if (w_end_q >= 4'(Patience)) assume (go_end);
    if (w_quiet_q >= 4'(Patience)) assume (go_quiet);
    // Good = 0: lists that end without a job. Good = 1: one good command, of a tiny shape in one page.
    if (Good == 0) begin
      assume (!(count && expect_error == 4'd0 && op == 8'd1) && expect_error != 4'd6 && (expect_error != 4'd5 || rec_err));
    end else if (Good == 2) begin
      assume (count && !rec_err && op > 8'd1 && addr[5:0] == '0 && addr[63:12] == '0);
    end else begin
      assume (count && (expect_error == 4'd0 || expect_error > 4'd4) && !rec_err && op == 8'd1);
      assume (go_beat && go_quiet);  // their waiting is seen with Good = 0
      assume (codec == 8'd2 && rows == 32'd1 && cols == 32'd8);
      assume (addr[63:12] == '0 && rec[191:140] == '0 && rec[255:204] == '0 && rec[319:268] == '0);
    end
    if (Good != 2) assume (rec[511:385] == '0 && rec[383:320] == '0 && rec[127:96] == '0);  // not looked at
    if (past_q && started_q) begin
      assert (time_q <= 8'(Bound));
      assert (!(ended_q && (!idle || done)));
      if (done) assert (error == expect_error);
      if (done) assert (!busy_q || failed_q);  // not before the job's results are in memory
      // weights once, and early only if they are constant; with one stream behind the activations
      if (wei_req) assert (!asked_q && op == 8'd1 && (expect_error == 4'd0 || expect_error > 4'd4) && (issued_q || (Ahead > 0 && rec[384])));
      if (job_valid) assert (Good != 2 && (expect_error == 4'd0 || expect_error > 4'd4));
      // the record goes whole to the unit whose operation it is, once, and the list ends after it
      if (unit_valid != 2'b00) begin
        assert (Good == 2 && unit_cmd == rec && !unit_busy_q && !unit_ended_q);
        assert (unit_valid == ((op == seedbed_pkg::OpAttention) ? 2'b01 : 2'b10));
      end
      assert (unit_busy == 2'b00 || unit_busy_q);
      if (unit_busy_q) assert (unit_busy == ((op == seedbed_pkg::OpAttention) ? 2'b01 : 2'b10));
      if (done && Good == 2) assert (unit_ended_q);
      if (owed_q != '0 && !flush && go_beat) assert (beat_ready);
    end
  end

endmodule
