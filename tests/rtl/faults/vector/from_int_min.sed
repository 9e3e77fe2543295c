# file: vector/fp_from_int.sv
# bench: fp_from_int64
# An unsigned integer with its top bit set counts as negative.
s/d_i\[InW-1\] \&\& !unsigned_i/d_i[InW-1]/
