# file: vector/vec_pass.sv
# bench: unit
# Results are not looked at.
s/valid \&\& check_i \&\& d_sel_i/1'b0 \&\& check_i \&\& d_sel_i/
