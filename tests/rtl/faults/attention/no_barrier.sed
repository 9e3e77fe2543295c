# file: core/cmd_fetch.sv
# the unit begins before the jobs before it are done
s/(state_q == StUnit \&\& jobs_q == '0 \&\& !fail_q)/(state_q == StUnit)/
