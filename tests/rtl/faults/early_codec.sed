# file: matvec/matvec_engine.sv
# A job's weights enter the lanes while they still decode the codec of the one before.
s/loaded_q && lane_codec_q == codec_q && /loaded_q \&\& /
