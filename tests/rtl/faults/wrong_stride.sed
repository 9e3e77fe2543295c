# file: matvec/drain.sv
# The results of a batch's vectors lie too close together when the rows are no multiple of 8.
s/(25'(job_rows_i) + 25'd7) >> 3/25'(job_rows_i) >> 3/
