# A write that ended badly does not stop a run (of a session there is).
s/if (broken_q || lost_q) verdict = board_pkg::Dirty;/if ((broken_q || lost_q) \&\& session == 32'd0) verdict = board_pkg::Dirty;/
