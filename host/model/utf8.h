/* SPDX-License-Identifier: Apache-2.0
 * UTF-8, strictly (no surrogates, no overlong forms, at most U+10FFFF). */
#ifndef SEEDBED_MODEL_UTF8_H
#define SEEDBED_MODEL_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Looks at p[0..n), n > 0. Positive: a character of so many bytes, its code point in *cp. Negative: minus the length of
 * the maximal ill-formed part at p. 0: all n bytes are the beginning of a character. */
int sb_utf8_next(const void *p, size_t n, uint32_t *cp);
/* Writes cp to out, returns 1..4. */
int sb_utf8_put(uint32_t cp, char out[4]);

#endif
