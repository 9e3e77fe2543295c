# file: core/cmd_weights.sv
# units: v
# Weights that the list writes are read ahead too.
s/(constant \&\& near \&\& !halt_i)/(near \&\& !halt_i)/
