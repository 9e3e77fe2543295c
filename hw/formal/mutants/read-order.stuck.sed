# file: axi/axi_read.sv
# bug: a burst waits for more room than there is
s/go_q       <= room_d >= RoomW'(BurstB)/go_q       <= room_d > RoomW'(Depth)/
