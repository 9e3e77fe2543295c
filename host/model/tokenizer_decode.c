/* SPDX-License-Identifier: Apache-2.0
 * Ids to text, one at a time, complete characters only. */
#include "model/tokenizer_internal.h"
#include "model/utf8.h"

void sb_text_free(sb_text *t)
{
    free(t->data);
    *t = (sb_text){0};
}

static bool text_add(sb_text *t, const void *p, size_t n)
{
    sb_buf b = {t->data, t->len, t->cap};
    bool ok = sb_buf_add(&b, p, n);
    *t = (sb_text){b.data, b.len, b.cap};
    return ok;
}

/* Prints one character, unless Strip takes it. */
static bool put_char(const sb_tokenizer *t, sb_decode_state *st, const void *p, size_t n, sb_text *out)
{
    if (st->stripped < t->strip_n) {
        if (n == strlen(t->strip) && !memcmp(p, t->strip, n)) {
            st->stripped++;
            return true;
        }
        st->stripped = t->strip_n;
    }
    return text_add(out, p, n);
}

/* U+FFFD for the first n pending bytes: one for each byte of a byte-fallback run, one for all in a byte-level text, as
 * the decoders of the reference do. */
static bool put_bad(const sb_tokenizer *t, sb_decode_state *st, size_t n, sb_text *out)
{
    for (size_t i = 0; i < (t->decoder == DECODE_BYTES ? 1 : n); i++)
        if (!put_char(t, st, "\xef\xbf\xbd", 3, out))
            return false;
    return true;
}

static bool drop(sb_decode_state *st, size_t n)
{
    st->n_pending = (uint8_t)(st->n_pending - n);
    memmove(st->pending, st->pending + n, st->n_pending);
    return true;
}

static bool flush(const sb_tokenizer *t, sb_decode_state *st, sb_text *out)
{
    size_t n = st->n_pending;
    return !n || (put_bad(t, st, n, out) && drop(st, n));
}

static bool put_byte(const sb_tokenizer *t, sb_decode_state *st, uint8_t b, sb_text *out)
{
    st->pending[st->n_pending++] = b;
    while (st->n_pending) {
        uint32_t cp;
        int r = sb_utf8_next(st->pending, st->n_pending, &cp);
        if (r == 0)
            return true;
        size_t n = (size_t)(r > 0 ? r : -r);
        if (!(r > 0 ? put_char(t, st, st->pending, n, out) : put_bad(t, st, n, out)))
            return false;
        drop(st, n);
    }
    return true;
}

/* The Metaspace decoder: the replacement is a space, and in the first token nothing. */
static bool put_metaspace(const sb_tokenizer *t, sb_decode_state *st, const tok_token *k, sb_text *out)
{
    size_t rn = strlen(t->meta);
    bool skip = !st->started && t->meta_strip_first;
    for (size_t i = 0; i < k->out_len;) {
        bool hit = k->out_len - i >= rn && !memcmp(k->out + i, t->meta, rn);
        if (hit ? !skip && !put_byte(t, st, ' ', out) : !put_byte(t, st, (uint8_t)k->out[i], out))
            return false;
        i += hit ? rn : 1;
    }
    return true;
}

sb_status sb_tokenizer_decode_next(const sb_tokenizer *t, sb_decode_state *st, uint32_t id, sb_text *out, sb_error *err)
{
    if (st->n_pending >= sizeof st->pending)
        return sb_fail(err, SB_ERR_ARG, "the decoder's state was not initialised");
    if (id >= t->n_tokens || !t->tokens[id].text || (t->tokens[id].special && !st->keep_special))
        return SB_OK;
    const tok_token *k = &t->tokens[id];
    bool ok = true;
    if (t->decoder == DECODE_FALLBACK && k->byte >= 0) {
        ok = put_byte(t, st, (uint8_t)k->byte, out);
    } else if (t->decoder == DECODE_METASPACE) {
        ok = put_metaspace(t, st, k, out);
    } else {
        if (t->decoder == DECODE_FALLBACK) /* text ends a run of byte tokens */
            ok = flush(t, st, out);
        for (size_t i = 0; ok && i < k->out_len; i++)
            ok = put_byte(t, st, (uint8_t)k->out[i], out);
    }
    st->started = true;
    return ok ? SB_OK : tok_nomem(t, err);
}

sb_status sb_tokenizer_decode_end(const sb_tokenizer *t, sb_decode_state *st, sb_text *out, sb_error *err)
{
    bool ok = st->n_pending >= sizeof st->pending || flush(t, st, out);
    *st = (sb_decode_state){.keep_special = st->keep_special};
    return ok ? SB_OK : tok_nomem(t, err);
}

sb_status sb_tokenizer_decode(const sb_tokenizer *t, const uint32_t *ids, size_t n, sb_text *out, sb_error *err)
{
    sb_decode_state st = {0};
    sb_status s = SB_OK;
    for (size_t i = 0; s == SB_OK && i < n; i++)
        s = sb_tokenizer_decode_next(t, &st, ids[i], out, err);
    return s == SB_OK ? sb_tokenizer_decode_end(t, &st, out, err) : s;
}
