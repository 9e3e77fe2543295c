/* SPDX-License-Identifier: Apache-2.0
 * The normalizer's rules and the pre-tokenizer's steps. */
#include "model/tokenizer_internal.h"
#include "model/utf8.h"

sb_status tok_normalize(const sb_tokenizer *t, const char *in, size_t len, sb_buf *out, sb_error *err)
{
    sb_buf cur = {0}, next = {0};
    bool ok = sb_buf_add(&cur, in, len);
    for (int r = 0; ok && r < t->n_rules && cur.len; r++) {
        const tok_rule *rule = &t->rules[r];
        size_t to_len = strlen(rule->to), from = 0;
        next.len = 0;
        if (!rule->from) {
            ok = sb_buf_add(&next, rule->to, to_len);
        } else {
            size_t n = strlen(rule->from);
            const char *hit;
            while (ok && cur.len - from >= n && (hit = memmem(cur.data + from, cur.len - from, rule->from, n))) {
                size_t at = (size_t)(hit - cur.data);
                ok = sb_buf_add(&next, cur.data + from, at - from) && sb_buf_add(&next, rule->to, to_len);
                from = at + n;
            }
        }
        ok = ok && sb_buf_add(&next, cur.data + from, cur.len - from);
        sb_buf swap = cur;
        cur = next;
        next = swap;
    }
    sb_buf_free(&next);
    sb_buf_free(out);
    *out = cur;
    return ok ? SB_OK : tok_nomem(t, err);
}

void tok_pieces_free(tok_pieces *p)
{
    sb_buf_free(&p->text);
    free(p->v);
    *p = (tok_pieces){0};
}

/* Appends a piece made of two parts; empty ones are dropped. */
static bool piece_add(tok_pieces *p, const char *a, size_t an, const char *b, size_t bn, bool first)
{
    if (!an && !bn)
        return true;
    void *v = p->v;
    if (!sb_array_grow(&v, &p->cap, p->n, sizeof *p->v))
        return false;
    p->v = v;
    p->v[p->n++] = (tok_piece){p->text.len, an + bn, first};
    return sb_buf_add(&p->text, a, an) && sb_buf_add(&p->text, b, bn);
}

/* ---- finding ---- */
typedef struct {
    size_t begin, end;
    bool match;
} segment;
typedef struct {
    segment *v;
    size_t n, cap;
} segments;

static bool seg_add(segments *s, size_t begin, size_t end, bool match)
{
    void *v = s->v;
    if (!sb_array_grow(&v, &s->cap, s->n, sizeof *s->v))
        return false;
    s->v = v;
    s->v[s->n++] = (segment){begin, end, match};
    return true;
}

typedef struct {
    pcre2_match_data *data;
    pcre2_match_context *ctx;
    pcre2_jit_stack *stack;
} matcher;

static void matcher_free(matcher *m)
{
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->ctx);
    pcre2_jit_stack_free(m->stack);
}

static bool matcher_init(matcher *m, const pcre2_code *re)
{
    m->data = pcre2_match_data_create_from_pattern(re, NULL);
    m->ctx = pcre2_match_context_create(NULL);
    m->stack = pcre2_jit_stack_create(32 << 10, 1 << 20, NULL);
    if (!m->data || !m->ctx || !m->stack) /* the stack is NULL too where there is no JIT: then 0 is fine */
        return m->data && m->ctx;
    pcre2_jit_stack_assign(m->ctx, NULL, m->stack);
    return true;
}

/* Bounds the work that one match of a hostile pattern can do. */
static void matcher_limit(matcher *m)
{
    pcre2_set_match_limit(m->ctx, 5000000);
    pcre2_set_depth_limit(m->ctx, 100000);
    pcre2_set_heap_limit(m->ctx, 64 << 10); /* KiB */
}

static sb_status find_regex(const sb_tokenizer *t, const tok_stage *g, matcher *m, const char *s, size_t len,
                            segments *out, sb_error *err)
{
    size_t done = 0, at = 0;
    while (at <= len) {
        uint32_t flags = PCRE2_NO_UTF_CHECK;
        int r = pcre2_match(g->regex, (PCRE2_SPTR)s, len, at, flags, m->data, m->ctx);
        if (r == PCRE2_ERROR_JIT_STACKLIMIT)
            r = pcre2_match(g->regex, (PCRE2_SPTR)s, len, at, flags | PCRE2_NO_JIT, m->data, m->ctx);
        if (r == PCRE2_ERROR_NOMATCH)
            break;
        if (r < 0) {
            char msg[120] = "";
            pcre2_get_error_message(r, (PCRE2_UCHAR *)msg, sizeof msg);
            return sb_fail(err, SB_ERR_UNSUPPORTED,
                           "%s: the pre-tokenizer's pattern fails on this text at byte %zu: %s", t->path, at, msg);
        }
        const PCRE2_SIZE *ov = pcre2_get_ovector_pointer(m->data);
        size_t b = ov[0], e = ov[1];
        if (b < done || e < b || e > len) /* \K in a look-around can do that */
            return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: the pre-tokenizer's pattern matches backwards", t->path);
        if ((b > done && !seg_add(out, done, b, false)) || !seg_add(out, b, e, true))
            return tok_nomem(t, err);
        done = at = e;
        if (b == e) { /* an empty match: go on one character later */
            uint32_t cp;
            int n = e < len ? sb_utf8_next(s + e, len - e, &cp) : 1;
            at = e + (n > 0 ? (size_t)n : 1);
        }
    }
    return done < len && !seg_add(out, done, len, false) ? tok_nomem(t, err) : SB_OK;
}

static sb_status find_text(const sb_tokenizer *t, const char *text, const char *s, size_t len, segments *out,
                           sb_error *err)
{
    size_t done = 0, n = strlen(text);
    const char *hit;
    while (len - done >= n && (hit = memmem(s + done, len - done, text, n))) {
        size_t at = (size_t)(hit - s);
        if ((at > done && !seg_add(out, done, at, false)) || !seg_add(out, at, at + n, true))
            return tok_nomem(t, err);
        done = at + n;
    }
    return done < len && !seg_add(out, done, len, false) ? tok_nomem(t, err) : SB_OK;
}

/* Joins and drops segments in place as the behaviour says. */
static void apply_behaviour(segments *s, tok_behaviour how, bool invert)
{
    size_t n = 0;
    bool prev = false;
    for (size_t k = 0; k < s->n; k++)
        s->v[k].match ^= invert;
    switch (how) {
    case SPLIT_ISOLATED:
        return;
    case SPLIT_REMOVED:
        for (size_t k = 0; k < s->n; k++)
            if (!s->v[k].match)
                s->v[n++] = s->v[k];
        break;
    case SPLIT_PREVIOUS:
    case SPLIT_CONTIGUOUS:
        for (size_t k = 0; k < s->n; k++) {
            segment g = s->v[k];
            bool join = how == SPLIT_PREVIOUS ? g.match && !prev : g.match == prev;
            if (join && n)
                s->v[n - 1].end = g.end;
            else
                s->v[n++] = g;
            prev = g.match;
        }
        break;
    case SPLIT_NEXT: {
        size_t low = s->n; /* the result grows downwards from the end */
        for (size_t k = s->n; k-- > 0;) {
            segment g = s->v[k];
            if (g.match && !prev && low < s->n)
                s->v[low].begin = g.begin;
            else
                s->v[--low] = g;
            prev = g.match;
        }
        n = s->n - low;
        memmove(s->v, s->v + low, n * sizeof *s->v);
        break;
    }
    }
    s->n = n;
}

/* ---- the steps ---- */
static sb_status step_split(const sb_tokenizer *t, const tok_stage *g, const char *s, size_t len, bool first,
                            matcher *m, tok_pieces *out, sb_error *err)
{
    segments segs = {0};
    sb_status st = g->regex ? find_regex(t, g, m, s, len, &segs, err) : find_text(t, g->text, s, len, &segs, err);
    if (st == SB_OK)
        apply_behaviour(&segs, g->behaviour, g->invert);
    for (size_t k = 0; st == SB_OK && k < segs.n; k++) {
        const segment *x = &segs.v[k];
        if (!piece_add(out, s + x->begin, x->end - x->begin, NULL, 0, first && x->begin == 0))
            st = tok_nomem(t, err);
    }
    free(segs.v);
    return st;
}

static sb_status step_metaspace(const sb_tokenizer *t, const tok_stage *g, const char *s, size_t len, bool first,
                                tok_pieces *out, sb_error *err)
{
    sb_buf b = {0};
    size_t rn = strlen(g->text);
    bool starts = s[0] == ' ' || (len >= rn && !memcmp(s, g->text, rn));
    bool ok = true;
    if (!starts && (g->prepend == PREPEND_ALWAYS || (g->prepend == PREPEND_FIRST && first)))
        ok = sb_buf_add(&b, g->text, rn);
    for (size_t i = 0; ok && i < len; i++)
        ok = s[i] == ' ' ? sb_buf_add(&b, g->text, rn) : sb_buf_add(&b, s + i, 1);
    sb_status st = ok ? SB_OK : tok_nomem(t, err);
    if (ok && g->split)
        st = step_split(t, &(tok_stage){.kind = STAGE_SPLIT, .behaviour = SPLIT_NEXT, .text = g->text}, b.data, b.len,
                        first, NULL, out, err);
    else if (ok && !piece_add(out, b.data, b.len, NULL, 0, first))
        st = tok_nomem(t, err);
    sb_buf_free(&b);
    return st;
}

static sb_status step_bytes(const sb_tokenizer *t, const char *s, size_t len, bool first, tok_pieces *out,
                            sb_error *err)
{
    sb_buf b = {0};
    bool ok = true;
    char c[4];
    for (size_t i = 0; ok && i < len; i++)
        ok = sb_buf_add(&b, c, (size_t)sb_utf8_put(tok_byte_char((uint8_t)s[i]), c));
    ok = ok && piece_add(out, b.data, b.len, NULL, 0, first);
    sb_buf_free(&b);
    return ok ? SB_OK : tok_nomem(t, err);
}

static sb_status run_stage(const sb_tokenizer *t, const tok_stage *g, const tok_pieces *in, tok_pieces *out,
                           sb_error *err)
{
    matcher m = {0};
    sb_status st = SB_OK;
    if (g->regex && !matcher_init(&m, g->regex))
        st = tok_nomem(t, err);
    else if (g->regex)
        matcher_limit(&m);
    for (size_t i = 0; st == SB_OK && i < in->n; i++) {
        const char *s = in->text.data + in->v[i].off;
        size_t len = in->v[i].len;
        bool first = in->v[i].first;
        switch (g->kind) {
        case STAGE_METASPACE:
            st = step_metaspace(t, g, s, len, first, out, err);
            break;
        case STAGE_PREFIX_SPACE:
            if (!piece_add(out, " ", s[0] != ' ', s, len, first))
                st = tok_nomem(t, err);
            break;
        case STAGE_SPLIT:
            st = step_split(t, g, s, len, first, &m, out, err);
            break;
        case STAGE_BYTES:
            st = step_bytes(t, s, len, first, out, err);
            break;
        }
    }
    matcher_free(&m);
    return st;
}

sb_status tok_pre_tokenize(const sb_tokenizer *t, const char *in, size_t len, bool first, tok_pieces *out,
                           sb_error *err)
{
    tok_pieces next = {0};
    *out = (tok_pieces){0};
    sb_status st = piece_add(out, in, len, NULL, 0, first) ? SB_OK : tok_nomem(t, err);
    for (int i = 0; st == SB_OK && i < t->n_stages; i++) {
        st = run_stage(t, &t->stages[i], out, &next, err);
        tok_pieces_free(out);
        *out = next;
        next = (tok_pieces){0};
    }
    return st;
}
