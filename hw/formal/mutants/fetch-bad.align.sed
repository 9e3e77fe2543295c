# file: core/cmd_shape.sv
# bug: the destination may be misaligned
s/((f_wei | f_src | f_dst) \& BadAddr)/((f_wei | f_src) \& BadAddr)/
