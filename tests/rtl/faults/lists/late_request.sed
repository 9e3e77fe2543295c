# file: core/cmd_weights.sv
# units: v
# In the cycle after an error's flush weights are requested once more.
s/ready \&\& may_go \&\& !clear_i;/ready \&\& may_go;/
