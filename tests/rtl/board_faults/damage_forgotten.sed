# A write that ended badly does not stop a run.
s/if (broken_q || lost_q) verdict = board_pkg::Dirty;/if (1'b0) verdict = board_pkg::Dirty;/
