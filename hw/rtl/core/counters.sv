// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Cycle and event counters of docs/device.md. Exactly one class is given for each running cycle, so
// counters 1..7, 11 and 12 add up to counter 0. The cycle classes are those of port 0, the beats those of all ports.
//
// Parameters: Ports; Units, bit i: that unit is built in (without it its counter stays 0)
// Ports
//   clear_i   set all to zero (the cycle is not counted)
//   run_i     count this cycle
//   class_i   one-hot class (seedbed_pkg::Class*)
//   rbeat_i, wbeat_i (a bit a port), cmd_i   events
//   values_o  13 x 64 bits, counter i at 64*i
//   beats_o   for each port 64 bits of read beats, then 64 bits of write beats

module counters #(
  parameter int         Ports = 1,
  parameter logic [1:0] Units = 2'b00
) (
  input  logic                                 clk_i,
  input  logic                                 rst_ni,
  input  logic                                 clear_i,
  input  logic                                 run_i,
  input  logic [seedbed_pkg::NumClasses-1:0]   class_i,
  input  logic [Ports-1:0]                     rbeat_i,
  input  logic [Ports-1:0]                     wbeat_i,
  input  logic                                 cmd_i,
  output logic [64*seedbed_pkg::NumCounters-1:0] values_o,
  output logic [128*Ports-1:0]                 beats_o
);

  function automatic logic [3:0] ones(input logic [Ports-1:0] bits);
    ones = '0;
    for (int p = 0; p < Ports; p++) ones = ones + {3'd0, bits[p]};
  endfunction

  // How far each counter steps.
  logic [4*seedbed_pkg::NumCounters-1:0] step;
  always_comb begin
    step = '0;
    step[0] = run_i;
    for (int i = 0; i < seedbed_pkg::ClassAttend; i++) step[4*(i+1)] = class_i[i] && run_i;
    step[4*8 +: 4]  = ones(rbeat_i);
    step[4*9 +: 4]  = ones(wbeat_i);
    step[4*10]      = cmd_i;
    step[4*11]      = class_i[seedbed_pkg::ClassAttend] && run_i;
    step[4*12]      = class_i[seedbed_pkg::ClassVector] && run_i;
  end

  for (genvar i = 0; i < seedbed_pkg::NumCounters; i++) begin : g_counter
    if (i < 11 || Units[(i - 11) & 1]) begin : g_built
      logic [63:0] count_q;
      always_ff @(posedge clk_i) begin
        if (!rst_ni || clear_i) count_q <= '0;
        else count_q <= count_q + {60'd0, step[4*i +: 4]};
      end
      assign values_o[64*i +: 64] = count_q;
    end else begin : g_absent
      assign values_o[64*i +: 64] = '0;
      wire unused_step = &{1'b0, step[4*i +: 4]};
    end
  end

  if (Ports == 1) begin : g_one
    assign beats_o = values_o[64*8 +: 128];
  end else begin : g_beats
    for (genvar p = 0; p < Ports; p++) begin : g_port
      logic [63:0] reads_q, writes_q;
      always_ff @(posedge clk_i) begin
        if (!rst_ni || clear_i) begin
          reads_q  <= '0;
          writes_q <= '0;
        end else begin
          reads_q  <= reads_q + {63'd0, rbeat_i[p]};
          writes_q <= writes_q + {63'd0, wbeat_i[p]};
        end
      end
      assign beats_o[128*p +: 128] = {writes_q, reads_q};
    end
  end

`ifdef FORMAL
  logic past_q = 1'b0;
  wire  f_one_class = class_i != '0 && (class_i & (class_i - 1'b1)) == '0;
  always_ff @(posedge clk_i) begin
    past_q <= 1'b1;
`ifdef PROVE_COUNTERS
    if (!past_q) assume (!rst_ni);
    if (run_i) assume (f_one_class);
`else
    if (run_i && rst_ni) assert (f_one_class);
`endif
    // Each counter steps by its event, and of the nine classes exactly one steps with the total: so they
    // add up to it. (The sum as such, ten 64-bit terms, is beyond the solver; its two low bits are not.)
    if (past_q) begin
      assert (values_o[1:0] == values_o[65:64] + values_o[129:128] + values_o[193:192]
              + values_o[257:256] + values_o[321:320] + values_o[385:384] + values_o[449:448]
              + values_o[705:704] + values_o[769:768]);
    end
    if (past_q && $past(rst_ni)) begin
      for (int i = 0; i < seedbed_pkg::NumCounters; i++) begin
        assert (values_o[64*i +: 64] == ($past(clear_i) ? 64'd0 : $past(values_o[64*i +: 64]) + 64'($past(step[4*i +: 4]))));
      end
      assert ($past(step[0]) == ($past({step[4], step[8], step[12], step[16], step[20], step[24], step[28], step[44], step[48]}) != '0));
    end
  end
`endif

endmodule
