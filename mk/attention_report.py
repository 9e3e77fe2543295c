# SPDX-License-Identifier: Apache-2.0
"""attention_report.py OUT.json MEASURE.txt REST.txt MODE=AREA.txt ...: cycles of the unit in the core (bench_attn_core --measure) joined
with the area of a unit that has this mode only: its engine's and that of the rest, both by Yosys.

LUT counts every LUT1..LUT6, four for a RAM32M (64-bit LUT RAM cells likewise), one for an SRL; inverters go into what they feed.
BRAM counts RAMB36 as 1 and RAMB18 as a half.
"""
import json
import re
import sys


def area(path):
    text = open(path).read()
    text = text[max(text.find("design hierarchy"), 0):]
    n = {k: int(v) for k, v in re.findall(r"^\s+([A-Z]+[A-Z0-9]*)\s+(\d+)$", text, re.M)}
    cost = {"RAM32M": 4, "RAM64M": 4, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "SRL16E": 1, "SRLC32E": 1}
    lut = sum(v for k, v in n.items() if re.fullmatch(r"LUT[1-6]", k)) + sum(n.get(k, 0) * c for k, c in cost.items())
    ff = sum(v for k, v in n.items() if k.startswith("FD"))
    if not lut or not ff:
        sys.exit(f"attention_report: {path} holds no Yosys statistics")
    return {"lut": lut, "ff": ff, "dsp": n.get("DSP48E1", 0), "bram": n.get("RAMB36E1", 0) + n.get("RAMB18E1", 0) / 2}


rest = area(sys.argv[3])
cells = {}
for pair in sys.argv[4:]:
    mode, path = pair.split("=")
    engine = area(path)
    cells[mode] = {k: engine[k] + rest[k] for k in engine}
records = []
for line in open(sys.argv[2]):
    if line.startswith("{"):
        r = json.loads(line)
        records.append({**r, **cells[r["mode"]]})
if not records:
    sys.exit(f"attention_report: {sys.argv[2]} holds no measurement")
with open(sys.argv[1], "w") as f:
    json.dump(records, f, indent=1)
    f.write("\n")
for r in records:
    print("{mode:8s} {phase:8s} kv{kv_bits:<3d} heads {heads:2d}/{kv_heads} dim {head_dim:3d} context {context:6d}{exports}: {cycles:9d} cycles, "
          "bus {utilisation:6.1%}; LUT {lut} FF {ff} DSP {dsp} BRAM {bram}".format(exports=" export" if r.get("export") else "", **r))
