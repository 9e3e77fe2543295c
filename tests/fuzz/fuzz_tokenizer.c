/* SPDX-License-Identifier: Apache-2.0
 * The input up to the first NUL byte is tokenizer.json; the rest is text to encode and ids to decode. */
#include "fuzz.h"
#include "model/utf8.h"
#include "seedbed/tokenizer.h"

static void check_utf8(const sb_text *x)
{
    uint32_t cp;
    for (size_t i = 0; i < x->len;) {
        int r = sb_utf8_next(x->data + i, x->len - i, &cp);
        FUZZ_CHECK(r > 0);
        i += (size_t)r;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t json = nul ? (size_t)(nul - data) : size;
    const char *text = nul ? (const char *)nul + 1 : "Once <s>upon\xff a \xe2\x82\xac";
    size_t len = nul ? size - json - 1 : strlen(text);
    sb_tokenizer *t;
    sb_error err = {{0}};
    if (sb_tokenizer_parse("input", (const char *)data, json, &t, &err) != SB_OK) {
        FUZZ_CHECK_MESSAGE(err);
        return 0;
    }
    sb_ids ids = {0};
    sb_text whole = {0}, stream = {0};
    if (sb_tokenizer_encode(t, text, len, true, &ids, &err) != SB_OK)
        FUZZ_CHECK_MESSAGE(err);
    for (size_t i = 0; i < ids.n; i++)
        FUZZ_CHECK(sb_tokenizer_token(t, ids.ids[i]));
    /* what was encoded, and arbitrary ids too */
    sb_ids any = {0};
    any.ids = calloc(ids.n + len + 1, sizeof *any.ids);
    for (size_t i = 0; i < ids.n; i++)
        any.ids[any.n++] = ids.ids[i];
    for (size_t i = 0; i < len; i++)
        any.ids[any.n++] = (uint32_t)(uint8_t)text[i] % (uint32_t)(sb_tokenizer_size(t) + 2);
    FUZZ_CHECK(sb_tokenizer_decode(t, any.ids, any.n, &whole, &err) == SB_OK);
    sb_decode_state st = {0};
    for (size_t i = 0; i < any.n; i++) {
        FUZZ_CHECK(sb_tokenizer_decode_next(t, &st, any.ids[i], &stream, &err) == SB_OK);
        check_utf8(&stream);
        FUZZ_CHECK(stream.len < 1 << 26);
        if (stream.len > 1 << 16) /* keeps the check above linear */
            break;
    }
    check_utf8(&whole);
    sb_ids_free(&ids);
    sb_ids_free(&any);
    sb_text_free(&whole);
    sb_text_free(&stream);
    sb_tokenizer_free(t);
    return 0;
}
