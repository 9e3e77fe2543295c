// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// The KV heads of a record that are one unit's, of Ports units: Index, Index + Ports, ...: where the first of them lies, and
// how far it is from the end of each to the next.
//
// What belongs to a KV head is contiguous: its records in src, its rows in dst, its part of the cache, its exported rows. How
// long that is comes out of the bits of heads / kv_heads (the heads of a group) by shift and add, as they are found.
//
// Parameters: Ports 1..8, Index 0..Ports-1. With one unit all outputs are inputs.
// Ports (lengths and addresses in 64 bytes)
//   start_i       pulse in the cycle before the first step_i; batch, kv_heads and *_words are valid in the cycle after it at the
//                 latest, the rest when end_i is, and stable until the unit is done
//   step_i        bit_i is the next bit of the group's heads, highest first; end_i level: they are all given
//   ready_o       level: the outputs are valid in the next cycle
//   batch .. region   of the record: rec_words of a query record, row_words of a result row, exp_words of an exported row,
//                 region of a KV head's part of the cache
//   src .. exp    where query records, cache, result rows, exported rows begin: of all heads in, of the first own one out
//   heads_o       KV heads from the first own one on; none_o: there is none
//   rows_o        result rows of a KV head
//   src_step_o, dst_step_o   from a KV head's last record, row to the next own one's first; kv_step_o from its part of the
//                 cache to the next own one's; exp_skip_o exported words in between
// Latency: ready two cycles after end_i; with one unit none.

module attn_share #(
  parameter int Ports = 1,
  parameter int Index = 0
) (
  input  logic        clk_i,
  input  logic        start_i,
  input  logic        step_i,
  input  logic        bit_i,
  input  logic        end_i,
  output logic        ready_o,

  input  logic [10:0] batch_i,
  input  logic [11:0] kv_heads_i,
  input  logic [3:0]  rec_words_i,
  input  logic [5:0]  row_words_i,
  input  logic [16:0] exp_words_i,
  input  logic [26:0] region_i,
  input  logic [57:0] src_i,
  input  logic [57:0] kv_i,
  input  logic [57:0] dst_i,
  input  logic [57:0] exp_i,

  output logic [11:0] heads_o,
  output logic        none_o,
  output logic [21:0] rows_o,
  output logic [57:0] src_o,
  output logic [57:0] kv_o,
  output logic [57:0] dst_o,
  output logic [57:0] exp_o,
  output logic [31:0] src_step_o,
  output logic [31:0] kv_step_o,
  output logic [31:0] dst_step_o,
  output logic [31:0] exp_skip_o
);

  initial if (Ports < 1 || Ports > 8 || Index < 0 || Index >= Ports) $fatal(1, "attn_share: Ports 1..8, Index below");

  if (Ports > 1) begin : g_share
    // n * k for a constant k up to 15, without a multiplier
    function automatic logic [31:0] times(input logic [31:0] n, input logic [3:0] k);
      times = (k[0] ? n : 32'd0) + (k[1] ? n << 1 : 32'd0) + (k[2] ? n << 2 : 32'd0) + (k[3] ? n << 3 : 32'd0);
    endfunction

    logic        step_q, bit_q;
    logic [1:0]  end_q;
    logic [14:0] token_rec_q;                      // of a token's records, of one head
    logic [13:0] row_lo_q, row_hi_q;
    logic [16:0] token_row_q, exp_words_q;
    logic [21:0] rows_q;
    logic [31:0] rec_q, row_q, exp_q;              // of a KV head
    logic [31:0] rec_first_q, row_first_q, exp_first_q, kv_first_q;
    logic [31:0] rec_skip_q, row_skip_q, exp_skip_q, kv_step_q;
    logic [31:0] src_step_q, dst_step_q;
    logic [57:0] src_q, kv_q, dst_q, exp_base_q;

    always_ff @(posedge clk_i) begin
      step_q      <= step_i;
      bit_q       <= bit_i;
      end_q       <= {end_q[0] && end_i, end_i};
      token_rec_q <= 15'(times({21'd0, batch_i}, rec_words_i));
      row_lo_q    <= 14'(times({21'd0, batch_i}, {1'b0, row_words_i[2:0]}));
      row_hi_q    <= 14'(times({21'd0, batch_i}, {1'b0, row_words_i[5:3]}));
      token_row_q <= {3'd0, row_lo_q} + {row_hi_q, 3'd0};
      exp_words_q <= exp_words_i;
      if (start_i) begin
        rows_q <= '0;
        rec_q  <= '0;
        row_q  <= '0;
        exp_q  <= '0;
      end else if (step_q) begin
        rows_q <= {rows_q[20:0], 1'b0} + (bit_q ? {11'd0, batch_i} : 22'd0);
        rec_q  <= {rec_q[30:0], 1'b0} + (bit_q ? {17'd0, token_rec_q} : 32'd0);
        row_q  <= {row_q[30:0], 1'b0} + (bit_q ? {15'd0, token_row_q} : 32'd0);
        exp_q  <= {exp_q[30:0], 1'b0} + (bit_q ? {15'd0, exp_words_q} : 32'd0);
      end
      rec_first_q <= times(rec_q, 4'(Index));
      row_first_q <= times(row_q, 4'(Index));
      exp_first_q <= times(exp_q, 4'(Index));
      kv_first_q  <= times({5'd0, region_i}, 4'(Index));
      rec_skip_q  <= times(rec_q, 4'(Ports - 1));
      row_skip_q  <= times(row_q, 4'(Ports - 1));
      exp_skip_q  <= times(exp_q, 4'(Ports - 1));
      kv_step_q   <= times({5'd0, region_i}, 4'(Ports));
      src_step_q  <= rec_skip_q + {28'd0, rec_words_i};
      dst_step_q  <= row_skip_q + {26'd0, row_words_i};
      src_q       <= src_i + {26'd0, rec_first_q};
      kv_q        <= kv_i + {26'd0, kv_first_q};
      dst_q       <= dst_i + {26'd0, row_first_q};
      exp_base_q  <= exp_i + {26'd0, exp_first_q};
    end

    assign ready_o    = end_q[1];
    assign none_o     = kv_heads_i <= 12'(Index);
    assign heads_o    = kv_heads_i - 12'(Index);
    assign rows_o     = rows_q;
    assign src_o      = src_q;
    assign kv_o       = kv_q;
    assign dst_o      = dst_q;
    assign exp_o      = exp_base_q;
    assign src_step_o = src_step_q;
    assign kv_step_o  = kv_step_q;
    assign dst_step_o = dst_step_q;
    assign exp_skip_o = exp_skip_q;
  end else begin : g_all
    assign ready_o    = end_i;
    assign none_o     = 1'b0;
    assign heads_o    = kv_heads_i;
    assign rows_o     = '0;
    assign src_o      = src_i;
    assign kv_o       = kv_i;
    assign dst_o      = dst_i;
    assign exp_o      = exp_i;
    assign src_step_o = {28'd0, rec_words_i};
    assign kv_step_o  = {5'd0, region_i};
    assign dst_step_o = {26'd0, row_words_i};
    assign exp_skip_o = '0;
    wire unused = &{1'b0, clk_i, start_i, step_i, bit_i, batch_i, exp_words_i};
  end

endmodule
