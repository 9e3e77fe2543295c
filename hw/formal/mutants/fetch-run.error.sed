# file: core/cmd_fetch.sv
# bug: a bad response is reported as a bad beat
s/fail_write_q ? seedbed_pkg::ErrWrite : seedbed_pkg::ErrRead/seedbed_pkg::ErrRead/
