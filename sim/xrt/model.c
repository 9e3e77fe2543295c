/* SPDX-License-Identifier: Apache-2.0
 * The simulated card. One lock guards the core, its memory and the list of buffers, another the queue of commands; a
 * thread of its own runs these, so that the host can wait with a timeout, read registers and move data meanwhile. */
#include "model.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "seedbed_sim.h"

enum {
    PAGE = 4096,
    MAX_BUFFERS = 4096,
    MAX_BANKS = 64,
    QUEUE = 64,
    CTRL = 0,
    AP_START = 1,
    AP_DONE = 2,
    FIRST_ARG = 4
};

typedef struct {
    uint64_t addr, bytes;
} range;

/* A command in work or waiting. The packet is a copy: the host may free its own while the core still runs. */
typedef struct {
    struct ert_start_kernel_cmd *host; /* NULL: it has, and nobody hears of the end */
    struct ert_start_kernel_cmd *packet;
} entry;

struct model {
    pthread_mutex_t lock;
    atomic_int guests; /* callers that want the lock while the core runs */
    void *lib;
    const sb_sim_interface *api;
    sb_sim *core;
    char variant[64];
    uint8_t *arena; /* device address a is arena + a */
    uint64_t arena_bytes;
    range bank[MAX_BANKS];
    unsigned banks;
    range buffer[MAX_BUFFERS]; /* by address */
    unsigned buffers;
    pthread_mutex_t queue_lock;
    pthread_cond_t changed;
    entry queue[QUEUE];
    unsigned head, queued, ended;
    pthread_t thread;
    bool has_thread;
    atomic_bool stop;
};

static int complain(int error, const char *what, const char *detail)
{
    fprintf(stderr, "seedbed XRT driver: %s%s%s\n", what, *detail ? ": " : "", detail);
    return error;
}

static void enter(model *m)
{
    m->guests++;
    pthread_mutex_lock(&m->lock);
    m->guests--;
}

static void leave(model *m)
{
    pthread_mutex_unlock(&m->lock);
}

/* The buffer that holds a range, or NULL. */
static const range *find(const model *m, uint64_t addr, uint64_t bytes)
{
    unsigned lo = 0, hi = m->buffers; /* the last buffer that begins at or below addr */
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (m->buffer[mid].addr <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    const range *b = lo ? &m->buffer[lo - 1] : NULL;
    return b && bytes <= b->bytes && addr - b->addr <= b->bytes - bytes ? b : NULL;
}

static bool mapped(void *ctx, uint64_t addr, uint64_t bytes)
{
    return find(ctx, addr, bytes) != NULL;
}

model *model_open(void)
{
    model *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    pthread_mutex_init(&m->lock, NULL);
    pthread_mutex_init(&m->queue_lock, NULL);
    pthread_cond_init(&m->changed, NULL);
    return m;
}

static void unload(model *m)
{
    if (m->core)
        m->api->close(m->core);
    if (m->lib)
        dlclose(m->lib);
    if (m->arena)
        munmap(m->arena, m->arena_bytes);
    m->core = NULL;
    m->lib = NULL;
    m->arena = NULL;
    m->banks = 0;
    m->variant[0] = 0;
}

void model_close(model *m)
{
    pthread_mutex_lock(&m->queue_lock);
    m->stop = true;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->queue_lock);
    if (m->has_thread)
        pthread_join(m->thread, NULL);
    unload(m);
    pthread_cond_destroy(&m->changed);
    pthread_mutex_destroy(&m->queue_lock);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

/* --- xclbin
 * ------------------------------------------------------------------------------------------------------------ */

static const void *section(const struct axlf *x, enum axlf_section_kind kind, uint64_t *bytes)
{
    for (uint32_t i = 0; i < x->m_header.m_numSections; i++) {
        const struct axlf_section_header *s = &x->m_sections[i];
        if (s->m_sectionKind == (uint32_t)kind) {
            *bytes = s->m_sectionSize;
            return (const char *)x + s->m_sectionOffset;
        }
    }
    return NULL;
}

static int load_banks(model *m, const struct axlf *x)
{
    uint64_t bytes = 0, end = 0;
    const struct mem_topology *t = section(x, MEM_TOPOLOGY, &bytes);
    if (!t || t->m_count < 1 || t->m_count > MAX_BANKS)
        return complain(-EINVAL, "xclbin", "no memory topology");
    m->banks = (unsigned)t->m_count;
    for (unsigned i = 0; i < m->banks; i++) {
        const struct mem_data *d = &t->m_mem_data[i];
        m->bank[i] = (range){d->m_base_address, d->m_used ? d->m_size << 10 : 0};
        if (m->bank[i].bytes && m->bank[i].addr + m->bank[i].bytes > end)
            end = m->bank[i].addr + m->bank[i].bytes;
    }
    /* Address space only; pages appear when touched. */
    m->arena = mmap(NULL, end, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (m->arena == MAP_FAILED) {
        m->arena = NULL;
        return complain(-ENOMEM, "cannot reserve address space for the card's memory", strerror(errno));
    }
    m->arena_bytes = end;
    return 0;
}

/* The library of the variant stands beside the tree that this driver is in; $SEEDBED_XRT_LIB names another build of it.
 */
static int load_core(model *m, const char *variant, sb_sim_config config)
{
    char path[PATH_MAX + 64], error[512] = "";
    Dl_info here;
    const char *own = getenv("SEEDBED_XRT_LIB");
    if (own && *own) {
        snprintf(path, sizeof path, "%s", own);
    } else {
        if (!dladdr((void *)(uintptr_t)model_load, &here))
            return complain(-ENOENT, "cannot find where this driver is", "");
        const char *slash = strrchr(here.dli_fname, '/');
        int dir = slash ? (int)(slash - here.dli_fname) : 0;
        snprintf(path, sizeof path, "%.*s/../../%s/libseedbed_sim.so", dir, here.dli_fname, variant);
    }
    m->lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!m->lib)
        return complain(-ENOENT, "no core for this xclbin", dlerror());
    sb_sim_api_fn api = NULL;
    void *symbol = dlsym(m->lib, "sb_sim_api");
    memcpy(&api, &symbol, sizeof api);
    if (!api || api()->abi != SB_SIM_ABI)
        return complain(-EINVAL, "not a simulated core of this version", path);
    m->api = api();
    m->core = m->api->open(&config, m->arena, m->arena_bytes, error, sizeof error);
    return m->core ? 0 : complain(-EINVAL, "the core does not open", error);
}

int model_load(model *m, const struct axlf *x)
{
    uint64_t bytes = 0;
    const char *bits = section(x, BITSTREAM, &bytes);
    char text[128] = "", variant[64];
    memcpy(text, bits ? bits : "", bits && bytes < sizeof text ? bytes : 0);
    unsigned latency, stall, seed;
    if (sscanf(text, "seedbed-sim variant=%63[a-z0-9-] latency=%u stall=%u seed=%u", variant, &latency, &stall,
               &seed) != 4)
        return complain(-EINVAL, "the xclbin is not one for the simulated card", "it comes from a board's tools");
    enter(m);
    int rc = 0;
    if (m->buffers) { /* a command has one, too */
        rc = strcmp(m->variant, variant) ? complain(-EBUSY, "another xclbin while buffers are in use", variant) : 0;
    } else {
        unload(m);
        sb_sim_config config = {.size = sizeof config,
                                .read_latency = latency,
                                .write_latency = latency,
                                .stall_permille = stall,
                                .seed = seed,
                                .mapped = mapped,
                                .mapped_ctx = m};
        rc = load_banks(m, x);
        if (!rc)
            rc = load_core(m, variant, config);
        if (rc)
            unload(m);
        else
            memcpy(m->variant, variant, sizeof variant);
    }
    leave(m);
    return rc;
}

/* --- memory
 * ------------------------------------------------------------------------------------------------------------ */

int model_alloc(model *m, unsigned bank, size_t bytes, uint64_t *addr)
{
    enter(m);
    int rc = bytes && bank < m->banks ? -ENOMEM : -EINVAL;
    uint64_t size = (bytes + PAGE - 1) / PAGE * PAGE;
    if (rc == -ENOMEM && m->buffers < MAX_BUFFERS && size >= bytes) {
        const range *b = &m->bank[bank];
        uint64_t at = b->addr;
        unsigned i = 0;
        while (i < m->buffers && m->buffer[i].addr < b->addr)
            i++;
        for (; i < m->buffers && m->buffer[i].addr - at < size && m->buffer[i].addr < b->addr + b->bytes; i++)
            at = m->buffer[i].addr + m->buffer[i].bytes; /* the first gap that is large enough */
        if (at - b->addr <= b->bytes && size <= b->bytes - (at - b->addr)) {
            memmove(&m->buffer[i + 1], &m->buffer[i], (m->buffers - i) * sizeof *m->buffer);
            m->buffer[i] = (range){at, size};
            m->buffers++;
            memset(m->arena + at, 0xA5, size); /* a board's memory is not zeroed either */
            *addr = at;
            rc = 0;
        }
    }
    leave(m);
    return rc;
}

void model_free(model *m, uint64_t addr)
{
    enter(m);
    for (unsigned i = 0; i < m->buffers; i++) {
        if (m->buffer[i].addr != addr)
            continue;
        madvise(m->arena + addr, m->buffer[i].bytes, MADV_DONTNEED);
        m->buffers--;
        memmove(&m->buffer[i], &m->buffer[i + 1], (m->buffers - i) * sizeof *m->buffer);
        break;
    }
    leave(m);
}

int model_write(model *m, uint64_t addr, const void *src, size_t bytes)
{
    enter(m);
    int rc = find(m, addr, bytes) ? 0 : -EINVAL;
    if (!rc)
        memcpy(m->arena + addr, src, bytes);
    leave(m);
    return rc;
}

int model_read(model *m, uint64_t addr, void *dst, size_t bytes)
{
    enter(m);
    int rc = find(m, addr, bytes) ? 0 : -EINVAL;
    if (!rc)
        memcpy(dst, m->arena + addr, bytes);
    leave(m);
    return rc;
}

int model_copy(model *m, uint64_t dst, uint64_t src, size_t bytes)
{
    enter(m);
    int rc = find(m, dst, bytes) && find(m, src, bytes) ? 0 : -EINVAL;
    if (!rc)
        memmove(m->arena + dst, m->arena + src, bytes);
    leave(m);
    return rc;
}

/* --- registers and commands
 * -------------------------------------------------------------------------------------------- */

int model_reg_write(model *m, uint32_t offset, uint32_t value)
{
    enter(m);
    int rc = !m->core ? -ENODEV : m->api->reg_write(m->core, offset, value) ? -EIO : 0;
    leave(m);
    return rc;
}

int model_reg_read(model *m, uint32_t offset, uint32_t *value)
{
    enter(m);
    int rc = !m->core ? -ENODEV : m->api->reg_read(m->core, offset, value) ? -EIO : 0;
    leave(m);
    return rc;
}

/* What XRT's kernel driver does for ap_ctrl_hs: arguments, ap_start, poll for ap_done. The clock goes on with each
 * access.
 */
static enum ert_cmd_state execute(model *m, const struct ert_start_kernel_cmd *c)
{
    uint32_t words = c->count - 1 - c->extra_cu_masks, ctrl = 0;
    const uint32_t *reg = c->data + c->extra_cu_masks;
    if (c->cu_mask != 1)
        return ERT_CMD_STATE_ERROR;
    pthread_mutex_lock(&m->lock);
    int hung = !m->core;
    enum ert_cmd_state state = ERT_CMD_STATE_ERROR;
    for (uint32_t i = FIRST_ARG; i < words && !hung; i++)
        hung = m->api->reg_write(m->core, 4 * i, reg[i]);
    hung = hung || m->api->reg_write(m->core, CTRL, AP_START);
    while (!hung && !m->stop) {
        hung = m->api->reg_read(m->core, CTRL, &ctrl);
        if (m->api->violation(m->core)) {
            complain(0, "AXI protocol", m->api->violation(m->core));
            break;
        }
        if (ctrl & AP_DONE) {
            state = ERT_CMD_STATE_COMPLETED;
            break;
        }
        if (m->guests) { /* a mutex is not fair: let them in */
            pthread_mutex_unlock(&m->lock);
            while (m->guests)
                sched_yield();
            pthread_mutex_lock(&m->lock);
        }
    }
    pthread_mutex_unlock(&m->lock);
    return m->stop && state != ERT_CMD_STATE_COMPLETED ? ERT_CMD_STATE_ABORT : state;
}

/* Takes the first command out of the queue. Called with queue_lock. */
static void end_first(model *m, enum ert_cmd_state state)
{
    entry *e = &m->queue[m->head];
    if (e->host)
        e->host->state = state;
    free(e->packet);
    *e = (entry){0};
    m->head = (m->head + 1) % QUEUE;
    m->queued--;
    m->ended++;
    pthread_cond_broadcast(&m->changed);
}

static void *worker(void *arg)
{
    model *m = arg;
    pthread_mutex_lock(&m->queue_lock);
    while (!m->stop) {
        if (!m->queued) {
            pthread_cond_wait(&m->changed, &m->queue_lock);
            continue;
        }
        entry *e = &m->queue[m->head];
        if (e->host)
            e->host->state = ERT_CMD_STATE_RUNNING;
        pthread_mutex_unlock(&m->queue_lock);
        enum ert_cmd_state state = execute(m, e->packet);
        pthread_mutex_lock(&m->queue_lock);
        end_first(m, state);
    }
    while (m->queued)
        end_first(m, ERT_CMD_STATE_ABORT);
    pthread_mutex_unlock(&m->queue_lock);
    return NULL;
}

int model_submit(model *m, struct ert_start_kernel_cmd *c, size_t bytes)
{
    if (bytes < 8 || c->opcode != ERT_START_CU || c->count < 1u + c->extra_cu_masks + FIRST_ARG ||
        4 + 4ull * c->count > bytes)
        return -EINVAL;
    struct ert_start_kernel_cmd *packet = malloc(4 + 4ull * c->count);
    if (!packet)
        return -ENOMEM;
    memcpy(packet, c, 4 + 4ull * c->count);
    pthread_mutex_lock(&m->queue_lock);
    int rc = m->queued < QUEUE ? 0 : -EBUSY;
    if (!rc && !m->has_thread) {
        rc = -pthread_create(&m->thread, NULL, worker, m);
        m->has_thread = !rc;
    }
    if (!rc) {
        c->state = ERT_CMD_STATE_QUEUED;
        m->queue[(m->head + m->queued++) % QUEUE] = (entry){c, packet};
        pthread_cond_broadcast(&m->changed);
    }
    pthread_mutex_unlock(&m->queue_lock);
    if (rc)
        free(packet);
    return rc;
}

void model_forget(model *m, const void *cmd)
{
    pthread_mutex_lock(&m->queue_lock);
    for (unsigned i = 0; i < m->queued; i++)
        if (m->queue[(m->head + i) % QUEUE].host == cmd)
            m->queue[(m->head + i) % QUEUE].host = NULL;
    pthread_mutex_unlock(&m->queue_lock);
}

int model_wait(model *m, int milliseconds)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += milliseconds % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&m->queue_lock);
    int rc = 0;
    while (!m->ended && !rc)
        rc = pthread_cond_timedwait(&m->changed, &m->queue_lock, &until);
    int got = m->ended > 0;
    m->ended -= (unsigned)got;
    pthread_mutex_unlock(&m->queue_lock);
    return got;
}
