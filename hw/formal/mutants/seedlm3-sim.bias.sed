# file: gen/lane_seedlm_sim.sv
# bug: the fourth coefficient has no part in the bias
s/ + coefficient(q2_q\[15:12\]);/;/
