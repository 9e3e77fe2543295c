# file: gen/lfsr_expand.sv
# bug: the feedback forgets the lowest tap
s/b = ^(state \& Taps\[K-1:0\]);/b = ^(state \& Taps[K-1:0] \& ~K'(1));/
