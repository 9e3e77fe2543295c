#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Registers, shared memory and spills of every kernel, from what ptxas -v said; exit 1 on a spill.
usage: cuda_report.py LOG..."""
import re
import subprocess
import sys

rows = {}
for path in sys.argv[1:]:
    name = arch = spill = None
    for line in open(path):
        m = re.search(r"Compiling entry function '(\S+)' for '(\S+)'", line)
        if m:
            name, arch = m.groups()
        m = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line)
        if m and name:
            spill = int(m.group(2)) + int(m.group(3))
        m = re.search(r"Used (\d+) registers", line)
        if m and name:
            smem = re.search(r"(\d+) bytes smem", line)
            rows[name, arch] = (int(m.group(1)), int(smem.group(1)) if smem else 0, spill)
            name = None
if not rows:
    sys.exit("cuda_report: no kernels in " + " ".join(sys.argv[1:]))
names = sorted({n for n, _ in rows})
nice = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True).stdout.splitlines()
archs = sorted({a for _, a in rows})
table, spills = [], []
for raw, full in zip(names, nice):
    short = re.sub(r"\(anonymous namespace\)::|^void |\(sb_cuda_arg.*\)$|\(sb_flash.*\)$|\(hopper_args\)$|\(int\)|\(bool\)", "", full)
    got = [rows.get((raw, a)) for a in archs]
    table.append([short] + ["%d / %d / %d" % g if g else "-" for g in got])
    spills += ["%s for %s" % (short, a) for a, g in zip(archs, got) if g and g[2]]
head = ["kernel"] + [a + ": registers / shared bytes / spill bytes" for a in archs]
width = [max(len(r[i]) for r in [head] + table) for i in range(len(head))]
for r in [head] + sorted(table):
    print("  ".join(c.ljust(w) for c, w in zip(r, width)).rstrip())
if spills:
    sys.exit("spills: " + ", ".join(spills))
