# file: matvec/matvec_engine.sv
# The last vector of a batch adds to the accumulator of the one before it.
s/\.vec_i         (vec_q)/.vec_i         (vec_q - 4'(last_vec \&\& vec_q != 4'd0))/
