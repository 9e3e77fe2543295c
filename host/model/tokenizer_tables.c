/* SPDX-License-Identifier: Apache-2.0
 * The tokenizer's data structures: hash maps, the trie of added tokens, GPT-2's byte alphabet. */
#include "model/tokenizer_internal.h"

#define NO_KEY UINT64_MAX

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    return x ^ x >> 32;
}

static size_t map_slot(const tok_map *m, uint64_t key)
{
    size_t i = (size_t)mix(key) & (m->cap - 1);
    while (m->keys[i] != NO_KEY && m->keys[i] != key)
        i = (i + 1) & (m->cap - 1);
    return i;
}

static bool map_grow(tok_map *m)
{
    tok_map big = {.cap = m->cap ? m->cap * 2 : 64};
    big.keys = malloc(big.cap * sizeof *big.keys);
    big.vals = malloc(big.cap * sizeof *big.vals);
    if (!big.keys || !big.vals) {
        tok_map_free(&big);
        return false;
    }
    memset(big.keys, 0xff, big.cap * sizeof *big.keys);
    for (size_t i = 0; i < m->cap; i++) {
        if (m->keys[i] == NO_KEY)
            continue;
        size_t s = map_slot(&big, m->keys[i]);
        big.keys[s] = m->keys[i];
        big.vals[s] = m->vals[i];
    }
    big.n = m->n;
    tok_map_free(m);
    *m = big;
    return true;
}

bool tok_map_put(tok_map *m, uint64_t key, uint64_t val)
{
    if (m->n * 2 >= m->cap && !map_grow(m))
        return false;
    size_t i = map_slot(m, key);
    m->n += m->keys[i] == NO_KEY;
    m->keys[i] = key;
    m->vals[i] = val;
    return true;
}

bool tok_map_get(const tok_map *m, uint64_t key, uint64_t *val)
{
    if (!m->cap)
        return false;
    size_t i = map_slot(m, key);
    if (m->keys[i] == NO_KEY)
        return false;
    *val = m->vals[i];
    return true;
}

void tok_map_free(tok_map *m)
{
    free(m->keys);
    free(m->vals);
    *m = (tok_map){0};
}

static size_t string_slot(const tok_strings *m, const char *s, size_t len)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t k = 0; k < len; k++)
        h = (h ^ (uint8_t)s[k]) * 0x100000001b3u;
    size_t i = (size_t)mix(h) & (m->cap - 1);
    while (m->slots[i].s && (m->slots[i].len != len || memcmp(m->slots[i].s, s, len) != 0))
        i = (i + 1) & (m->cap - 1);
    return i;
}

bool tok_strings_put(tok_strings *m, const char *s, size_t len, uint32_t id)
{
    if (m->n * 2 >= m->cap) {
        tok_strings big = {.cap = m->cap ? m->cap * 2 : 64, .n = m->n};
        big.slots = calloc(big.cap, sizeof *big.slots);
        if (!big.slots)
            return false;
        for (size_t i = 0; i < m->cap; i++)
            if (m->slots[i].s)
                big.slots[string_slot(&big, m->slots[i].s, m->slots[i].len)] = m->slots[i];
        free(m->slots);
        *m = big;
    }
    size_t i = string_slot(m, s, len);
    m->n += m->slots[i].s == NULL;
    m->slots[i] = (tok_string){s, len, id};
    return true;
}

const tok_string *tok_strings_get(const tok_strings *m, const char *s, size_t len)
{
    if (!m->cap)
        return NULL;
    size_t i = string_slot(m, s, len);
    return m->slots[i].s ? &m->slots[i] : NULL;
}

static bool trie_node(tok_trie *t)
{
    void *p = t->ends;
    if (!sb_array_grow(&p, &t->cap, t->n, sizeof *t->ends))
        return false;
    t->ends = p;
    t->ends[t->n++] = -1;
    return true;
}

bool tok_trie_add(tok_trie *t, const char *s, size_t len, uint32_t id)
{
    uint64_t node = 0, next;
    if (!t->n && !trie_node(t))
        return false;
    for (size_t i = 0; i < len; i++, node = next) {
        uint64_t key = node << 8 | (uint8_t)s[i];
        if (tok_map_get(&t->edges, key, &next))
            continue;
        next = t->n;
        if (!trie_node(t) || !tok_map_put(&t->edges, key, next))
            return false;
    }
    t->ends[node] = id;
    return true;
}

size_t tok_trie_match(const tok_trie *t, const char *s, size_t len, uint32_t *id)
{
    uint64_t node = 0;
    size_t best = 0;
    for (size_t i = 0; i < len && t->n; i++) {
        if (!tok_map_get(&t->edges, node << 8 | (uint8_t)s[i], &node))
            break;
        if (t->ends[node] >= 0) {
            best = i + 1;
            *id = (uint32_t)t->ends[node];
        }
    }
    return best;
}

void tok_trie_free(tok_trie *t)
{
    tok_map_free(&t->edges);
    free(t->ends);
    *t = (tok_trie){0};
}

/* Printable bytes stand for themselves, the other 68 for U+0100 onwards, in order: 0..32, 127..160, 173. */
uint32_t tok_byte_char(uint8_t b)
{
    if (b <= 32)
        return 0x100u + b;
    if (b >= 127 && b <= 160)
        return 0x100u + 33 + (b - 127u);
    return b == 173 ? 0x100u + 67 : b;
}

int tok_char_byte(uint32_t cp)
{
    if (cp >= 0x100) {
        uint32_t k = cp - 0x100;
        return k <= 32 ? (int)k : k <= 66 ? (int)(k - 33 + 127) : k == 67 ? 173 : -1;
    }
    return cp <= 32 || (cp >= 127 && cp <= 160) || cp == 173 ? -1 : (int)cp;
}
