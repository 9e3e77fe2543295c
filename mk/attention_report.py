# SPDX-License-Identifier: Apache-2.0
"""attention_report.py OUT.json AREA.txt=MEASURE.txt ...: joins cycles (bench_attention --measure) with Yosys' area of the same build.

LUT counts every LUT1..LUT6, four for a RAM32M (64-bit LUT RAM cells likewise), one for an SRL; inverters go into what they feed.
BRAM counts RAMB36 as 1 and RAMB18 as a half.
"""
import json
import re
import sys


def area(path):
    text = open(path).read()
    text = text[text.index("design hierarchy"):]
    n = {k: int(v) for k, v in re.findall(r"^\s+([A-Z]+[A-Z0-9]*)\s+(\d+)$", text, re.M)}
    cost = {"RAM32M": 4, "RAM64M": 4, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "SRL16E": 1, "SRLC32E": 1}
    lut = sum(v for k, v in n.items() if re.fullmatch(r"LUT[1-6]", k)) + sum(n.get(k, 0) * c for k, c in cost.items())
    ff = sum(v for k, v in n.items() if k.startswith("FD"))
    return {"lut": lut, "ff": ff, "dsp": n.get("DSP48E1", 0), "bram": n.get("RAMB36E1", 0) + n.get("RAMB18E1", 0) / 2}


records = []
for pair in sys.argv[2:]:
    a, m = pair.split("=")
    cells = area(a)
    for line in open(m):
        if line.startswith("{"):
            records.append({**json.loads(line), **cells})
with open(sys.argv[1], "w") as f:
    json.dump(records, f, indent=1)
    f.write("\n")
for r in records:
    print("{mode:8s} {phase:8s} kv{kv_bits:<3d} rows {rows} heads {heads:2d}/{kv_heads} dim {head_dim:3d} context {context:6d}: {cycles:9d} cycles, "
          "bus {utilisation:6.1%}, KV {kv_utilisation:6.1%}, stall {stall}, no beat {no_beat}, drain {drain}; LUT {lut} FF {ff} DSP {dsp} BRAM {bram}"
          .format(**r))
