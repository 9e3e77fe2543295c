# A board runs for anybody, also after a reset.
s/(session != session_q || session == 32'd0)/1'b0/
