// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// One byte of CRC-32 (IEEE 802.3: 0x04C11DB7, bits reflected). Combinational.
//
// Ports: crc_i, the register before the byte (all ones at the start of a message); crc_o, after it. What is sent is
// its complement, low byte first.

module crc32 (
  input  logic [31:0] crc_i,
  input  logic [7:0]  data_i,
  output logic [31:0] crc_o
);

  always_comb begin
    crc_o = crc_i ^ {24'd0, data_i};
    for (int i = 0; i < 8; i++) begin
      crc_o = {1'b0, crc_o[31:1]} ^ (32'hEDB8_8320 & {32{crc_o[0]}});
    end
  end

endmodule
