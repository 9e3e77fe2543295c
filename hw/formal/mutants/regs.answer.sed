# file: axi/axil_regs.sv
# bug: a write is answered before its data came
s/wire do_write = aw_held_q \&\& w_held_q/wire do_write = aw_held_q/
