# file: core/cmd_fetch.sv
# bug: the list goes on before the unit is done
s/StUnit: if (unit_take) state_q <= StUnitRun;/StUnit: if (unit_take) state_q <= StGet;/
