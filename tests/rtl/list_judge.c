/* SPDX-License-Identifier: Apache-2.0 */
#include "list_judge.h"

#include <stdarg.h>

#include "device/attention_exact.h"

enum { UNKNOWN = -1, AHEAD = 16 }; /* nothing is promised of a command's end; jobs that the core may have begun */

static char text[600];
static const char *wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static const char *wrong(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return text;
}

int lj_access(void *ctx, bool write, uint64_t addr, uint64_t bytes)
{
    judge *j = ctx;
    const lg_fault *f = &j->list->fault;
    int response = f->write == write && addr < f->hi && addr + bytes > f->lo ? f->response : 0;
    bool inside = addr < LG_MEM && bytes <= LG_MEM - addr;
    if (response || !inside)
        *(write ? &j->write_errors : &j->read_errors) += 1;
    if (write && inside)
        j->wrote[addr] = 1;
    else if (write) {
        if (j->n_out && j->out[j->n_out - 1].hi == addr)
            j->out[j->n_out - 1].hi++;
        else if (j->n_out < sizeof j->out / sizeof *j->out)
            j->out[j->n_out++] = (lj_span){addr, addr + 1};
    }
    return response;
}

/* The errors that memory may, and must, bring. Bit e: error e. */
typedef struct {
    unsigned may, must;
} outcome;

static outcome on_bus(const judge *j, const lg_list *l, const lm_rows *r, int n)
{
    outcome o = {0, 0};
    for (int i = 0; i < n; i++) {
        lm_rows any = r[i];
        any.sure = false;
        unsigned beat = r[i].write ? 1 : j->k.bus, bit = 1u << (r[i].write ? 6 : 5);
        bool faulty = l->fault.write == r[i].write;
        if (lm_meets(&any, LG_MEM, UINT64_MAX, beat) || (faulty && lm_meets(&any, l->fault.lo, l->fault.hi, beat)))
            o.may |= bit;
        if (r[i].sure &&
            (lm_meets(&r[i], LG_MEM, UINT64_MAX, beat) || (faulty && lm_meets(&r[i], l->fault.lo, l->fault.hi, beat))))
            o.must |= bit;
    }
    return o;
}

/* Where record i lies; false: reading it is an error. */
static bool record_at(const judge *j, const lg_list *l, uint64_t i, uint64_t *at)
{
    *at = l->addr + 64 * i;
    lm_rows r = {.addr = *at, .bytes = 64, .n1 = 1, .n2 = 1};
    return *at <= LG_MEM - 64 && (l->fault.write || !lm_meets(&r, l->fault.lo, l->fault.hi, j->k.bus));
}

static bool refused_list(const lg_list *l)
{
    return l->addr % 64 || l->addr >> 56;
}

bool lj_plan(const judge *j, const lg_list *l, uint64_t latency, uint64_t most, uint64_t *cycles)
{
    uint64_t at, end = l->addr + 64ull * l->count < LG_MEM ? l->addr + 64ull * l->count : LG_MEM, ahead = 0;
    *cycles = 1000 + 10 * latency;
    if (!l->count || refused_list(l))
        return true;
    for (uint64_t i = 0; i < l->count && record_at(j, l, i, &at) && ahead < AHEAD; i++) {
        sb_command c;
        lm_rows r[LM_ROWS];
        memcpy(&c, j->b.mem + at, sizeof c);
        unsigned e = lm_check(&j->k, &c);
        if (e && !(lm_loose(&c) && e > 1))
            break;
        int n = e ? 0 : lm_rows_of(&j->k, &c, NULL, 0, r);
        outcome o = on_bus(j, l, r, n);
        for (int k = 0; k < n; k++)
            if (r[k].write && lm_meets(&r[k], at + 64, end, 1))
                return false;
        uint64_t most_reads = LG_MEM / j->k.bus * (c.batch + 1ull), takes = lm_cycles(&j->k, &c, latency);
        if (c.op == SB_OP_MATVEC && o.must & 1 << 5 &&
            takes > most_reads) /* it stops at the first error, wherever that is */
            takes = most_reads;
        *cycles += takes + 3 * latency + 20;
        ahead += o.must || ahead;
        if (ahead && c.op != SB_OP_MATVEC && c.op != SB_OP_NOP)
            break;
    }
    return *cycles <= most;
}

void lj_begin(judge *j, const lg_list *l)
{
    memcpy(j->image, j->b.mem, LG_MEM);
    memset(j->undefined, 0, LG_MEM);
    memset(j->wrote, 0, LG_MEM);
    memset(j->may, 0, LG_MEM);
    j->n_out = 0;
    j->read_errors = j->write_errors = 0;
    j->list = l;
}

static void mark(uint8_t *map, uint8_t value, uint64_t at, uint64_t bytes)
{
    if (at < LG_MEM)
        memset(map + at, value, bytes < LG_MEM - at ? bytes : LG_MEM - at);
}

/* Sets a map's bytes under the rows. */
static void mark_rows(uint8_t *map, uint8_t value, const lm_rows *r)
{
    if (r->n1 * r->n2 > 1 << 16 && !r->index) {
        mark(map, value, r->addr, lm_end(r) - r->addr);
        return;
    }
    for (uint64_t i = 0; i < r->n1 * r->n2; i++)
        mark(map, value, lm_row_at(r, i), r->bytes);
}

static bool same_rows(const lm_rows *a, const lm_rows *b)
{
    return a->addr == b->addr && a->bytes == b->bytes && a->n1 == b->n1 && (a->s1 == b->s1 || a->n1 == 1) &&
           a->n2 == 1 && b->n2 == 1 && !a->index && !b->index;
}

/* Results that lie where the command still reads, or on one another: nothing is promised, but in place, and but for the
 * activations of a MATVEC, which are all read before. */
static bool overlaps(const sb_command *c, const lm_rows *r, int n)
{
    for (int i = 0; i < n; i++) {
        if (!r[i].write)
            continue;
        if (r[i].sure && !r[i].index && r[i].n1 > 1 && r[i].s1 < r[i].bytes)
            return true;
        for (int k = 0; k < n; k++) {
            bool meets = k != i && r[k].addr < lm_end(&r[i]) && r[i].addr < lm_end(&r[k]);
            if (!meets || same_rows(&r[i], &r[k]) || (c->op == SB_OP_MATVEC && k == 0))
                continue;
            if (!r[k].write || (c->op != SB_OP_QUANTIZE_KV && r[i].sure && r[k].sure))
                return true;
        }
    }
    return false;
}

static bool reads_undefined(const judge *j, const lm_rows *r, int n)
{
    for (int i = 0; i < n; i++) {
        if (r[i].write)
            continue;
        if (r[i].n1 * r[i].n2 > 1 << 16 && !r[i].index)
            return true;
        for (uint64_t k = 0; k < r[i].n1 * r[i].n2; k++) {
            uint64_t at = lm_row_at(&r[i], k), end = at + r[i].bytes < LG_MEM ? at + r[i].bytes : LG_MEM;
            if (at < end && memchr(j->undefined + at, 1, end - at))
                return true;
        }
    }
    return false;
}

static void set_undefined(judge *j, const lm_rows *r, int n)
{
    for (int i = 0; i < n; i++)
        if (r[i].write)
            mark_rows(j->undefined, 1, &r[i]);
}

static bool has_int16_min(const uint8_t *p, uint64_t bytes)
{
    for (uint64_t i = 0; i + 1 < bytes; i += 2)
        if (p[i] == 0 && p[i + 1] == 0x80)
            return true;
    return false;
}

static bool any_byte(const uint8_t *p, uint64_t bytes)
{
    while (bytes && !*p)
        p++, bytes--;
    return bytes;
}

/* Numbers for which the contract defines no result, because nothing that a host does makes them: the least integer of a
 * format (numerics.md, 2 and 6.1), padding that is not 0. */
static bool outside_contract(const judge *j, const sb_command *c)
{
    const uint8_t *m = j->image;
    if (c->op == SB_OP_MATVEC)
        return has_int16_min(m + c->src, c->batch * sb_codec_act_elems(sb_codec_by_id(c->codec), c->cols) * 2);
    if (c->op != SB_OP_ATTENTION_X)
        return false;
    bool kv8 = c->codec & SB_ATTN_KV8, bad = false;
    uint64_t row = sb_attn_kv_row(c->cols, kv8), region = sb_attn_kv_bytes(c->cols, kv8, c->p[1]),
             record = sb_attn_query_bytes(c->cols);
    uint64_t keys = (c->p[0] + 63ull) / 64 * 64, used = c->cols * (kv8 ? 1ull : 2ull);
    for (uint64_t r = 0; r < (uint64_t)c->batch * c->rows && !bad; r++) {
        const uint8_t *q = m + c->src + r * record + 64;
        bad = has_int16_min(q, 2ull * c->cols) || any_byte(q + 2ull * c->cols, record - 64 - 2ull * c->cols);
    }
    for (uint64_t g = 0; g < c->p[3] && !bad; g++) {
        const uint8_t *k = m + c->weights + g * region, *v = k + c->p[1] * row;
        for (uint64_t i = 0; i < keys && !bad; i++)
            bad = any_byte(k + i * row + used, row - used);
        bad = bad || (kv8 ? memchr(k, 0x80, keys * row) || memchr(v, 0x80, keys * row)
                          : has_int16_min(k, keys * row) || has_int16_min(v, keys * row));
    }
    return bad;
}

/* Weights called constant, which an earlier command of the list may have written. */
static bool broken_promise(const judge *j, const sb_command *c, const lm_rows *r, int n)
{
    for (int i = 0; c->p[0] & SB_MATVEC_CONSTANT && i < n; i++) {
        uint64_t end = lm_end(&r[i]) < LG_MEM ? lm_end(&r[i]) : LG_MEM;
        if (!r[i].write && r[i].addr == c->weights && r[i].addr < end && memchr(j->may + r[i].addr, 1, end - r[i].addr))
            return true;
    }
    return false;
}

/* What the command makes of the image: 0, 7, 8, or UNKNOWN, with its results marked as undefined. */
static int work_out(judge *j, const sb_command *c, const lm_rows *r, int n, bool on_memory)
{
    sb_error err = {0};
    int status = UNKNOWN;
    if (c->op == SB_OP_NOP)
        return 0;
    if (!on_memory || overlaps(c, r, n) || reads_undefined(j, r, n)) {
    } else if (c->op == SB_OP_MATVEC && (outside_contract(j, c) || broken_promise(j, c, r, n))) {
    } else if (c->op == SB_OP_MATVEC) {
        command m = {1, c->codec, c->batch, c->rows, c->cols, c->weights, c->src, c->dst, false};
        model_matvec(&j->b, &m);
        status = 0;
    } else if (!sb_command_check(j->cpu, c, &err) && !outside_contract(j, c)) {
        sb_status st = j->cpu->be->op[c->op](j->cpu, c, &err);
        const char *code = strstr(err.msg, "(error ");
        status = !st ? 0 : code ? atoi(code + 7) : UNKNOWN;
    }
    if (status)
        set_undefined(j, r, n);
    else
        for (int i = 0; i < n; i++)
            if (r[i].write && r[i].sure)
                mark_rows(j->undefined, 0, &r[i]);
    j->equal += status == 0;
    j->unknown += status == UNKNOWN;
    return status;
}

/* These rows may be written. */
static void allow(judge *j, const lm_rows *r, int n)
{
    for (int i = 0; i < n; i++) {
        if (!r[i].write)
            continue;
        mark_rows(j->may, 1, &r[i]);
        for (unsigned k = 0; k < j->n_out; k++)
            if (lm_meets(&r[i], j->out[k].lo, j->out[k].lo + 1, 1) &&
                lm_meets(&r[i], j->out[k].hi - 1, j->out[k].hi, 1))
                j->out[k] = j->out[--j->n_out], k--;
    }
}

static const char *name(const sb_command *c)
{
    static char s[200];
    snprintf(s, sizeof s, "%s codec %u batch %u rows %u cols %u p %x %x %x %x", sb_op_name(c->op), c->codec, c->batch,
             c->rows, c->cols, c->p[0], c->p[1], c->p[2], c->p[3]);
    return s;
}

/* Whether the driver would have handed the command to the core. */
static bool driver_takes(const judge *j, const sb_command *c)
{
    sb_error err;
    sb_device has = {0};
    memcpy(has.can, sb_backend_sim.on_device, sizeof has.can);
    sb_core_restrict(&j->core, &has);
    return c->op != SB_OP_MATVEC && c->op < SB_OP_COUNT && has.can[c->op] && sb_core_takes(&j->core, c) &&
           !sb_command_check(j->cpu, c, &err);
}

/* The one that the core says failed. */
static const char *failing(judge *j, const lg_list *l, uint64_t i, unsigned error)
{
    uint64_t at;
    sb_command c;
    lm_rows r[LM_ROWS];
    if (!record_at(j, l, i, &at))
        return error == 5 ? NULL
                          : wrong("command %" PRIu64 ": error %u, expected 5: its record cannot be read", i, error);
    memcpy(&c, j->image + at, sizeof c);
    unsigned e = lm_check(&j->k, &c), allowed = 1u << e;
    if (error >= 1 && error <= 4 && driver_takes(j, &c))
        return wrong("command %" PRIu64 " (%s) was refused with error %u, but sb_core_takes says that the core does it",
                     i, name(&c), error);
    if (lm_loose(&c) && e != 1)
        allowed |= 7u << 2;
    if (error <= 4)
        return error && allowed >> error & 1
                   ? NULL
                   : wrong("command %" PRIu64 " (%s): error %u, expected %u", i, name(&c), error, e);
    if (e && !lm_loose(&c))
        return wrong("command %" PRIu64 " (%s): error %u, expected %u", i, name(&c), error, e);
    int n = lm_rows_of(&j->k, &c, j->image, LG_MEM, r);
    outcome o = on_bus(j, l, r, n);
    int data = c.op == SB_OP_MATVEC ? 0 : work_out(j, &c, r, n, true);
    allowed = o.may | (data == UNKNOWN ? 1u << 7 | 1u << 8 : data ? 1u << data : 0);
    if (!(allowed >> error & 1))
        return wrong("command %" PRIu64 " (%s): error %u, possible are 0x%x", i, name(&c), error, allowed);
    set_undefined(j, r, n);
    allow(j, r, n);
    /* Products behind it may have begun. */
    for (uint64_t k = i + 1; c.op == SB_OP_MATVEC && k < l->count && k <= i + AHEAD && record_at(j, l, k, &at); k++) {
        sb_command next;
        memcpy(&next, j->image + at, sizeof next);
        if ((next.op != SB_OP_MATVEC && next.op != SB_OP_NOP) || lm_check(&j->k, &next))
            break;
        n = next.op == SB_OP_NOP ? 0 : lm_rows_of(&j->k, &next, NULL, 0, r);
        set_undefined(j, r, n);
        allow(j, r, n);
    }
    return NULL;
}

/* One that must have ended well. */
static const char *completed(judge *j, const lg_list *l, uint64_t i)
{
    uint64_t at;
    sb_command c;
    lm_rows r[LM_ROWS];
    if (!record_at(j, l, i, &at))
        return wrong("command %" PRIu64 " was passed, but its record cannot be read", i);
    memcpy(&c, j->image + at, sizeof c);
    unsigned e = lm_check(&j->k, &c);
    if (e && !(lm_loose(&c) && e != 1))
        return wrong("command %" PRIu64 " (%s) was done, expected error %u", i, name(&c), e);
    int n = lm_rows_of(&j->k, &c, j->image, LG_MEM, r);
    outcome o = on_bus(j, l, r, n);
    if (o.must)
        return wrong("command %" PRIu64 " (%s) was done, although memory answered with an error: expected one of 0x%x",
                     i, name(&c), o.must);
    int data = work_out(j, &c, r, n, !o.may);
    if (data > 0)
        return wrong("command %" PRIu64 " (%s) was done, expected error %d", i, name(&c), data);
    allow(j, r, n);
    return NULL;
}

const char *lj_verdict(judge *j, const sb_sim_report *r)
{
    const lg_list *l = j->list;
    const char *bad = NULL;
    uint64_t done = r->error ? r->error_index : l->count;
    if (r->error > 8)
        return wrong("error %u", r->error);
    if (r->error == 0 && (j->read_errors || j->write_errors))
        return wrong("no error, although memory answered %" PRIu64 " reads and %" PRIu64 " writes with one",
                     j->read_errors, j->write_errors);
    if ((r->error == 5 && !j->read_errors) || (r->error == 6 && !j->write_errors))
        return wrong("error %u, but memory answered well", r->error);
    if (l->count && refused_list(l)) {
        if (r->error != 4 || r->error_index)
            return wrong("a list at 0x%" PRIx64 ": error %u at %u, expected 4 at 0", l->addr, r->error, r->error_index);
    } else {
        if (r->error && done >= l->count)
            return wrong("error %u at command %" PRIu64 " of %u", r->error, done, l->count);
        for (uint64_t i = 0; i < done && !bad; i++)
            bad = completed(j, l, i);
        if (!bad && r->error)
            bad = failing(j, l, done, r->error);
        if (bad)
            return bad;
    }
    uint64_t counted = r->counter[SB_SIM_COMMANDS];
    if (counted < done || (counted > done && r->error < 5))
        return wrong("%" PRIu64 " commands counted, expected %" PRIu64, counted, done);
    for (uint64_t at = 0; at < LG_MEM; at++) {
        if (j->b.mem[at] != j->image[at] && !j->undefined[at])
            return wrong("byte 0x%" PRIx64 " is %02x, expected %02x", at, j->b.mem[at], j->image[at]);
        if (j->wrote[at] && !j->may[at])
            return wrong("byte 0x%" PRIx64 " was written, which is no result of a command", at);
    }
    if (j->n_out)
        return wrong("0x%" PRIx64 " was written, outside the memory and no result of a command", j->out[0].lo);
    j->ended[r->error]++;
    return NULL;
}
