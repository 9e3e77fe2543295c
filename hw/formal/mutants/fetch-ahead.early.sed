# file: core/cmd_weights.sv
# bug: weights that are not constant are requested early too
s/assign may_go = behind || (constant \&\& near/assign may_go = behind || (near/
