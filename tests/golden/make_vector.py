#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Golden vectors of the vector operations, from docs/numerics.md (sections 2, 4, 5, 6.1, 6.5) alone: shares no code with the host library.

    make_vector.py [--check] FILE    writes FILE, or compares it with what would be written

Every operation is computed in rational numbers and rounded to binary32 in integers. A case is a command record: its scalar
fields, what the four addresses point to, and what dst (and aux) hold afterwards, or the error. A buffer is
{"words": hex} or {"seed": s, "n": words, "lo": e, "hi": e}: n binary32 of random sign, exponent lo..hi and fraction.
dst is filled with 0xa5 bytes before unless it is given.
"""
import struct
from fractions import Fraction

import make_attention
from golden_file import write_or_check
from make_codec import SHAPES, Splitmix, decode

INF = float("inf")
FILL = 0xA5A5A5A5
OPS = {"QUANTIZE": 2, "SCALE": 3, "EMBED": 4, "RMSNORM": 5, "ROPE": 6, "SILU_MUL": 9, "ADD": 10, "QUANTIZE_Q": 11, "ATTN_SCALE": 14, "LAYERNORM": 15,
       "GELU_MUL": 16, "GATHER": 17, "SCATTER": 18, "ARGMAX": 19, "TOPK": 20}
CODECS = ("fp16", "int4", "seedlm4", "seedlm3")


class CommandError(Exception):
    pass


# ---- binary32: a value is a Python float that holds it exactly ----

def fl(x, negative_zero=False):
    """The binary32 nearest to the Fraction x, ties to even; infinite beyond the range."""
    if x == 0:
        return -0.0 if negative_zero else 0.0
    a = abs(x)
    e = a.numerator.bit_length() - a.denominator.bit_length()
    e -= a < Fraction(2) ** e  # floor(log2 a)
    unit = Fraction(2) ** (max(e, -126) - 23)
    n = a / unit
    q, r = divmod(n.numerator, n.denominator)
    q += 2 * r > n.denominator or (2 * r == n.denominator and q & 1)
    v = q * unit
    v = INF if v >= Fraction(2) ** 128 else float(v)
    return -v if x < 0 else v


def finite(*xs):
    return all(x - x == 0 for x in xs)


def neg(x):
    return struct.pack("<f", x)[3] >> 7 == 1


def mul(a, b):
    if not finite(a, b):
        return a * b  # infinities and NaN follow the same rules in binary64
    return fl(Fraction(a) * Fraction(b), neg(a) != neg(b))


def add(a, b):
    if not finite(a, b):
        return a + b
    return fl(Fraction(a) + Fraction(b), neg(a) and neg(b))


def sub(a, b):
    return add(a, -b)


def bits(x):
    return struct.unpack("<I", struct.pack("<f", x))[0]


def of_bits(u):
    return struct.unpack("<f", struct.pack("<I", u & 0xFFFFFFFF))[0]


def nearest(x):
    """A Fraction to the nearest integer, ties to even."""
    q, r = divmod(x.numerator, x.denominator)
    return q + (2 * r > x.denominator or (2 * r == x.denominator and q & 1))


def clamp(v, lo, hi):
    return max(lo, min(hi, v))


# ---- section 5.1 to 5.3 ----

def sum64(xs):
    s = [0.0] * 64
    for i, x in enumerate(xs):
        s[i % 64] = add(s[i % 64], x)
    for h in (32, 16, 8, 4, 2, 1):
        for j in range(h):
            s[j] = add(s[j], s[j + h])
    return s[0]


def rsqrt32(m):
    y, h = of_bits(0x5F3759DF - (bits(m) >> 1)), mul(0.5, m)
    for _ in range(4):
        y = mul(y, sub(1.5, mul(h, mul(y, y))))
    return y


ENTRIES = {}


def decay(row, u):
    n, s, r = u >> 14, u >> 8 & 63, u & 255
    if (row, s) not in ENTRIES:
        ENTRIES[row, s] = make_attention.entry(row, s)
    base, slope = ENTRIES[row, s]
    return 0 if n >= 24 else ((base - ((slope * r + 128) >> 8)) << 8) >> n


def sigmoid_log2(v):
    if finite(v):
        y = clamp(nearest(Fraction(v) * 2 ** 14), -2 ** 21, 2 ** 21 - 1)
    else:
        y = 2 ** 21 - 1 if v > 0 else -2 ** 21
    p = decay(min(abs(y) >> 14, 15), abs(y))
    return float(2 ** 24 - 1 - p if y > 0 else p) / 2 ** 24


def sigmoid32(x):
    return sigmoid_log2(mul(x, of_bits(0x3FB8AA3B)))


def silu(g):
    return mul(g, sigmoid32(g))


def gelu(g):
    t = mul(mul(g, g), of_bits(0x3D372713))
    return mul(g, sigmoid_log2(mul(mul(add(t, 1.0), g), of_bits(0x40135761))))


# ---- the commands: they read and write lists of 32-bit words ----

def f32(words, at, n):
    return [of_bits(w) for w in words[at:at + n]]


def put(words, at, values):
    for i, v in enumerate(values):
        if not finite(v):
            raise CommandError(7)
        words[at + i] = bits(v)


def check_inputs(xs):
    if not finite(*xs):
        raise CommandError(7)
    return xs


def norm(c, m, mean):
    n, eps, inv_n = c["cols"], of_bits(c["p"][0]), of_bits(c["p"][2])
    gain = f32(m["weights"], 0, n)
    for v in range(c["batch"]):
        for r in range(c["rows"]):
            at = v * c["p"][1] + r * n
            x = f32(m["src"], at, n)
            if mean:
                mu = mul(sum64(x), inv_n)
                x = [sub(a, mu) for a in x]
            inv = rsqrt32(add(mul(sum64([mul(a, a) for a in x]), inv_n), eps))
            y = [mul(mul(a, inv), g) for a, g in zip(x, gain)]
            if mean and m["aux"]:
                y = [add(a, b) for a, b in zip(y, f32(m["aux"], 0, n))]
            put(m["dst"], at, y)


def rope(c, m):
    n, half = c["cols"], c["cols"] // 2
    for v in range(c["batch"]):
        table = f32(m["aux"], v * c["p"][2], n)
        for r in range(c["rows"]):
            at = v * c["p"][1] + r * n
            for i in range(half):
                ia, ib = (at + 2 * i, at + 2 * i + 1) if c["p"][0] else (at + i, at + i + half)
                a, b = of_bits(m["dst"][ia]), of_bits(m["dst"][ib])
                co, si = table[i], table[half + i]
                put(m["dst"], ia, [sub(mul(a, co), mul(b, si))])
                put(m["dst"], ib, [add(mul(b, co), mul(a, si))])


def gate(c, m, f):
    n = c["cols"]
    for v in range(c["batch"]):
        g, u = f32(m["src"], v * c["p"][0], n), f32(m["aux"], v * c["p"][0], n)
        put(m["dst"], v * n, [mul(f(a), b) for a, b in zip(g, u)])


def add_op(c, m):
    n, s = c["batch"] * c["cols"], of_bits(c["p"][0])
    x = f32(m["src"], 0, n)
    if c["codec"]:
        x = [mul(s, a) for a in x]
    put(m["dst"], 0, [add(y, a) for y, a in zip(f32(m["dst"], 0, n), x)])


def factor(codec, scale_exp, k):
    """fl32(unit * 2^(unit_exp + scale_exp - k))"""
    unit, unit_exp = (Fraction(32769, 2 ** 30), -8) if codec in SHAPES else (Fraction(1), -24)
    return fl(unit * Fraction(2) ** (unit_exp + scale_exp - k))


def signed(w):
    return w - 2 ** 32 if w >> 31 else w


def embed(c, m):
    n, codec = c["cols"], CODECS[c["codec"]]
    block = {"fp16": 2, "int4": 8, "seedlm4": 8, "seedlm3": 12}[codec]
    main, side = -(-n // block), codec in ("int4", "seedlm3")
    for v in range(c["batch"]):
        token = m["src"][v]
        if token >= c["rows"]:
            raise CommandError(8)
        row = m["weights"][token * c["p"][2]:]
        if c["p"][1]:
            put(m["dst"], v * n, f32(row, 0, n))
            continue
        w = []
        for b in range(main):
            w += decode(codec, row[b], row[main + b // 8] if side else 0, b)
        g = factor(codec, signed(c["p"][0]), 0)
        put(m["dst"], v * n, [mul(fl(Fraction(i)), g) for i in w[:n]])


def quantize(c, m):
    n, (block, slot) = c["cols"], (12, 16) if CODECS[c["codec"]] == "seedlm3" else (8, 8)
    elems = -(-(-(-n // block) * slot) // 32) * 32
    for v in range(c["batch"]):
        x = check_inputs(f32(m["src"], v * n, n))
        a = max(abs(Fraction(i)) for i in x)
        e = a.numerator.bit_length() - a.denominator.bit_length() if a else 0
        e -= a < Fraction(2) ** e and a != 0
        k = clamp(14 - e, -96, 96) if a else 0
        q = [0] * elems
        for i, xi in enumerate(x):
            q[i // block * slot + i % block] = clamp(nearest(Fraction(xi) * Fraction(2) ** k), -32767, 32767) & 0xFFFF
        for i in range(elems // 2):
            m["dst"][v * elems // 2 + i] = q[2 * i] | q[2 * i + 1] << 16
        m["aux"][v] = k & 0xFFFFFFFF


def quantize_q(c, m):
    n, heads, batch, kv = c["cols"], c["rows"], c["batch"], c["p"][3]
    group, line, capacity, window = heads // kv, n * (1 if c["codec"] & 2 else 2), c["p"][1], m["aux"][0]
    values = 2 * capacity * (-(-line // 64) * 64)  # bytes of K and V of a KV head
    record = 16 + -(-2 * n // 64) * 16

    def v_exp(g, j):
        at = g * (values + capacity // 64 * 128) + values + j // 64 * 128 + 64 + j % 64
        e = m["weights"][at // 4] >> at % 4 * 8 & 255
        return e - 256 if e >> 7 else e

    for g in range(kv):
        for v in range(batch):
            pos = c["p"][0] + v
            last = pos if c["codec"] & 4 else c["p"][0] + batch - 1
            seen = range(pos - window + 1 if window and pos >= window else 0, last + 1)
            e_ref = min([127] + [v_exp(g, j) for j in seen])
            for i in range(group):
                head = g * group + i
                x = check_inputs(f32(m["src"], v * c["p"][2] + head * n, n))
                a = max(abs(Fraction(y)) for y in x)
                e = a.numerator.bit_length() - a.denominator.bit_length() if a else 0
                e -= a < Fraction(2) ** e and a != 0
                k = clamp(14 - e, -96, 96) if a else 96
                q = [clamp(nearest(Fraction(y) * Fraction(2) ** k), -32767, 32767) & 0xFFFF for y in x]
                q += [0] * (2 * (record - 16) - n)
                header = m["aux"][16 * (head + 1):16 * (head + 2)]
                header[:3] = [pos, (header[1] + k) & 0xFFFFFFFF, e_ref & 0xFFFFFFFF]
                at = ((g * batch + v) * group + i) * record
                m["dst"][at:at + record] = header + [q[2 * w] | q[2 * w + 1] << 16 for w in range(record - 16)]


def int64s(words, at, n):
    return [w - 2 ** 64 if w >> 63 else w for w in (words[at + 2 * i] | words[at + 2 * i + 1] << 32 for i in range(n))]


def scale(c, m):
    stride = -(-8 * c["rows"] // 64) * 16
    for v in range(c["batch"]):
        g = factor(CODECS[c["codec"]], signed(c["p"][0]), signed(m["aux"][v]))
        acc = int64s(m["src"], v * stride, c["rows"])
        put(m["dst"], v * c["p"][1], [mul(fl(Fraction(a)), g) for a in acc])


def attn_scale(c, m):
    """Rows in the order [KV head][token][head of the group]; a record's v_exp is its third word."""
    n, kv, group = c["cols"], c["p"][3], c["rows"] // c["p"][3]
    row, record = -(-8 * (n + 1) // 64) * 16, 16 + -(-2 * n // 64) * 16
    for r in range(c["batch"] * c["rows"]):
        token, head = r // group % c["batch"], r // (group * c["batch"]) * group + r % group
        e = signed(m["aux"][r * record + 2])
        acc = int64s(m["src"], r * row, n)
        total = m["src"][r * row + 2 * n] | m["src"][r * row + 2 * n + 1] << 32
        at = (token * c["rows"] + head) * n
        if c["codec"] & 1:
            y = [mul(fl(Fraction(a)), fl(Fraction(2) ** (-24 - e))) for a in acc]
        elif total:
            inv = fl(1 / Fraction(fl(Fraction(total))))
            y = [mul(mul(fl(Fraction(a)), inv), fl(Fraction(2) ** -e)) for a in acc]
        else:
            y = [0.0] * n
        put(m["dst"], at, y)
    assert kv * group == c["rows"]


def move(c, m, scatter):
    for v in range(c["batch"]):
        i = m["aux"][v]
        if i >= c["rows"]:
            raise CommandError(8)
        s, d = (v, i) if scatter else (i, v)
        for w in range(c["cols"]):
            m["dst"][d * c["p"][1] + w] = m["src"][s * c["p"][0] + w]


def largest(c, m, k, stride):
    for v in range(c["batch"]):
        x = check_inputs(f32(m["src"], v * c["p"][0], c["cols"]))
        order = sorted(range(c["cols"]), key=lambda i: (-x[i], i))[:k]
        for j, i in enumerate(order):
            m["dst"][v * stride + j] = i
            if m["aux"]:
                m["aux"][v * stride + j] = m["src"][v * c["p"][0] + i]


RUN = {
    "QUANTIZE": quantize, "SCALE": scale, "EMBED": embed, "ROPE": rope, "ADD": add_op, "QUANTIZE_Q": quantize_q, "ATTN_SCALE": attn_scale,
    "RMSNORM": lambda c, m: norm(c, m, False), "LAYERNORM": lambda c, m: norm(c, m, True),
    "SILU_MUL": lambda c, m: gate(c, m, silu), "GELU_MUL": lambda c, m: gate(c, m, gelu),
    "GATHER": lambda c, m: move(c, m, False), "SCATTER": lambda c, m: move(c, m, True),
    "ARGMAX": lambda c, m: largest(c, m, 1, 1),
    "TOPK": lambda c, m: largest(c, m, c["p"][1], -(-c["p"][1] // 16) * 16),
}


# ---- the cases ----

SEED = [1000]


def noise(n, lo=-3, hi=1, edit=None):
    """n random numbers; edit: {index: value or bits} makes it a list of words."""
    SEED[0] += 1
    spec = {"seed": SEED[0], "n": n, "lo": lo, "hi": hi}
    if not edit:
        return spec
    w = expand(spec)
    for i, v in edit.items():
        w[i] = v if isinstance(v, int) else bits(v)
    return words(w)


def words(w):
    return {"words": "".join("%08x" % (x & 0xFFFFFFFF) for x in w)}


def random_words(n):
    SEED[0] += 1
    rng = Splitmix(SEED[0])
    return words([rng.bits(32) for _ in range(n)])


def expand(spec):
    if spec is None:
        return []
    if "words" in spec:
        return [int(spec["words"][i:i + 8], 16) for i in range(0, len(spec["words"]), 8)]
    rng, out = Splitmix(spec["seed"]), []
    for _ in range(spec["n"]):
        r = rng.bits(64)
        e = spec["lo"] + (r >> 40) % (spec["hi"] - spec["lo"] + 1)
        out.append((r >> 63) << 31 | (e + 127) << 23 | r & 0x7FFFFF)
    return out


def case(op, batch=1, rows=0, cols=0, codec=0, p=(), **buffers):
    c = {"op": OPS[op], "name": op, "codec": codec, "batch": batch, "rows": rows, "cols": cols, "p": list(p) + [0] * (4 - len(p))}
    m = {}
    for key in ("weights", "src", "dst", "aux"):
        spec = buffers.get(key)
        if isinstance(spec, int):  # so many words of nothing
            m[key] = [FILL] * spec
            c[key] = {"fill": spec}
        else:
            m[key] = expand(spec)
            if spec:
                c[key] = spec
    try:
        RUN[op](c, m)
        c["out"] = {"dst": words(m["dst"])["words"]}
        if op in ("QUANTIZE", "TOPK"):
            c["out"]["aux"] = words(m["aux"])["words"]
    except CommandError as e:
        c["error"] = e.args[0]
    return c


def inv(n):
    return bits(fl(Fraction(1, n)))


def ints64(n, top):
    """n random int64 of up to `top` bits, as words."""
    SEED[0] += 1
    rng, w = Splitmix(SEED[0]), []
    for _ in range(n):
        v = rng.bits(top) >> rng.bits(6) % top
        v = (-v if rng.bits(1) else v) % 2 ** 64
        w += [v & 0xFFFFFFFF, v >> 32]
    return w


def norm_cases():
    out = []
    for op in ("RMSNORM", "LAYERNORM"):
        for n, rows, batch in ((1, 1, 1), (5, 1, 2), (8, 3, 1), (64, 1, 1), (65, 2, 2), (127, 1, 1), (128, 1, 1), (192, 1, 1)):
            stride = -(-rows * n // 16) * 16
            size = (batch - 1) * stride + rows * n
            aux = noise(n, -2, 0) if op == "LAYERNORM" and n != 8 else None
            p = (bits(of_bits(0x3727C5AC)), stride, inv(n))
            out.append(case(op, batch, rows, n, p=p, weights=noise(n, -1, 0), src=noise(size, -6, 3), dst=size, aux=aux))
        wide = {"weights": noise(70, -40, 40), "src": noise(70, -50, 50), "dst": 70}
        out.append(case(op, 1, 1, 70, p=(0, 80, inv(70)), **wide))
        tiny = {"weights": noise(16, -2, 2), "src": noise(16, -126, -120), "dst": 16}  # squares vanish: m is eps, or 0
        out += [case(op, 1, 1, 16, p=(e, 16, inv(16)), **tiny) for e in (bits(1e-5), 0, 1)]
        out.append(case(op, 1, 1, 4, p=(0, 4, inv(4)), weights=noise(4), src=words([0, 0x80000000, 0, 0]), dst=4))
        out.append(case(op, 1, 1, 4, p=(0, 4, inv(4)), weights=noise(4), src=noise(4, 64, 66), dst=4))  # the sum overflows
        for bad in (INF, -INF, 0x7FC00001):
            out.append(case(op, 2, 1, 20, p=(bits(1e-5), 32, inv(20)), weights=noise(20), src=noise(52, edit={35: bad}), dst=52))
        out.append(case(op, 1, 1, 20, p=(bits(1e-5), 32, inv(20)), weights=noise(20, edit={3: INF}), src=noise(20), dst=20))
    return out


def rope_cases():
    out = []
    for pairs in (0, 1):
        for n, rows, batch in ((2, 1, 1), (8, 12, 1), (10, 3, 3), (64, 2, 2)):
            stride, table = rows * n + 16, -(-n // 16) * 16
            size = (batch - 1) * stride + rows * n
            out.append(case("ROPE", batch, rows, n, p=(pairs, stride, table), dst=noise(size, -8, 3),
                            aux=noise((batch - 1) * table + n, -5, -1)))
        out.append(case("ROPE", 1, 1, 4, p=(pairs, 16, 16), dst=noise(4, edit={2: INF}), aux=noise(4)))
    return out


def gate_cases():
    edge = [0, 0x80000000, 1, 0x80000001, 0x3FB8AA3B, 0x41800000, 0xC1800000, 0x42B00000, 0xC2B00000, 0x43000000, 0xC3000000,
            0x7F7FFFFF, 0xFF7FFFFF, 0x3F800000, 0xBF800000, 0x00800000]
    out = []
    for op in ("SILU_MUL", "GELU_MUL"):
        for n, batch, lo, hi in ((1, 1, -1, 1), (100, 1, -8, 5), (33, 3, -3, 3), (40, 1, -30, -8), (40, 1, 2, 6), (400, 1, -1, 2)):
            stride = 2 * n + 5
            size = (batch - 1) * stride + n
            out.append(case(op, batch, 0, n, p=(stride,), src=noise(size, lo, hi), aux=noise(size, -2, 2), dst=batch * n))
        out.append(case(op, 1, 0, 16, p=(16,), src=words(edge), aux=words([0x3F000000] * 16), dst=16))
        for bad in (INF, -INF, 0x7FC00000):
            out.append(case(op, 1, 0, 5, p=(5,), src=noise(5, edit={2: bad}), aux=noise(5), dst=5))
        out.append(case(op, 1, 0, 5, p=(5,), src=noise(5), aux=noise(5, edit={4: -INF}), dst=5))
        out.append(case(op, 1, 0, 2, p=(2,), src=noise(2, 90, 91), aux=noise(2, 90, 91, {1: 2.0 ** 100}), dst=2))
    return out


def add_cases():
    return [
        case("ADD", 1, 0, 50, src=noise(50, -30, 3), dst=noise(50, -30, 3)),
        case("ADD", 3, 0, 17, src=noise(51, -4, 3), dst=noise(51, -4, 3)),
        case("ADD", 3, 0, 17, 1, p=(bits(of_bits(0x3EAAAAAB)),), src=noise(51, -4, 3), dst=noise(51, -4, 3)),
        case("ADD", 1, 0, 20, src=noise(20, -126, -125), dst=noise(20, -126, -125)),
        case("ADD", 1, 0, 3, src=words([0x80000000, 0, 0x3F800000]), dst=words([0x80000000, 0x80000000, 0xBF800000])),
        case("ADD", 1, 0, 2, src=words([0x7F7FFFFF, 0]), dst=words([0x7F7FFFFF, 0])),
        case("ADD", 1, 0, 2, 1, p=(bits(4.0),), src=words([0x7F000000, 0]), dst=words([0xFF7FFFFF, 0])),
        case("ADD", 1, 0, 2, src=words([0x7F800000, 0]), dst=words([0xFF800000, 0])),
    ]


def row_cases():
    out = []
    for codec, row in ((0, 10), (1, 4), (2, 3), (3, 3)):
        for e in (0, -3, 17):
            out.append(case("EMBED", 3, 5, 19, codec, p=(e & 0xFFFFFFFF, 0, row + 6), weights=random_words(4 * (row + 6) + row),
                            src=words([4, 0, 2]), dst=57))
        out.append(case("EMBED", 2, 5, 19, codec, p=(0, 0, row), weights=random_words(5 * row), src=words([1, 5]), dst=38))
    for codec, row in ((1, 17), (3, 12)):  # more than one side word
        out.append(case("EMBED", 1, 2, 113, codec, p=(0, 0, row), weights=random_words(2 * row), src=words([1]), dst=113))
    out.append(case("EMBED", 2, 3, 7, 0, p=(0, 1, 16), weights=noise(39), src=words([2, 0]), dst=14))
    out.append(case("EMBED", 1, 2, 7, 0, p=(0, 1, 7), weights=noise(14, edit={9: 0x7FC00000}), src=words([1]), dst=7))
    out.append(case("EMBED", 1, 2, 7, 0, p=(0, 1, 7), weights=noise(14), src=words([0xFFFFFFFF]), dst=7))
    for op, src, dst in (("GATHER", 6 * 9, 4 * 12), ("SCATTER", 4 * 9, 6 * 12)):
        for index in ([3, 0, 5, 3], [5, 5, 5, 0], [1, 2, 6, 0]):
            out.append(case(op, 4, 6, 7, p=(9, 12), src=random_words(src), dst=dst, aux=words(index)))
    return out


def choice_cases():
    zeros = words([0xBF800000, 0x80000000, 0, 0x80000000, 0xC0000000, 0])
    same = words([0x3F800000] * 70)
    out = []
    for n, batch in ((1, 1), (40, 3), (130, 2)):
        out.append(case("ARGMAX", batch, 0, n, p=(n + 3,), src=noise((batch - 1) * (n + 3) + n, -2, 2), dst=batch))
        for k in (1, 5, 17, 64):
            if k <= n:
                s = -(-k // 16) * 16
                size = (batch - 1) * s + k
                out.append(case("TOPK", batch, 0, n, p=(n + 3, k), src=noise((batch - 1) * (n + 3) + n, 0, 0), dst=size, aux=size))
    out += [case("ARGMAX", 1, 0, 6, p=(6,), src=zeros, dst=1), case("TOPK", 1, 0, 6, p=(6, 5), src=zeros, dst=5, aux=5),
            case("ARGMAX", 1, 0, 70, p=(70,), src=same, dst=1), case("TOPK", 1, 0, 70, p=(70, 9), src=same, dst=9, aux=9)]
    for bad in (INF, -INF, 0xFFC00000):
        out.append(case("ARGMAX", 1, 0, 9, p=(9,), src=noise(9, edit={8: bad}), dst=1))
        out.append(case("TOPK", 1, 0, 9, p=(9, 2), src=noise(9, edit={8: bad}), dst=2, aux=2))
    return out


def integer_cases():
    out = []
    for codec in range(4):
        for n, batch, lo, hi in ((1, 1, 0, 0), (13, 2, -9, 3), (70, 1, -20, 2), (25, 1, -126, -90), (25, 1, 100, 127)):
            block, slot = (12, 16) if codec == 3 else (8, 8)
            elems = -(-(-(-n // block) * slot) // 32) * 32
            out.append(case("QUANTIZE", batch, 0, n, codec, src=noise(batch * n, lo, hi), dst=batch * elems // 2, aux=batch))
        for rows, batch, e in ((1, 1, 0), (9, 3, -2), (24, 1, 5)):
            stride, src = rows + 7, []
            for _ in range(batch):
                src += ints64(-(-8 * rows // 64) * 8, 62)
            k = words([14, -3 & 0xFFFFFFFF, 40][:batch])
            out.append(case("SCALE", batch, rows, 0, codec, p=(e & 0xFFFFFFFF, stride), src=words(src), aux=k,
                            dst=(batch - 1) * stride + rows))
    ties = words([bits(x) for x in (1.0, -1.0, 2.0 ** -15, 1.5 * 2.0 ** -14, -1.25 * 2.0 ** -13, 1.9999999)])
    out.append(case("QUANTIZE", 1, 0, 6, 0, src=ties, dst=16, aux=1))
    out.append(case("QUANTIZE", 1, 0, 2, 0, src=words([0, 0x80000000]), dst=16, aux=1))
    for bad in (INF, 0x7FC00000):
        out.append(case("QUANTIZE", 1, 0, 9, 0, src=noise(9, edit={7: bad}), dst=16, aux=1))
    out.append(case("SCALE", 1, 1, 0, 0, p=(0, 16), src=words([0, 0x40000000] + [0] * 14), aux=words([-120]), dst=1))
    for sigmoid in (0, 1):
        for heads, kv, n, batch in ((1, 1, 2, 1), (6, 3, 10, 2)):
            row, record = -(-8 * (n + 1) // 64) * 16, 16 + -(-2 * n // 64) * 16
            src, aux = [], []
            for r in range(heads * batch):
                total = 0 if sigmoid or r == 1 else 12345678901 + r * 7654321
                acc = ints64(n, 58)
                src += (acc + [total & 0xFFFFFFFF, total >> 32] + [0] * row)[:row]
                aux += [0, 0, (r * 9 - 20) & 0xFFFFFFFF] + [0] * (record - 3)
            out.append(case("ATTN_SCALE", batch, heads, n, sigmoid, p=(0, 0, 0, kv), src=words(src), aux=words(aux),
                            dst=batch * heads * n))
    return out


def query_cases():
    out = []
    for flags, heads, kv, n, batch, pos, capacity, window, lo, hi in (
            (4, 1, 1, 2, 1, 0, 64, 0, -3, 1), (4, 4, 2, 8, 3, 62, 128, 0, -9, 3), (6, 3, 1, 40, 2, 70, 128, 5, -3, 1),
            (0, 2, 2, 33, 3, 100, 192, 64, -126, -100), (4, 6, 3, 4, 2, 127, 192, 128, 100, 127), (2, 2, 1, 65, 1, 5, 64, 6, 0, 0)):
        stride, line = heads * n + 3, -(-n * (1 if flags & 2 else 2) // 64) * 64
        cache = kv * (2 * capacity * line + capacity // 64 * 128) // 4
        aux = expand(random_words(16 * (heads + 1)))
        aux[0] = window
        src = noise((batch - 1) * stride + heads * n, lo, hi, {i: 0 for i in range(n)} if batch == 3 else None)
        out.append(case("QUANTIZE_Q", batch, heads, n, flags, p=(pos, capacity, stride, kv), weights=noise(cache, -30, 30), src=src,
                        aux=words(aux), dst=batch * heads * (16 + -(-2 * n // 64) * 16)))
    for bad in (INF, 0x7FC00000):
        out.append(case("QUANTIZE_Q", 1, 2, 4, 4, p=(0, 64, 8, 1), weights=noise(2080), src=noise(8, edit={5: bad}), aux=random_words(48),
                        dst=64))
    return out


def scalar_vectors():
    """The functions alone, bit patterns in and out."""
    ms = [0x00800000, 0x7F7FFFFF, 0x3F800000, 0x40000000, 0x40800000, 0, 1, 0x7FFFFF, 0x3F7FFFFF] + expand(noise(60, -126, 127))
    xs = [0, 0x80000000, 1, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F000000] + expand(noise(80, -20, 7)) + expand(noise(400, 3, 3))
    # where the last row of the table and the one before it differ
    edge = [u for u in range(15 << 14, 24 << 14, 7) if decay(15, u) != decay(14, u)]
    xs += [bits(fl(Fraction(-u, 2 ** 14) / Fraction(of_bits(0x3FB8AA3B)))) for u in edge[::len(edge) // 8]]
    sums = [{"x": noise(n, -10, 10), "sum": bits(sum64(expand_f32(n)))} for n in (1, 2, 63, 64, 65, 127, 128, 200, 1000)]
    one = lambda f, us: [[u, bits(f(of_bits(u)))] for u in us if finite(f(of_bits(u)))]
    return {"rsqrt32": one(rsqrt32, [m & 0x7FFFFFFF for m in ms]), "sigmoid32": one(sigmoid32, xs), "sum64": sums}


def expand_f32(n):
    """The numbers that the noise() just before it names."""
    return [of_bits(w) for w in expand({"seed": SEED[0], "n": n, "lo": -10, "hi": 10})]


def main():
    tree = scalar_vectors()
    tree["commands"] = norm_cases() + rope_cases() + gate_cases() + add_cases() + row_cases() + choice_cases() + integer_cases() + query_cases()
    write_or_check(tree, "tests/golden/make_vector.py")


if __name__ == "__main__":
    main()
