# file: core/counters.sv
# bug: a class is counted while stopped
s/class_i \& {seedbed_pkg::NumClasses{run_i}}/class_i/
