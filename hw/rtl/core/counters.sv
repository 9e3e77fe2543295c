// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Cycle and event counters of docs/device.md. Exactly one class is given for each running cycle, so
// counters 1..6 add up to counter 0.
//
// Ports
//   clear_i   set all to zero (the cycle is not counted)
//   run_i     count this cycle
//   class_i   one-hot class (seedbed_pkg::Class*)
//   rbeat_i, wbeat_i, cmd_i   events
//   values_o  11 x 64 bits, counter i at 64*i; counter 7 is reserved and reads 0

module counters (
  input  logic                                 clk_i,
  input  logic                                 rst_ni,
  input  logic                                 clear_i,
  input  logic                                 run_i,
  input  logic [seedbed_pkg::NumClasses-1:0]   class_i,
  input  logic                                 rbeat_i,
  input  logic                                 wbeat_i,
  input  logic                                 cmd_i,
  output logic [64*seedbed_pkg::NumCounters-1:0] values_o
);

  wire [seedbed_pkg::NumCounters-1:0] event_now = {
    cmd_i, wbeat_i, rbeat_i, 1'b0, class_i & {seedbed_pkg::NumClasses{run_i}}, run_i
  };

  for (genvar i = 0; i < seedbed_pkg::NumCounters; i++) begin : g_counter
    if (i == 7) begin : g_reserved
      assign values_o[64*i +: 64] = '0;
    end else begin : g_count
      logic [63:0] count_q;
      always_ff @(posedge clk_i) begin
        if (!rst_ni || clear_i) count_q <= '0;
        else if (event_now[i]) count_q <= count_q + 64'd1;
      end
      assign values_o[64*i +: 64] = count_q;
    end
  end

  wire unused = &{1'b0, event_now[7]};

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
    // Each counter steps by its event, and of the six classes exactly one steps with the total: so they
    // add up to it. (The sum as such, seven 64-bit terms, is beyond the solver; its two low bits are not.)
    if (past_q) begin
      assert (values_o[1:0] == values_o[65:64] + values_o[129:128] + values_o[193:192]
              + values_o[257:256] + values_o[321:320] + values_o[385:384]);
    end
    if (past_q && $past(rst_ni)) begin
      for (int i = 0; i < seedbed_pkg::NumCounters; i++) begin
        assert (values_o[64*i +: 64] == ($past(clear_i) ? 64'd0 : $past(values_o[64*i +: 64]) + 64'($past(event_now[i]))));
      end
      assert ($past(event_now[0]) == ($past(event_now[6:1]) != '0));
    end
  end
`endif

endmodule
