/* SPDX-License-Identifier: Apache-2.0
 * Text to ids: added tokens first, then normalizer, pre-tokenizer (tokenizer_split.c) and byte-pair merging. */
#include "model/tokenizer_internal.h"
#include "model/utf8.h"

#define MAX_TEXT ((size_t)1 << 28)

void sb_ids_free(sb_ids *ids)
{
    free(ids->ids);
    *ids = (sb_ids){0};
}

static bool ids_add(sb_ids *v, uint32_t id)
{
    void *p = v->ids;
    if (!sb_array_grow(&p, &v->cap, v->n, sizeof *v->ids))
        return false;
    v->ids = p;
    v->ids[v->n++] = id;
    return true;
}

/* ---- byte-pair merging: a linked list of symbols and a heap of candidate merges, O(n log n) ---- */
typedef struct {
    uint32_t id;
    int32_t prev, next; /* -1: none */
    bool dead;          /* merged into its left neighbour */
} symbol;

typedef struct {
    uint32_t rank;
    int32_t pos;
    uint32_t merged;
} candidate;

typedef struct {
    symbol *sym;
    size_t n, cap;
    candidate *heap;
    size_t heap_n, heap_cap;
} word;

static bool word_add(word *w, uint32_t id)
{
    void *p = w->sym;
    if (!sb_array_grow(&p, &w->cap, w->n, sizeof *w->sym))
        return false;
    w->sym = p;
    w->sym[w->n] = (symbol){.id = id, .prev = (int32_t)w->n - 1, .next = (int32_t)w->n + 1};
    w->n++;
    return true;
}

static bool before(const candidate *a, const candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->pos < b->pos;
}

static bool heap_push(word *w, candidate c)
{
    void *p = w->heap;
    if (!sb_array_grow(&p, &w->heap_cap, w->heap_n, sizeof *w->heap))
        return false;
    w->heap = p;
    size_t i = w->heap_n++;
    for (; i && before(&c, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = c;
    return true;
}

static candidate heap_pop(word *w)
{
    candidate top = w->heap[0], last = w->heap[--w->heap_n];
    size_t i = 0;
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= w->heap_n)
            break;
        if (c + 1 < w->heap_n && before(&w->heap[c + 1], &w->heap[c]))
            c++;
        if (!before(&w->heap[c], &last))
            break;
        w->heap[i] = w->heap[c];
        i = c;
    }
    w->heap[i] = last;
    return top;
}

/* Offers the pair that begins at pos, if there is one that merges. */
static bool offer(const sb_tokenizer *t, word *w, int32_t pos)
{
    uint64_t m;
    if (pos < 0 || w->sym[pos].next < 0)
        return true;
    uint64_t key = (uint64_t)w->sym[pos].id << 32 | w->sym[w->sym[pos].next].id;
    if (!tok_map_get(&t->merges, key, &m))
        return true;
    return heap_push(w, (candidate){(uint32_t)(m >> 32), pos, (uint32_t)m});
}

static bool merge_all(const sb_tokenizer *t, word *w)
{
    w->sym[w->n - 1].next = -1;
    for (size_t i = 0; i + 1 < w->n; i++)
        if (!offer(t, w, (int32_t)i))
            return false;
    while (w->heap_n) {
        candidate c = heap_pop(w);
        symbol *s = &w->sym[c.pos];
        if (s->dead || s->next < 0)
            continue;
        symbol *r = &w->sym[s->next];
        uint64_t m;
        /* The pair may have changed since it was offered. */
        if (!tok_map_get(&t->merges, (uint64_t)s->id << 32 | r->id, &m) || (uint32_t)m != c.merged)
            continue;
        s->id = c.merged;
        r->dead = true;
        s->next = r->next;
        if (r->next >= 0)
            w->sym[r->next].prev = c.pos;
        if (!offer(t, w, s->prev) || !offer(t, w, c.pos))
            return false;
    }
    return true;
}

static sb_status split_symbols(const sb_tokenizer *t, const char *s, size_t len, word *w, sb_error *err)
{
    bool unk = false; /* an unknown character is waiting to be written */
    uint32_t cp;
    for (size_t i = 0, n; i < len; i += n) {
        int r = sb_utf8_next(s + i, len - i, &cp);
        n = r > 0 ? (size_t)r : 1;
        const tok_string *hit = tok_strings_get(&t->vocab, s + i, n);
        bool bytes = !hit && t->byte_fallback;
        for (size_t k = 0; bytes && k < n; k++)
            bytes = t->byte_ids[(uint8_t)s[i + k]] >= 0;
        if (!hit && !bytes && t->unk_id < 0)
            return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: no token for the character U+%04X, and no unk_token", t->path,
                           cp);
        if (unk && (hit || (!bytes && !t->fuse_unk))) {
            if (!word_add(w, (uint32_t)t->unk_id))
                return tok_nomem(t, err);
            unk = false;
        }
        if (hit && !word_add(w, hit->id))
            return tok_nomem(t, err);
        for (size_t k = 0; bytes && k < n; k++)
            if (!word_add(w, (uint32_t)t->byte_ids[(uint8_t)s[i + k]]))
                return tok_nomem(t, err);
        unk = unk || (!hit && !bytes);
    }
    return unk && !word_add(w, (uint32_t)t->unk_id) ? tok_nomem(t, err) : SB_OK;
}

sb_status tok_bpe(const sb_tokenizer *t, const char *s, size_t len, sb_ids *out, sb_error *err)
{
    const tok_string *whole = t->ignore_merges ? tok_strings_get(&t->vocab, s, len) : NULL;
    if (whole)
        return ids_add(out, whole->id) ? SB_OK : tok_nomem(t, err);
    word w = {0};
    sb_status st = split_symbols(t, s, len, &w, err);
    if (st == SB_OK && w.n) {
        bool ok = merge_all(t, &w);
        for (int32_t i = 0; ok && i >= 0; i = w.sym[i].next)
            ok = ids_add(out, w.sym[i].id);
        if (!ok)
            st = tok_nomem(t, err);
    }
    free(w.sym);
    free(w.heap);
    return st;
}

/* ---- added tokens ---- */
static bool is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
           c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/* Where the white space that ends at `end` begins, not before `low`. */
static size_t space_before(const char *s, size_t low, size_t end)
{
    while (end > low) {
        size_t at = end - 1;
        uint32_t cp = 0;
        while (at > low && ((uint8_t)s[at] & 0xc0) == 0x80)
            at--;
        if (sb_utf8_next(s + at, end - at, &cp) <= 0 || !is_space(cp))
            break;
        end = at;
    }
    return end;
}

static size_t space_after(const char *s, size_t at, size_t len)
{
    uint32_t cp = 0;
    while (at < len) {
        int r = sb_utf8_next(s + at, len - at, &cp);
        if (r <= 0 || !is_space(cp))
            break;
        at += (size_t)r;
    }
    return at;
}

typedef sb_status (*text_fn)(const sb_tokenizer *t, const char *s, size_t len, bool first, sb_ids *out, sb_error *err);

/* Cuts s at the added tokens of the trie; what lies between them goes to fn. */
static sb_status cut_added(const sb_tokenizer *t, const tok_trie *trie, const char *s, size_t len, bool first,
                           text_fn fn, sb_ids *out, sb_error *err)
{
    size_t done = 0, i = 0;
    while (i < len) {
        uint32_t id = 0;
        size_t n = tok_trie_match(trie, s + i, len - i, &id);
        if (!n) {
            i++;
            continue;
        }
        const tok_token *a = &t->tokens[id];
        size_t begin = a->lstrip ? space_before(s, done, i) : i, end = a->rstrip ? space_after(s, i + n, len) : i + n;
        sb_status st = begin > done ? fn(t, s + done, begin - done, first && !done, out, err) : SB_OK;
        if (st != SB_OK)
            return st;
        if (!ids_add(out, id))
            return tok_nomem(t, err);
        done = i = end;
    }
    return len > done ? fn(t, s + done, len - done, first && !done, out, err) : SB_OK;
}

static sb_status encode_plain(const sb_tokenizer *t, const char *s, size_t len, bool first, sb_ids *out, sb_error *err)
{
    tok_pieces p = {0};
    sb_status st = tok_pre_tokenize(t, s, len, first, &p, err);
    for (size_t i = 0; st == SB_OK && i < p.n; i++)
        st = tok_bpe(t, p.text.data + p.v[i].off, p.v[i].len, out, err);
    tok_pieces_free(&p);
    return st;
}

static sb_status encode_raw(const sb_tokenizer *t, const char *s, size_t len, bool first, sb_ids *out, sb_error *err)
{
    sb_buf norm = {0};
    sb_status st = tok_normalize(t, s, len, &norm, err);
    if (st == SB_OK)
        st = cut_added(t, &t->normalized_added, norm.data, norm.len, first, encode_plain, out, err);
    sb_buf_free(&norm);
    return st;
}

static bool clean_utf8(const char *s, size_t len, sb_buf *out)
{
    size_t from = 0;
    uint32_t cp;
    for (size_t i = 0; i < len;) {
        int r = sb_utf8_next(s + i, len - i, &cp);
        if (r > 0) {
            i += (size_t)r;
            continue;
        }
        if (!sb_buf_add(out, s + from, i - from) || !sb_buf_add(out, "\xef\xbf\xbd", 3))
            return false;
        i = from = r < 0 ? i + (size_t)-r : len;
    }
    return sb_buf_add(out, s + from, len - from);
}

sb_status sb_tokenizer_encode(const sb_tokenizer *t, const char *text, size_t len, bool add_special, sb_ids *out,
                              sb_error *err)
{
    if (len > MAX_TEXT)
        return sb_fail(err, SB_ERR_ARG, "text of %zu bytes, at most %zu can be tokenized at once", len, MAX_TEXT);
    sb_buf clean = {0};
    sb_status st = clean_utf8(text, len, &clean) ? SB_OK : tok_nomem(t, err);
    for (int i = 0; st == SB_OK && add_special && i < t->n_before; i++)
        st = ids_add(out, t->before[i]) ? SB_OK : tok_nomem(t, err);
    if (st == SB_OK)
        st = cut_added(t, &t->raw_added, clean.data, clean.len, true, encode_raw, out, err);
    for (int i = 0; st == SB_OK && add_special && i < t->n_after; i++)
        st = ids_add(out, t->after[i]) ? SB_OK : tok_nomem(t, err);
    sb_buf_free(&clean);
    return st;
}
