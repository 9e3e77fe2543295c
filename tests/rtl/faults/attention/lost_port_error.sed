# file: core/core_units.sv
# ports: 2
# only port 0's error counts
s/for (int p = Ports - 1; p >= 0; p--) begin/for (int p = 0; p >= 0; p--) begin/
