// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Command processor: has the list read and each command checked, requests what it reads, hands it on.
//
//   cmd_records --> cmd_shape --> queue --> here: activations, jobs, units, errors, the order of it all
//                            \--> cmd_weights: the weights
//
// It runs ahead of the engine: as soon as the requests of one command are accepted, those of the
// next are made, so their data follow on the bus without a gap. A command that reads what an unfinished one is
// to write waits for it; weights that the record calls constant are not compared.
//
// With several ports a command is broadcast: each cluster reads the activations and its own part of the
// weights (cmd_weights).
//
// An operation of a unit (attention, vector) is a barrier: the whole record is handed to the unit when all
// commands before it are complete, and the next is looked at when the unit is done. With Ahead the constant
// weights of the products behind it are read meanwhile, through a stream of their own.
//
// Parameters: BusW, Codecs, ActCap (activation buffer, elements), MaxBatch (vectors a command),
// Depth (records held), Ports, Units (bit i: that unit is built in, seedbed_pkg::Unit*),
// Ahead (see cmd_weights; 0: weights go through req_* too, 1..15: through wei_*).
// Ports (vectors: a bit or a word a cluster)
//   start_i, cmd_addr_i, cmd_count_i, port_stride_i   from the registers; done_o pulses when the list ended
//   req_*                    read requests (axi_read); the records come through port 0
//   wei_*                    read requests for weights
//   beat_*                   the beats tagged TagCmd
//   job_*                    checked commands, in order, for the engines of those clusters with row groups
//   job_done_i               the cluster's oldest job is written to memory
//   read_err_i, write_err_i  an error response for the command read_index_i, write_index_i
//   unit_*                   (a bit a unit) the record for a unit that takes it; done with unit_error_i (4 bits a
//                            unit), when its reads are taken and its writes answered; unit_busy_o: it works
//   quiet_i                  no read in flight, nothing held in the write paths
//   flush_o                  level: throw everything away (after an error); reset_o: pulse at its end
//   event_done_o             pulse: a command completed

module cmd_fetch #(
  parameter int         BusW   = 512,
  parameter logic [3:0] Codecs = 4'b1111,
  parameter int         ActCap = 65536,
  parameter int         MaxBatch = 16,
  parameter int         BeatsW = 40,
  parameter int         Depth  = 16,
  parameter int         Ports  = 1,
  parameter logic [1:0] Units  = 2'b00,
  parameter int         Ahead  = 0
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              start_i,
  input  logic [63:0]       cmd_addr_i,
  input  logic [31:0]       cmd_count_i,
  input  logic [63:0]       port_stride_i,
  output logic              idle_o,
  output logic              done_o,

  output logic [Ports-1:0]  req_valid_o,
  input  logic [Ports-1:0]  req_ready_i,
  output logic [63:0]       req_addr_o,
  output logic [BeatsW-1:0] req_beats_o,
  output logic [1:0]        req_tag_o,
  output logic [Ports-1:0]  wei_valid_o,
  input  logic [Ports-1:0]  wei_ready_i,
  output logic [63:0]       wei_addr_o,
  output logic [BeatsW-1:0] wei_beats_o,

  input  logic              beat_valid_i,
  output logic              beat_ready_o,
  input  logic [BusW-1:0]   beat_data_i,
  input  logic              beat_err_i,

  output logic [Ports-1:0]  job_valid_o,
  input  logic [Ports-1:0]  job_ready_i,
  output logic [1:0]        job_codec_o,
  output logic [3:0]        job_more_o,   // vectors after the first
  output logic [16:0]       job_words_o,
  output logic [23:0]       job_rows_o,
  output logic [63:0]       job_dst_o,
  output logic [21:0]       job_stride_o, // from a vector's results to the next's, in 64 bytes
  output logic [31:0]       job_index_o,
  input  logic [Ports-1:0]  job_done_i,

  output logic [1:0]        unit_valid_o,
  input  logic [1:0]        unit_ready_i,
  output logic [511:0]      unit_cmd_o,
  input  logic [1:0]        unit_done_i,
  input  logic [7:0]        unit_error_i,
  output logic [1:0]        unit_busy_o,

  input  logic [Ports-1:0]  read_err_i,
  input  logic [32*Ports-1:0] read_index_i,
  input  logic [Ports-1:0]  write_err_i,
  input  logic [32*Ports-1:0] write_index_i,
  input  logic              quiet_i,
  output logic              flush_o,
  output logic              reset_o,

  output logic              event_done_o,
  output logic [3:0]        error_o,
  output logic [31:0]       error_index_o,
  output logic [31:0]       cur_index_o,
  output logic [3:0]        state_o
);

  localparam int LanesW  = $clog2(BusW / 32);
  localparam int BytesW  = $clog2(BusW / 8);
  localparam int Chunk   = (Depth < 8) ? Depth / 2 : 4;  // records a request
  localparam bit AnyUnit = Units != 2'b00;
  // Of a record without units only these fields, packed; units get the whole.
  localparam int PackW   = 8 + 2 + 4 + 24 + 64 * 2;
  localparam int RecW    = AnyUnit ? 512 : PackW;
  localparam int QueueW  = 4 + 1 + 17 + 22 + RecW;

  typedef enum logic [3:0] {
    StIdle    = 4'd0,
    StGet     = 4'd2,   // wait for a record, look at it
    StHazard  = 4'd3,   // wait for writes that this command reads
    StIssue   = 4'd4,   // hand the job on, request the activations; the product runs meanwhile
    StWeights = 4'd6,   // one stream: until the weights are requested, port after port
    StWait    = 4'd7,   // all given: wait for the jobs to finish
    StSettle  = 4'd8,   // a response failed: wait for the jobs before that one
    StFlush   = 4'd9,
    StDone    = 4'd10,
    StUnit    = 4'd11,  // a unit's record, offered when the jobs before it are done
    StUnitRun = 4'd12
  } state_e;

  state_e      state_q;
  logic [31:0] index_q;      // of the command in hand
  logic [31:0] left_q;       // commands not decoded yet
  logic [31:0] first_job;    // index of the oldest unfinished job
  logic [3:0]  error_q;
  logic [31:0] error_index_q;

  // ------------------------------------------------------------------------------------------
  // Records: read, checked, queued for here and for the weights.
  // ------------------------------------------------------------------------------------------
  wire bad_list = cmd_addr_i[5:0] != '0 || cmd_addr_i[63:seedbed_pkg::AddrBits] != '0;
  wire begins   = state_q == StIdle && start_i && cmd_count_i != '0 && !bad_list;

  logic              rec_valid, rec_err, get_valid, get_ready, wei_take;
  logic [511:0]      rec;
  logic              rec_req_valid, rec_req_ready;
  logic [63:0]       rec_req_addr;
  logic [BeatsW-1:0] rec_req_beats;
  cmd_records #(
    .BusW  (BusW),
    .BeatsW(BeatsW),
    .Depth (Depth),
    .Chunk (Chunk)
  ) u_list (
    .clk_i       (clk_i),
    .rst_ni      (rst_ni),
    .start_i     (begins),
    .cmd_addr_i  (cmd_addr_i),
    .cmd_count_i (cmd_count_i),
    .clear_i     (reset_o),
    .req_valid_o (rec_req_valid),
    .req_ready_i (rec_req_ready),
    .req_addr_o  (rec_req_addr),
    .req_beats_o (rec_req_beats),
    .beat_valid_i(beat_valid_i),
    .beat_ready_o(beat_ready_o),
    .beat_data_i (beat_data_i),
    .beat_err_i  (beat_err_i),
    .rec_valid_o (rec_valid),
    .rec_o       (rec),
    .rec_err_o   (rec_err),
    .main_take_i (get_ready),
    .scan_take_i (wei_take)
  );

  logic [3:0]  shape_error, rec_error, check_error;
  logic [16:0] rec_words, rec_beats1, words;
  logic [21:0] rec_abeats, abeats;
  logic [23:0] rec_groups1;
  cmd_shape #(
    .BusW    (BusW),
    .Codecs  (Codecs),
    .ActCap  (ActCap),
    .MaxBatch(MaxBatch),
    .Units   (Units)
  ) u_shape (
    .rec_i    (rec),
    .error_o  (shape_error),
    .words_o  (rec_words),
    .beats1_o (rec_beats1),
    .abeats_o (rec_abeats),
    .groups1_o(rec_groups1)
  );
  assign rec_error = rec_err ? seedbed_pkg::ErrRead : shape_error;

  wire rec_matvec   = rec[7:0] == seedbed_pkg::OpMatvec;
  wire rec_constant = rec[384];

  logic [RecW-1:0]  rec_queue, get_rec;
  logic [PackW-1:0] get_pack;
  logic             constant;
  if (AnyUnit) begin : g_whole
    assign rec_queue  = rec;
    assign get_pack   = {get_rec[319:192], get_rec[55:32], get_rec[19:16], get_rec[9:0]};
    assign unit_cmd_o = get_rec;
  end else begin : g_pack
    assign rec_queue  = {rec[319:192], rec[55:32], rec[19:16], rec[9:0]};
    assign get_pack   = get_rec;
    assign unit_cmd_o = '0;
  end

  fifo #(
    .Width(QueueW),
    .Depth(Depth)
  ) u_records (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(reset_o),
    .valid_i(rec_valid),
    .ready_o(),
    .data_i ({rec_error, rec_constant, rec_words, rec_abeats, rec_queue}),
    .valid_o(get_valid),
    .ready_i(get_ready),
    .data_o ({check_error, constant, words, abeats, get_rec}),
    .level_o()
  );

  wire [7:0]  f_op    = get_pack[7:0];
  wire [1:0]  f_codec = get_pack[9:8];
  wire [3:0]  f_batch = get_pack[13:10];
  wire [23:0] f_rows  = get_pack[37:14];
  wire [63:0] f_src   = get_pack[101:38];
  wire [63:0] f_dst   = get_pack[165:102];

  // As gated additions: the DSPs are the lanes'.
  function automatic logic [25:0] times(input logic [21:0] n, input logic [3:0] m);
    times = '0;
    for (int i = 0; i < 4; i++) times = times + ((26'(n) & {26{m[i]}}) << i);
  endfunction

  wire [3:0]  more  = (MaxBatch > 1) ? f_batch - 4'd1 : 4'd0;
  wire [21:0] rows8 = 22'((25'(f_rows) + 25'd7) >> 3);

  // Whose operation it is.
  wire       is_nop    = f_op == seedbed_pkg::OpNop;
  wire       is_matvec = f_op == seedbed_pkg::OpMatvec;
  wire       is_attn   = f_op == seedbed_pkg::OpAttention;
  wire [1:0] of_unit   = Units & {!is_nop && !is_matvec && !is_attn, is_attn};

  // Registered when StGet accepts a MATVEC.
  logic        accept;
  logic [63:0] src_end_q, dst_end_q;  // dst_end_q: a cycle later
  logic [25:0] rows8_more_q;

  logic [Ports-1:0] takes_part;  // clusters with row groups
  for (genvar p = 0; p < Ports; p++) begin : g_takes_part
    assign takes_part[p] = f_rows > 24'(p << LanesW);
  end

  // ------------------------------------------------------------------------------------------
  // Jobs in flight: what they write, and how many.
  // ------------------------------------------------------------------------------------------
  logic [4:0]       jobs_q;
  logic [63:0]      write_lo_q, write_hi_q;  // union of their destinations
  logic [63:0]      dst_q;
  logic [Ports-1:0] asked_q;                 // StIssue: ports that accepted the activations' request
  logic             given_q;                 // StIssue: the job is handed on
  logic             pushed_q, alone_q;       // a job was, and it was the only one

  wire src_clash = f_src < write_hi_q && src_end_q > write_lo_q;

  // Unfinished jobs: index and clusters. NOPs between jobs finish at once and never fail.
  logic             first_valid, push_job, retire;
  logic [Ports-1:0] first_part, part_done;
  fifo #(
    .Width(32 + Ports),
    .Depth(16)
  ) u_indices (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(reset_o),
    .valid_i(push_job),
    .ready_o(),
    .data_i ({takes_part, index_q}),
    .valid_o(first_valid),
    .ready_i(retire),
    .data_o ({first_part, first_job}),
    .level_o()
  );

  // A job is finished when its last cluster is; the others may be jobs ahead by then.
  for (genvar p = 0; p < Ports; p++) begin : g_done
    logic [4:0] ahead_q;
    assign part_done[p] = !first_part[p] || job_done_i[p] || ahead_q != '0;
    always_ff @(posedge clk_i) begin
      if (!rst_ni || reset_o) ahead_q <= '0;
      else ahead_q <= ahead_q + {4'd0, job_done_i[p]} - {4'd0, retire && first_part[p]};
    end
  end
  assign retire = first_valid && (&part_done);

  wire jobs_full = jobs_q == 5'd16;
  assign push_job = state_q == StIssue && !given_q && !jobs_full && (&(job_ready_i | ~takes_part));

  // The earliest command with an error response in this cycle, a cycle later.
  logic        fail, fail_q, fail_write, fail_write_q;
  logic [31:0] fail_index, fail_index_q;
  always_comb begin
    fail       = 1'b0;
    fail_write = 1'b0;
    fail_index = '1;
    for (int p = 0; p < Ports; p++) begin
      if (write_err_i[p] && (!fail || write_index_i[32*p +: 32] < fail_index)) begin
        fail       = 1'b1;
        fail_write = 1'b1;
        fail_index = write_index_i[32*p +: 32];
      end
      if (read_err_i[p] && (!fail || read_index_i[32*p +: 32] < fail_index)) begin
        fail       = 1'b1;
        fail_write = 1'b0;
        fail_index = read_index_i[32*p +: 32];
      end
    end
  end

  assign job_valid_o = takes_part & {Ports{push_job}};
  assign job_codec_o = f_codec;
  assign job_more_o  = more;
  assign job_words_o = words;
  assign job_rows_o  = f_rows;
  assign job_dst_o   = f_dst;
  assign job_stride_o = rows8;
  assign job_index_o = index_q;

  // ------------------------------------------------------------------------------------------
  // Requests: records before all others, they are few and everything waits for them.
  // ------------------------------------------------------------------------------------------
  logic              issued, wei_clear, wei_done;
  logic [Ports-1:0]  act_valid, act_ready, part_valid, part_ready;
  logic [63:0]       part_addr;
  logic [BeatsW-1:0] part_beats;
  wire               may_ask = state_q == StWeights, in_hazard = state_q == StHazard;
  cmd_weights #(
    .BusW  (BusW),
    .BeatsW(BeatsW),
    .Ports (Ports),
    .Depth (Depth),
    .Ahead (Ahead)
  ) u_weights (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
    .clear_i       (reset_o),
    .halt_i        (error_q != seedbed_pkg::ErrNone),
    .port_stride_i (port_stride_i),
    .rec_valid_i   (rec_valid),
    .rec_refused_i (rec_error != seedbed_pkg::ErrNone),
    .rec_matvec_i  (rec_matvec),
    .rec_constant_i(rec_constant),
    .rec_beats1_i  (rec_beats1),
    .rec_groups1_i (rec_groups1),
    .rec_weights_i (rec[191:128]),
    .take_o        (wei_take),
    .issued_i      (issued),
    .go_i          (may_ask),
    .look_i        (in_hazard),
    .write_lo_i    (write_lo_q),
    .write_hi_i    (write_hi_q),
    .clear_o       (wei_clear),
    .req_valid_o   (part_valid),
    .req_ready_i   (part_ready),
    .req_addr_o    (part_addr),
    .req_beats_o   (part_beats),
    .done_o        (wei_done)
  );

  // Activations go to all ports with row groups, each takes them when it can.
  assign act_valid = (state_q == StIssue) ? takes_part & ~asked_q : '0;
  assign act_ready = rec_req_valid ? '0 : req_ready_i;
  assign rec_req_ready = req_ready_i[0];

  if (Ahead > 0) begin : g_two_streams
    assign wei_valid_o = part_valid;
    assign part_ready  = wei_ready_i;
    assign wei_addr_o  = part_addr;
    assign wei_beats_o = part_beats;
  end else begin : g_one_stream
    assign wei_valid_o = '0;
    assign part_ready  = act_ready;
    assign wei_addr_o  = '0;
    assign wei_beats_o = '0;
    wire unused_ready = &{1'b0, wei_ready_i};
  end

  always_comb begin
    req_valid_o = act_valid;
    req_addr_o  = f_src;
    req_beats_o = BeatsW'(abeats);
    req_tag_o   = seedbed_pkg::TagAct;
    if (rec_req_valid) begin
      req_valid_o = Ports'(1);
      req_addr_o  = rec_req_addr;
      req_beats_o = rec_req_beats;
      req_tag_o   = seedbed_pkg::TagCmd;
    end else if (Ahead == 0 && state_q == StWeights) begin
      req_valid_o = part_valid;
      req_addr_o  = part_addr;
      req_beats_o = part_beats;
      req_tag_o   = seedbed_pkg::TagWei;
    end
  end

  wire asked_act = state_q == StIssue && (&(act_ready | asked_q | ~takes_part));
  assign issued  = asked_act && (given_q || push_job);
  wire consumed  = (Ahead > 0) ? issued : wei_done;  // nothing more is needed of the record in hand
  // One completion a cycle is counted, so a NOP gives way to a job.
  wire nop       = state_q == StGet && get_valid && is_nop && check_error == seedbed_pkg::ErrNone && !retire;

  // A failed response is known a cycle after the last job is done.
  assign unit_valid_o  = (state_q == StUnit && jobs_q == '0 && !fail_q) ? of_unit : 2'b00;
  assign unit_busy_o   = (state_q == StUnitRun) ? of_unit : 2'b00;
  wire       unit_take = (unit_valid_o & unit_ready_i) != 2'b00;
  wire       unit_end  = (unit_busy_o & unit_done_i) != 2'b00;
  wire [3:0] unit_why  = unit_busy_o[1] ? unit_error_i[7:4] : unit_error_i[3:0];
  wire       unit_good = unit_end && unit_why == seedbed_pkg::ErrNone;

  assign get_ready     = nop || consumed || unit_good;
  assign accept        = state_q == StGet && get_valid && is_matvec && check_error == seedbed_pkg::ErrNone;
  assign idle_o        = state_q == StIdle;
  assign done_o        = state_q == StDone;
  assign flush_o       = state_q == StFlush;
  assign reset_o       = state_q == StDone;
  assign event_done_o  = nop || retire || unit_good;
  assign error_o       = error_q;
  assign error_index_o = error_index_q;
  assign cur_index_o   = (jobs_q != '0) ? first_job : index_q;
  assign state_o       = state_q;

  always_ff @(posedge clk_i) begin
    if (accept) begin
      src_end_q    <= f_src + (64'(abeats) << BytesW);
      rows8_more_q <= times(rows8, more);
    end
    dst_q     <= f_dst;
    dst_end_q <= f_dst + {37'd0, f_rows, 3'd0} + {32'd0, rows8_more_q, 6'd0};
    if (state_q != StIssue) begin
      asked_q <= '0;
      given_q <= 1'b0;
    end else begin
      asked_q <= asked_q | act_ready;
      given_q <= given_q || push_job;
    end
  end

  always_ff @(posedge clk_i) begin
    // What is written is known a cycle after the job is handed on; the next command looks later.
    pushed_q <= push_job;
    alone_q  <= jobs_q == '0;
    if (pushed_q) begin
      write_lo_q <= (!alone_q && write_lo_q < dst_q) ? write_lo_q : dst_q;
      write_hi_q <= (!alone_q && write_hi_q > dst_end_q) ? write_hi_q : dst_end_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q       <= StIdle;
      jobs_q        <= '0;
      error_q       <= seedbed_pkg::ErrNone;
      error_index_q <= '0;
      index_q       <= '0;
      left_q        <= '0;
      fail_q        <= 1'b0;
    end else begin
      case (state_q)
        StIdle: if (start_i) begin
          index_q       <= '0;
          left_q        <= cmd_count_i;
          error_q       <= seedbed_pkg::ErrNone;
          error_index_q <= '0;
          state_q       <= StGet;
          if (cmd_count_i == '0) begin
            state_q <= StDone;
          end else if (bad_list) begin
            error_q <= seedbed_pkg::ErrAlign;
            state_q <= StDone;
          end
        end
        StGet: begin
          if (left_q == '0) begin
            state_q <= StWait;
          end else if (get_valid && check_error != seedbed_pkg::ErrNone) begin
            error_q       <= check_error;
            error_index_q <= index_q;
            state_q       <= StWait;
          end else if (accept) begin
            state_q <= (jobs_q == '0) ? StIssue : StHazard;
          end else if (get_valid && of_unit != 2'b00) begin
            state_q <= StUnit;
          end
        end
        StHazard: if (jobs_q == '0 || (!src_clash && (constant || wei_clear))) state_q <= StIssue;
        StIssue: if (issued) state_q <= (Ahead > 0) ? StGet : StWeights;
        StWeights: if (consumed) state_q <= StGet;
        StWait: if (jobs_q == '0) state_q <= (error_q == seedbed_pkg::ErrNone) ? StDone : StFlush;
        StSettle: if (jobs_q == '0 || (first_valid && first_job >= error_index_q)) state_q <= StFlush;
        StUnit: if (unit_take) state_q <= StUnitRun;
        StUnitRun: if (unit_good) begin
          state_q <= StGet;
        end else if (unit_end) begin
          error_q       <= unit_why;
          error_index_q <= index_q;
          state_q       <= StWait;
        end
        StFlush: if (quiet_i) state_q <= StDone;
        default: state_q <= StIdle;
      endcase

      if (get_ready) begin
        index_q <= index_q + 32'd1;
        left_q  <= left_q - 32'd1;
      end
      jobs_q <= jobs_q + {4'd0, push_job} - {4'd0, retire};
      if (state_q == StDone) jobs_q <= '0;

      // A failed response outranks what was found in a later command. The clusters work on until the
      // commands before it are complete.
      fail_q       <= fail;
      fail_write_q <= fail_write;
      fail_index_q <= fail_index;
      if (fail_q && state_q != StIdle && state_q != StDone) begin
        if (state_q != StFlush) state_q <= StSettle;
        if (error_q == seedbed_pkg::ErrNone || fail_index_q < error_index_q) begin
          error_q       <= fail_write_q ? seedbed_pkg::ErrWrite : seedbed_pkg::ErrRead;
          error_index_q <= fail_index_q;
        end
      end
    end
  end

endmodule
