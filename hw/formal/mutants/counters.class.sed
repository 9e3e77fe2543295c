# file: core/counters.sv
# bug: a class is counted while stopped
s/class_i\[i\] && run_i/class_i[i]/
