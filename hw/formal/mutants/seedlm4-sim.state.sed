# file: gen/lane_seedlm_sim.sv
# bug: the states are those of one step later
s/(c \* P + 1 + p)/(c * P + 2 + p)/
