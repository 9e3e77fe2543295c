# file: prim/fifo.sv
# bug: a simultaneous push and pull changes the level
s/if (push \&\& !pull) held_q/if (push) held_q/
