// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Largest magnitude, or largest value with its lowest index, of a row of finite binary32.
//
// Parameters: Lanes.
// Ports
//   start_i   pulse before a row; value_i: compare values, else magnitudes; after_i: of the values, only those that come behind
//             the last result, in descending order, of equal ones the lower index first
//   valid_i, mask_i, a_i   a chunk and which of its lanes count
//   fold_i    pulse after the last chunk; done_o pulses when the results are there
//   key_o     magnitude (value_i 0);  index_o, value_o   (value_i 1);  bad_o   an element was not finite
// Latency: log2(Lanes) + 1 cycles from fold_i to done_o.

module vec_reduce #(
  parameter int Lanes = 16
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                start_i,
  input  logic                value_i,
  input  logic                after_i,
  input  logic                valid_i,
  input  logic [Lanes-1:0]    mask_i,
  input  logic [32*Lanes-1:0] a_i,
  input  logic                fold_i,
  output logic                done_o,
  output logic [30:0]         key_o,
  output logic [24:0]         index_o,
  output logic [31:0]         value_o,
  output logic                bad_o
);

  localparam int LanesW = $clog2(Lanes);

  logic [31:0]      key_q   [0:Lanes-1];
  logic [24:0]      index_q [0:Lanes-1];
  logic [Lanes-1:0] minus_q;             // the largest so far is a -0
  logic [31:0]      bound_q;             // the last result
  logic [24:0]      bound_at_q;
  logic             bounded_q;
  logic [Lanes-1:0] bads;
  logic [24:0]      base_q;
  logic             bad_q, value_q, folding_q;
  logic [LanesW:0]  half_q;   // lanes half_q.. fold onto 0..

  for (genvar i = 0; i < Lanes; i++) begin : g_lane
    wire [31:0] a   = a_i[32*i +: 32];
    // An order of unsigned integers; -0 is as large as +0.
    wire [31:0] up  = (a[30:0] == '0) ? 32'h8000_0000 : a[31] ? ~a : {1'b1, a[30:0]};
    wire [31:0] key = value_q ? up : {1'b0, a[30:0]};
    wire        minus  = a == 32'h8000_0000;
    wire        behind = key < bound_q || (key == bound_q && base_q + 25'(i) > bound_at_q);
    logic        other_minus;
    logic [31:0] other_key;
    logic [24:0] other_index;
    always_comb begin
      other_key   = '0;
      other_index = '0;
      other_minus = 1'b0;
      for (int s = 0; s < LanesW; s++) begin
        if (i < (1 << s) && half_q == (LanesW + 1)'(1 << s)) begin
          other_key   = key_q[(i + (1 << s)) % Lanes];
          other_index = index_q[(i + (1 << s)) % Lanes];
          other_minus = minus_q[(i + (1 << s)) % Lanes];
        end
      end
    end
    assign bads[i] = mask_i[i] && (&a[30:23]);
    always_ff @(posedge clk_i) begin
      if (start_i) begin
        key_q[i]   <= '0;
        index_q[i] <= '0;
        minus_q[i] <= 1'b0;
      end else if (valid_i && mask_i[i] && key > key_q[i] && (!bounded_q || behind)) begin
        key_q[i]   <= key;
        minus_q[i] <= minus;
        index_q[i] <= base_q + 25'(i);
      end else if (folding_q && (other_key > key_q[i] || (other_key == key_q[i] && other_index < index_q[i] && i < 32'(half_q)))) begin
        key_q[i]   <= other_key;
        minus_q[i] <= other_minus;
        index_q[i] <= other_index;
      end
    end
  end

  logic done_q;
  always_ff @(posedge clk_i) begin
    if (start_i) begin
      base_q     <= '0;
      bad_q      <= 1'b0;
      value_q    <= value_i;
      bounded_q  <= value_i && after_i;
      bound_q    <= key_q[0];
      bound_at_q <= index_q[0];
    end else if (valid_i) begin
      base_q <= base_q + 25'(Lanes);
      bad_q  <= bad_q || bads != '0;
    end
    if (fold_i) half_q <= (LanesW + 1)'(Lanes / 2);
    else half_q <= half_q >> 1;
    if (!rst_ni) begin
      folding_q <= 1'b0;
      done_q    <= 1'b0;
    end else begin
      folding_q <= fold_i || (folding_q && half_q > (LanesW + 1)'(1));
      done_q    <= folding_q && half_q == (LanesW + 1)'(1);
    end
  end

  assign done_o  = done_q;
  assign key_o   = key_q[0][30:0];
  assign index_o = index_q[0];
  assign value_o = key_q[0][31] ? {minus_q[0], key_q[0][30:0]} : ~key_q[0];
  assign bad_o   = bad_q;

endmodule
