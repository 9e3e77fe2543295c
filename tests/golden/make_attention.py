# SPDX-License-Identifier: Apache-2.0
"""Tables of the attention contract (docs/numerics.md, section 6.4), rounded exactly.

  make_attention.py            writes host/device/attention_table.h and hw/rtl/attn/attn_table.sv
  make_attention.py --check    fails if a committed file is not what this script computes

Row n = 0..14:  w(f) = 2^-f / (1 + 2^-(n+f)), so that sigmoid of -(n+f) ln 2 = 2^-n w(f).
Row 15:         w(f) = 2^-f, for the softmax and for n >= 15.
Entry s of a row covers f in [s/64, (s+1)/64): base - ((slope * r + 128) >> 8) with r = 0..255, in units of 2^-16.
slope is the chord; base is lowered by half the chord's largest error, which balances it.
"""
import os
import sys
import zlib
from decimal import ROUND_HALF_EVEN, Decimal, getcontext

getcontext().prec = 60
TWO = Decimal(2)
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def w(row, f):
    e = TWO ** -f
    return e if row == 15 else e / (1 + e / TWO ** row)


def nint(x):
    return x.to_integral_value(ROUND_HALF_EVEN)


def entry(row, seg):
    f0, f1 = Decimal(seg) / 64, Decimal(seg + 1) / 64
    y0, y1 = w(row, f0), w(row, f1)
    gap = max(y0 + (y1 - y0) * Decimal(i) / 16 - w(row, f0 + (f1 - f0) * Decimal(i) / 16) for i in range(17))
    low = min(y0 + (y1 - y0) * Decimal(i) / 16 - w(row, f0 + (f1 - f0) * Decimal(i) / 16) for i in range(17))
    base = int(nint(65536 * (y0 - (gap + low) / 2)))
    slope = int(nint(65536 * (y0 - y1)))
    assert 0 < slope < 1024
    return min(base, 65535), slope


def main():
    table = [entry(row, seg) for row in range(16) for seg in range(64)]
    words = [b << 10 | s for b, s in table]
    crc = zlib.crc32(b"".join(x.to_bytes(4, "little") for x in words))
    h = ["/* SPDX-License-Identifier: Apache-2.0",
         " * Made by tests/golden/make_attention.py: (base << 10 | slope), row n, 64 segments a row; docs/numerics.md 6.4. */",
         "#ifndef SEEDBED_ATTENTION_TABLE_H", "#define SEEDBED_ATTENTION_TABLE_H", "", "#include <stdint.h>", "",
         f"#define SB_ATTN_TABLE_CRC32 0x{crc:08x}u /* of the little-endian words */", "",
         "/* clang-format off */", "static const uint32_t sb_attn_table[16 * 64] = {"]
    for i in range(0, 1024, 8):
        h.append("    " + " ".join(f"0x{x:07x}," for x in words[i:i + 8]))
    h += ["};", "/* clang-format on */", "", "#endif", ""]
    v = ["// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1",
         "// Table of the sigmoid and of 2^-f (docs/numerics.md 6.4), made by tests/golden/make_attention.py.",
         "//",
         "// Parameters: Rows, 16 for the sigmoid (and the softmax), 1 for the softmax alone (row 15 only).",
         "// Ports: addr_i = {row, segment}; data_o = {base[15:0], slope[9:0]}, one cycle later while en_i.",
         "// Latency: one cycle.", "",
         "module attn_table #(", "  parameter int Rows = 16", ") (",
         "  input  logic        clk_i,", "  input  logic        en_i,",
         "  input  logic [9:0]  addr_i,", "  output logic [25:0] data_o", ");", "",
         "  initial if (Rows != 16 && Rows != 1) $fatal(1, \"attn_table: Rows must be 1 or 16\");", "",
         "  if (Rows == 16) begin : g_all", "    logic [25:0] rom [0:1023];",
         "    always_ff @(posedge clk_i) if (en_i) data_o <= rom[addr_i];", "    initial begin"]
    for i in range(0, 1024, 4):
        v.append("      " + " ".join(f"rom[{j}] = 26'h{words[j]:07x};" for j in range(i, i + 4)))
    v += ["    end", "  end else begin : g_exp", "    logic [25:0] rom [0:63];",
          "    always_ff @(posedge clk_i) if (en_i) data_o <= rom[addr_i[5:0]];", "    initial begin"]
    for i in range(0, 64, 4):
        v.append("      " + " ".join(f"rom[{j}] = 26'h{words[960 + j]:07x};" for j in range(i, i + 4)))
    v += ["    end", "    wire unused = &{1'b0, addr_i[9:6]};", "  end", "", "endmodule", ""]
    bad = False
    for path, text in (("host/device/attention_table.h", "\n".join(h)), ("hw/rtl/attn/attn_table.sv", "\n".join(v))):
        full = os.path.join(ROOT, path)
        if "--check" in sys.argv:
            same = os.path.exists(full) and open(full).read() == text
            print(f"{path}: {'as computed' if same else 'DIFFERS'}")
            bad |= not same
        else:
            with open(full, "w") as f:
                f.write(text)
    sys.exit(bad)


if __name__ == "__main__":
    main()
