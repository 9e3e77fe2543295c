// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Whether the vector unit can do a command: operation, codec, shape, addresses (docs/device.md).
//
// Parameters: Words, elements of a region of the buffer (ROPE: a row must fit; ATTN_SCALE: twice).
// Ports: cmd_i, the record; error_o, ErrNone or why not. div_* is a division that the unit needs before
// it begins: div_num_o / div_den_o.
// Latency: none.

module vec_check #(
  parameter int Words = 1024
) (
  input  logic [511:0] cmd_i,
  output logic [3:0]   error_o,
  output logic [24:0]  div_num_o,
  output logic [24:0]  div_den_o
);

  localparam logic [24:0] Max = 25'd16777216;

  wire [7:0]  op    = cmd_i[7:0];
  wire [7:0]  codec = cmd_i[15:8];
  wire [15:0] batch = cmd_i[31:16];
  wire [31:0] rows  = cmd_i[63:32];
  wire [31:0] cols  = cmd_i[95:64];
  wire [63:0] wei   = cmd_i[191:128];
  wire [63:0] src   = cmd_i[255:192];
  wire [63:0] dst   = cmd_i[319:256];
  wire [63:0] aux   = cmd_i[383:320];
  wire [31:0] p0    = cmd_i[415:384];
  wire [31:0] p1    = cmd_i[447:416];
  wire [31:0] p2    = cmd_i[479:448];
  wire [31:0] p3    = cmd_i[511:480];

  logic        known, use_codec, need_rows, need_cols, bad_more;
  logic        use_wei, use_src, use_aux, line_src, line_dst, line_aux;
  wire signed [31:0] scale_exp = p0;
  wire bad_exp = scale_exp < -32'sd4096 || scale_exp > 32'sd4096;

  // A place in a KV cache.
  wire bad_cache = codec > 8'd31 || rows > 32'd65536 || cols > 32'd4096 || p1 == '0 || p1[5:0] != '0 ||
                   p1 > 32'd1048576 || p0 > p1 || p0 + 32'(batch) > p1;

  always_comb begin
    known     = 1'b1;
    use_codec = 1'b0;
    need_rows = 1'b0;
    need_cols = 1'b1;
    bad_more  = 1'b0;
    use_wei   = 1'b0;
    use_src   = 1'b1;
    use_aux   = 1'b0;
    line_src  = 1'b0;
    line_dst  = 1'b0;
    line_aux  = 1'b0;
    case (op)
      vector_pkg::OpQuantize: {use_codec, use_aux, line_dst} = 3'b111;
      vector_pkg::OpScale: begin
        {use_codec, use_aux, line_src, need_rows} = 4'b1111;
        need_cols = 1'b0;
        bad_more  = bad_exp;
      end
      vector_pkg::OpEmbed: begin
        {use_wei, need_rows} = 2'b11;
        bad_more = bad_exp || p2 < ((p1 != '0) ? cols : (cols + 32'd1) >> 1);
      end
      vector_pkg::OpRmsnorm: {use_wei, need_rows} = 2'b11;
      vector_pkg::OpLayernorm: {use_wei, use_aux, need_rows} = 3'b111;
      vector_pkg::OpRope: begin
        {use_aux, need_rows} = 2'b11;
        use_src  = 1'b0;
        bad_more = cols[0] || p0 > 32'd1 || cols > Words;
      end
      vector_pkg::OpSiluMul, vector_pkg::OpGeluMul: use_aux = 1'b1;
      vector_pkg::OpAdd: bad_more = codec > 8'd1;
      vector_pkg::OpGather, vector_pkg::OpScatter: {use_aux, need_rows} = 2'b11;
      vector_pkg::OpArgmax: ;
      vector_pkg::OpTopk: begin
        use_aux  = 1'b1;
        bad_more = p1 == '0 || p1 > 32'd64 || p1 > cols;
      end
      vector_pkg::OpQuantizeKv: begin
        {use_aux, line_dst, need_rows} = 3'b111;
        bad_more = bad_cache;
      end
      vector_pkg::OpQuantizeQ: begin
        {use_wei, use_aux, need_rows} = 3'b111;
        bad_more = bad_cache || p3 == '0 || p3 > rows;
      end
      vector_pkg::OpAttnScale: begin
        {use_aux, line_src, line_aux, need_rows} = 4'b1111;
        bad_more = codec > 8'd31 || rows > 32'd65536 || cols > Words / 2 || p3 == '0 || p3 > rows;
      end
      default: known = 1'b0;
    endcase
  end

  // A packed table other than fp16 is not for this unit: its lanes have no generators.
  wire bad_codec = (use_codec && codec > 8'd3) || (op == vector_pkg::OpEmbed && p1 == '0 && codec != 8'd0);
  wire bad_shape = batch == '0 || batch > 16'd1024 || rows > 32'(Max) || cols > 32'(Max) || (need_rows && rows == '0) ||
                   (need_cols && cols == '0) || bad_more;
  wire [63:0] used  = dst | (use_wei ? wei : '0) | (use_src ? src : '0) | (use_aux ? aux : '0);
  wire [63:0] lines = (line_src ? src : '0) | (line_dst ? dst : '0) | (line_aux ? aux : '0);
  wire bad_align = used[63:seedbed_pkg::AddrBits] != '0 || used[1:0] != '0 || lines[5:0] != '0;

  assign error_o = !known     ? seedbed_pkg::ErrOp
                   : bad_codec ? seedbed_pkg::ErrCodec
                   : bad_shape ? seedbed_pkg::ErrShape
                   : bad_align ? seedbed_pkg::ErrAlign : seedbed_pkg::ErrNone;
  wire groups = op == vector_pkg::OpAttnScale || op == vector_pkg::OpQuantizeQ;
  assign div_num_o = groups ? rows[24:0] : cols[24:0] + 25'd11;
  assign div_den_o = groups ? p3[24:0] : 25'd12;

  wire unused = &{1'b0, cmd_i[127:96], used, lines};

endmodule
