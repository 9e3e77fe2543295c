# file: prim/fifo.sv
# bug: takes a word when full
s/assign ready_o = held_q != LevelW'(Depth);/assign ready_o = 1'b1;/
