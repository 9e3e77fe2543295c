# file: vector/fp_to_int.sv
# bench: fp_to_int
# 16-bit integers may be 32768.
s/22'd127 : 22'd32767/22'd127 : 22'd32768/
