/* SPDX-License-Identifier: Apache-2.0
 * Command-by-command comparison of two exact devices. */
#include <stdlib.h>
#include <string.h>

#include "device/device_internal.h"
#include "seedbed/generate.h"

typedef struct {
    sb_session *a, *b;
    uint8_t *ba, *bb; /* what a command wrote on each */
    size_t cap;
    sb_verify_result *out;
    size_t step;
} compare;

static unsigned value_bytes(const sb_command *c, const sb_range *r)
{
    return c->op == SB_OP_MATVEC || c->op == SB_OP_ATTENTION_X  ? 8
           : c->op == SB_OP_QUANTIZE && !strcmp(r->what, "dst") ? 2
                                                                : 4;
}

static int64_t value_at(const uint8_t *p, unsigned bytes)
{
    int16_t i16;
    int32_t i32;
    int64_t i64;
    switch (bytes) {
    case 2:
        memcpy(&i16, p, 2);
        return i16;
    case 4:
        memcpy(&i32, p, 4);
        return i32;
    default:
        memcpy(&i64, p, 8);
        return i64;
    }
}

/* Where the i-th value of a range lies: vector of the batch and row within it. Padding between vectors gives row >=
 * rows. */
static void locate(const sb_command *c, unsigned bytes, size_t i, size_t *vector, size_t *row)
{
    size_t per = c->cols;
    switch (c->op) {
    case SB_OP_MATVEC:
        per = sb_acc_stride(c->rows) / bytes;
        break;
    case SB_OP_QUANTIZE:
        per = sb_codec_act_elems(sb_codec_by_id(c->codec), c->cols);
        break;
    case SB_OP_SCALE:
    case SB_OP_RMSNORM:
    case SB_OP_LAYERNORM:
    case SB_OP_ROPE:
    case SB_OP_GATHER:
        per = c->p[1];
        break;
    case SB_OP_TOPK:
        per = sb_topk_stride(c->p[1]);
        break;
    case SB_OP_ARGMAX:
        per = 1;
        break;
    default:
        break;
    }
    *vector = per ? i / per : 0;
    *row = per ? i % per : i;
}

static void note_difference(compare *x, const sb_command *c, unsigned bytes, size_t i)
{
    sb_verify_result *o = x->out;
    o->found = true;
    o->step = x->step;
    o->op = sb_op_name(c->op);
    o->value_bytes = bytes;
    sb_session_describe(x->a, c->tag, o->where, sizeof o->where);
    locate(c, bytes, i, &o->vector, &o->row);
    o->expected = value_at(x->ba + i * bytes, bytes);
    o->got = value_at(x->bb + i * bytes, bytes);
}

static sb_status compare_range(compare *x, const sb_command *c, const sb_range *ra, const sb_range *rb, bool *differs,
                               sb_error *err)
{
    size_t n = ra->bytes;
    if (n > x->cap) {
        free(x->ba);
        free(x->bb);
        x->ba = malloc(n);
        x->bb = malloc(n);
        x->cap = x->ba && x->bb ? n : 0;
        if (!x->cap)
            return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    }
    sb_status st = sb_device_read(sb_session_device(x->a), ra->addr, x->ba, n, err);
    if (!st)
        st = sb_device_read(sb_session_device(x->b), rb->addr, x->bb, n, err);
    if (st)
        return st;
    unsigned bytes = value_bytes(c, ra);
    x->out->values += n / bytes;
    if (!memcmp(x->ba, x->bb, n))
        return SB_OK;
    *differs = true;
    for (size_t i = 0; i < n / bytes; i++) {
        uint64_t d = (uint64_t)value_at(x->ba + i * bytes, bytes) ^ (uint64_t)value_at(x->bb + i * bytes, bytes);
        if (bytes < 8)
            d &= (1ull << 8 * bytes) - 1;
        if (!d)
            continue;
        if (!x->out->found)
            note_difference(x, c, bytes, i);
        x->out->differing_values++;
        x->out->differing_bits += (uint64_t)__builtin_popcountll(d);
    }
    return sb_device_write(sb_session_device(x->b), rb->addr, x->ba, n, err);
}

static sb_status compare_command(compare *x, uint64_t la, uint64_t lb, uint32_t i, sb_error *err)
{
    sb_device *da = sb_session_device(x->a), *db = sb_session_device(x->b);
    sb_command ca, cb;
    sb_range ra[SB_MAX_RANGES], rb[SB_MAX_RANGES];
    int na, nb;
    uint64_t at = (uint64_t)i * sizeof ca;
    sb_status st;
    (void)((st = sb_device_submit(da, la + at, 1, err)) || (st = sb_device_submit(db, lb + at, 1, err)) ||
           (st = sb_device_read(da, la + at, &ca, sizeof ca, err)) ||
           (st = sb_device_read(db, lb + at, &cb, sizeof cb, err)) || (st = sb_command_ranges(da, &ca, ra, &na, err)) ||
           (st = sb_command_ranges(db, &cb, rb, &nb, err)));
    if (st && err) { /* a hang or a refusal has a place too */
        char where[224];
        sb_error inner = *err;
        sb_session_describe(x->a, sb_session_tag(x->a, i), where, sizeof where);
        sb_fail(err, st, "token %zu, %s: %.1800s", x->step, where, inner.msg);
    }
    if (st)
        return st;
    bool differs = false;
    x->out->commands++;
    for (int r = 0; r < na && !st; r++)
        if (ra[r].written)
            st = compare_range(x, &ca, &ra[r], &rb[r], &differs, err);
    x->out->differing_commands += differs;
    return st;
}

sb_status sb_verify(sb_session *expected, sb_session *got, const uint32_t *tokens, int n, sb_progress_fn progress,
                    void *progress_ctx, sb_verify_result *out, sb_error *err)
{
    *out = (sb_verify_result){0};
    compare x = {.a = expected, .b = got, .out = out};
    sb_status st = SB_OK;
    for (int t = 0; t < n && !st; t++) {
        uint64_t la, lb;
        uint32_t ca, cb;
        x.step = (size_t)t;
        (void)((st = sb_session_build(expected, &tokens[t], 1, false, &la, &ca, err)) ||
               (st = sb_session_build(got, &tokens[t], 1, false, &lb, &cb, err)));
        if (!st && ca != cb)
            st = sb_fail(err, SB_ERR_ARG, "verify: the two devices run different command lists");
        for (uint32_t i = 0; i < ca && !st; i++)
            st = compare_command(&x, la, lb, i, err);
        (void)(st || (st = sb_session_finish(expected, 1, false, NULL, err)) ||
               (st = sb_session_finish(got, 1, false, NULL, err)));
        if (!st && progress && !progress(progress_ctx, (size_t)t + 1, (size_t)n))
            st = sb_fail(err, SB_ERR_INTERRUPTED, "verify: interrupted after %d of %d tokens", t + 1, n);
    }
    free(x.ba);
    free(x.bb);
    return st;
}
