# A board runs for anybody, also after a reset.
s/(session != session_q || session == 32'd0)/(session == 32'd0 \&\& session_q == 32'd0)/
