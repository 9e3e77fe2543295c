# file: prim/clock_gate.sv
# units: v
# A unit's clock starts a cycle late: it misses the record.
s/open = now || left_q/open = !rst_ni || left_q/
