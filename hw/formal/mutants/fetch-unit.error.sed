# file: core/cmd_fetch.sv
# bug: the unit's error is not passed on
s/        end else if (unit_end) begin/        end else if (1'b0) begin/
