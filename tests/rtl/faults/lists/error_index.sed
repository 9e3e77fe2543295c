# file: core/cmd_fetch.sv
# units:
# The index of a refused command, or of a unit's, is that of the next.
s/error_index_q <= index_q;/error_index_q <= index_q + 32'd1;/
