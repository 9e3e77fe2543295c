# file: prim/clock_gate.sv
# units: v
# The gate opens behind the edge, when the registers outside have moved.
s/always_latch if (!clk_i) open = /always_comb open = /
