/* SPDX-License-Identifier: Apache-2.0
 * A growable byte buffer and checked array growth: the only places of this folder that call realloc. */
#ifndef SEEDBED_MODEL_BUF_H
#define SEEDBED_MODEL_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *data;
    size_t len, cap;
} sb_buf;

static inline bool sb_buf_reserve(sb_buf *b, size_t more)
{
    if (more > SIZE_MAX / 4 - b->len)
        return false;
    if (b->len + more <= b->cap)
        return true;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < b->len + more)
        cap *= 2;
    char *p = realloc(b->data, cap);
    if (!p)
        return false;
    b->data = p;
    b->cap = cap;
    return true;
}

static inline bool sb_buf_add(sb_buf *b, const void *p, size_t n)
{
    if (!sb_buf_reserve(b, n))
        return false;
    if (n)
        memcpy(b->data + b->len, p, n);
    b->len += n;
    return true;
}

static inline void sb_buf_free(sb_buf *b)
{
    free(b->data);
    *b = (sb_buf){0};
}

/* Makes room for one more element of `size` bytes in an array of n elements; false when memory is short. */
static inline bool sb_array_grow(void **array, size_t *cap, size_t n, size_t size)
{
    if (n < *cap)
        return true;
    size_t want = *cap ? *cap * 2 : 16;
    if (want > SIZE_MAX / 4 / size)
        return false;
    void *p = realloc(*array, want * size);
    if (!p)
        return false;
    *array = p;
    *cap = want;
    return true;
}

#endif
