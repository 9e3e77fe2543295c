# file: axi/axi_read.sv
# bug: one burst too many in flight
s|inflight_d < FlightW'(Outstanding) |inflight_d <= FlightW'(Outstanding) |
