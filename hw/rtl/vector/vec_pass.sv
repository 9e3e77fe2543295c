// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// A pass of the vector unit: one operation (vector_pkg::K*) over rows of elements, a chunk of Lanes
// elements a cycle, with the buffer, the lanes, and the queue to the store.
//
//   stream --\          +-> lanes --+--> buffer
//   buffer ---> A, B, C-+-> reduce  +--> packer -> queue -> store
//   scalars -/                      +--> a scalar
//
// A row is np chunks of which the first hold n elements (KInt: Lanes/2 a chunk); from a stream only those
// are taken, and what lies behind is 0 where it matters: sums, maxima, quantised rows. Buffer
// addresses: base + row * os + chunk.
//
// Parameters: Lanes; Depth, chunks of a region of the buffer, a power of two (four regions).
// Ports
//   start_i   pulse: begin; everything else of the pass stands still until done_o (pulse)
//   kind_i .. zero_i      see vector_pkg; os: buffer distance of rows; b_step_i 0: B is the same chunk for a whole row;
//             b_lane0_i: B is its lane 0; b_twice_i: each element of B for two lanes; a_swap_i: neighbours of A change
//             places; c_shift_i (one-hot distance): C is A from so many lanes up; neg_*: sign flipped
//             (neg_even_i: of C in even lanes); zero_i: A counts as 0; halves_i: chunks hold Lanes/2 elements, as those
//             of KInt do
//   sum_first_i, sum_last_i   KSum, KSumSq: the chains begin here; they end here, and go to the buffer
//   s_*       the stream (vec_load);  st_*  the store's chunks
//   scalar_*  result of lane 0, for DScalar;  word_o  first 64 bits of KWord
//   key_o, index_o, value_o   of KMax and KArgmax; after_i: the largest that comes behind the one before (vec_reduce);  bad_o   pulse: a value is not finite
// Latency: 3 cycles plus the lane's, then one a chunk.

module vec_pass #(
  parameter int Lanes = 16,
  parameter int Depth = 64,
  parameter int AddrW = $clog2(Depth) + 2
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                start_i,
  output logic                done_o,
  input  logic [3:0]          kind_i,
  input  logic [1:0]          limit_i,
  input  logic                unsigned_i,
  input  logic [7:0]          k_i,
  input  logic [1:0]          a_sel_i,
  input  logic [AddrW-1:0]    a_base_i,
  input  logic [AddrW-1:0]    a_os_i,
  input  logic                a_swap_i,
  input  logic [1:0]          b_sel_i,
  input  logic [AddrW-1:0]    b_base_i,
  input  logic [AddrW-1:0]    b_os_i,
  input  logic                b_step_i,
  input  logic                b_lane0_i,
  input  logic                b_twice_i,
  input  logic [1:0]          c_sel_i,
  input  logic [4:0]          c_shift_i,
  input  logic                neg_a_i,
  input  logic                neg_c_i,
  input  logic                neg_even_i,
  input  logic                zero_i,
  input  logic [1:0]          d_sel_i,
  input  logic [AddrW-1:0]    d_base_i,
  input  logic [AddrW-1:0]    d_os_i,
  input  logic                check_i,
  input  logic                halves_i,
  input  logic [24:0]         n_i,
  input  logic [24:0]         n_last_i,
  input  logic [24:0]         np_i,
  input  logic [24:0]         np_last_i,
  input  logic [24:0]         rows_i,
  input  logic                after_i,
  input  logic                sum_first_i,
  input  logic                sum_last_i,
  input  logic [31:0]         a_scalar_i,
  input  logic [31:0]         b_scalar_i,
  input  logic [31:0]         c_scalar_i,

  input  logic                s_valid_i,
  output logic                s_ready_o,
  input  logic [32*Lanes-1:0] s_data_i,
  output logic                st_valid_o,
  input  logic                st_ready_i,
  output logic [32*Lanes-1:0] st_data_o,

  output logic                scalar_valid_o,
  output logic [31:0]         scalar_o,
  output logic [63:0]         word_o,
  output logic [30:0]         key_o,
  output logic [24:0]         index_o,
  output logic [31:0]         value_o,
  output logic                bad_o,
  output logic                idle_o
);

  localparam int ChunkW = 32 * Lanes;
  localparam int Chains = 64 / Lanes;
  localparam int ChainW = $clog2(Chains);
  localparam int Slow   = (Chains >= 6) ? 1 : (6 + Chains - 1) / Chains;  // cycles a chunk of a sum
  localparam int Last   = 17;  // the longest way through a lane
  localparam int QueueD = 32;

  wire is_sum    = kind_i == vector_pkg::KSum || kind_i == vector_pkg::KSumSq;
  wire is_int    = kind_i == vector_pkg::KInt;
  wire is_quant  = kind_i == vector_pkg::KQuant;
  wire halves    = is_int || halves_i;
  wire is_reduce = kind_i == vector_pkg::KMax || kind_i == vector_pkg::KArgmax;

  // ------------------------------------------------------------------------------------------
  // Issue: a chunk a cycle, where its input is there and the queue has room for its result.
  // ------------------------------------------------------------------------------------------
  logic             active_q;
  logic [24:0]      rows_q, chunks_q, left_q;   // of the pass; of the row; elements of the row
  logic [24:0]      at_q;                       // chunk in the row
  logic [AddrW-1:0] a_row_q, b_row_q, d_row_q;
  logic [5:0]       pace_q, flying_q;
  logic [5:0]       level;
  logic             landed;

  wire [24:0] per   = halves ? 25'(Lanes / 2) : 25'(Lanes);
  wire        there = left_q != '0;
  wire        need  = a_sel_i == vector_pkg::AStream && there;
  wire        room  = d_sel_i != vector_pkg::DStore || 7'(level) + 7'(flying_q) < 7'(QueueD - 4);
  wire        go    = active_q && (!need || s_valid_i) && room && (!is_sum || pace_q == '0);
  wire        row_end = chunks_q == 25'd1;
  wire        pass_end = row_end && rows_q == 25'd1;
  assign s_ready_o = active_q && need && room && (!is_sum || pace_q == '0);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) active_q <= 1'b0;
    else if (start_i) active_q <= 1'b1;
    else if (go && pass_end) active_q <= 1'b0;
    if (start_i) begin
      rows_q   <= rows_i;
      chunks_q <= (rows_i == 25'd1) ? np_last_i : np_i;
      left_q   <= (rows_i == 25'd1) ? n_last_i : n_i;
      at_q     <= '0;
      a_row_q  <= a_base_i;
      b_row_q  <= b_base_i;
      d_row_q  <= d_base_i;
      pace_q   <= '0;
    end else if (go) begin
      pace_q <= 6'(Slow - 1);
      if (row_end) begin
        rows_q   <= rows_q - 25'd1;
        chunks_q <= (rows_q == 25'd2) ? np_last_i : np_i;
        left_q   <= (rows_q == 25'd2) ? n_last_i : n_i;
        at_q     <= '0;
        a_row_q  <= a_row_q + a_os_i;
        b_row_q  <= b_row_q + b_os_i;
        d_row_q  <= d_row_q + d_os_i;
      end else begin
        chunks_q <= chunks_q - 25'd1;
        left_q   <= (left_q > per) ? left_q - per : '0;
        at_q     <= at_q + 25'd1;
      end
    end else if (pace_q != '0) begin
      pace_q <= pace_q - 6'd1;
    end
    if (!rst_ni || start_i) flying_q <= '0;
    else flying_q <= flying_q + 6'(go) - 6'(landed);
  end

  wire [AddrW-1:0] at = AddrW'(at_q);
  wire [AddrW-1:0] a_addr = a_row_q + at;
  wire [AddrW-1:0] b_addr = !b_step_i ? b_row_q : b_row_q + (b_twice_i ? at >> 1 : at);
  wire [AddrW-1:0] d_addr = d_row_q + (is_sum ? AddrW'(at_q[ChainW-1:0]) : at);
  logic [Lanes-1:0] mask;
  always_comb begin
    for (int i = 0; i < Lanes; i++) mask[i] = 25'(i) < left_q && (!halves || i < Lanes / 2);
  end

  // What goes along with a chunk: index 0 with its operands at the lanes.
  localparam int TagW = 1 + 1 + 1 + 1 + ChainW + AddrW + Lanes;
  wire sum_write = sum_last_i && chunks_q <= 25'(Chains);
  wire [TagW-1:0] tag_new = {go, row_end, sum_first_i && at_q < 25'(Chains), is_sum ? sum_write : 1'b1,
                             at_q[ChainW-1:0], d_addr, mask};
  logic [TagW-1:0] tag1_q, tag_q [0:Last];
  logic [Last:0]   valid_q;
  logic            valid1_q;
  always_ff @(posedge clk_i) begin
    tag1_q   <= tag_new;
    tag_q[0] <= tag1_q;
    for (int i = 1; i <= Last; i++) tag_q[i] <= tag_q[i-1];
    if (!rst_ni || start_i) begin  // what landed must not land again further along
      valid1_q <= 1'b0;
      valid_q  <= '0;
    end else begin
      valid1_q <= go;
      valid_q  <= {valid_q[Last-1:0], valid1_q};
    end
  end

  // ------------------------------------------------------------------------------------------
  // The buffer: one copy for each of the two operands that it can give.
  // ------------------------------------------------------------------------------------------
  logic [ChunkW-1:0] mem_a [0:4*Depth-1];
  logic [ChunkW-1:0] mem_b [0:4*Depth-1];
  logic [ChunkW-1:0] a_mem_q, b_mem_q, s_q;
  logic              write;
  logic [AddrW-1:0]  write_addr;
  logic [ChunkW-1:0] result;
  always_ff @(posedge clk_i) begin
    if (write) mem_a[write_addr] <= result;
    a_mem_q <= mem_a[a_addr];
  end
  always_ff @(posedge clk_i) begin
    if (write) mem_b[write_addr] <= result;
    b_mem_q <= mem_b[b_addr];
  end
  always_ff @(posedge clk_i) s_q <= s_data_i;

  logic odd1_q, there1_q;  // B: which half is doubled
  always_ff @(posedge clk_i) begin
    odd1_q   <= at_q[0];
    there1_q <= there;
  end

  // ------------------------------------------------------------------------------------------
  // Operands, and the lanes.
  // ------------------------------------------------------------------------------------------
  wire [ChunkW-1:0] a1 = (a_sel_i == vector_pkg::AStream) ? s_q : a_mem_q;
  logic [ChunkW-1:0] a_q, b_q, c_q, int_q, y;
  logic              all_zero_q;

  logic             ending_q;  // from the start of a pass to its end: in between, kind_i is already the next one's
  wire              sum_mul  = kind_i == vector_pkg::KSumSq;
  wire [TagW-1:0]   tag_in   = sum_mul ? tag_q[5] : tag_q[0];
  wire [TagW-1:0]   tag_out  = sum_mul ? tag_q[10] : tag_q[5];
  wire              sum_there = ending_q && is_sum && (sum_mul ? valid_q[10] : valid_q[5]);

  for (genvar i = 0; i < Lanes; i++) begin : g_lane
    // Elements that are not there count as 0.
    wire [31:0] a_own  = a1[32*i +: 32];
    wire [31:0] a_swap = a1[32*(i^1) +: 32];
    wire [31:0] a_pick = (a_sel_i == vector_pkg::AScalar) ? a_scalar_i : a_swap_i ? a_swap : a_own;
    wire        keep   = tag1_q[i] && !zero_i;
    wire [31:0] a_new  = keep ? {a_pick[31] ^ neg_a_i, a_pick[30:0]} : 32'd0;
    wire [31:0] b_two  = odd1_q ? b_mem_q[32*(Lanes/2 + i/2) +: 32] : b_mem_q[32*(i/2) +: 32];
    wire [31:0] b_pick = b_lane0_i ? b_mem_q[31:0] : b_twice_i ? b_two : b_mem_q[32*i +: 32];
    logic [31:0] c_up;
    always_comb begin
      c_up = '0;
      for (int s = 0; s < 5; s++) begin
        if (c_shift_i[s] && i + (1 << s) < Lanes) c_up = a1[32*((i + (1 << s)) % Lanes) +: 32];
      end
    end
    wire [31:0] c_pick = (c_sel_i == vector_pkg::BScalar) ? c_scalar_i : (c_sel_i == vector_pkg::BSelf) ? c_up : b_pick;
    wire        neg_c  = neg_c_i || (neg_even_i && i % 2 == 0);
    always_ff @(posedge clk_i) begin
      a_q[32*i +: 32] <= a_new;
      b_q[32*i +: 32] <= (b_sel_i == vector_pkg::BScalar) ? b_scalar_i : (b_sel_i == vector_pkg::BSelf) ? a_new : b_pick;
      c_q[32*i +: 32] <= {c_pick[31] ^ neg_c, c_pick[30:0]};
    end

    localparam bit WithInt = i < Lanes / 2;
    wire [63:0] integer64 = (WithInt && !all_zero_q) ? int_q[64*(i % (Lanes/2)) +: 64] : 64'd0;
    vec_lane #(
      .Chains (Chains),
      .WithInt(WithInt)
    ) u_lane (
      .clk_i      (clk_i),
      .kind_i     (kind_i),
      .limit_i    (limit_i),
      .unsigned_i (unsigned_i),
      .k_i        (k_i),
      .a_i        (a_q[32*i +: 32]),
      .b_i        (b_q[32*i +: 32]),
      .c_i        (c_q[32*i +: 32]),
      .int_i      (integer64),
      .sum_in_i   (tag_in[Lanes+AddrW +: ChainW]),
      .sum_first_i(tag_in[TagW-3]),
      .sum_out_i  (tag_out[Lanes+AddrW +: ChainW]),
      .sum_valid_i(sum_there),
      .y_o        (y[32*i +: 32])
    );
  end
  always_ff @(posedge clk_i) begin
    int_q      <= a1;
    all_zero_q <= zero_i || !there1_q;
  end

  always_ff @(posedge clk_i) if (valid_q[0] && kind_i == vector_pkg::KWord) word_o <= int_q[63:0];

  // ------------------------------------------------------------------------------------------
  // Results.
  // ------------------------------------------------------------------------------------------
  logic [TagW-1:0] tag;
  logic            valid;
  always_comb begin
    case (kind_i)
      vector_pkg::KQuant:                                               {valid, tag} = {valid_q[3], tag_q[3]};
      vector_pkg::KMul, vector_pkg::KAdd, vector_pkg::KSum, vector_pkg::KHalf: {valid, tag} = {valid_q[5], tag_q[5]};
      vector_pkg::KInt:                                                 {valid, tag} = {valid_q[9], tag_q[9]};
      vector_pkg::KMulAdd, vector_pkg::KSumSq:                          {valid, tag} = {valid_q[10], tag_q[10]};
      vector_pkg::KSig:                                                 {valid, tag} = {valid_q[17], tag_q[17]};
      default:                                                          {valid, tag} = {valid_q[0], tag_q[0]};
    endcase
    valid = valid && ending_q;
  end
  assign landed     = valid;
  assign result     = y;
  assign write      = valid && d_sel_i == vector_pkg::DBuf && tag[TagW-4];
  assign write_addr = tag[Lanes +: AddrW];
  assign scalar_valid_o = valid && d_sel_i == vector_pkg::DScalar;
  assign scalar_o       = y[31:0];

  logic [Lanes-1:0] bads;
  for (genvar i = 0; i < Lanes; i++) begin : g_bad
    assign bads[i] = tag[i] && (&y[32*i+23 +: 8]);
  end
  logic bad_q, reduce_bad;
  always_ff @(posedge clk_i) bad_q <= rst_ni && valid && check_i && d_sel_i == vector_pkg::DStore && bads != '0;

  // Packer: chunks of narrow elements become chunks of words.
  wire [1:0]         ratio = (halves || (is_quant && limit_i == 2'd0)) ? 2'd1 : is_quant ? 2'd3 : 2'd0;  // pieces a chunk - 1
  logic [1:0]        piece_q;
  logic [ChunkW-1:0] pack_q, pack, narrow16, narrow8;
  wire               st_new  = valid && d_sel_i == vector_pkg::DStore;
  wire               st_push = st_new && (piece_q == ratio || tag[TagW-2]);
  for (genvar i = 0; i < Lanes; i++) begin : g_narrow
    wire [15:0] q = tag[i] ? y[32*i +: 16] : 16'd0;
    assign narrow16[16*i +: 16]                = q;
    assign narrow16[ChunkW/2 + 16*i +: 16]     = q;
    for (genvar j = 0; j < 4; j++) begin : g_byte
      assign narrow8[ChunkW/4*j + 8*i +: 8] = q[7:0];
    end
  end
  always_comb begin
    pack = pack_q;
    if (ratio == 2'd0) pack = y;
    else if (ratio == 2'd3) begin
      for (int j = 0; j < 4; j++) begin
        if (32'(piece_q) == j) pack[ChunkW/4*j +: ChunkW/4] = narrow8[ChunkW/4*j +: ChunkW/4];
      end
    end else if (halves) begin
      if (piece_q[0]) pack[ChunkW/2 +: ChunkW/2] = y[0 +: ChunkW/2];
      else pack[0 +: ChunkW/2] = y[0 +: ChunkW/2];
    end else begin
      if (piece_q[0]) pack[ChunkW/2 +: ChunkW/2] = narrow16[ChunkW/2 +: ChunkW/2];
      else pack[0 +: ChunkW/2] = narrow16[0 +: ChunkW/2];
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni || start_i || st_push) piece_q <= '0;
    else if (st_new) piece_q <= piece_q + 2'd1;
    if (st_new) pack_q <= pack;
  end

  fifo #(
    .Width(ChunkW),
    .Depth(QueueD),
    .LevelW(6)
  ) u_queue (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .clear_i(1'b0),
    .valid_i(st_push),
    .ready_o(),
    .data_i (pack),
    .valid_o(st_valid_o),
    .ready_i(st_ready_i),
    .data_o (st_data_o),
    .level_o(level)
  );

  // ------------------------------------------------------------------------------------------
  // Maxima, and the end.
  // ------------------------------------------------------------------------------------------
  logic fold, reduced, done_q;
  wire  landed_all = flying_q == '0 && !active_q;
  assign fold = ending_q && landed_all && is_reduce && !done_q && !folded_q;
  logic folded_q;

  vec_reduce #(
    .Lanes(Lanes)
  ) u_reduce (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .start_i(start_i && is_reduce),
    .value_i(kind_i == vector_pkg::KArgmax),
    .after_i(after_i),
    .valid_i(valid_q[0] && is_reduce),
    .mask_i (tag_q[0][Lanes-1:0]),
    .a_i    (a_q),
    .fold_i (fold),
    .done_o (reduced),
    .key_o  (key_o),
    .index_o(index_o),
    .value_o(value_o),
    .bad_o  (reduce_bad)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ending_q <= 1'b0;
      folded_q <= 1'b0;
      done_q   <= 1'b0;
    end else begin
      done_q <= ending_q && !done_q && landed_all && (!is_reduce || reduced);
      if (start_i) ending_q <= 1'b1;
      else if (done_q) ending_q <= 1'b0;
      folded_q <= !start_i && (folded_q || fold);
    end
  end
  assign done_o = done_q;
  assign bad_o  = bad_q || (done_q && is_reduce && reduce_bad);
  assign idle_o = level == '0;

  wire unused = &{1'b0, tag[TagW-1], tag[TagW-3], tag[Lanes+AddrW +: ChainW], tag_in, tag_out, tag1_q};

endmodule
