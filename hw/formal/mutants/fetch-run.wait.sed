# file: core/cmd_fetch.sv
# bug: the list ends before its job
s/StWait: if (jobs_q == '0)/StWait: if (1'b1)/
