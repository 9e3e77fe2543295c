# file: core/cmd_shape.sv
# units:
# A range check is dropped: rows of 2^24 and more.
s/f_rows\[31:24\] != '0 || f_cols == '0/f_cols == '0/
