# file: gen/lane.sv
# The LFSR taps bit 4 instead of bit 3.
s/\.Taps (32'h0000_100B)/.Taps (32'h0000_1013)/
