# file: gen/lfsr_expand.sv
# bug: the stream ends after 24 bits
s/for (int n = 0; n < N; n++)/for (int n = 0; n < N \&\& n < 24; n++)/
