# file: vector/fp_mul.sv
# bench: fp_mul
# Ties go up instead of to even.
s/norm4_q\[1\] \&\& (norm4_q\[0\] || norm4_q\[2\])/norm4_q[1]/
