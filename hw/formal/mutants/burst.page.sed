# file: axi/axi_burst.sv
# bug: the 4 KB rule is forgotten
s/if (11'(to_page) < 11'(n)) n = 9'(to_page);//
