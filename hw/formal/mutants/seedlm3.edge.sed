# file: gen/lane_seedlm.sv
# bug: the fourth coefficient's states lack their upper edge bits
s/if (i < p) sum = sum/if (i < p \&\& p < 3) sum = sum/
