// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// What a record asks of the core: is it acceptable, and how many beats are its activations and weights?
//
// Parameters: BusW, Codecs, ActCap, MaxBatch, Units (see cmd_fetch).
// Ports
//   rec_i      a record (docs/device.md)
//   error_o    ErrNone or why the command is refused; what a unit does not know it refuses itself
//   words_o    main words of a row;  beats1_o: beats of a row group, main and side
//   abeats_o   beats of the activations of all vectors
//   groups1_o  row groups - 1
// All but error_o are of meaning for an acceptable MATVEC only. Latency: none.

module cmd_shape #(
  parameter int         BusW     = 512,
  parameter logic [3:0] Codecs   = 4'b1111,
  parameter int         ActCap   = 65536,
  parameter int         MaxBatch = 16,
  parameter logic [1:0] Units    = 2'b00
) (
  input  logic [511:0] rec_i,
  output logic [3:0]   error_o,
  output logic [16:0]  words_o,
  output logic [16:0]  beats1_o,
  output logic [21:0]  abeats_o,
  output logic [23:0]  groups1_o
);

  localparam int LanesW = $clog2(BusW / 32);
  localparam int BytesW = $clog2(BusW / 8);
  localparam int AlignW = (BytesW > 6) ? BytesW : 6;
  localparam int BeatE  = BusW / 16;  // activations a beat
  localparam int BeatEW = $clog2(BeatE);
  // Aligned, and so low that no range wraps.
  localparam logic [63:0] BadAddr = ~(64'd0) << seedbed_pkg::AddrBits | ((64'd1 << AlignW) - 64'd1);

  wire [7:0]  f_op    = rec_i[7:0];
  wire [7:0]  f_codec = rec_i[15:8];
  wire [15:0] f_batch = rec_i[31:16];
  wire [31:0] f_rows  = rec_i[63:32];
  wire [31:0] f_cols  = rec_i[95:64];
  wire [63:0] f_wei   = rec_i[191:128];
  wire [63:0] f_src   = rec_i[255:192];
  wire [63:0] f_dst   = rec_i[319:256];

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
  function automatic logic [15:0] times(input logic [11:0] n, input logic [3:0] m);
    times = '0;
    for (int i = 0; i < 4; i++) times = times + ((16'(n) & {16{m[i]}}) << i);
  endfunction

  wire is_fp16    = f_codec == 8'd0;
  wire is_seedlm3 = f_codec == 8'd3;
  wire has_side   = f_codec == 8'd1 || f_codec == 8'd3;

  // cols is bounded by the activation buffer, so 17 bits do after the check.
  wire [16:0] cols17 = f_cols[16:0];
  wire [16:0] by8    = (cols17 + 17'd7) >> 3;
  wire [16:0] by12   = div12(cols17);
  wire [17:0] elems  = is_seedlm3 ? {by12[13:0], 4'd0} : {by8[14:0], 3'd0};
  // All vectors but the last are a multiple of 32 elements; results, of 8 rows.
  wire [3:0]  more   = (MaxBatch > 1) ? f_batch[3:0] - 4'd1 : 4'd0;
  wire [11:0] vec32  = 12'((elems + 18'd31) >> 5);
  wire [21:0] span   = 22'(elems) + {1'b0, times(vec32, more), 5'd0};
  wire        odd8   = 1'((f_rows[3:0] + 4'd7) >> 3);

  assign words_o   = is_fp16 ? (cols17 + 17'd1) >> 1 : is_seedlm3 ? by12 : by8;
  assign beats1_o  = words_o + (has_side ? (words_o + 17'd7) >> 3 : 17'd0);
  assign abeats_o  = (span + 22'(BeatE - 1)) >> BeatEW;
  assign groups1_o = (f_rows[23:0] - 24'd1) >> LanesW;

  wire       is_nop    = f_op == seedbed_pkg::OpNop;
  wire       is_matvec = f_op == seedbed_pkg::OpMatvec;
  wire       is_attn   = f_op == seedbed_pkg::OpAttention;
  wire [1:0] of_unit   = Units & {!is_nop && !is_matvec && !is_attn, is_attn};

  wire bad_op    = !is_nop && !is_matvec && of_unit == 2'b00;
  wire bad_codec = f_codec > 8'd3 || !Codecs[f_codec[1:0]];
  wire bad_shape = f_rows == '0 || f_rows[31:24] != '0 || f_cols == '0 || f_cols > 32'd65536 ||
                   f_batch == '0 || f_batch > 16'(MaxBatch) || (abeats_o << BeatEW) > 22'(ActCap);
  wire bad_align = ((f_wei | f_src | f_dst) & BadAddr) != '0 ||
                   (BusW > 512 && more != 4'd0 && odd8);

  always_comb begin
    error_o = seedbed_pkg::ErrNone;
    if (bad_op) error_o = seedbed_pkg::ErrOp;
    else if (is_matvec) begin
      if (bad_codec) error_o = seedbed_pkg::ErrCodec;
      else if (bad_shape) error_o = seedbed_pkg::ErrShape;
      else if (bad_align) error_o = seedbed_pkg::ErrAlign;
    end
  end

  wire unused = &{1'b0, rec_i[127:96], rec_i[511:320]};

endmodule
