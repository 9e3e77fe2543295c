/* SPDX-License-Identifier: Apache-2.0
 * A model placed on a device with its KV cache: turns tokens into one command list a step and runs it. */
#ifndef SEEDBED_SESSION_H
#define SEEDBED_SESSION_H

#include "seedbed/device.h"
#include "seedbed/model.h"

typedef struct sb_session sb_session;

enum { SB_SESSION_MAX_BATCH = 16 };

/* context: KV cache capacity in tokens, 1..cfg.max_context. The model must outlive the session; its weights are copied.
 */
sb_status sb_session_open(const sb_model *m, sb_device *dev, int context, sb_session **out, sb_error *err);
/* kv_bits: width of the KV cache on exact devices, 16 (also 0) or 8; ref keeps binary32. */
typedef struct {
    int kv_bits;
} sb_session_options;
sb_status sb_session_open_with(const sb_model *m, sb_device *dev, int context, const sb_session_options *opt,
                               sb_session **out, sb_error *err);
void sb_session_close(sb_session *s);

int sb_session_position(const sb_session *s);
int sb_session_context(const sb_session *s);
/* Forgets the tokens from position `pos` on. */
void sb_session_rewind(sb_session *s, int pos);

/* Appends n tokens (1..SB_SESSION_MAX_BATCH). logits: (n, vocab) if all_logits, else (1, vocab) of the last token;
 * NULL: they stay on the device. */
sb_status sb_session_eval(sb_session *s, const uint32_t *tokens, int n, bool all_logits, float *logits, sb_error *err);
/* The likeliest token after the last one appended (the lowest id of equals), as the device chose it. */
sb_status sb_session_argmax(sb_session *s, uint32_t *token, sb_error *err);

/* The same in steps, for tools that look at every command: build the list (it stays in device memory until the next
 * build), run any part of it through sb_device_submit, then take the result. */
sb_status sb_session_build(sb_session *s, const uint32_t *tokens, int n, bool all_logits, uint64_t *list,
                           uint32_t *count, sb_error *err);
sb_status sb_session_finish(sb_session *s, int n, bool all_logits, float *logits, sb_error *err);
sb_device *sb_session_device(sb_session *s);
const sb_model_config *sb_session_config(const sb_session *s);

/* "layer 3 self_attn.q_proj" for a command of the last list: which layer and which tensor its tag stands for. */
void sb_session_describe(const sb_session *s, uint32_t tag, char *buf, size_t size);
/* The tag of command i of the last list. */
uint32_t sb_session_tag(const sb_session *s, uint32_t i);

#endif
