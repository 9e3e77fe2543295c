# file: core/cmd_shape.sv
# bug: a codec that is not built in is accepted
s/wire bad_codec = f_codec > 8'd3 || .*/wire bad_codec = f_codec > 8'd3;/
