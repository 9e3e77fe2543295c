# file: core/cmd_weights.sv
# units: v
# That the weights of the command before were not being written is taken for the next one's too.
s/(begun_q \&\& none_q)/none_q/
