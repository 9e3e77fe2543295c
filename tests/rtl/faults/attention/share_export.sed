# file: attn/attn_export.sv
# ports: 2
# the exported rows of the other units' heads are not stepped over
s/assign skip = head_ends ? skip_i : 32'd0;/assign skip = 32'd0 \& skip_i;/
