# file: attn/attn_write.sv
# the last bytes of a beat of sums are not written
s/line_one_i ? (BusW\/8)'(8'hFF) : '1/line_one_i ? (BusW\/8)'(8'hFF) : (BusW\/8)'(8'h7F)/
