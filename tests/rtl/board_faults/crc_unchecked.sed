# The CRCs of headers and payloads are not looked at.
s/wire        right   = crc_q == board_pkg::Residue;/wire        right   = 1'b1;/
