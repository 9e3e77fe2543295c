# SPDX-License-Identifier: Apache-2.0
"""What the makers of golden vectors share: a JSON file of one vector a line, written or compared."""
import json
import sys


def write_or_check(tree, maker):
    """tree: {key: [vector, ...]}; the command line of `maker`: [--check] FILE."""
    lines = []
    for key, rows in tree.items():
        body = ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows)
        lines.append('"%s": [\n%s\n]' % (key, body))
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    check, path = sys.argv[1] == "--check", sys.argv[-1]
    if check:
        with open(path, encoding="ascii") as f:
            if f.read() != text:
                sys.exit("%s differs from what %s computes" % (path, maker))
        print("%s: same" % path)
    else:
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
