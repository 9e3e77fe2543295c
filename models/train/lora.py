# SPDX-License-Identifier: Apache-2.0
"""Train a LoRA adapter for an OpenELM folder, on a CPU: the model's weights stay as they are.

Writes adapter_config.json and adapter_model.safetensors as Hugging Face PEFT
does, so `seedbed --lora OUT` takes it. The adapter with the lowest validation
loss so far is the one on disk.
"""
import argparse
import json
import math
import os
import time

# Before torch: train.py sets how its threads wait.
from train import BOS, OpenELM, evaluate, loss_of

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer
from torch import nn

LINEAR = ["qkv_proj", "out_proj", "proj_1", "proj_2"]


class Lora(nn.Module):
    """y = W x + s B (A x); B begins as zero, so at first nothing changes (arXiv 2106.09685)."""

    def __init__(self, base, rank, scale):
        super().__init__()
        self.base, self.scale = base, scale
        self.a = nn.Parameter(torch.empty(rank, base.in_features))
        self.b = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, x):
        return self.base(x) + self.scale * ((x @ self.a.t()) @ self.b.t())


def load(folder):
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
        model = OpenELM(json.load(f))
    tensors = load_file(os.path.join(folder, "model.safetensors"))
    model.load_state_dict({k: torch.from_numpy(v.astype(np.float32)) for k, v in tensors.items()})
    return model.requires_grad_(False)


def adapt(model, targets, rank, alpha):
    """Puts a side path beside every linear layer that is named in targets; {its name: it}."""
    paths = {}
    for name, module in list(model.named_modules()):
        parent, _, last = name.rpartition(".")
        if isinstance(module, nn.Linear) and last in targets:
            paths[name] = Lora(module, rank, alpha / rank)
            setattr(model.get_submodule(parent), last, paths[name])
    return paths


def save(out, paths, a):
    os.makedirs(out, exist_ok=True)
    tensors = {}
    for name, p in paths.items():
        tensors[f"base_model.model.{name}.lora_A.weight"] = p.a.detach().numpy()
        tensors[f"base_model.model.{name}.lora_B.weight"] = p.b.detach().numpy()
    path = os.path.join(out, "adapter_model.safetensors")
    save_file(tensors, path, metadata={"format": "pt"})
    os.chmod(path, 0o644)
    with open(os.path.join(out, "adapter_config.json"), "w", encoding="utf-8") as f:
        json.dump({"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": os.path.basename(a.model.rstrip("/")),
                   "r": a.rank, "lora_alpha": a.alpha, "lora_dropout": 0.0, "target_modules": a.targets, "bias": "none"}, f, indent=2)
        f.write("\n")


def parse():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("--model", required=True, help="model folder, not compressed; it is only read")
    p.add_argument("--data", required=True, help="text to learn; its end is held back")
    p.add_argument("--out", required=True, help="folder of the adapter")
    p.add_argument("--rank", type=int, default=8)
    p.add_argument("--alpha", type=float, default=16)
    p.add_argument("--targets", nargs="+", default=LINEAR, choices=LINEAR)
    p.add_argument("--steps", type=int, default=300)
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--lr", type=float, default=4e-3)
    p.add_argument("--warmup", type=int, default=20)
    p.add_argument("--valid-share", type=float, default=0.05)
    p.add_argument("--valid-every", type=int, default=100)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    return p.parse_args()


def main():
    a = parse()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    model = load(a.model)
    context = model.c["max_context_length"]
    tok = Tokenizer.from_file(os.path.join(a.model, "tokenizer.json"))
    with open(a.data, encoding="utf-8") as f:
        text = f.read()
    cut = int(len(text) * (1 - a.valid_share))
    train, valid = (np.array(tok.encode(t, add_special_tokens=False).ids) for t in (text[:cut], text[cut:]))
    if len(train) < context:
        raise SystemExit(f"{a.data}: {len(train)} tokens to train on, expected at least {context}")
    paths = adapt(model, a.targets, a.rank, a.alpha)
    weights = [w for p in paths.values() for w in (p.a, p.b)]
    print(f"{sum(w.numel() for w in weights)} parameters in {len(paths)} layers, {len(train)} training tokens, "
          f"{len(valid)} validation tokens", flush=True)
    best, _ = evaluate(model, valid, context)
    print(f"step 0 validation loss {best:.4f} perplexity {math.exp(best):.3f}", flush=True)
    opt = torch.optim.AdamW(weights, lr=a.lr, betas=(0.9, 0.98), weight_decay=0.0)
    rng, start = np.random.default_rng(a.seed), time.time()
    for step in range(1, a.steps + 1):
        for g in opt.param_groups:
            g["lr"] = a.lr * min(1.0, step / a.warmup) * 0.5 * (1 + math.cos(math.pi * step / (a.steps + 1)))
        at = rng.integers(len(train) - context + 1, size=a.batch)
        rows = np.stack([np.concatenate([[BOS], train[i:i + context]]) for i in at])
        loss = loss_of(model, torch.from_numpy(rows))
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        if step % a.valid_every == 0 or step == a.steps:
            v, _ = evaluate(model, valid, context)
            mark = ""
            if v < best:
                best, mark = v, " *"
                save(a.out, paths, a)
            print(f"step {step} loss {loss.item():.4f} validation loss {v:.4f} perplexity {math.exp(v):.3f} "
                  f"{time.time() - start:.0f} s{mark}", flush=True)


if __name__ == "__main__":
    main()
