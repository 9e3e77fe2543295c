# file: matvec/matvec_engine.sv
# A row ends one word early (off by one).
s/wire last_word   = left_q == 17'd1;/wire last_word   = left_q <= 17'd2;/
