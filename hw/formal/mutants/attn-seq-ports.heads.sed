# file: attn/attn_seq.sv
# bug: a unit stops one KV head early when the last ones are others'
s/(Ports > 1 \&\& head_q < 12'(Ports))/(Ports > 1 \&\& head_q < 12'(2 * Ports - 1))/
