# file: vector/vec_store.sv
# units: v
# A row's last beat writes one word more.
s/i < 32'(pos_q) + 32'(count);/i < 32'(pos_q) + 32'(count) + 32'(left_q == 25'(count));/
