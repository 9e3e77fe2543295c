# SPDX-License-Identifier: Apache-2.0
"""Train the byte-fallback BPE tokenizer of the TinyStories OpenELM model.

The stored file has no pre_tokenizer. Training splits the text into words and
punctuation runs, so no merge crosses a word; because of that, encoding without
the splitter gives the same ids, and this script checks it before it writes.
"""
import argparse
import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models
from tokenizers import normalizers, pre_tokenizers, processors, trainers

END_OF_STORY = "<|endoftext|>"
SPECIALS = ["<unk>", "<s>", "</s>"]
# A word with its leading space mark, a run of punctuation with its leading
# space mark, or a lone space mark.
SPLIT = r"▁?[\w']+|▁?[^\w▁']+|▁"


def read_stories(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    return [s.strip() for s in text.split(END_OF_STORY) if s.strip()]


def normalizer():
    return normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])


def splitter():
    return pre_tokenizers.Split(Regex(SPLIT), "isolated")


def build(vocab, merges):
    tok = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>",
                               fuse_unk=True, byte_fallback=True))
    tok.normalizer = normalizer()
    tok.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    tok.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
        decoders.Strip(" ", 1, 0)])
    tok.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIALS])
    return tok


def train(stories, vocab_size, min_char_count):
    # Lines, so that a newline stays a byte token and never enters a merge.
    lines = [line for s in stories for line in s.split("\n") if line]
    counts = {}
    for line in lines:
        for ch in line:
            counts[ch] = counts.get(ch, 0) + 1
    chars = sum(1 for ch, n in counts.items() if ch != " " and n >= min_char_count)
    raw = Tokenizer(models.BPE())
    raw.normalizer = normalizer()
    raw.pre_tokenizer = splitter()
    raw.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=vocab_size - 256, limit_alphabet=chars + 1,
        special_tokens=SPECIALS, show_progress=False))
    model = json.loads(raw.to_str())["model"]
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]
    # Ids: specials, 256 bytes, merged tokens in merge order, single characters.
    order = SPECIALS + ["<0x%02X>" % b for b in range(256)]
    merged = list(dict.fromkeys(a + b for a, b in merges))
    singles = sorted(t for t in model["vocab"] if len(t) == 1)
    order += merged + singles
    vocab = {t: i for i, t in enumerate(order)}
    if len(vocab) != vocab_size or len(order) != vocab_size:
        raise SystemExit(f"vocabulary has {len(order)} entries, wanted {vocab_size}")
    return build(vocab, merges)


def check(tok, texts):
    split = Tokenizer.from_str(tok.to_str())
    split.pre_tokenizer = splitter()
    for t in texts:
        ids = tok.encode(t).ids
        if split.encode(t).ids != ids:
            raise SystemExit("encodings with and without the splitter differ: " + t[:60])
        if tok.decode(ids) != t:
            raise SystemExit("decode(encode(x)) differs: " + t[:60])


def save(tok, path):
    data = json.loads(tok.to_str())
    m = data["model"]
    m["merges"] = [x if isinstance(x, str) else " ".join(x) for x in m["merges"]]
    m.pop("ignore_merges", None)
    for step in data["decoder"]["decoders"]:
        if step["type"] == "Strip":
            step.update(content=" ", start=1, stop=0)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(data, f, ensure_ascii=False, indent=1)
        f.write("\n")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--data", required=True, help="training text, stories separated by " + END_OF_STORY)
    p.add_argument("--check", nargs="*", default=[], help="further texts for the encoding check")
    p.add_argument("--out", required=True, help="tokenizer.json to write")
    p.add_argument("--vocab-size", type=int, default=1024)
    p.add_argument("--min-char-count", type=int, default=5,
                   help="a rarer character is left to the byte tokens")
    a = p.parse_args()
    stories = read_stories(a.data)
    tok = train(stories, a.vocab_size, a.min_char_count)
    texts = list(stories)
    for path in a.check:
        texts += read_stories(path)
    check(tok, texts + ["  two  spaces ", "tab\tand\n\nnewlines", "naïve 漢字 🙂 \x00 'quoted' it's ...\"", ""])
    save(tok, a.out)
    check(Tokenizer.from_file(a.out), texts)
    n = sum(len(tok.encode(s).ids) for s in stories)
    size = sum(len(s.encode()) for s in stories)
    print(f"{len(stories)} stories, {n} tokens, {size / n:.3f} bytes per token -> {a.out}")


if __name__ == "__main__":
    main()
