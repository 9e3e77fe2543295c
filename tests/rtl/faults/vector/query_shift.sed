# file: vector/vec_query.sv
# bench: unit
# A query's negative exponent is added without its sign.
s/{{23{k_i\[8\]}}, k_i}/{23'd0, k_i}/
