#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
"""The IP as others take it: FuseSoC .core files, Bender.yml and plain file lists, made from the files on disk.

usage: ip.py write      writes them
       ip.py check      are they what `write` would give? Names every file that is missing or should not be there

A package is some folders' files and whatever those use, packages first, each module after the modules it uses."""
import glob
import os
import re
import sys

HW = os.path.dirname(os.path.abspath(__file__))
VERSION = re.search(r'"([^"]+)"', open(os.path.join(HW, "..", "host", "include", "seedbed", "version.h"), encoding="utf-8")
                    .read().split("SB_VERSION", 1)[1]).group(1)

# name: (top, folders, what it is, constraints)
IPS = {
    "core": ("seedbed_kernel", ["rtl/prim", "rtl/axi", "rtl/gen", "rtl/matvec", "rtl/core"],
             "Matrix-vector core with SeedLM lanes, as an AXI kernel", None),
    "attention": ("attn_engine", ["rtl/attn"], "Exact sigmoid and softmax attention engine", None),
    "vector": ("vector_unit", ["rtl/vector"], "Vector unit: binary32 operations of docs/numerics.md, section 5", None),
    "icebreaker": ("icebreaker_top", ["boards/icebreaker"], "The iCEBreaker design: one serial lane behind a UART",
                   "boards/icebreaker/icebreaker.pcf"),
    "ulx3s": ("ulx3s_top", ["boards/ulx3s"], "The ULX3S design: lanes of the core behind a UART", "boards/ulx3s/ulx3s.lpf"),
}
WAIVERS = "rtl/waivers.vlt"
HEADER = "SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1\nMade by hw/ip.py (make ip): do not edit."


def scan():
    """{file: (modules and packages it defines, names it mentions)} of all sources below hw/rtl and hw/boards."""
    found = {}
    for path in sorted(glob.glob(os.path.join(HW, "rtl", "*", "*.sv")) + glob.glob(os.path.join(HW, "boards", "*", "*.sv"))):
        text = re.sub(r"//[^\n]*|/\*.*?\*/", "", open(path, encoding="utf-8").read(), flags=re.S)
        defines = re.findall(r"^\s*(?:module|package)\s+(\w+)", text, flags=re.M)
        uses = set(re.findall(r"\b(\w+)::", text)) | set(re.findall(r"^\s*(\w+)\s+(?:#\s*\(|\w+\s*\()", text, flags=re.M))
        found[os.path.relpath(path, HW)] = (defines, uses - set(defines))
    return found


def closure(files, roots):
    where = {name: path for path, (defines, _) in files.items() for name in defines}
    order, seen = [], set()

    def visit(path):
        if path in seen:
            return
        seen.add(path)
        for other in sorted({where[u] for u in files[path][1] if u in where}):
            visit(other)
        order.append(path)
    for path in roots:
        visit(path)
    return sorted((p for p in order if p.endswith("_pkg.sv"))) + [p for p in order if not p.endswith("_pkg.sv")]


def commented(text):
    return "".join(f"# {line}\n" for line in text.splitlines())


def generate():
    """{path, seen from hw: text}. Bender wants its manifest where a repository begins, with paths from there."""
    files, out, lists = scan(), {}, {}
    for name, (top, folders, what, constraints) in IPS.items():
        sources = closure(files, [p for p in files if os.path.dirname(p) in folders])
        lists[name] = sources
        out[f"filelists/{name}.f"] = HEADER.replace("SPDX", "// SPDX").replace("Made", "// Made") + "\n" + "".join(
            f"{p}\n" for p in sources)
        core = "CAPI=2:\n" + commented(HEADER) + f"name: seedbed:ip:{name}:{VERSION}\ndescription: \"{what}\"\nfilesets:\n  rtl:\n    files:\n"
        core += "".join(f"      - {p}\n" for p in sources) + "    file_type: systemVerilogSource\n"
        core += f"  waivers:\n    files:\n      - {WAIVERS}\n    file_type: vlt\n"
        if constraints:
            kind = "PCF" if constraints.endswith("pcf") else "LPF"
            core += f"  constraints:\n    files:\n      - {constraints}\n    file_type: {kind}\n"
        core += "targets:\n  default:\n    filesets: [rtl" + (", constraints" if constraints else "") + f"]\n    toplevel: {top}\n"
        core += f"  lint:\n    filesets: [waivers, rtl]\n    toplevel: {top}\n    flow: lint\n"
        core += "    flow_options:\n      tool: verilator\n      verilator_options: [-Wall]\n"
        out[f"seedbed_{name}.core"] = core
    bender = commented(HEADER) + "package:\n  name: seedbed\n  authors: [\"The Seedbed authors\"]\nsources:\n"
    for name, sources in lists.items():
        bender += f"  - target: seedbed_{name}\n    files:\n" + "".join(f"      - hw/{p}\n" for p in sources)
    out["../Bender.yml"] = bender
    listed = {p for sources in lists.values() for p in sources}
    orphans = sorted(set(files) - listed)
    return out, orphans


def main():
    if sys.argv[1:] not in (["write"], ["check"]):
        sys.exit(__doc__)
    out, orphans = generate()
    wrong = [f"hw/{p} is in no package: give its folder to one in hw/ip.py" for p in orphans]
    wrong += [f"hw/{p} is not there" for p in [WAIVERS, *(i[3] for i in IPS.values() if i[3])] if not os.path.exists(os.path.join(HW, p))]
    if sys.argv[1] == "write":
        os.makedirs(os.path.join(HW, "filelists"), exist_ok=True)
        for path, text in out.items():
            with open(os.path.join(HW, path), "w", encoding="utf-8") as f:
                f.write(text)
    else:
        for path, text in out.items():
            full = os.path.join(HW, path)
            old = open(full, encoding="utf-8").read() if os.path.exists(full) else ""
            if old == text:
                continue
            names = [set(re.findall(r"(?:rtl|boards)/\S+\.sv", t)) for t in (old, text)]
            shown = os.path.normpath(os.path.join("hw", path))
            wrong += [f"{shown} lacks hw/{p} (make ip)" for p in sorted(names[1] - names[0])]
            wrong += [f"{shown} names hw/{p}, which it does not use or which is not there (make ip)" for p in sorted(names[0] - names[1])]
            if names[0] == names[1]:
                wrong.append(f"{shown} is not what hw/ip.py writes (make ip)")
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        sys.exit(1)
    print(f"ip: {len(out)} files, {', '.join(IPS)}")


if __name__ == "__main__":
    main()
