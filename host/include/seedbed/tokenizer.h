/* SPDX-License-Identifier: Apache-2.0
 * tokenizer.json (Hugging Face "tokenizers", BPE): SentencePiece style with byte fallback, and byte-level (GPT-2, Llama
 * 3). Tokens are the same as that library's; what is not supported is refused by name when the file is loaded. A loaded
 * tokenizer is read-only: threads may share it. */
#ifndef SEEDBED_TOKENIZER_H
#define SEEDBED_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seedbed/status.h"

typedef struct sb_tokenizer sb_tokenizer;

/* Growable results: zero-initialise, calls append, free with the functions below. */
typedef struct {
    uint32_t *ids;
    size_t n, cap;
} sb_ids;
typedef struct {
    char *data; /* UTF-8, not NUL-terminated */
    size_t len, cap;
} sb_text;
void sb_ids_free(sb_ids *ids);
void sb_text_free(sb_text *text);

/* DIR/tokenizer.json */
sb_status sb_tokenizer_load(const char *dir, sb_tokenizer **out, sb_error *err);
/* The same from memory; path is for messages. */
sb_status sb_tokenizer_parse(const char *path, const char *json, size_t size, sb_tokenizer **out, sb_error *err);
void sb_tokenizer_free(sb_tokenizer *tok); /* NULL is fine */

size_t sb_tokenizer_size(const sb_tokenizer *tok);                     /* 1 + the greatest id */
const char *sb_tokenizer_token(const sb_tokenizer *tok, uint32_t id);  /* as in the file; NULL if there is none */
int64_t sb_tokenizer_find(const sb_tokenizer *tok, const char *token); /* id, or -1 */
bool sb_tokenizer_is_special(const sb_tokenizer *tok, uint32_t id);    /* such tokens are not printed */

/* When the file's post_processor adds no token before the text, adds this one (a config's bos_token_id). */
sb_status sb_tokenizer_default_bos(sb_tokenizer *tok, uint32_t bos_id, sb_error *err);

/* Appends the ids of text[0..len). Bytes that are not UTF-8 are first replaced by U+FFFD, one for each maximal
 * ill-formed part. Special tokens written out in the text are recognised. add_special: also what the post_processor
 * puts around a text (BOS). */
sb_status sb_tokenizer_encode(const sb_tokenizer *tok, const char *text, size_t len, bool add_special, sb_ids *out,
                              sb_error *err);

/* Streaming decoder: zero-initialise, then one call a token, then _end. */
typedef struct {
    uint8_t pending[4]; /* bytes of a character not yet complete */
    uint8_t n_pending;
    bool started;      /* a token was decoded */
    uint32_t stripped; /* leading characters dealt with by the decoder's Strip */
    bool keep_special; /* set by the caller: print special tokens too */
} sb_decode_state;

/* Appends the complete characters that this token adds. An id without a token (a padded vocabulary) adds nothing.
 * Bytes that cannot be UTF-8 become U+FFFD. */
sb_status sb_tokenizer_decode_next(const sb_tokenizer *tok, sb_decode_state *state, uint32_t id, sb_text *out,
                                   sb_error *err);
/* Appends U+FFFD for what is still incomplete and resets the state (keep_special stays). */
sb_status sb_tokenizer_decode_end(const sb_tokenizer *tok, sb_decode_state *state, sb_text *out, sb_error *err);
/* All of it at once. */
sb_status sb_tokenizer_decode(const sb_tokenizer *tok, const uint32_t *ids, size_t n, sb_text *out, sb_error *err);

#endif
