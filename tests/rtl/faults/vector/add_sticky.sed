# file: vector/fp_add.sv
# bench: fp_add
# Bits shifted out below the sticky bit are forgotten.
s/aligned\[0\] = aligned\[0\] || lost;/aligned[0] = aligned[0];/
