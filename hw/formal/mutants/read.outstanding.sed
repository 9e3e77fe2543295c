# file: axi/axi_read.sv
# bug: one burst too many in flight
s|: FlightW'(Outstanding));|: FlightW'(Outstanding) + 1'b1);|
