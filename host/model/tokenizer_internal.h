/* SPDX-License-Identifier: Apache-2.0
 * What the tokenizer's loader builds and its encoder and decoder read. */
#ifndef SEEDBED_MODEL_TOKENIZER_INTERNAL_H
#define SEEDBED_MODEL_TOKENIZER_INTERNAL_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "model/buf.h"
#include "model/json_util.h"
#include "seedbed/tokenizer.h"

/* Open-addressing map from 64-bit keys to 64-bit values; keys are not ~0. */
typedef struct {
    uint64_t *keys, *vals;
    size_t cap, n; /* cap: a power of two, or 0 */
} tok_map;
bool tok_map_put(tok_map *m, uint64_t key, uint64_t val); /* replaces; false: out of memory */
bool tok_map_get(const tok_map *m, uint64_t key, uint64_t *val);
void tok_map_free(tok_map *m);

/* Strings to ids. The strings are not copied. */
typedef struct {
    const char *s;
    size_t len;
    uint32_t id;
} tok_string;
typedef struct {
    tok_string *slots; /* s NULL: free */
    size_t cap, n;
} tok_strings;
bool tok_strings_put(tok_strings *m, const char *s, size_t len, uint32_t id);
const tok_string *tok_strings_get(const tok_strings *m, const char *s, size_t len);

typedef struct {
    char *text; /* as in the file; NULL: no token has this id */
    size_t len;
    bool special, added, normalized, lstrip, rstrip;
    int16_t byte; /* 0..255: a byte-fallback token; -1: text */
    char
        *out; /* what the decoder prints for it: the text, or its normalized form, through the decoder's replacements */
    size_t out_len;
} tok_token;

/* Added tokens as a trie: edges (node << 8 | byte) -> node. Node 0 is the root. */
typedef struct {
    tok_map edges;
    int64_t *ends; /* by node: the id that ends here, or -1 */
    size_t n, cap;
} tok_trie;
bool tok_trie_add(tok_trie *t, const char *s, size_t len, uint32_t id);
/* The longest added token at s; its length, or 0. */
size_t tok_trie_match(const tok_trie *t, const char *s, size_t len, uint32_t *id);
void tok_trie_free(tok_trie *t);

typedef struct {
    char *from; /* NULL: prepend `to` */
    char *to;
} tok_rule; /* of the normalizer: Prepend or Replace */

typedef enum { STAGE_METASPACE, STAGE_PREFIX_SPACE, STAGE_SPLIT, STAGE_BYTES } tok_stage_kind;
typedef enum { SPLIT_ISOLATED, SPLIT_REMOVED, SPLIT_PREVIOUS, SPLIT_NEXT, SPLIT_CONTIGUOUS } tok_behaviour;
typedef enum { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER } tok_prepend;

/* One step of the pre-tokenizer. */
typedef struct {
    tok_stage_kind kind;
    tok_behaviour behaviour;
    bool invert;
    pcre2_code *regex; /* NULL: `text` is searched */
    char *text;        /* SPLIT: literal pattern; METASPACE: the replacement character */
    tok_prepend prepend;
    bool split;
} tok_stage;

#define TOK_MAX_STEPS 16
#define TOK_MAX_AROUND 16

typedef enum { DECODE_FALLBACK, DECODE_METASPACE, DECODE_BYTES } tok_decoder;

struct sb_tokenizer {
    char *path;
    tok_token *tokens; /* (n_tokens) by id */
    size_t n_tokens;
    tok_strings vocab; /* of the model, without added tokens */
    tok_map merges;    /* left << 32 | right -> rank << 32 | merged id */
    bool byte_fallback, fuse_unk, ignore_merges;
    int64_t unk_id;
    int64_t byte_ids[256]; /* of <0xXX>, -1: none */
    tok_trie raw_added, normalized_added;
    tok_rule rules[TOK_MAX_STEPS];
    int n_rules;
    tok_stage stages[TOK_MAX_STEPS];
    int n_stages;
    uint32_t before[TOK_MAX_AROUND], after[TOK_MAX_AROUND];
    int n_before, n_after;
    tok_decoder decoder;
    char *meta; /* DECODE_METASPACE: replacement character */
    bool meta_strip_first;
    char *strip; /* the character that Strip removes, or NULL */
    uint32_t strip_n;
};

/* The loader's parts. Each refuses what it does not know. */
sb_status tok_load_normalizer(sb_tokenizer *t, json_object *j, sb_error *err);
sb_status tok_load_pre_tokenizer(sb_tokenizer *t, json_object *j, sb_error *err);
sb_status tok_load_decoder(sb_tokenizer *t, json_object *j, sb_error *err);
sb_status tok_load_post_processor(sb_tokenizer *t, json_object *j, sb_error *err);

/* All members of j must be in the NULL-terminated list. */
sb_status tok_only_keys(const sb_tokenizer *t, const char *where, json_object *j, const char *const *keys,
                        sb_error *err);
/* The "type" of a component: an object with that key. */
sb_status tok_type(const sb_tokenizer *t, const char *where, json_object *j, const char **type, sb_error *err);
sb_status tok_unsupported(const sb_tokenizer *t, const char *where, const char *what, sb_error *err);
sb_status tok_nomem(const sb_tokenizer *t, sb_error *err);

/* Runs the normalizer's rules over in; the result replaces *out. */
sb_status tok_normalize(const sb_tokenizer *t, const char *in, size_t len, sb_buf *out, sb_error *err);

/* A piece of text between two steps. `first`: it begins where the whole text begins. */
typedef struct {
    size_t off, len;
    bool first;
} tok_piece;
typedef struct {
    sb_buf text;
    tok_piece *v;
    size_t n, cap;
} tok_pieces;
void tok_pieces_free(tok_pieces *p);
/* Runs the pre-tokenizer over in[0..len); *out is filled with its pieces, none empty. */
sb_status tok_pre_tokenize(const sb_tokenizer *t, const char *in, size_t len, bool first, tok_pieces *out,
                           sb_error *err);
/* Appends the ids of one piece. */
sb_status tok_bpe(const sb_tokenizer *t, const char *s, size_t len, sb_ids *out, sb_error *err);

/* GPT-2's bytes as printable characters: code point of a byte, and back (-1: none). */
uint32_t tok_byte_char(uint8_t b);
int tok_char_byte(uint32_t cp);

#endif
