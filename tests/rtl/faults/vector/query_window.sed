# file: vector/vec_query.sv
# bench: unit
# The first key of a query's window is not looked at.
s/at >= from \&\& at <= to/at > from \&\& at <= to/
