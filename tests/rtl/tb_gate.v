// SPDX-License-Identifier: Apache-2.0
// The iCEBreaker's netlist beside its RTL: the same bytes to both, every cycle their line compared, and what
// they send written to a file. Bytes come from +in=FILE (hex, one a line; ffff: wait until the board has been silent for a while).
`timescale 1ns / 1ps

module tb_gate;
  parameter ClksPerBit = 2;
  reg clk = 0, rx = 1, reset_n = 0;
  wire tx_rtl, tx_gate, r1, r2, g1, g2;
  icebreaker_rtl  rtl  (.CLK(clk), .BTN_N(reset_n), .RX(rx), .TX(tx_rtl),  .LEDR_N(r1), .LEDG_N(g1));
  icebreaker_gate gate (.CLK(clk), .BTN_N(reset_n), .RX(rx), .TX(tx_gate), .LEDR_N(r2), .LEDG_N(g2));

  always #5 clk = !clk;

  integer in, out, code, i, cycles, differ, silent;
  reg [15:0] item;
  reg [8*256:1] name;

  // Outputs settle within a cycle; look just before the next edge.
  always @(negedge clk) begin
    cycles = cycles + 1;
    if (reset_n && cycles > 64 && (tx_rtl !== tx_gate || r1 !== r2 || g1 !== g2)) begin
      differ = differ + 1;
      if (differ < 5) $display("cycle %0d: the netlist differs: tx %b %b, leds %b%b %b%b", cycles, tx_rtl, tx_gate, r1, g1, r2, g2);
    end
    silent = (tx_rtl === 1'b1 && r1 === 1'b1) ? silent + 1 : 0;
  end

  // A receiver of its own, on the netlist's line.
  integer bits;
  reg [9:0] shift;
  always begin
    @(negedge clk);
    if (reset_n && cycles > 64 && tx_gate === 1'b0) begin
      shift = 10'd0;
      for (bits = 1; bits < 10; bits = bits + 1) begin
        repeat (ClksPerBit) @(negedge clk);
        shift = {tx_gate, shift[9:1]};
      end
      $fwrite(out, "%02x\n", shift[8:1]);
    end
  end

  task send(input [7:0] b);
    integer k;
    reg [9:0] line;
    begin
      line = {1'b1, b, 1'b0};
      for (k = 0; k < 10; k = k + 1) begin
        rx = line[k];
        repeat (ClksPerBit) @(negedge clk);
      end
    end
  endtask

  initial begin
    cycles = 0; differ = 0; silent = 0;
    if (!$value$plusargs("in=%s", name)) $finish;
    in = $fopen(name, "r");
    if (!$value$plusargs("out=%s", name)) $finish;
    out = $fopen(name, "w");
    repeat (20) @(negedge clk);
    reset_n = 1;
    repeat (60) @(negedge clk);
    while ($fscanf(in, "%h", item) == 1) begin
      if (item == 16'hffff) begin
        silent = 0;
        while (silent < 400) @(negedge clk);
      end else begin
        send(item[7:0]);
      end
    end
    $fclose(out);
    $display("cycles %0d, differing %0d", cycles, differ);
    $finish;
  end
endmodule
