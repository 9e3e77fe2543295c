/* SPDX-License-Identifier: Apache-2.0
 * tokenizer.json: the file's frame, the model (vocabulary, merges) and the added tokens. */
#include <stdio.h>

#include "model/file.h"
#include "model/tokenizer_internal.h"
#include "model/utf8.h"

#define MAX_TOKENIZER (64u << 20)
#define MAX_ID (1 << 24)

static sb_status bad(const sb_tokenizer *t, const char *where, const char *what, sb_error *err)
{
    return sb_fail(err, SB_ERR_FORMAT, "%s: %s %s", t->path, where, what);
}

/* ---- tokens ---- */
static sb_status set_token(sb_tokenizer *t, uint32_t id, const char *s, sb_error *err)
{
    tok_token *k = &t->tokens[id];
    k->text = strdup(s);
    k->len = strlen(s);
    k->byte = -1;
    return k->text ? SB_OK : tok_nomem(t, err);
}

/* How many ids there are: the greatest, plus one. Holes are allowed, but not so many that a small file takes much
 * memory. */
static sb_status count_ids(sb_tokenizer *t, json_object *vocab, json_object *added, sb_error *err)
{
    int64_t id, top = -1, n = json_object_object_length(vocab);
    char p[64];
    json_object_object_foreach(vocab, key, val)
    {
        if (!sb_json_is_int(val, 0, MAX_ID, &id))
            return sb_fail(err, SB_ERR_FORMAT, "%s: vocab: the id of %s is not an integer from 0 to %d", t->path,
                           sb_json_printable(p, sizeof p, key), MAX_ID);
        top = id > top ? id : top;
    }
    size_t len = added ? json_object_array_length(added) : 0;
    for (size_t i = 0; i < len; i++, n++) {
        json_object *a = json_object_array_get_idx(added, i);
        json_object *v = json_object_is_type(a, json_type_object) ? sb_json_get(a, "id") : NULL;
        if (!v || !sb_json_is_int(v, 0, MAX_ID, &id))
            return sb_fail(err, SB_ERR_FORMAT, "%s: added_tokens[%zu]: id is not an integer from 0 to %d", t->path, i,
                           MAX_ID);
        top = id > top ? id : top;
    }
    if (top >= 4 * n + 65536)
        return sb_fail(err, SB_ERR_FORMAT, "%s: id %lld in a vocabulary of %lld tokens", t->path, (long long)top,
                       (long long)n);
    t->n_tokens = (size_t)(top + 1);
    t->tokens = calloc(t->n_tokens + 1, sizeof *t->tokens);
    return t->tokens ? SB_OK : tok_nomem(t, err);
}

static sb_status load_vocab(sb_tokenizer *t, json_object *vocab, sb_error *err)
{
    char p[64], name[8];
    int64_t id;
    json_object_object_foreach(vocab, key, val)
    {
        sb_json_is_int(val, 0, MAX_ID, &id); /* checked by count_ids */
        if (t->tokens[id].text)
            return sb_fail(err, SB_ERR_FORMAT, "%s: vocab: two tokens have the id %lld", t->path, (long long)id);
        if (!*key)
            return sb_fail(err, SB_ERR_FORMAT, "%s: vocab: the token with id %lld is empty", t->path, (long long)id);
        sb_status st = set_token(t, (uint32_t)id, key, err);
        if (st != SB_OK)
            return st;
        const tok_token *k = &t->tokens[id];
        uint32_t cp;
        for (size_t i = 0, n = 0; i < k->len; i += n) {
            int r = sb_utf8_next(k->text + i, k->len - i, &cp);
            if (r <= 0)
                return sb_fail(err, SB_ERR_FORMAT, "%s: vocab: %s is not UTF-8", t->path,
                               sb_json_printable(p, sizeof p, key));
            n = (size_t)r;
        }
        if (!tok_strings_put(&t->vocab, k->text, k->len, (uint32_t)id))
            return tok_nomem(t, err);
    }
    for (int b = 0; b < 256; b++) {
        snprintf(name, sizeof name, "<0x%02X>", b);
        const tok_string *hit = tok_strings_get(&t->vocab, name, 6);
        t->byte_ids[b] = hit ? (int64_t)hit->id : -1;
    }
    return SB_OK;
}

/* "a b" or ["a", "b"]. */
static bool merge_parts(json_object *m, const char **a, size_t *an, const char **b, size_t *bn)
{
    const char *s;
    if (json_object_is_type(m, json_type_array)) {
        if (json_object_array_length(m) != 2 || !sb_json_is_str(json_object_array_get_idx(m, 0), a) ||
            !sb_json_is_str(json_object_array_get_idx(m, 1), b))
            return false;
        *an = strlen(*a);
        *bn = strlen(*b);
        return true;
    }
    if (!sb_json_is_str(m, &s))
        return false;
    const char *space = strchr(s, ' ');
    if (!space || strchr(space + 1, ' '))
        return false;
    *a = s;
    *an = (size_t)(space - s);
    *b = space + 1;
    *bn = strlen(*b);
    return true;
}

static sb_status load_merges(sb_tokenizer *t, json_object *merges, sb_error *err)
{
    size_t n = json_object_array_length(merges);
    sb_buf both = {0};
    sb_status st = SB_OK;
    for (size_t i = 0; st == SB_OK && i < n; i++) {
        const char *a, *b;
        size_t an, bn;
        if (!merge_parts(json_object_array_get_idx(merges, i), &a, &an, &b, &bn)) {
            st = sb_fail(err, SB_ERR_FORMAT, "%s: merges[%zu] is neither \"a b\" nor [\"a\", \"b\"]", t->path, i);
            break;
        }
        both.len = 0;
        if (!sb_buf_add(&both, a, an) || !sb_buf_add(&both, b, bn)) {
            st = tok_nomem(t, err);
            break;
        }
        const tok_string *l = tok_strings_get(&t->vocab, a, an), *r = tok_strings_get(&t->vocab, b, bn);
        const tok_string *m = both.len ? tok_strings_get(&t->vocab, both.data, both.len) : NULL;
        if (!l || !r || !m)
            st = sb_fail(err, SB_ERR_FORMAT, "%s: merges[%zu]: %s not in the vocabulary", t->path, i,
                         !l   ? "its left part is"
                         : !r ? "its right part is"
                              : "the merged token is");
        else if (!tok_map_put(&t->merges, (uint64_t)l->id << 32 | r->id, (uint64_t)i << 32 | m->id))
            st = tok_nomem(t, err);
    }
    sb_buf_free(&both);
    return st;
}

static sb_status load_model(sb_tokenizer *t, json_object *j, json_object *added, sb_error *err)
{
    static const char *const keys[] = {"type",
                                       "dropout",
                                       "unk_token",
                                       "continuing_subword_prefix",
                                       "fuse_unk",
                                       "byte_fallback",
                                       "ignore_merges",
                                       "end_of_word_suffix",
                                       "vocab",
                                       "merges",
                                       NULL};
    const char *type = "BPE", *prefix = "", *suffix = "", *unk = NULL;
    double dropout = 0;
    sb_status st;
    if (!j || !json_object_is_type(j, json_type_object))
        return bad(t, "model", "is missing or not an object", err);
    if ((st = sb_json_str(t->path, j, "type", &type, err)) != SB_OK)
        return st;
    if (strcmp(type, "BPE") != 0)
        return tok_unsupported(t, "model type", type, err);
    if ((st = tok_only_keys(t, "model", j, keys, err)) != SB_OK ||
        (st = sb_json_str(t->path, j, "continuing_subword_prefix", &prefix, err)) != SB_OK ||
        (st = sb_json_str(t->path, j, "end_of_word_suffix", &suffix, err)) != SB_OK ||
        (st = sb_json_str(t->path, j, "unk_token", &unk, err)) != SB_OK ||
        (st = sb_json_f64(t->path, j, "dropout", 0, 1, &dropout, err)) != SB_OK ||
        (st = sb_json_bool(t->path, j, "fuse_unk", &t->fuse_unk, err)) != SB_OK ||
        (st = sb_json_bool(t->path, j, "byte_fallback", &t->byte_fallback, err)) != SB_OK ||
        (st = sb_json_bool(t->path, j, "ignore_merges", &t->ignore_merges, err)) != SB_OK)
        return st;
    if (*prefix)
        return tok_unsupported(t, "model", "continuing_subword_prefix", err);
    if (*suffix)
        return tok_unsupported(t, "model", "end_of_word_suffix", err);
    if (dropout != 0)
        return tok_unsupported(t, "model", "dropout", err);
    json_object *vocab = sb_json_get(j, "vocab"), *merges = sb_json_get(j, "merges");
    if (!vocab || !json_object_is_type(vocab, json_type_object))
        return bad(t, "model.vocab", "is missing or not an object", err);
    if (!merges || !json_object_is_type(merges, json_type_array))
        return bad(t, "model.merges", "is missing or not a list", err);
    if ((st = count_ids(t, vocab, added, err)) != SB_OK || (st = load_vocab(t, vocab, err)) != SB_OK ||
        (st = load_merges(t, merges, err)) != SB_OK)
        return st;
    t->unk_id = -1;
    if (unk) {
        const tok_string *hit = tok_strings_get(&t->vocab, unk, strlen(unk));
        if (!hit)
            return bad(t, "unk_token", "is not in the vocabulary", err);
        t->unk_id = hit->id;
    }
    return SB_OK;
}

static sb_status load_added_one(sb_tokenizer *t, size_t i, json_object *a, sb_error *err)
{
    static const char *const keys[] = {"id",     "content",    "single_word", "lstrip",
                                       "rstrip", "normalized", "special",     NULL};
    char where[48];
    const char *text = NULL;
    int64_t id = 0;
    bool single = false, lstrip = false, rstrip = false, normalized = false, special = false;
    sb_status st;
    snprintf(where, sizeof where, "added_tokens[%zu]", i);
    if ((st = tok_only_keys(t, where, a, keys, err)) != SB_OK ||
        (st = sb_json_str(t->path, a, "content", &text, err)) != SB_OK ||
        (st = sb_json_bool(t->path, a, "single_word", &single, err)) != SB_OK ||
        (st = sb_json_bool(t->path, a, "lstrip", &lstrip, err)) != SB_OK ||
        (st = sb_json_bool(t->path, a, "rstrip", &rstrip, err)) != SB_OK ||
        (st = sb_json_bool(t->path, a, "normalized", &normalized, err)) != SB_OK ||
        (st = sb_json_bool(t->path, a, "special", &special, err)) != SB_OK)
        return st;
    if (!text || !*text)
        return bad(t, where, "has no content", err);
    if (single)
        return tok_unsupported(t, where, "single_word", err);
    sb_json_is_int(sb_json_get(a, "id"), 0, MAX_ID, &id); /* checked by count_ids */
    tok_token *k = &t->tokens[id];
    const tok_string *hit = tok_strings_get(&t->vocab, text, strlen(text));
    if ((k->text && strcmp(k->text, text) != 0) || (hit && hit->id != (uint32_t)id))
        return bad(t, where, "disagrees with the vocabulary about its id", err);
    if (!k->text && (st = set_token(t, (uint32_t)id, text, err)) != SB_OK)
        return st;
    k->added = true;
    k->special = special;
    k->lstrip = lstrip;
    k->rstrip = rstrip;
    k->normalized = normalized;
    sb_buf norm = {0};
    if (normalized)
        st = tok_normalize(t, text, strlen(text), &norm, err);
    if (st == SB_OK && !(normalized ? tok_trie_add(&t->normalized_added, norm.data, norm.len, (uint32_t)id)
                                    : tok_trie_add(&t->raw_added, text, strlen(text), (uint32_t)id)))
        st = tok_nomem(t, err);
    if (st == SB_OK && normalized && !k->out) { /* it is printed as it was found */
        k->out = norm.data;
        k->out_len = norm.len;
        return SB_OK;
    }
    sb_buf_free(&norm);
    return st;
}

static sb_status load(sb_tokenizer *t, json_object *j, sb_error *err)
{
    static const char *const keys[] = {"version",       "truncation",     "padding", "added_tokens", "normalizer",
                                       "pre_tokenizer", "post_processor", "decoder", "model",        NULL};
    json_object *added = sb_json_get(j, "added_tokens");
    const char *version = "1.0";
    sb_status st;
    if ((st = tok_only_keys(t, "tokenizer", j, keys, err)) != SB_OK ||
        (st = sb_json_str(t->path, j, "version", &version, err)) != SB_OK)
        return st;
    if (strcmp(version, "1.0") != 0)
        return tok_unsupported(t, "version", version, err);
    if (sb_json_get(j, "truncation"))
        return tok_unsupported(t, "tokenizer", "truncation", err);
    if (sb_json_get(j, "padding"))
        return tok_unsupported(t, "tokenizer", "padding", err);
    if (added && !json_object_is_type(added, json_type_array))
        return bad(t, "added_tokens", "is not a list", err);
    if ((st = load_model(t, sb_json_get(j, "model"), added, err)) != SB_OK ||
        (st = tok_load_normalizer(t, sb_json_get(j, "normalizer"), err)) != SB_OK)
        return st;
    size_t n = added ? json_object_array_length(added) : 0;
    for (size_t i = 0; i < n; i++)
        if ((st = load_added_one(t, i, json_object_array_get_idx(added, i), err)) != SB_OK)
            return st;
    if ((st = tok_load_pre_tokenizer(t, sb_json_get(j, "pre_tokenizer"), err)) != SB_OK ||
        (st = tok_load_post_processor(t, sb_json_get(j, "post_processor"), err)) != SB_OK)
        return st;
    return tok_load_decoder(t, sb_json_get(j, "decoder"), err);
}

sb_status sb_tokenizer_parse(const char *path, const char *text, size_t size, sb_tokenizer **out, sb_error *err)
{
    json_object *j;
    *out = NULL;
    sb_status st = sb_json_parse(path, text, size, MAX_TOKENIZER, &j, err);
    if (st != SB_OK)
        return st;
    sb_tokenizer *t = calloc(1, sizeof *t);
    if (!t || !(t->path = strdup(path)))
        st = sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", path);
    else
        st = load(t, j, err);
    json_object_put(j);
    if (st != SB_OK)
        sb_tokenizer_free(t);
    else
        *out = t;
    return st;
}

sb_status sb_tokenizer_load(const char *dir, sb_tokenizer **out, sb_error *err)
{
    char *path = sb_file_join(dir, "tokenizer.json"), *text = NULL;
    size_t size = 0;
    *out = NULL;
    sb_status st = path ? sb_file_read(path, MAX_TOKENIZER, &text, &size, err)
                        : sb_fail(err, SB_ERR_NOMEM, "%s: out of memory", dir);
    if (st == SB_OK)
        st = sb_tokenizer_parse(path, text, size, out, err);
    free(text);
    free(path);
    return st;
}

void sb_tokenizer_free(sb_tokenizer *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_tokens && t->tokens; i++) {
        free(t->tokens[i].text);
        free(t->tokens[i].out);
    }
    free(t->tokens);
    free(t->vocab.slots);
    tok_map_free(&t->merges);
    tok_trie_free(&t->raw_added);
    tok_trie_free(&t->normalized_added);
    for (int i = 0; i < t->n_rules; i++) {
        free(t->rules[i].from);
        free(t->rules[i].to);
    }
    for (int i = 0; i < t->n_stages; i++) {
        pcre2_code_free(t->stages[i].regex);
        free(t->stages[i].text);
    }
    free(t->meta);
    free(t->strip);
    free(t->path);
    free(t);
}

size_t sb_tokenizer_size(const sb_tokenizer *t)
{
    return t->n_tokens;
}
const char *sb_tokenizer_token(const sb_tokenizer *t, uint32_t id)
{
    return id < t->n_tokens ? t->tokens[id].text : NULL;
}
bool sb_tokenizer_is_special(const sb_tokenizer *t, uint32_t id)
{
    return id < t->n_tokens && t->tokens[id].special;
}

int64_t sb_tokenizer_find(const sb_tokenizer *t, const char *token)
{
    const tok_string *hit = tok_strings_get(&t->vocab, token, strlen(token));
    if (hit)
        return hit->id;
    for (size_t i = 0; i < t->n_tokens; i++)
        if (t->tokens[i].added && !strcmp(t->tokens[i].text, token))
            return (int64_t)i;
    return -1;
}

sb_status sb_tokenizer_default_bos(sb_tokenizer *t, uint32_t bos_id, sb_error *err)
{
    if (bos_id >= t->n_tokens || !t->tokens[bos_id].text)
        return sb_fail(err, SB_ERR_ARG, "%s: no token has the BOS id %u", t->path, bos_id);
    if (!t->n_before)
        t->before[t->n_before++] = bos_id;
    return SB_OK;
}
