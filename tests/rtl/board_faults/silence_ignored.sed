# Half a frame waits for its other half for ever.
s/wire timeout     = &idle_q && state_q != Hunt;/wire timeout     = \&idle_q \&\& state_q != Hunt \&\& valid_i;/
