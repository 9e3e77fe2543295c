# file: core/cmd_fetch.sv
# units:
# Records fetched ahead of an error are still there when the next list begins.
/) u_records (/,/);/s/\.clear_i(reset_o)/.clear_i(1'b0)/
