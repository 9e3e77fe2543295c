# file: vector/vec_ahead.sv
# bench: unit
# a row of a table is loaded before its index is there
s/wire goes  = waits ? waits_i \&\& ahead_q == '0 : /wire goes  = /
