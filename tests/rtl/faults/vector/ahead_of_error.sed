# file: vector/vec_ahead.sv
# bench: unit
# after an error the loads of the command go on with the next one
s/if (!rst_ni || stop_i) run_q <= 1'b0;/if (!rst_ni) run_q <= 1'b0;/
