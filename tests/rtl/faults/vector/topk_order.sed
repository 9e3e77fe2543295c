# file: vector/vec_reduce.sv
# bench: unit
# Of equal values only the first is found.
s/ || (key == bound_q \&\& base_q + 25'(i) > bound_at_q)//
