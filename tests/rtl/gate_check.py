# SPDX-License-Identifier: Apache-2.0
"""Gate level: the iCEBreaker's netlist (Yosys, synth_ice40) and its RTL get the same frames in one simulation; their pins are
compared every cycle, and the netlist's results with integers computed here from docs/formats.md.

usage: gate_check.py WORK [VECTORS]     a vector is one row: random words of a random codec times random activations
environment: IVERILOG_CELLS, Yosys' ice40/cells_sim.v; GATE_SERIAL_LANE, GATE_LINK_RX: other sources for the netlist alone (a planted bug)."""
import glob
import os
import random
import struct
import subprocess
import sys
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "hw", "boards"))
import bitstream  # noqa: E402  (the same sources and the same recipe as the image)

CLKS = 2
BLOCK, SIDE, STRIDE = (2, 8, 8, 12), (0, 1, 0, 1), (2, 8, 8, 16)
M64 = (1 << 64) - 1


def half(h):
    e, m = h >> 10 & 31, h & 1023
    v = ((1024 if e else 0) + m) << (max(e, 1) - 1)
    return -v if h >> 15 else v


def signed(v, bits):
    return v - (1 << bits) if v >> (bits - 1) else v


def decode(codec, word, side, index):
    """w_int of a main word (docs/formats.md); index: its place in the row."""
    if codec == 0:
        return [half(word & 0xFFFF), half(word >> 16)]
    if codec == 1:
        scale = half(side >> 16 if index & 4 else side & 0xFFFF)
        return [signed(word >> 4 * c & 15, 4) * scale for c in range(8)]
    p_count = 3 if codec == 2 else 4
    q = [signed(word >> (20 + 4 * p) & 15, 4) for p in range(3)] + [signed(side >> 4 * (index & 7) & 15, 4)]
    state, out = word & 0xFFFF, []
    for _ in range(BLOCK[codec]):
        total = 0
        for p in range(p_count):
            bit = (state ^ state >> 1 ^ state >> 3 ^ state >> 12) & 1
            state = state >> 1 | bit << 15
            total += q[p] * (state - 32768)
        out.append(total << (word >> 16 & 15))
    return out


def stuffed(data):
    out = bytearray()
    for b in data:
        out += bytes((0x7D, b ^ 0x20)) if b in (0x7E, 0x7D) else bytes((b,))
    return bytes(out)


def frame(op, codec, seq, args, payload=b""):
    head = struct.pack("<BBHIIII", op, codec, seq, 0x5EEDBED1, *args)
    echo = zlib.crc32(head)
    body = head + struct.pack("<I", echo)
    if payload:
        body += payload + struct.pack("<I", zlib.crc32(payload, ~echo & 0xFFFFFFFF))
    return b"\x7e" + stuffed(body) + b"\x7e"


def frames(data):
    for part in data.split(b"\x7e"):
        raw, escaped = bytearray(), False
        for b in part:
            if b == 0x7D:
                escaped = True
            else:
                raw.append(b ^ 0x20 if escaped else b)
                escaped = False
        if len(raw) >= 12 and zlib.crc32(raw[:-4]) == struct.unpack("<I", raw[-4:])[0]:
            yield bytes(raw[:-4])


def runs(vectors):
    """(bytes for the board with waits as None, expected results of each run in order)"""
    rnd = random.Random(4)
    stream, want, seq = [frame(1, 0, 0, (0, 0, 0)), None, frame(2, 0, 1, (0, 0, 0)), None], [], 2
    n = 0
    while n < vectors:
        codec, words, rows = rnd.randrange(4), rnd.choice((1, 2, 2, 3, 9)), 64
        elems = (words * STRIDE[codec] + 31) // 32 * 32
        acts = [rnd.choice((-32767, 32767, 0, rnd.randint(-32767, 32767))) for _ in range(elems)]
        plain, results = [], []
        for _ in range(rows):
            main = [rnd.getrandbits(32) for _ in range(words)]
            side = [rnd.getrandbits(32) for _ in range((words + 7) // 8)] if SIDE[codec] else []
            total = 0
            for i, w in enumerate(main):
                for c, v in enumerate(decode(codec, w, side[i // 8] if side else 0, i)):
                    total += v * acts[i * STRIDE[codec] + c]
                if SIDE[codec] and i % 8 == 0:
                    plain.append(side[i // 8])
                plain.append(w)
            results.append(total & M64)
        at = rnd.randrange(0, 32768 - len(plain))
        for first in range(0, len(plain), 256):
            part = plain[first:first + 256]
            stream += [frame(3, 0, seq, (at + first, len(part), 0), struct.pack(f"<{len(part)}I", *part)), None]
            seq += 1
        stream += [frame(4, 0, seq, (0, elems // 2, 0), struct.pack(f"<{elems}h", *acts)), None,
                   frame(5, codec, seq + 1, (at, rows, words)), None]
        seq += 2
        want.append(results)
        n += rows
    return stream, want


def netlist(work):
    """icebreaker_gate: the netlist; icebreaker_rtl: the same files as one design that iverilog reads."""
    sources = [os.path.join(ROOT, p) for p in bitstream.sources("icebreaker")]
    gate_sources = [os.environ.get("GATE_LINK_RX", p) if p.endswith("/link_rx.sv") else
                    os.environ.get("GATE_SERIAL_LANE", p) if p.endswith("/serial_lane.sv") else p for p in sources]
    top = "icebreaker_top"
    read = "read_verilog -sv {}; chparam -set ClksPerBit %d %s; hierarchy -check -top %s" % (CLKS, top, top)
    synth = (f"synth_ice40 -top {top} -run begin:map_ram; maccmap -unmap; synth_ice40 -top {top} -run map_ram:; setundef -zero; "
             f"rename {top} icebreaker_gate; write_verilog -noattr {work}/gate.v")
    # Of the RTL only what Icarus cannot read is resolved: parameters, functions, always_comb.
    plain = f"proc; flatten; opt_clean; rename {top} icebreaker_rtl; write_verilog -noattr {work}/rtl.v"
    for files, then, log in ((gate_sources, synth, "gate"), (sources, plain, "rtl")):
        subprocess.run(["yosys", "-q", "-l", f"{work}/{log}.log", "-p", f"{read.format(' '.join(files))}; {then}"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main():
    work = sys.argv[1]
    vectors = int(sys.argv[2]) if len(sys.argv) > 2 else 1024
    os.makedirs(work, exist_ok=True)
    stream, want = runs(vectors)
    with open(f"{work}/in.hex", "w", encoding="ascii") as f:
        for part in stream:
            f.write("ffff\n" if part is None else "".join(f"{b:02x}\n" for b in part))
    netlist(work)
    cells = os.environ.get("IVERILOG_CELLS") or glob.glob("/usr/share/yosys/ice40/cells_sim.v")[0]
    subprocess.run(["iverilog", "-g2012", "-DNO_ICE40_DEFAULT_ASSIGNMENTS", f"-Ptb_gate.ClksPerBit={CLKS}", "-s", "tb_gate", "-o", f"{work}/tb",
                    os.path.join(ROOT, "tests/rtl/tb_gate.v"), f"{work}/gate.v", f"{work}/rtl.v", cells], check=True)
    p = subprocess.run(["vvp", "-n", f"{work}/tb", f"+in={work}/in.hex", f"+out={work}/out.hex"], capture_output=True, text=True, check=True)
    print(p.stdout.strip())
    with open(f"{work}/out.hex", encoding="ascii") as f:
        got = bytes(int(line, 16) for line in f)
    answers = [a for a in frames(got) if a[0] == 0x85]
    bad = 0
    for results, answer in zip(want, answers):
        numbers = struct.unpack(f"<{len(results)}Q", answer[8:8 + 8 * len(results)]) if answer[1] == 0 else ()
        bad += sum(a != b for a, b in zip(results, numbers)) + (len(results) - len(numbers))
    compared = sum(len(r) for r in want[:len(answers)])
    print(f"gate-check: {compared} vectors in {len(answers)} runs: {bad} wrong results of the netlist; pins differ in "
          f"{p.stdout.split('differing')[-1].strip()} cycles")
    sys.exit(bad or len(answers) != len(want) or "differing 0" not in p.stdout)


if __name__ == "__main__":
    main()
