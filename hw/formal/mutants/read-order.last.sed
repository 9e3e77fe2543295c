# file: axi/axi_read.sv
# bug: last_o one beat early
s/assign last_o     = count_q + BeatsW'(1) == tag_beats/assign last_o     = count_q + BeatsW'(2) == tag_beats/
