# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: running the program, places, small model directories."""
import json
import os
import shutil
import struct
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
SEEDBED = os.path.join(BUILD, "seedbed")
SHIPPED = os.path.join(ROOT, "models", "tinystories-openelm")
SIGMOID = os.path.join(ROOT, "models", "tinystories-sigmoid")  # its twin with sigmoid attention
DATA = os.environ.get("SEEDBED_DATA") or os.path.join(os.path.dirname(ROOT), "shared", "data")
STORIES = os.path.join(DATA, "stories260K")
CODECS = ("fp16", "int4", "seedlm4", "seedlm3")


def run(*args, binary=None, timeout=600, env=None, preexec=None):
    """The finished process: returncode, stdout, stderr as text."""
    return subprocess.run([binary or SEEDBED, *map(str, args)], capture_output=True, timeout=timeout,
                          text=True, errors="replace", env=env, preexec_fn=preexec)


def run_json(*args, **kw):
    p = run(*args, "--json", **kw)
    if p.returncode not in (0, 1) or not p.stdout:
        raise AssertionError(f"{args}: exit {p.returncode}: {p.stderr}")
    return json.loads(p.stdout)


def models():
    """(name, directory) of every model at hand; says what is absent."""
    found = [("tinystories-openelm", SHIPPED), ("tinystories-sigmoid", SIGMOID)]
    if os.path.isdir(STORIES):
        found.append(("stories260K", STORIES))
    else:
        print(f"skipped: stories260K (no data at {DATA})")
    return found


def need_stories(test):
    return unittest.skipUnless(os.path.isdir(STORIES), f"stories260K: no data at {DATA}")(test)


class Scratch(unittest.TestCase):
    """A test with a directory of its own, removed afterwards."""

    def setUp(self):
        base = os.path.join(BUILD, "tmp")
        os.makedirs(base, exist_ok=True)
        self.dir = tempfile.mkdtemp(dir=base)
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def copy_model(self, src, name="model"):
        dst = self.path(name)
        shutil.copytree(src, dst)
        return dst


def read_safetensors(path):
    """(header as a dict, bytes of the data section): a reader of its own, as any other program has one."""
    with open(path, "rb") as f:
        n = struct.unpack("<Q", f.read(8))[0]
        return json.loads(f.read(n)), f.read()


def write_safetensors(path, header, data):
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)
