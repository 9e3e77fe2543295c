# file: vector/vector_unit.sv
# bench: unit
# An index may be one too large.
s/word\[31:0\] >= rows/word[31:0] > rows/
