#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Golden vectors of the weight codecs, from docs/formats.md alone (shares no code with the host library).

    make_codec.py [--check] FILE    writes FILE, or compares it with what would be written

Integers are exact throughout: weights are multiples of 2^-10 and unit = fl32(1/32767) = 32769 * 2^-30, so errors are
integers in units of 2^-76; only t = adj(G) a / det(G) is rounded, once, to a double.
"""
import math
import struct

from golden_file import write_or_check

TAPS16 = (0, 1, 3, 12)
SHAPES = {"seedlm4": (8, 3), "seedlm3": (12, 4)}
UNIT = 32769.0 * 2.0**-30


class Splitmix:
    def __init__(self, seed):
        self.s = seed

    def bits(self, n):
        self.s = (self.s + 0x9E3779B97F4A7C15) % 2**64
        z = self.s
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return (z ^ (z >> 31)) >> (64 - n)


def states(k, taps, seed, n):
    out = []
    for _ in range(n):
        bit = 0
        for t in taps:
            bit ^= seed >> t & 1
        seed = seed >> 1 | bit << (k - 1)
        out.append(seed)
    return out


def nibble(word, i):
    n = word >> (4 * i) & 15
    return n - 16 if n > 7 else n


def half_int(h):
    exp = h >> 10 & 31
    mag = ((1024 if exp else 0) + (h & 1023)) << (max(exp, 1) - 1)
    return -mag if h >> 15 else mag


def half_round(x):
    """Nearest binary16 by Python's own conversion, clamped; no negative zero."""
    x = max(-65504.0, min(65504.0, x))
    h = struct.unpack("<H", struct.pack("<e", x))[0]
    return 0 if h == 0x8000 else h


def decode(codec, word, side, b):
    if codec == "fp16":
        return [half_int(word & 0xFFFF), half_int(word >> 16)]
    if codec == "int4":
        scale = half_int(side >> (16 if b % 8 >= 4 else 0) & 0xFFFF)
        return [nibble(word, i) * scale for i in range(8)]
    c, p = SHAPES[codec]
    v = states(16, TAPS16, word & 0xFFFF, c * p)
    q = [nibble(word, 5), nibble(word, 6), nibble(word, 7), nibble(side, b % 8)][:p]
    f = word >> 16 & 15
    return [sum(q[i] * (v[r * p + i] - 32768) for i in range(p)) * 2**f for r in range(c)]


def decode_vectors(rng):
    out = []
    for codec in ("fp16", "int4", "seedlm4", "seedlm3"):
        words = [0, 0xFFFFFFFF, 0x0000FFFF, 0x7FFF8000, 0x88880001] + [rng.bits(32) for _ in range(35)]
        for i, word in enumerate(words):
            side, b = (rng.bits(32), i) if codec in ("int4", "seedlm3") else (0, i)
            out.append({"codec": codec, "word": word, "side": side, "index": b, "w": decode(codec, word, side, b)})
    return out


def det(m):
    if len(m) == 1:
        return m[0][0]
    return sum((-1) ** j * m[0][j] * det([r[:j] + r[j + 1:] for r in m[1:]]) for j in range(len(m)))


def adjugate(m):
    n = len(m)
    minor = lambda i, j: [r[:j] + r[j + 1:] for k, r in enumerate(m) if k != i]
    return [[(-1) ** (i + j) * det(minor(j, i)) for j in range(n)] for i in range(n)]


def floor_log2(x):
    return math.frexp(x)[1] - 1


def candidates(t, rounding):
    amax = max(abs(x) for x in t)
    e = max(-8, min(7, floor_log2(amax) - 2)) if amax > 0 else -8
    clamp = lambda x: max(-8, min(7, x))
    if rounding == "nearest":
        return [(e, [clamp(round(x / 2.0**e)) for x in t])]
    out = []
    for f in range(max(-8, e - 1), min(7, e + 1) + 1):
        low = [math.floor(x / 2.0**f) for x in t]
        for corner in range(2 ** len(t)):
            out.append((f, [clamp(low[i] + (corner >> i & 1)) for i in range(len(t))]))
    return out


def encode_blocks(c, p, jobs):
    """jobs: (weights in units of 2^-10, rounding). Every seed; a seed is passed over only when even its unquantised fit
    (in double, with a margin) is worse than the best so far."""
    best = [(sum((n << 28) ** 2 for n in w), 0, -8, [0] * p) for w, _ in jobs]
    cycle = states(16, TAPS16, 1, 65535 + c * p)
    basis_at = dict((cycle[j], j + 1) for j in range(65535))
    for seed in range(1, 65536):
        j = basis_at[seed]
        v = [s - 32768 for s in cycle[j:j + c * p]]
        cols = [v[i::p] for i in range(p)]
        g = [[sum(x * y for x, y in zip(a, b)) for b in cols] for a in cols]
        adj, d = adjugate(g), det(g)
        if d == 0:
            continue
        for k, (w, rounding) in enumerate(jobs):
            a = [sum(x * y for x, y in zip(col, w)) for col in cols]
            num = [sum(adj[i][m] * a[m] for m in range(p)) for i in range(p)]
            fit = sum(x * y for x, y in zip(a, num)) / d  # exact integers, one rounding
            if (sum(n * n for n in w) - fit) * 2.0**56 > 1.000001 * best[k][0]:
                continue
            t = [x / d * 2.0**-10 / UNIT for x in num]
            for e, q in candidates(t, rounding):
                err = 0
                for r in range(c):
                    isum = sum(q[i] * v[r * p + i] for i in range(p))
                    err += ((w[r] << 28) - (isum * 32769 << (e + 8))) ** 2
                if err < best[k][0]:
                    best[k] = (err, seed, e, q)
    return best


def seed_vectors(rng):
    out = []
    for codec in ("seedlm4", "seedlm3"):
        c, p = SHAPES[codec]
        blocks = []
        for shift in (0, 0, 0, 0, 5, -5):  # about N(0,1) in units of 2^-10, one block of small and one of large numbers
            w = [(sum(rng.bits(10) for _ in range(12)) - 6138) for _ in range(c)]
            blocks.append([n >> shift if shift >= 0 else n << -shift for n in w])
        blocks.append([0] * (c - 1) + [700])
        blocks.append([-3] * c)
        jobs = [(w, "nearest") for w in blocks] + [(w, "search") for w in blocks[:3] + blocks[6:7]]
        for (w, rounding), (err, seed, e, q) in zip(jobs, encode_blocks(c, p, jobs)):
            word, side = 0, 0
            if seed:
                word = seed | (e + 8) << 16 | (q[0] & 15) << 20 | (q[1] & 15) << 24 | (q[2] & 15) << 28
                side = q[3] & 15 if p == 4 else 0
            out.append({"codec": codec, "rounding": rounding, "w_1024": w, "word": word, "side": side,
                        "err": err * 2.0**-76})
    return out


def int4_vectors(rng):
    out = []
    for k in range(6):
        w = [(sum(rng.bits(10) for _ in range(12)) - 6138) >> k for _ in range(32)]
        extreme = 0
        for x in w:
            if abs(x) > abs(extreme):
                extreme = x
        scale = half_round(extreme / 1024.0 / -8)
        d = half_int(scale)  # units of 2^-24
        words = [0, 0, 0, 0]
        for i, x in enumerate(w):
            q = 0
            if d:  # round half even of x * 2^14 / d, in integers
                n, m = (x << 14, d) if d > 0 else (-x << 14, -d)
                q, rest = divmod(n, m)
                if 2 * rest > m or (2 * rest == m and q % 2):
                    q += 1
            words[i // 8] |= (max(-8, min(7, q)) & 15) << (4 * (i % 8))
        out.append({"w_1024": w, "words": words, "scale": scale})
    return out


def half_vectors(rng):
    out = []
    for i in range(200):
        bits = rng.bits(32)
        if i % 2:  # exponents where halves live
            bits = bits & 0x807FFFFF | (100 + rng.bits(6) % 45) << 23
        if i % 4 == 1:  # ties and near ties
            bits = bits & ~0x1FFF | 0x1000 | (rng.bits(2) - 1 if rng.bits(1) else 0)
            bits &= 0xFFFFFFFF
        x = struct.unpack("<f", struct.pack("<I", bits))[0]
        if math.isnan(x):
            continue
        try:
            h = struct.unpack("<H", struct.pack("<e", x))[0]
        except OverflowError:
            h = 0xFC00 if x < 0 else 0x7C00
        out.append([bits, h])
    return out


def main():
    rng = Splitmix(20241014)
    tree = {
        "lfsr": [
            {"k": 3, "seed": 4, "states": states(3, (0, 1), 4, 8)},
            {"k": 16, "seed": 1, "states": states(16, TAPS16, 1, 48)},
            {"k": 16, "seed": 0xACE1, "states": states(16, TAPS16, 0xACE1, 48)},
            {"k": 16, "seed": 0xFFFF, "states": states(16, TAPS16, 0xFFFF, 48)},
        ],
        "half": half_vectors(rng),
        "decode": decode_vectors(rng),
        "int4": int4_vectors(rng),
        "encode": seed_vectors(rng),
    }
    write_or_check(tree, "tests/golden/make_codec.py")


if __name__ == "__main__":
    main()
