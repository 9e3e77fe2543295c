# SPDX-License-Identifier: Apache-2.0
"""Random LoRA adapters in the format of Hugging Face PEFT, and the model into which one is merged: W + s B A, in plain Python."""
import json
import math
import os
import random
import shutil
import struct

from common import read_safetensors, write_safetensors

# Of the architecture: the linear layers of a layer.
TARGETS = {"OpenELMForCausalLM": ("qkv_proj", "out_proj", "proj_1", "proj_2"),
           "LlamaForCausalLM": ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")}
PREFIX = "base_model.model."


def read_floats(header, data, name):
    t = header[name]
    a, b = t["data_offsets"]
    raw = data[a:b]
    if t["dtype"] == "F32":
        return list(struct.unpack(f"<{len(raw) // 4}f", raw))
    if t["dtype"] == "F16":
        return list(struct.unpack(f"<{len(raw) // 2}e", raw))
    assert t["dtype"] == "BF16"
    return [struct.unpack("<f", b"\0\0" + raw[i:i + 2])[0] for i in range(0, len(raw), 2)]


def pack_floats(values, dtype):
    if dtype == "BF16":  # towards zero: the test's numbers need not be rounded well
        return b"".join(struct.pack("<f", v)[2:] for v in values)
    return struct.pack(f"<{len(values)}{'f' if dtype == 'F32' else 'e'}", *values)


def save(path, tensors):
    """tensors: {name: (dtype, shape, numbers)}."""
    header, data = {}, b""
    for name, (dtype, shape, values) in tensors.items():
        raw = pack_floats(values, dtype)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    write_safetensors(path, header, data)


def modules(model):
    """[(name of a linear layer, rows, columns)] of a checkpoint that is not compressed."""
    with open(os.path.join(model, "config.json"), encoding="utf-8") as f:
        targets = TARGETS[json.load(f)["architectures"][0]]
    header, _ = read_safetensors(os.path.join(model, "model.safetensors"))
    names = [k for k in header if k.endswith(".weight") and k.split(".")[-2] in targets]
    return [(k[:-len(".weight")], *header[k]["shape"]) for k in names]


def make(model, out, targets=None, r=8, alpha=16, dtype="F32", seed=1, size=0.05, zero_b=False, **config):
    """Writes an adapter of the layers whose last name is in targets (None: all). Returns {module: (s, A, B)}, rows of numbers."""
    rng = random.Random(seed)
    os.makedirs(out, exist_ok=True)
    chosen = [m for m in modules(model) if targets is None or m[0].split(".")[-1] in targets]
    ranks, alphas = config.get("rank_pattern", {}), config.get("alpha_pattern", {})
    tensors, paths = {}, {}
    for name, rows, cols in chosen:
        def own(pattern, other):
            return next((v for k, v in pattern.items() if name.endswith("." + k)), other)
        k, a = own(ranks, r), own(alphas, alpha)
        A = [[rng.gauss(0, 1 / math.sqrt(cols)) for _ in range(cols)] for _ in range(k)]
        B = [[0.0 if zero_b else rng.gauss(0, size) for _ in range(k)] for _ in range(rows)]
        for letter, m, shape in (("A", A, [k, cols]), ("B", B, [rows, k])):
            tensors[f"{PREFIX}{name}.lora_{letter}.weight"] = (dtype, shape, [x for row in m for x in row])
        paths[name] = (a / (math.sqrt(k) if config.get("use_rslora") else k), A, B)
    save(os.path.join(out, "adapter_model.safetensors"), tensors)
    j = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": os.path.basename(model), "bias": "none", "r": r,
         "lora_alpha": alpha, "lora_dropout": 0.05, "inference_mode": True, "fan_in_fan_out": False, "init_lora_weights": True,
         "use_dora": False, "modules_to_save": None, "layers_to_transform": None,
         "target_modules": sorted({m[0].split(".")[-1] for m in chosen}), **config}
    with open(os.path.join(out, "adapter_config.json"), "w", encoding="utf-8") as f:
        json.dump(j, f)
    return paths


def merge(model, out, paths):
    """A copy of the model, its weights F32, W + s B A in the layers of paths."""
    shutil.copytree(model, out)
    file = os.path.join(out, "model.safetensors")
    header, data = read_safetensors(file)
    tensors = {}
    for name, t in header.items():
        if name == "__metadata__":
            continue
        w, shape = read_floats(header, data, name), t["shape"]
        if name[:-len(".weight")] in paths:
            s, A, B = paths[name[:-len(".weight")]]
            cols = shape[1]
            for i, b in enumerate(B):
                row = w[i * cols:(i + 1) * cols]
                for f, a in zip(b, A):
                    f *= s
                    row = [x + f * y for x, y in zip(row, a)]
                w[i * cols:(i + 1) * cols] = row
        tensors[name] = ("F32", shape, w)
    save(file, tensors)
