# SPDX-License-Identifier: Apache-2.0
"""Train a small OpenELM language model on TinyStories, on a CPU.

Writes config.json and model.safetensors (F16) in the Hugging Face OpenELM
layout. The model with the lowest validation loss so far is the one on disk, so
there is a usable model from the first validation on. Run it again with the same
arguments and it goes on from its checkpoint.
"""
import argparse
import json
import math
import os
import time

# Waiting threads that spin slow a shared machine down; must be set before torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from tokenizer import read_stories

BOS, EOS = 1, 2


def make_divisible(v, div):
    new = max(div, int(v + div / 2) // div * div)
    return new + div if new < 0.9 * v else new


def make_config(a):
    """Layer-wise scaling as in OpenELM: heads and FFN width grow with depth."""
    n = a.layers
    qkv = [round(float(v), 2) for v in np.linspace(*a.qkv_multipliers, n)]
    ffn = [round(float(v), 2) for v in np.linspace(*a.ffn_multipliers, n)]
    heads = [make_divisible(a.dim * m, a.head_dim * a.gqa_groups) // a.head_dim for m in qkv]
    cfg = {
        "architectures": ["OpenELMForCausalLM"],
        "model_type": "openelm",
        "vocab_size": a.vocab_size,
        "max_context_length": a.context,
        "num_transformer_layers": n,
        "model_dim": a.dim,
        "head_dim": a.head_dim,
        "qkv_multipliers": list(a.qkv_multipliers),
        "num_query_heads": heads,
        "num_kv_heads": [h // a.gqa_groups for h in heads],
        "num_gqa_groups": a.gqa_groups,
        "ffn_multipliers": ffn,
        "ffn_with_glu": True,
        "ffn_dim_divisor": a.ffn_dim_divisor,
        "activation_fn_name": "swish",
        "normalization_layer_name": "rms_norm",
        "normalize_qk_projections": True,
        "share_input_output_layers": True,
        "rope_freq_constant": 10000,
        "rope_max_length": 2 * a.context,
        "initializer_range": 0.02,
        "use_cache": True,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "torch_dtype": "float16",
    }
    if a.attention == "sigmoid":
        # Not part of OpenELM: sigmoid attention with b = -ln(n) and a second
        # norm after each sublayer ("hybrid norm").
        cfg["attention_type"] = "sigmoid"
        cfg["attention_score_bias"] = -math.log(a.context)
        cfg["hybrid_norm"] = True
    return cfg


class RMSNorm(nn.Module):
    def __init__(self, dim, eps=1e-6):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        ms = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square() / x.shape[-1]
        return x * torch.rsqrt(ms + self.eps) * self.weight


def rope_table(length, head_dim, base):
    inv = 1.0 / base ** (torch.arange(0, head_dim, 2).float() / head_dim)
    t = torch.outer(torch.arange(length).float(), inv)
    t = torch.cat([t, t], -1)
    return t.cos(), t.sin()


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


class Attention(nn.Module):
    def __init__(self, c, i):
        super().__init__()
        self.hd, self.nq, self.nkv = c["head_dim"], c["num_query_heads"][i], c["num_kv_heads"][i]
        d = c["model_dim"]
        self.qkv_proj = nn.Linear(d, (self.nq + 2 * self.nkv) * self.hd, bias=False)
        self.q_norm, self.k_norm = RMSNorm(self.hd), RMSNorm(self.hd)
        self.out_proj = nn.Linear(self.nq * self.hd, d, bias=False)
        self.score_bias = c.get("attention_score_bias")

    def forward(self, x, cos, sin, mask):
        b, t, _ = x.shape
        y = self.qkv_proj(x).view(b, t, -1, self.hd).transpose(1, 2)
        q, k, v = y.split([self.nq, self.nkv, self.nkv], 1)
        q = rotate(self.q_norm(q), cos, sin) * self.hd ** -0.5
        k = rotate(self.k_norm(k), cos, sin)
        # The query heads that share a key/value head are stacked along time.
        s = q.reshape(b, self.nkv, -1, self.hd) @ k.transpose(-1, -2)
        s = s.view(b, self.nq, t, t) + mask
        p = torch.sigmoid(s + self.score_bias) if self.score_bias is not None else s.softmax(-1)
        o = p.view(b, self.nkv, -1, t) @ v
        return self.out_proj(o.view(b, self.nq, t, self.hd).transpose(1, 2).reshape(b, t, -1))


class FeedForward(nn.Module):
    def __init__(self, c, i):
        super().__init__()
        d = c["model_dim"]
        width = make_divisible(c["ffn_multipliers"][i] * d, c["ffn_dim_divisor"])
        self.proj_1 = nn.Linear(d, 2 * width, bias=False)
        self.proj_2 = nn.Linear(width, d, bias=False)

    def forward(self, x):
        gate, up = self.proj_1(x).chunk(2, -1)
        return self.proj_2(F.silu(gate) * up)


class Layer(nn.Module):
    def __init__(self, c, i, dropout):
        super().__init__()
        d = c["model_dim"]
        self.attn_norm, self.attn = RMSNorm(d), Attention(c, i)
        self.ffn_norm, self.ffn = RMSNorm(d), FeedForward(c, i)
        hybrid = c.get("hybrid_norm", False)
        self.attn_post_norm = RMSNorm(d) if hybrid else nn.Identity()
        self.ffn_post_norm = RMSNorm(d) if hybrid else nn.Identity()
        self.p = dropout

    def forward(self, x, *ctx):
        y = self.attn_post_norm(self.attn(self.attn_norm(x), *ctx))
        x = x + F.dropout(y, self.p, self.training)
        y = self.ffn_post_norm(self.ffn(self.ffn_norm(x)))
        return x + F.dropout(y, self.p, self.training)


class OpenELM(nn.Module):
    def __init__(self, c, dropout=0.0):
        super().__init__()
        n = c["num_transformer_layers"]
        self.transformer = nn.Module()
        self.transformer.token_embeddings = nn.Embedding(c["vocab_size"], c["model_dim"])
        self.transformer.layers = nn.ModuleList(Layer(c, i, dropout) for i in range(n))
        self.transformer.norm = RMSNorm(c["model_dim"])
        self.c, self.p = c, dropout
        for name, w in self.named_parameters():
            if w.dim() == 2:
                std = c["initializer_range"] if "embeddings" in name else w.shape[1] ** -0.5
                if name.endswith(("out_proj.weight", "proj_2.weight")):
                    std *= (2 * n) ** -0.5
                nn.init.normal_(w, 0.0, std)

    def forward(self, ids):
        t, m = ids.shape[1], self.transformer
        cos, sin = rope_table(t, self.c["head_dim"], self.c["rope_freq_constant"])
        mask = torch.full((t, t), float("-inf")).triu(1)
        x = F.dropout(m.token_embeddings(ids), self.p, self.training)
        for layer in m.layers:
            x = layer(x, cos, sin, mask)
        return m.norm(x) @ m.token_embeddings.weight.t()


def loss_of(model, x):
    logits = model(x[:, :-1])
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), x[:, 1:].reshape(-1))


def encode(tok, stories):
    """<s> story </s> as one array per story; the tokenizer itself adds <s>."""
    return [np.array(e.ids + [EOS], dtype=np.int64) for e in tok.encode_batch(stories)]


class Epochs:
    """Shuffled stories, joined, cut at a random offset into windows. The batch
    of a step depends on the seed and the step alone, so a resumed run repeats it."""

    def __init__(self, docs, window, batch, seed):
        self.docs, self.window, self.batch, self.seed = docs, window, batch, seed
        self.total = sum(len(d) for d in docs)
        self.per_epoch = (self.total - window) // window // batch
        self.epoch = None

    def __call__(self, step):
        epoch, i = divmod(step, self.per_epoch)
        if epoch != self.epoch:
            rng = np.random.default_rng([self.seed, epoch])
            flat = np.concatenate([self.docs[j] for j in rng.permutation(len(self.docs))])
            off = int(rng.integers(self.window))
            n = (len(flat) - off) // self.window
            rows = flat[off:off + n * self.window].reshape(n, self.window)
            self.rows, self.epoch = rows[rng.permutation(n)], epoch
        return torch.from_numpy(self.rows[i * self.batch:(i + 1) * self.batch])


def windows(ids, context):
    """Non-overlapping windows, each with BOS first and context - 1 tokens to predict."""
    n = context - 1
    return [np.concatenate([[BOS], ids[i:i + n]]) for i in range(0, len(ids), n)]


@torch.no_grad()
def evaluate(model, ids, context):
    model.eval()
    rows = windows(ids, context)
    total = count = 0
    for i in range(0, len(rows), 16):
        group = rows[i:i + 16]
        for length in sorted({len(r) for r in group}):
            x = torch.from_numpy(np.stack([r for r in group if len(r) == length]))
            total += loss_of(model, x).item() * x.shape[0] * (length - 1)
            count += x.shape[0] * (length - 1)
    model.train()
    return total / count, count


def export(model, out):
    tensors = {k: v.detach().numpy().astype(np.float16) for k, v in model.named_parameters()}
    save_file(tensors, os.path.join(out, "model.safetensors.tmp"), metadata={"format": "pt"})
    os.chmod(os.path.join(out, "model.safetensors.tmp"), 0o644)
    os.replace(os.path.join(out, "model.safetensors.tmp"), os.path.join(out, "model.safetensors"))
    with open(os.path.join(out, "config.json"), "w") as f:
        json.dump(model.c, f, indent=2)
        f.write("\n")


def parse():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0],
                                formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("--data", required=True, help="training text; its last stories are held back")
    p.add_argument("--eval", help="held-out text, read once, after training")
    p.add_argument("--out", required=True, help="model folder; must hold tokenizer.json")
    p.add_argument("--checkpoint", help="checkpoint file (default: OUT.checkpoint.pt)")
    p.add_argument("--attention", choices=["softmax", "sigmoid"], default="softmax")
    p.add_argument("--dim", type=int, default=192)
    p.add_argument("--layers", type=int, default=6)
    p.add_argument("--head-dim", type=int, default=32)
    p.add_argument("--gqa-groups", type=int, default=2)
    p.add_argument("--ffn-dim-divisor", type=int, default=64)
    p.add_argument("--qkv-multipliers", type=float, nargs=2, default=[0.5, 1.0])
    p.add_argument("--ffn-multipliers", type=float, nargs=2, default=[0.5, 2.5])
    p.add_argument("--context", type=int, default=256)
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--steps", type=int, default=2600)
    p.add_argument("--stop-at", type=int, help="stop after this step; the schedule stays that of --steps")
    p.add_argument("--warmup", type=int, default=100)
    p.add_argument("--lr", type=float, default=3e-3)
    p.add_argument("--min-lr", type=float, default=3e-5)
    p.add_argument("--weight-decay", type=float, default=0.1)
    p.add_argument("--dropout", type=float, default=0.05)
    p.add_argument("--clip", type=float, default=1.0)
    p.add_argument("--valid-share", type=float, default=0.03)
    p.add_argument("--valid-every", type=int, default=200)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    return p.parse_args()


def main():
    a = parse()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    tok = Tokenizer.from_file(os.path.join(a.out, "tokenizer.json"))
    a.vocab_size = tok.get_vocab_size()
    stories = read_stories(a.data)
    held = max(1, round(len(stories) * a.valid_share))
    train_docs = encode(tok, stories[:-held])
    valid = np.concatenate(encode(tok, stories[-held:]))
    cfg = make_config(a)
    model = OpenELM(cfg, a.dropout)
    count = sum(w.numel() for w in model.parameters())
    batches = Epochs(train_docs, a.context + 1, a.batch, a.seed)
    print(f"{count} parameters, query heads {cfg['num_query_heads']}, FFN "
          f"{[layer.ffn.proj_2.in_features for layer in model.transformer.layers]}")
    print(f"{batches.total} training tokens, {batches.per_epoch} steps per epoch, "
          f"{len(valid)} validation tokens", flush=True)
    matrices = [w for w in model.parameters() if w.dim() == 2]
    vectors = [w for w in model.parameters() if w.dim() == 1]
    opt = torch.optim.AdamW([{"params": matrices, "weight_decay": a.weight_decay},
                             {"params": vectors, "weight_decay": 0.0}],
                            lr=a.lr, betas=(0.9, 0.98), eps=1e-8)
    path = a.checkpoint or a.out.rstrip("/") + ".checkpoint.pt"
    step, best, spent = 0, float("inf"), 0.0
    if os.path.exists(path):
        ck = torch.load(path)
        if ck["config"] != cfg:
            raise SystemExit(f"{path} is of another model; remove it or name another one")
        model.load_state_dict(ck["model"])
        opt.load_state_dict(ck["opt"])
        step, best, spent = ck["step"], ck["best"], ck["spent"]
        print(f"going on from step {step}")
    start, stop = time.time() - spent, min(a.steps, a.stop_at or a.steps)
    while step < stop:
        torch.manual_seed(a.seed * 1000003 + step)  # dropout repeats on resume
        warm = min(1.0, (step + 1) / a.warmup)
        done = max(0, step - a.warmup) / max(1, a.steps - a.warmup)
        lr = a.min_lr + (a.lr - a.min_lr) * 0.5 * (1 + math.cos(math.pi * done))
        for g in opt.param_groups:
            g["lr"] = lr * warm
        loss = loss_of(model, batches(step))
        opt.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), a.clip)
        opt.step()
        step += 1
        if step % 50 == 0:
            s = time.time() - start
            print(f"step {step} loss {loss.item():.4f} grad {norm:.2f} lr {lr * warm:.2e} "
                  f"{s:.0f} s {step * a.batch * a.context / s:.0f} tokens/s", flush=True)
        if step % a.valid_every == 0 or step == stop:
            v, _ = evaluate(model, valid, a.context)
            mark = ""
            if v < best:
                best, mark = v, " *"
                export(model, a.out)
            print(f"step {step} validation loss {v:.4f} perplexity {math.exp(v):.3f}{mark}", flush=True)
            torch.save({"config": cfg, "model": model.state_dict(), "opt": opt.state_dict(),
                        "step": step, "best": best, "spent": time.time() - start}, path + ".tmp")
            os.replace(path + ".tmp", path)
    print(f"{step} steps, {step * a.batch * a.context} tokens, {time.time() - start:.0f} s, "
          f"best validation loss {best:.4f}; perplexity of the stored file: evaluate.py")
    if a.eval:
        import evaluate as stored
        stored.report(a.out, a.eval)


if __name__ == "__main__":
    main()
