# file: core/cmd_fetch.sv
# The results of a batch's vectors lie too close together when the rows are no multiple of 8.
s/job_stride_o = rows8;/job_stride_o = 22'(f_rows[23:0] >> 3);/
