/* SPDX-License-Identifier: Apache-2.0
 * tokenizer.json: normalizer, pre_tokenizer, post_processor and decoder. */
#include <stdio.h>

#include "model/tokenizer_internal.h"
#include "model/utf8.h"

/* What the ByteLevel pre-tokenizer splits with, and what Digits calls a digit. */
#define GPT2_PATTERN "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define DIGIT_PATTERN "\\p{N}"
#define MAX_PATTERN 4096

typedef sb_status (*part_fn)(sb_tokenizer *t, json_object *j, sb_error *err);

static sb_status bad(const sb_tokenizer *t, const char *where, const char *what, sb_error *err)
{
    return sb_fail(err, SB_ERR_FORMAT, "%s: %s %s", t->path, where, what);
}

/* Calls fn for the component, or for each one of a Sequence (not nested: no tokenizer does that). */
static sb_status each(sb_tokenizer *t, const char *where, const char *list_key, json_object *j, part_fn fn,
                      sb_error *err)
{
    const char *type;
    if (!j)
        return SB_OK;
    sb_status st = tok_type(t, where, j, &type, err);
    if (st != SB_OK || strcmp(type, "Sequence") != 0)
        return st != SB_OK ? st : fn(t, j, err);
    json_object *list = sb_json_get(j, list_key);
    if (!list || !json_object_is_type(list, json_type_array))
        return bad(t, where, "Sequence has no list", err);
    size_t n = json_object_array_length(list);
    for (size_t i = 0; st == SB_OK && i < n; i++)
        st = fn(t, json_object_array_get_idx(list, i), err);
    return st;
}

static sb_status want_str(const sb_tokenizer *t, const char *where, json_object *j, const char *key, const char **out,
                          sb_error *err)
{
    *out = NULL;
    sb_status st = sb_json_str(t->path, j, key, out, err);
    return st != SB_OK || (*out && **out) ? st : bad(t, where, "lacks a string that it needs", err);
}

static sb_status copy(const sb_tokenizer *t, const char *s, char **out, sb_error *err)
{
    *out = strdup(s);
    return *out ? SB_OK : tok_nomem(t, err);
}

/* Exactly one character. */
static sb_status want_char(const sb_tokenizer *t, const char *where, json_object *j, const char *key, char **out,
                           sb_error *err)
{
    const char *s;
    uint32_t cp;
    sb_status st = want_str(t, where, j, key, &s, err);
    if (st == SB_OK && sb_utf8_next(s, strlen(s), &cp) != (int)strlen(s))
        return bad(t, where, "needs a string of one character", err);
    return st == SB_OK ? copy(t, s, out, err) : st;
}

/* {"String": s} gives s; {"Regex": s} gives it as *regex. */
static sb_status pattern(const sb_tokenizer *t, const char *where, json_object *j, const char **text,
                         const char **regex, sb_error *err)
{
    json_object *p = sb_json_get(j, "pattern");
    *text = *regex = NULL;
    if (!p || !json_object_is_type(p, json_type_object) || json_object_object_length(p) != 1)
        return bad(t, where, "has no pattern", err);
    sb_status st = sb_json_str(t->path, p, "String", text, err);
    if (st == SB_OK)
        st = sb_json_str(t->path, p, "Regex", regex, err);
    if (st == SB_OK && (*text ? !**text : !*regex))
        return bad(t, where, "has an empty or unknown pattern", err);
    return st;
}

/* ---- normalizer ---- */
static sb_status add_rule(sb_tokenizer *t, json_object *j, sb_error *err)
{
    static const char *const prepend_keys[] = {"type", "prepend", NULL};
    static const char *const replace_keys[] = {"type", "pattern", "content", NULL};
    const char *type, *from = NULL, *to = NULL, *regex = NULL;
    sb_status st = tok_type(t, "normalizer", j, &type, err);
    if (st != SB_OK)
        return st;
    if (t->n_rules == TOK_MAX_STEPS)
        return tok_unsupported(t, "normalizer", "so long a Sequence", err);
    if (!strcmp(type, "Prepend")) {
        if ((st = tok_only_keys(t, "normalizer Prepend", j, prepend_keys, err)) == SB_OK)
            st = want_str(t, "normalizer Prepend", j, "prepend", &to, err);
    } else if (!strcmp(type, "Replace")) {
        if ((st = tok_only_keys(t, "normalizer Replace", j, replace_keys, err)) == SB_OK &&
            (st = pattern(t, "normalizer Replace", j, &from, &regex, err)) == SB_OK)
            st = sb_json_str(t->path, j, "content", &to, err);
        if (st == SB_OK && regex)
            return tok_unsupported(t, "normalizer Replace", "a Regex pattern", err);
        if (st == SB_OK && !to)
            return bad(t, "normalizer Replace", "has no content", err);
    } else {
        return tok_unsupported(t, "normalizer", type, err);
    }
    if (st != SB_OK)
        return st;
    tok_rule *r = &t->rules[t->n_rules++];
    if (from && (st = copy(t, from, &r->from, err)) != SB_OK)
        return st;
    return copy(t, to, &r->to, err);
}

sb_status tok_load_normalizer(sb_tokenizer *t, json_object *j, sb_error *err)
{
    return each(t, "normalizer", "normalizers", j, add_rule, err);
}

/* ---- pre_tokenizer ---- */
static sb_status new_stage(sb_tokenizer *t, tok_stage_kind kind, tok_stage **out, sb_error *err)
{
    if (t->n_stages == TOK_MAX_STEPS)
        return tok_unsupported(t, "pre_tokenizer", "so long a Sequence", err);
    *out = &t->stages[t->n_stages++];
    (*out)->kind = kind;
    return SB_OK;
}

static sb_status compile(sb_tokenizer *t, tok_stage *g, const char *regex, sb_error *err)
{
    int code;
    PCRE2_SIZE at;
    char msg[120] = "";
    if (strlen(regex) > MAX_PATTERN)
        return tok_unsupported(t, "pre_tokenizer", "so long a pattern", err);
    if (!strncmp(regex, "(*", 2)) /* PCRE2's own settings; elsewhere such patterns are written for another library */
        return tok_unsupported(t, "pre_tokenizer", "a pattern that begins with (*", err);
    pcre2_compile_context *ctx = pcre2_compile_context_create(NULL);
    if (!ctx)
        return tok_nomem(t, err);
    pcre2_set_parens_nest_limit(ctx, 50);
    g->regex = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C,
                             &code, &at, ctx);
    pcre2_compile_context_free(ctx);
    if (!g->regex) {
        pcre2_get_error_message(code, (PCRE2_UCHAR *)msg, sizeof msg);
        return sb_fail(err, SB_ERR_UNSUPPORTED, "%s: pre_tokenizer: the pattern's character %zu: %s", t->path,
                       (size_t)at, msg);
    }
    pcre2_jit_compile(g->regex, PCRE2_JIT_COMPLETE); /* where there is no JIT, the interpreter does */
    return SB_OK;
}

static sb_status add_metaspace(sb_tokenizer *t, json_object *j, sb_error *err)
{
    static const char *const keys[] = {"type",    "replacement", "prepend_scheme", "split", "add_prefix_space",
                                       "str_rep", NULL};
    const char *scheme = "always";
    bool prefix = true;
    tok_stage *g = NULL;
    sb_status st;
    if ((st = tok_only_keys(t, "pre_tokenizer Metaspace", j, keys, err)) != SB_OK ||
        (st = new_stage(t, STAGE_METASPACE, &g, err)) != SB_OK)
        return st;
    g->split = true;
    if ((st = want_char(t, "pre_tokenizer Metaspace", j, "replacement", &g->text, err)) != SB_OK ||
        (st = sb_json_str(t->path, j, "prepend_scheme", &scheme, err)) != SB_OK ||
        (st = sb_json_bool(t->path, j, "split", &g->split, err)) != SB_OK ||
        (st = sb_json_bool(t->path, j, "add_prefix_space", &prefix, err)) != SB_OK)
        return st;
    g->prepend = !strcmp(scheme, "always") ? PREPEND_ALWAYS : !strcmp(scheme, "first") ? PREPEND_FIRST : PREPEND_NEVER;
    if (g->prepend == PREPEND_NEVER && strcmp(scheme, "never") != 0)
        return tok_unsupported(t, "pre_tokenizer Metaspace prepend_scheme", scheme, err);
    if (!prefix && sb_json_get(j, "prepend_scheme") && g->prepend != PREPEND_NEVER)
        return bad(t, "pre_tokenizer Metaspace", "has add_prefix_space false and a prepend_scheme other than never",
                   err);
    if (!prefix)
        g->prepend = PREPEND_NEVER;
    return SB_OK;
}

static sb_status add_split(sb_tokenizer *t, json_object *j, sb_error *err)
{
    static const char *const keys[] = {"type", "pattern", "behavior", "invert", NULL};
    static const char *const how[] = {"Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
    const char *text, *regex, *behavior;
    tok_stage *g = NULL;
    sb_status st;
    if ((st = tok_only_keys(t, "pre_tokenizer Split", j, keys, err)) != SB_OK ||
        (st = pattern(t, "pre_tokenizer Split", j, &text, &regex, err)) != SB_OK ||
        (st = want_str(t, "pre_tokenizer Split", j, "behavior", &behavior, err)) != SB_OK ||
        (st = new_stage(t, STAGE_SPLIT, &g, err)) != SB_OK ||
        (st = sb_json_bool(t->path, j, "invert", &g->invert, err)) != SB_OK)
        return st;
    size_t i = 0;
    while (i < 5 && strcmp(behavior, how[i]) != 0)
        i++;
    if (i == 5)
        return tok_unsupported(t, "pre_tokenizer Split behavior", behavior, err);
    g->behaviour = (tok_behaviour)i;
    return text ? copy(t, text, &g->text, err) : compile(t, g, regex, err);
}

static sb_status add_bytelevel(sb_tokenizer *t, json_object *j, sb_error *err)
{
    static const char *const keys[] = {"type", "add_prefix_space", "trim_offsets", "use_regex", NULL};
    bool prefix = true, use_regex = true;
    tok_stage *g = NULL;
    sb_status st;
    if ((st = tok_only_keys(t, "pre_tokenizer ByteLevel", j, keys, err)) != SB_OK ||
        (st = sb_json_bool(t->path, j, "add_prefix_space", &prefix, err)) != SB_OK ||
        (st = sb_json_bool(t->path, j, "use_regex", &use_regex, err)) != SB_OK)
        return st;
    if (prefix && (st = new_stage(t, STAGE_PREFIX_SPACE, &g, err)) != SB_OK)
        return st;
    if (use_regex &&
        ((st = new_stage(t, STAGE_SPLIT, &g, err)) != SB_OK || (st = compile(t, g, GPT2_PATTERN, err)) != SB_OK))
        return st;
    return new_stage(t, STAGE_BYTES, &g, err);
}

static sb_status add_digits(sb_tokenizer *t, json_object *j, sb_error *err)
{
    static const char *const keys[] = {"type", "individual_digits", NULL};
    bool individual = false;
    tok_stage *g = NULL;
    sb_status st;
    if ((st = tok_only_keys(t, "pre_tokenizer Digits", j, keys, err)) != SB_OK ||
        (st = sb_json_bool(t->path, j, "individual_digits", &individual, err)) != SB_OK ||
        (st = new_stage(t, STAGE_SPLIT, &g, err)) != SB_OK)
        return st;
    g->behaviour = individual ? SPLIT_ISOLATED : SPLIT_CONTIGUOUS;
    return compile(t, g, DIGIT_PATTERN, err);
}

static sb_status add_pre(sb_tokenizer *t, json_object *j, sb_error *err)
{
    static const struct {
        const char *type;
        part_fn fn;
    } kinds[] = {
        {"Metaspace", add_metaspace}, {"Split", add_split}, {"ByteLevel", add_bytelevel}, {"Digits", add_digits}};
    const char *type;
    sb_status st = tok_type(t, "pre_tokenizer", j, &type, err);
    if (st != SB_OK)
        return st;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(type, kinds[i].type))
            return kinds[i].fn(t, j, err);
    return tok_unsupported(t, "pre_tokenizer", type, err);
}

sb_status tok_load_pre_tokenizer(sb_tokenizer *t, json_object *j, sb_error *err)
{
    return each(t, "pre_tokenizer", "pretokenizers", j, add_pre, err);
}

/* ---- post_processor ---- */
static sb_status add_around(sb_tokenizer *t, json_object *specials, json_object *special, bool after, sb_error *err)
{
    const char *name;
    sb_status st = want_str(t, "post_processor SpecialToken", special, "id", &name, err);
    if (st != SB_OK)
        return st;
    json_object *def = specials ? sb_json_get(specials, name) : NULL;
    json_object *ids = def && json_object_is_type(def, json_type_object) ? sb_json_get(def, "ids") : NULL;
    if (!ids || !json_object_is_type(ids, json_type_array))
        return bad(t, "post_processor", "uses a special token that it does not define", err);
    size_t n = json_object_array_length(ids);
    for (size_t i = 0; i < n; i++) {
        int64_t id;
        int *count = after ? &t->n_after : &t->n_before;
        if (*count == TOK_MAX_AROUND)
            return tok_unsupported(t, "post_processor", "so many special tokens", err);
        if (!sb_json_is_int(json_object_array_get_idx(ids, i), 0, (int64_t)t->n_tokens - 1, &id) || !t->tokens[id].text)
            return bad(t, "post_processor", "names an id that no token has", err);
        (after ? t->after : t->before)[(*count)++] = (uint32_t)id;
    }
    return SB_OK;
}

static sb_status add_post(sb_tokenizer *t, json_object *j, sb_error *err)
{
    static const char *const keys[] = {"type", "single", "pair", "special_tokens", NULL};
    const char *type;
    sb_status st = tok_type(t, "post_processor", j, &type, err);
    if (st != SB_OK)
        return st;
    if (!strcmp(type, "ByteLevel")) /* changes offsets only, which nobody asks for here */
        return SB_OK;
    if (strcmp(type, "TemplateProcessing") != 0)
        return tok_unsupported(t, "post_processor", type, err);
    if (t->n_before || t->n_after)
        return tok_unsupported(t, "post_processor", "more than one template", err);
    if ((st = tok_only_keys(t, "post_processor", j, keys, err)) != SB_OK)
        return st;
    json_object *single = sb_json_get(j, "single"), *specials = sb_json_get(j, "special_tokens");
    if (!single || !json_object_is_type(single, json_type_array) ||
        (specials && !json_object_is_type(specials, json_type_object)))
        return bad(t, "post_processor", "single or special_tokens is missing or of the wrong type", err);
    size_t n = json_object_array_length(single);
    bool seen = false;
    for (size_t i = 0; i < n; i++) {
        json_object *e = json_object_array_get_idx(single, i), *special = NULL, *seq = NULL;
        if (json_object_is_type(e, json_type_object)) {
            special = sb_json_get(e, "SpecialToken");
            seq = sb_json_get(e, "Sequence");
        }
        if (special && json_object_is_type(special, json_type_object)) {
            if ((st = add_around(t, specials, special, seen, err)) != SB_OK)
                return st;
        } else if (seq && json_object_is_type(seq, json_type_object) && !seen) {
            seen = true;
        } else {
            return bad(t, "post_processor", "has a template that is not special tokens around one sequence", err);
        }
    }
    return seen ? SB_OK : bad(t, "post_processor", "has a template without a sequence", err);
}

sb_status tok_load_post_processor(sb_tokenizer *t, json_object *j, sb_error *err)
{
    return each(t, "post_processor", "processors", j, add_post, err);
}

/* ---- decoder ---- */
static sb_status replace_in_tokens(sb_tokenizer *t, const char *from, const char *to, sb_error *err)
{
    sb_tokenizer one = {.path = t->path, .n_rules = 1};
    one.rules[0] = (tok_rule){(char *)(uintptr_t)from, (char *)(uintptr_t)to};
    for (size_t i = 0; i < t->n_tokens; i++) {
        tok_token *k = &t->tokens[i];
        sb_buf b = {0};
        if (!k->out)
            continue;
        sb_status st = tok_normalize(&one, k->out, k->out_len, &b, err);
        if (st != SB_OK) {
            sb_buf_free(&b);
            return st;
        }
        free(k->out);
        k->out = b.data;
        k->out_len = b.len;
    }
    return SB_OK;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

static void mark_bytes(sb_tokenizer *t)
{
    for (size_t i = 0; i < t->n_tokens; i++) {
        tok_token *k = &t->tokens[i];
        if (k->out && k->out_len == 6 && !memcmp(k->out, "<0x", 3) && k->out[5] == '>' && hex(k->out[3]) >= 0 &&
            hex(k->out[4]) >= 0)
            k->byte = (int16_t)(hex(k->out[3]) * 16 + hex(k->out[4]));
    }
}

/* Characters of GPT-2's alphabet to bytes: out[0..result), which may be s itself; -1 if there is any other character.
 */
static int64_t to_bytes(const char *s, size_t len, char *out)
{
    int64_t n = 0;
    for (size_t at = 0; at < len; n++) {
        uint32_t cp;
        int r = sb_utf8_next(s + at, len - at, &cp);
        if (r <= 0 || tok_char_byte(cp) < 0)
            return -1;
        at += (size_t)r;
        if (out)
            out[n] = (char)tok_char_byte(cp);
    }
    return n;
}

/* A token with other characters (an added one) stays as it is. */
static void unmap_bytes(sb_tokenizer *t)
{
    for (size_t i = 0; i < t->n_tokens; i++) {
        tok_token *k = &t->tokens[i];
        if (k->out && to_bytes(k->out, k->out_len, NULL) >= 0)
            k->out_len = (size_t)to_bytes(k->out, k->out_len, k->out);
    }
}

typedef struct {
    bool bytelevel, metaspace, fallback, fuse, strip;
} decoder_seen;

static sb_status add_strip(sb_tokenizer *t, json_object *j, const decoder_seen *seen, sb_error *err)
{
    static const char *const keys[] = {"type", "content", "start", "stop", NULL};
    int64_t start = 0, stop = 0;
    sb_status st;
    if ((st = tok_only_keys(t, "decoder Strip", j, keys, err)) != SB_OK ||
        (st = sb_json_int(t->path, j, "start", 0, 1000, &start, err)) != SB_OK ||
        (st = sb_json_int(t->path, j, "stop", 0, 1000, &stop, err)) != SB_OK)
        return st;
    if (stop || !seen->fuse || seen->strip)
        return tok_unsupported(t, "decoder Strip",
                               stop          ? "stop"
                               : seen->strip ? "a second Strip"
                                             : "Strip without Fuse before it",
                               err);
    t->strip_n = (uint32_t)start;
    return want_char(t, "decoder Strip", j, "content", &t->strip, err);
}

static sb_status add_metaspace_decoder(sb_tokenizer *t, json_object *j, sb_error *err)
{
    static const char *const keys[] = {"type",    "replacement", "prepend_scheme", "split", "add_prefix_space",
                                       "str_rep", NULL};
    const char *scheme = "always";
    bool prefix = true;
    sb_status st;
    if ((st = tok_only_keys(t, "decoder Metaspace", j, keys, err)) != SB_OK ||
        (st = sb_json_str(t->path, j, "prepend_scheme", &scheme, err)) != SB_OK ||
        (st = sb_json_bool(t->path, j, "add_prefix_space", &prefix, err)) != SB_OK)
        return st;
    if (strcmp(scheme, "always") != 0 && strcmp(scheme, "first") != 0 && strcmp(scheme, "never") != 0)
        return tok_unsupported(t, "decoder Metaspace prepend_scheme", scheme, err);
    t->decoder = DECODE_METASPACE;
    t->meta_strip_first = prefix && strcmp(scheme, "never") != 0;
    return want_char(t, "decoder Metaspace", j, "replacement", &t->meta, err);
}

static sb_status add_decoder(sb_tokenizer *t, json_object *j, decoder_seen *seen, sb_error *err)
{
    static const char *const replace_keys[] = {"type", "pattern", "content", NULL};
    const char *type, *from, *regex, *to = NULL;
    sb_status st = tok_type(t, "decoder", j, &type, err);
    if (st != SB_OK)
        return st;
    bool alone = !seen->bytelevel && !seen->metaspace && !seen->fallback && !seen->fuse && !seen->strip;
    if (!strcmp(type, "Replace") && alone) {
        if ((st = tok_only_keys(t, "decoder Replace", j, replace_keys, err)) != SB_OK ||
            (st = pattern(t, "decoder Replace", j, &from, &regex, err)) != SB_OK ||
            (st = sb_json_str(t->path, j, "content", &to, err)) != SB_OK)
            return st;
        if (regex || !to)
            return tok_unsupported(t, "decoder Replace", regex ? "a Regex pattern" : "no content", err);
        return replace_in_tokens(t, from, to, err);
    }
    if (!strcmp(type, "ByteFallback") && alone) {
        seen->fallback = true;
        mark_bytes(t);
        return SB_OK;
    }
    if (!strcmp(type, "Fuse") && !seen->bytelevel && !seen->metaspace) {
        seen->fuse = true;
        return SB_OK;
    }
    if (!strcmp(type, "Strip") && !seen->bytelevel && !seen->metaspace) {
        st = add_strip(t, j, seen, err);
        seen->strip = true;
        return st;
    }
    if (!strcmp(type, "ByteLevel") && alone) {
        seen->bytelevel = true;
        t->decoder = DECODE_BYTES;
        unmap_bytes(t);
        return SB_OK;
    }
    if (!strcmp(type, "Metaspace") && alone) {
        seen->metaspace = true;
        return add_metaspace_decoder(t, j, err);
    }
    char what[80], p[48];
    snprintf(what, sizeof what, "%s at this place", sb_json_printable(p, sizeof p, type));
    return tok_unsupported(t, "decoder", what, err);
}

sb_status tok_load_decoder(sb_tokenizer *t, json_object *j, sb_error *err)
{
    decoder_seen seen = {0};
    const char *type;
    if (!j)
        return tok_unsupported(t, "decoder", "null", err);
    for (size_t i = 0; i < t->n_tokens; i++) {
        tok_token *k = &t->tokens[i];
        if (!k->text || k->out)
            continue;
        if (!(k->out = strdup(k->text)))
            return tok_nomem(t, err);
        k->out_len = k->len;
    }
    sb_status st = tok_type(t, "decoder", j, &type, err);
    if (st != SB_OK || strcmp(type, "Sequence") != 0)
        return st != SB_OK ? st : add_decoder(t, j, &seen, err);
    json_object *list = sb_json_get(j, "decoders");
    if (!list || !json_object_is_type(list, json_type_array))
        return bad(t, "decoder", "Sequence has no list", err);
    size_t n = json_object_array_length(list);
    for (size_t i = 0; st == SB_OK && i < n; i++)
        st = add_decoder(t, json_object_array_get_idx(list, i), &seen, err);
    return st;
}
