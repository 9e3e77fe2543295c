// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Command processor: fetches the list, checks each command, requests what it reads, hands it on.
//
// It runs ahead of the engine: as soon as the requests of one command are accepted, those of the
// next are made, so their data follow on the bus without a gap. The records are fetched a few at a time,
// and the next few are requested before the weights of the last one known, because data come back in
// order. A command that reads what an unfinished one is to write waits for it.
//
// With several ports a command is broadcast: each cluster reads the activations and its own part of the
// weights, part p at weights + p * (port_stride_i, or the first part's bytes up to a multiple of 4 KB).
// Parts p = 0..(G-1) % Ports have ceil(G / Ports) of the G row groups, the others one less.
//
// An operation of a unit (attention, vector) is a barrier: the whole record is handed to the unit when all
// commands before it are complete, and the next is looked at when the unit is done.
//
// Parameters: BusW, Codecs, ActCap (activation buffer, elements), MaxBatch (vectors a command),
// Chunk (records fetched at once), Ports, Units (bit i: that unit is built in, seedbed_pkg::Unit*).
// Ports (vectors: a bit or a word a cluster)
//   start_i, cmd_addr_i, cmd_count_i, port_stride_i   from the registers; done_o pulses when the list ended
//   req_*                    read requests (axi_read); the records come through port 0
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
  parameter int         Chunk  = 4,
  parameter int         Ports  = 1,
  parameter logic [1:0] Units  = 2'b00
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

  localparam int Lanes   = BusW / 32;
  localparam int LanesW  = $clog2(Lanes);
  localparam int BytesW  = $clog2(BusW / 8);
  localparam int AlignW  = (BytesW > 6) ? BytesW : 6;
  localparam int RecB    = (BusW >= 512) ? 1 : 512 / BusW;  // beats a record
  localparam int RecW    = (RecB > 1) ? $clog2(RecB) : 1;
  localparam logic [31:0] BeatBytes = BusW >> 3;
  localparam int BeatE   = BusW / 16;  // activations a beat
  localparam int BeatEW  = $clog2(BeatE);
  localparam int PortsW  = $clog2(Ports);
  localparam bit Pow2    = Ports == (1 << PortsW);
  localparam int ChunkW  = $clog2(Chunk);
  // A record's useful fields, packed for the queue.
  localparam int PackW   = 8 + 8 + 16 + 32 + 32 + 64 * 3;
  localparam bit AnyUnit = Units != 2'b00;
  localparam int QueueW  = AnyUnit ? 512 : PackW;  // units get the whole record

  typedef enum logic [3:0] {
    StIdle    = 4'd0,
    StFetch   = 4'd1,  // request the next records
    StGet     = 4'd2,  // wait for a record and check it
    StHazard  = 4'd3,  // wait for writes that this command reads
    StIssue   = 4'd4,  // hand the job on, request the activations; the product runs meanwhile
    StAhead   = 4'd5,  // request the next records before the weights
    StWeights = 4'd6,  // request the weights, port after port
    StWait    = 4'd7,  // all given: wait for the jobs to finish
    StSettle  = 4'd8,  // a response failed: wait for the jobs before that one
    StFlush   = 4'd9,
    StDone    = 4'd10,
    StUnit    = 4'd11,  // a unit's record, offered when the jobs before it are done
    StUnitRun = 4'd12
  } state_e;

  state_e      state_q;
  logic [31:0] index_q;      // of the command in hand
  logic [31:0] unasked_q;    // records not requested yet
  logic [63:0] fetch_addr_q;
  logic [31:0] known_q;      // records requested and not consumed
  logic [31:0] left_q;       // commands not decoded yet
  logic [31:0] first_job;    // index of the oldest unfinished job
  logic [3:0]  error_q;
  logic [31:0] error_index_q;

  // ------------------------------------------------------------------------------------------
  // Records: collect beats, queue the useful fields.
  // ------------------------------------------------------------------------------------------
  logic              rec_valid, rec_ready, rec_err;
  logic [511:0]      rec_bits;
  logic [QueueW-1:0] rec_queue, get_queue;
  logic              get_valid, get_ready, get_err;
  logic [PackW-1:0]  get_pack;

  if (BusW < 512) begin : g_narrow
    logic [512-BusW-1:0] part_q;
    logic [RecW-1:0]     count_q;
    logic                err_q;
    wire last_part = count_q == RecW'(RecB - 1);
    assign beat_ready_o = !last_part || rec_ready;
    assign rec_valid    = beat_valid_i && last_part;
    assign rec_bits     = {beat_data_i, part_q};
    assign rec_err      = beat_err_i || err_q;
    always_ff @(posedge clk_i) begin
      if (beat_valid_i && beat_ready_o) begin
        part_q <= (512 - BusW)'({beat_data_i, part_q} >> BusW);
      end
    end
    always_ff @(posedge clk_i) begin
      if (!rst_ni || reset_o) begin
        count_q <= '0;
        err_q   <= 1'b0;
      end else if (beat_valid_i && beat_ready_o) begin
        count_q <= last_part ? '0 : count_q + 1'b1;
        err_q   <= last_part ? 1'b0 : err_q || beat_err_i;
      end
    end
  end else if (BusW == 512) begin : g_equal
    assign beat_ready_o = rec_ready;
    assign rec_valid    = beat_valid_i;
    assign rec_bits     = beat_data_i;
    assign rec_err      = beat_err_i;
  end else begin : g_wide
    // Two records a beat; the list may begin in an upper and end in a lower half.
    logic        half_q;
    logic [31:0] rec_left_q;
    assign beat_ready_o = rec_ready && (half_q || rec_left_q == 32'd1);
    assign rec_valid    = beat_valid_i;
    assign rec_bits     = half_q ? beat_data_i[BusW-1 -: 512] : beat_data_i[511:0];
    assign rec_err      = beat_err_i;
    always_ff @(posedge clk_i) begin
      if (state_q == StIdle) begin
        half_q     <= cmd_addr_i[6];
        rec_left_q <= cmd_count_i;
      end else if (rec_valid && rec_ready) begin
        half_q     <= !half_q;
        rec_left_q <= rec_left_q - 32'd1;
      end
    end
  end

  if (AnyUnit) begin : g_whole
    assign rec_queue  = rec_bits;
    assign get_pack   = {get_queue[319:128], get_queue[95:0]};
    assign unit_cmd_o = get_queue;
  end else begin : g_pack
    assign rec_queue  = {rec_bits[319:128], rec_bits[95:0]};
    assign get_pack   = get_queue;
    assign unit_cmd_o = '0;
    wire unused_rec = &{1'b0, rec_bits[511:320], rec_bits[127:96]};
  end

  fifo #(
    .Width(QueueW + 1),
    .Depth(2 * Chunk)
  ) u_records (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(reset_o),
    .valid_i(rec_valid),
    .ready_o(rec_ready),
    .data_i ({rec_err, rec_queue}),
    .valid_o(get_valid),
    .ready_i(get_ready),
    .data_o ({get_err, get_queue}),
    .level_o()
  );

  wire [7:0]  f_op    = get_pack[7:0];
  wire [7:0]  f_codec = get_pack[15:8];
  wire [15:0] f_batch = get_pack[31:16];
  wire [31:0] f_rows  = get_pack[63:32];
  wire [31:0] f_cols  = get_pack[95:64];
  wire [63:0] f_wei   = get_pack[159:96];
  wire [63:0] f_src   = get_pack[223:160];
  wire [63:0] f_dst   = get_pack[287:224];

  // ------------------------------------------------------------------------------------------
  // Shapes. cols is bounded by the activation buffer, so 17 bits do after the check.
  // ------------------------------------------------------------------------------------------
  // ceil(n / 12) for n < 2^17: (n + 11) / 4 / 3, the division by 3 as * 43691 >> 17 in shifts and adds.
  function automatic logic [16:0] div12(input logic [16:0] n);
    logic [31:0] x, y;
    x = (32'(n) + 32'd11) >> 2;
    y = x + (x << 2);
    y = y + (y << 4);
    y = y + (y << 8);
    y = (y << 1) + x;
    div12 = y[31:15] >> 2;
  endfunction

  // As gated additions: the DSPs are the lanes'.
  function automatic logic [25:0] times(input logic [21:0] n, input logic [3:0] m);
    times = '0;
    for (int i = 0; i < 4; i++) times = times + ((26'(n) & {26{m[i]}}) << i);
  endfunction

  // Aligned, and so low that no range wraps.
  localparam logic [63:0] BadAddr = ~(64'd0) << seedbed_pkg::AddrBits | ((64'd1 << AlignW) - 64'd1);

  wire is_fp16    = f_codec == 8'd0;
  wire is_seedlm3 = f_codec == 8'd3;
  wire has_side   = f_codec == 8'd1 || f_codec == 8'd3;

  wire [16:0] cols17 = f_cols[16:0];
  wire [16:0] by8    = (cols17 + 17'd7) >> 3;
  wire [16:0] by12   = div12(cols17);
  wire [16:0] words  = is_fp16 ? (cols17 + 17'd1) >> 1 : is_seedlm3 ? by12 : by8;
  wire [17:0] elems  = is_seedlm3 ? {by12[13:0], 4'd0} : {by8[14:0], 3'd0};
  // All vectors but the last are a multiple of 32 elements; results, of 8 rows.
  wire [3:0]  more   = (MaxBatch > 1) ? f_batch[3:0] - 4'd1 : 4'd0;
  wire [11:0] vec32  = 12'((elems + 18'd31) >> 5);
  wire [21:0] span   = 22'(elems) + {1'b0, 16'(times(22'(vec32), more)), 5'd0};
  wire [21:0] abeats = (span + 22'(BeatE - 1)) >> BeatEW;
  wire [21:0] rows8  = 22'((25'(f_rows[23:0]) + 25'd7) >> 3);
  wire [23:0] groups1 = (f_rows[23:0] - 24'd1) >> LanesW;  // row groups - 1
  wire [16:0] beats1 = words + (has_side ? (words + 17'd7) >> 3 : 17'd0);

  // Whose operation it is. What the vector unit does not know it refuses itself.
  wire       is_nop    = f_op == seedbed_pkg::OpNop;
  wire       is_matvec = f_op == seedbed_pkg::OpMatvec;
  wire       is_attn   = f_op == seedbed_pkg::OpAttention;
  wire [1:0] of_unit   = Units & {!is_nop && !is_matvec && !is_attn, is_attn};

  wire bad_op    = !is_nop && !is_matvec && of_unit == 2'b00;
  wire bad_codec = f_codec > 8'd3 || !Codecs[f_codec[1:0]];
  wire bad_shape = f_rows == '0 || f_rows[31:24] != '0 || f_cols == '0 || f_cols > 32'd65536 ||
                   f_batch == '0 || f_batch > 16'(MaxBatch) || (abeats << BeatEW) > 22'(ActCap);
  wire bad_align = ((f_wei | f_src | f_dst) & BadAddr) != '0 ||
                   (BusW > 512 && more != 4'd0 && rows8[0]);

  // Registered when StGet accepts a MATVEC.
  logic              accept;
  logic [16:0]       words_q;
  logic [BeatsW-1:0] abeats_q;
  logic [63:0]       src_end_q, dst_end_q;  // dst_end_q: a cycle later
  logic [25:0]       rows8_more_q;

  // Row groups of a port, less one, and the last port that has one more. Division by a power of two is at
  // hand; otherwise it takes a cycle a bit, in the time in which the activations come.
  logic [23:0] most1;
  logic [2:0]  last_full_q;
  logic        divided;
  if (Pow2) begin : g_shift
    assign most1   = groups1 >> PortsW;
    assign divided = accept;
    always_ff @(posedge clk_i) begin
      if (accept) last_full_q <= 3'(groups1 & 24'(Ports - 1));
    end
  end else begin : g_divide
    logic [23:0] num_q, quot_q;
    logic [4:0]  steps_q;
    wire  [3:0]  part = {last_full_q, num_q[23]};
    wire         fits = part >= 4'(Ports);
    assign most1   = quot_q;
    assign divided = steps_q == 5'd1;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) steps_q <= '0;
      else if (accept) steps_q <= 5'd25;
      else if (steps_q != '0) steps_q <= steps_q - 5'd1;
      if (accept) begin
        num_q       <= groups1;
        last_full_q <= '0;
      end else if (steps_q > 5'd1) begin
        num_q       <= num_q << 1;
        quot_q      <= {quot_q[22:0], fits};
        last_full_q <= fits ? 3'(part - 4'(Ports)) : part[2:0];
      end
    end
  end

  // Product (most1 + 1) * beats1, one bit of beats1 a cycle, over when the rest is zero.
  logic              multiplying_q;
  logic [BeatsW-1:0] total_q, addend_q, fewer_q;  // beats of port 0; of a port with a row group less
  logic [16:0]       factor_q, beats1_q;
  logic              total_known_q;
  logic [63:0]       slice_q;                     // from one port's part to the next
  wire               total_ready = multiplying_q && factor_q == '0;

  // The port whose part is looked at, and where that begins.
  logic [2:0]        port_q;
  logic [63:0]       part_q;
  logic [Ports-1:0]  takes_part;  // clusters with row groups
  for (genvar p = 0; p < Ports; p++) begin : g_takes_part
    assign takes_part[p] = f_rows[23:0] > 24'(p * Lanes);
  end
  wire [8:0] takes_part9 = 9'(takes_part);
  wire       last_part_port = !takes_part9[{1'b0, port_q} + 4'd1];

  // ------------------------------------------------------------------------------------------
  // Jobs in flight: what they write, and how many.
  // ------------------------------------------------------------------------------------------
  logic [4:0]       jobs_q;
  logic [63:0]      write_lo_q, write_hi_q;  // union of their destinations
  logic [Ports-1:0] asked_q;                 // StIssue: ports that accepted the activations' request
  logic             given_q;                 // StIssue: the job is handed on
  logic             pushed_q, alone_q;       // a job was, and it was the only one

  wire src_clash  = f_src < write_hi_q && src_end_q > write_lo_q;
  wire wei_above  = f_wei >= write_hi_q;     // as are all the parts
  wire part_clash = !total_known_q || (part_q < write_hi_q && part_q + (64'(total_q) << BytesW) > write_lo_q);

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

  // Records to the next multiple of Chunk, so that later requests begin on a beat.
  wire [31:0] to_chunk = 32'(Chunk) - {{(32 - ChunkW) {1'b0}}, fetch_addr_q[6 +: ChunkW]};
  wire [31:0] ask      = (unasked_q < to_chunk) ? unasked_q : to_chunk;
  wire [63:0] ask_end  = fetch_addr_q + {26'd0, ask, 6'd0};
  wire [63:0] ask_from = {fetch_addr_q[63:BytesW], {BytesW{1'b0}}};
  wire [63:0] ask_span = ask_end - ask_from + {32'd0, BeatBytes - 32'd1};

  assign job_valid_o = takes_part & {Ports{push_job}};
  assign job_codec_o = f_codec[1:0];
  assign job_more_o  = more;
  assign job_words_o = words_q;
  assign job_rows_o  = f_rows[23:0];
  assign job_dst_o   = f_dst;
  assign job_stride_o = rows8;
  assign job_index_o = index_q;

  // The next part's place is known a cycle after the number of beats.
  wire weights_ready = (Ports == 1) ? total_ready : total_known_q;

  always_comb begin
    req_valid_o = '0;
    req_addr_o  = f_src;
    req_beats_o = abeats_q;
    req_tag_o   = seedbed_pkg::TagAct;
    case (state_q)
      StFetch, StAhead: begin
        req_valid_o[0] = 1'b1;
        req_addr_o     = ask_from;
        req_beats_o    = BeatsW'(ask_span >> BytesW);
        req_tag_o      = seedbed_pkg::TagCmd;
      end
      StIssue: req_valid_o = takes_part & ~asked_q;
      StWeights: begin
        for (int p = 0; p < Ports; p++) req_valid_o[p] = weights_ready && port_q == 3'(p);
        req_addr_o  = part_q;
        req_beats_o = (port_q > last_full_q) ? fewer_q : total_q;
        req_tag_o   = seedbed_pkg::TagWei;
      end
      default: ;
    endcase
  end

  wire asked_cmd = (state_q == StFetch || state_q == StAhead) && req_ready_i[0];
  wire asked_act = state_q == StIssue && (&(req_ready_i | asked_q | ~takes_part));
  wire asked_wei = state_q == StWeights && (req_valid_o & req_ready_i) != '0;
  wire issued    = asked_act && (given_q || push_job);
  wire consumed  = asked_wei && last_part_port;  // nothing more is needed of the record in hand
  // One completion a cycle is counted, so a NOP gives way to a job.
  wire nop       = state_q == StGet && get_valid && is_nop && !get_err && !retire;

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

  // The last record known is in hand and more are in memory.
  wire want_ahead = known_q == 32'd1 && unasked_q != '0;

  logic [3:0] check_error;
  always_comb begin
    check_error = seedbed_pkg::ErrNone;
    if (get_err) check_error = seedbed_pkg::ErrRead;
    else if (bad_op) check_error = seedbed_pkg::ErrOp;
    else if (is_matvec) begin
      if (bad_codec) check_error = seedbed_pkg::ErrCodec;
      else if (bad_shape) check_error = seedbed_pkg::ErrShape;
      else if (bad_align) check_error = seedbed_pkg::ErrAlign;
    end
  end

  always_ff @(posedge clk_i) begin
    if (accept) begin
      words_q   <= words;
      abeats_q  <= BeatsW'(abeats);
      beats1_q  <= beats1;
      src_end_q <= f_src + (64'(abeats) << BytesW);
      rows8_more_q <= times(rows8, more);
    end
    dst_end_q <= f_dst + {37'd0, f_rows[23:0], 3'd0} + {32'd0, rows8_more_q, 6'd0};
    if (divided) begin
      total_q  <= '0;
      addend_q <= BeatsW'(most1) + BeatsW'(1);
      factor_q <= accept ? beats1 : beats1_q;
    end else if (!total_ready) begin
      if (factor_q[0]) total_q <= total_q + addend_q;
      addend_q <= addend_q << 1;
      factor_q <= factor_q >> 1;
    end
    if (divided) multiplying_q <= 1'b1;
    else if (accept || !rst_ni) multiplying_q <= 1'b0;
    total_known_q <= total_ready && !accept;
    fewer_q       <= total_q - BeatsW'(beats1_q);
    slice_q       <= (port_stride_i != '0) ? port_stride_i
                     : {(64'(total_q) << BytesW) + 64'd4095} & ~64'd4095;
    // Which part is looked at: first for hazards, then to request it.
    if (state_q == StGet || issued) begin
      port_q <= '0;
      part_q <= f_wei;
    end else if (asked_wei || (state_q == StHazard && !part_clash && !last_part_port)) begin
      port_q <= port_q + 3'd1;
      part_q <= part_q + slice_q;
    end
    if (state_q != StIssue) begin
      asked_q <= '0;
      given_q <= 1'b0;
    end else begin
      asked_q <= asked_q | req_ready_i;
      given_q <= given_q || push_job;
    end
  end

  always_ff @(posedge clk_i) begin
    // Where the results end is known a cycle after StIssue began; the next command looks much later.
    pushed_q <= push_job;
    alone_q  <= jobs_q == '0;
    if (pushed_q) begin
      write_lo_q <= (!alone_q && write_lo_q < f_dst) ? write_lo_q : f_dst;
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
      unasked_q     <= '0;
      known_q       <= '0;
      fetch_addr_q  <= '0;
      fail_q        <= 1'b0;
    end else begin
      case (state_q)
        StIdle: if (start_i) begin
          index_q       <= '0;
          left_q        <= cmd_count_i;
          unasked_q     <= cmd_count_i;
          known_q       <= '0;
          fetch_addr_q  <= cmd_addr_i;
          error_q       <= seedbed_pkg::ErrNone;
          error_index_q <= '0;
          state_q       <= StFetch;
          if (cmd_count_i == '0) begin
            state_q <= StDone;
          end else if (cmd_addr_i[5:0] != '0 || cmd_addr_i[63:seedbed_pkg::AddrBits] != '0) begin
            error_q <= seedbed_pkg::ErrAlign;
            state_q <= StDone;
          end
        end
        StFetch: if (asked_cmd) state_q <= StGet;
        StGet: begin
          if (left_q == '0) begin
            state_q <= StWait;
          end else if (known_q == '0) begin
            state_q <= StFetch;
          end else if (get_valid && check_error != seedbed_pkg::ErrNone) begin
            error_q       <= check_error;
            error_index_q <= index_q;
            state_q       <= StWait;
          end else if (accept) begin
            state_q <= (jobs_q == '0) ? StIssue : StHazard;
          end else if (get_valid && of_unit != 2'b00) begin
            state_q <= want_ahead ? StAhead : StUnit;
          end
        end
        StHazard: begin
          if (jobs_q == '0 || (!src_clash && (wei_above || (!part_clash && last_part_port)))) state_q <= StIssue;
        end
        StIssue: if (issued) state_q <= want_ahead ? StAhead : StWeights;
        StAhead: if (asked_cmd) state_q <= (of_unit != 2'b00) ? StUnit : StWeights;
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
      if (asked_cmd) begin
        unasked_q    <= unasked_q - ask;
        fetch_addr_q <= ask_end;
      end
      if (state_q != StIdle) begin
        known_q <= known_q
                   + (asked_cmd ? ask : 32'd0)
                   - (get_ready ? 32'd1 : 32'd0);
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
