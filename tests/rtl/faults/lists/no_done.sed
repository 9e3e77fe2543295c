# file: vector/vector_unit.sv
# units: v
# After an error the unit says nothing: a hang.
s/if (error_q != seedbed_pkg::ErrNone) state_q <= StFinish;/if (error_q != seedbed_pkg::ErrNone) state_q <= StIdle;/
