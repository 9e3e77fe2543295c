# file: axi/axi_read.sv
# bug: a burst starts with room for one beat less
s/room_d >= RoomW'(BurstB)/room_d >= RoomW'(BurstB - 1)/
