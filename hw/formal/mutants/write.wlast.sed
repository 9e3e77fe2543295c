# file: axi/axi_write.sv
# bug: wlast one beat late
s/wire w_last = count_q + 9'd1 == len;/wire w_last = count_q == len;/
