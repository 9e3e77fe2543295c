# file: gen/lane_seedlm.sv
# bug: an upper edge bit is taken one place too low
s/x1_q\[c\*P+17+i\]/x1_q[c*P+16+i]/
