#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/tokenizer_*.json: small tokenizers and what Hugging Face's `tokenizers` (the oracle) does with them.

Each file is {"made_with": ..., "tokenizer": <tokenizer.json>, "encode": [[hex of the text, ids]...],
"decode": [[ids, hex of the text]...]}. Texts are hex so that they can hold anything; those that are not UTF-8 went through
bytes.decode(errors="replace") first. Deterministic. Needs the PyPI package tokenizers (made with the version in made_with).
usage: make_tokenizers.py OUTPUT_FOLDER
"""
import json
import random
import sys

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TEXT = """Once upon a time there was a little girl named Lily. She loved to play outside in the park with her dog, and
one day she saw a big red ball. "Can I have it?" she asked. It's mine, said the dog; we've 12 or 3456 of them!
The quick brown fox jumps over the lazy dog. A small seed grew into a tall tree, and weights grow from seeds.
Größe, naïve café, Ωμέγα, привет мир, 你好世界, こんにちは, 🙂 and 👩‍👩‍👧.\tTabs\tand   spaces\n\n\nand lines.
for (int i = 0; i < 10; i++) { sum += x[i] * 2.5e-3; } // I'll, you'd, THEY'RE, don't
"""
NASTY = ["", " ", "  ", "   a", "a", "a ", " a", "\n", "\n\n \n", "\t x", "▁", "▁▁a", " ▁ ", "<s>", "</s>", "<s>hello</s>",
         " <s> hello <s>", "hello<mask>  world", "hello  <mask> world", "<0x41>", "<|pad|>x", "a<|pad|> <|pad|>b", "\0", "\x7f",
         "e\u0301", "é", "\u200b", "\ufeffx", "\u3000x\u3000", "\xa0x", "\x85x", "\u2028", "ſ", "I'LL don'T 'ſ", "१२३ ४५", "½ ² Ⅷ",
         "123456789", "1,000.50", "a1b2", "🙂🙂", "👩‍👩‍👧", "\U0010ffff", "\ud7ff\ue000", "你好", "こ ん", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "the the  the   the", "THE The tHe", "!!??!!", "...", "x" * 300, " " * 70, "\r\n\r\n", "a\r\nb", "foo_bar-baz", "don't", "'s", "' s",
         "norm token", "a norm  norm b", "unknown ☃ snow", "☃☃ ☃"]
BAD = [b"\xff", b"a\x80b", b"\xe2\x82", b"\xe2\x82\xac\xe2", b"\xf0\x9f\x99", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80", b"ok\xc3"]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def bos(tok, name="<s>"):
    return processors.TemplateProcessing(single=f"{name} $A", pair=f"{name} $A {name}:1 $B:1",
                                         special_tokens=[(name, tok.token_to_id(name))])


def with_bytes(tok):
    """Adds the 256 byte tokens of SentencePiece to a trained vocabulary."""
    j = json.loads(tok.to_str())
    vocab = j["model"]["vocab"]
    for b in range(256):
        vocab.setdefault(f"<0x{b:02X}>", len(vocab))
    j["model"]["byte_fallback"] = True
    return Tokenizer.from_str(json.dumps(j))


def spm(size, normalizer=None, pre=None, fallback=True, fuse=True):
    tok = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=fuse))
    tok.normalizer, tok.pre_tokenizer = normalizer, pre
    tok.train_from_iterator(TEXT.splitlines(True), trainers.BpeTrainer(
        vocab_size=size, special_tokens=["<unk>", "<s>", "</s>"], limit_alphabet=60, show_progress=False))
    return with_bytes(tok) if fallback else tok


def byte_level(size, pre, specials=("<s>", "</s>", "<|pad|>")):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre
    tok.train_from_iterator(TEXT.splitlines(True), trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(specials), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tok.decoder = decoders.ByteLevel()
    return tok


def make():
    replace = normalizers.Replace(" ", "▁")
    fallback = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    t = spm(140, normalizers.Sequence([normalizers.Prepend("▁"), replace]))
    t.post_processor = bos(t)
    t.decoder = decoders.Sequence(fallback + [decoders.Strip(" ", 1, 0)])
    t.add_special_tokens([AddedToken("<mask>", lstrip=True, rstrip=True, special=True)])
    t.add_tokens([AddedToken("norm", normalized=True), AddedToken("<|pad|>", normalized=False)])
    yield "spm_prepend", t
    t = spm(130, None, pre_tokenizers.Metaspace("▁", "first", split=False))
    t.post_processor = bos(t)
    t.decoder = decoders.Sequence(fallback + [decoders.Strip(" ", 1, 0)])
    yield "spm_first", t
    t = spm(130, replace, pre_tokenizers.Split(" ", "merged_with_previous"))
    t.decoder = decoders.Sequence(fallback)
    t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A $B:1 </s>:1",
                                                     special_tokens=[("<s>", 1), ("</s>", 2)])
    yield "spm_gemma", t
    t = spm(110, None, pre_tokenizers.Metaspace("▁", "always", split=True), fallback=False)
    t.decoder = decoders.Metaspace("▁", "always", split=True)
    yield "metaspace_unk", t
    t = spm(110, None, pre_tokenizers.Metaspace("▁", "never", split=True), fallback=False, fuse=False)
    t.decoder = decoders.Metaspace("▁", "never", split=True)
    yield "metaspace_never", t
    t = byte_level(330, pre_tokenizers.ByteLevel(add_prefix_space=True))
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    yield "bytes_gpt2", t
    t = byte_level(330, pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
                                                 pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]))
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), bos(t)])
    j = json.loads(t.to_str())
    j["model"]["ignore_merges"] = True
    j["model"]["vocab"]["Ġunmergeable"] = len(j["model"]["vocab"])
    yield "bytes_llama3", Tokenizer.from_str(json.dumps(j))
    t = byte_level(320, pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                 pre_tokenizers.ByteLevel(add_prefix_space=False)]))
    yield "bytes_digits", t
    for how in ("removed", "merged_with_next", "contiguous"):
        t = byte_level(300, pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"[aeiou ]|(?=x)"), how, invert=how == "contiguous"),
                                                     pre_tokenizers.Digits(),
                                                     pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]))
        yield f"bytes_{how}", t


def random_text(rng):
    parts = ["a", "the", " ", "  ", "\n", "é", "你", "🙂", "1", "23", "<s>", "<mask>", "norm", "▁", "'s", "I'll", "☃", "\t", "x", "!", "ſ", "Ω",
             "<|pad|>", " unmergeable", "\u0301", "\xa0", "dog", "Lily", "outside"]
    return "".join(rng.choice(parts) for _ in range(rng.randint(1, 25)))


def valid_bytes(tok, ids):
    """Whether every run of byte tokens is UTF-8: the oracle gives up a whole run, Seedbed the bad bytes alone."""
    run = b""
    for i in list(ids) + [None]:
        s = tok.id_to_token(i) if i is not None else ""
        if s and len(s) == 6 and s.startswith("<0x"):
            run += bytes([int(s[3:5], 16)])
            continue
        try:
            run.decode()
        except UnicodeDecodeError:
            return False
        run = b""
    return True


def cases(tok, rng, n):
    texts = [s.encode() for s in NASTY + [TEXT] + [random_text(rng) for _ in range(n)]] + BAD
    encode = [[t.hex(), tok.encode(t.decode(errors="replace")).ids] for t in texts]
    lists = [ids for _, ids in encode[:80]]
    size = tok.get_vocab_size()
    while len(lists) < 80 + n:
        ids = [rng.randrange(size) for _ in range(rng.randint(1, 12))]
        if valid_bytes(tok, ids):
            lists.append(ids)
    return encode, [[ids, tok.decode(ids).encode().hex()] for ids in lists]


def main():
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    for name, tok in make():
        encode, decode = cases(tok, random.Random(name), n)
        out = {"made_with": f"tokenizers {tokenizers.__version__}", "tokenizer": json.loads(tok.to_str()), "encode": encode,
               "decode": decode}
        with open(f"{sys.argv[1]}/tokenizer_{name}.json", "w", encoding="utf-8") as f:
            f.write(json.dumps(out, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
