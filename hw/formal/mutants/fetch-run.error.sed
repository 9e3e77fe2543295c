# file: core/cmd_fetch.sv
# bug: a bad response is reported as a bad beat
s/write_err_i ? seedbed_pkg::ErrWrite : seedbed_pkg::ErrRead/seedbed_pkg::ErrRead/
