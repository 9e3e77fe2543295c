/* SPDX-License-Identifier: Apache-2.0
 * Random and mutated command lists into the core, on memories that stall on every channel and answer with errors. Of
 * each list: it ends within a bound of cycles; what it writes are results of its commands; its error is the right one,
 * at the right command; what was done before is right to the bit; and the next list is done right. fuzz_lists LIB
 * [--lists N] [--seed S] [--from I] */
#include "list_judge.h"

enum { BLOCK = 16, MOST = 30000, RARE = 300000 }; /* lists on one simulator; cycles of a list by the model */

static judge J;
static uint64_t seed = 1, mutated, most_of_bound_permille, total_cycles;

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t z = a * 0x9e3779b97f4a7c15u + b * 0xd1b54a32d192ed03u;
    z = (z ^ (z >> 32)) * 0xbf58476d1ce4e5b9u;
    return z ^ (z >> 29);
}

static int read_register(void *ctx, uint32_t offset, uint32_t *value)
{
    return J.api->reg_read(ctx, offset, value);
}

static sb_sim *open_one(sb_sim_config cfg)
{
    cfg.size = sizeof cfg;
    cfg.watchdog = 20000;
    cfg.access = lj_access;
    cfg.access_ctx = &J;
    char err[512] = "";
    sb_sim *s = J.api->open(&cfg, J.b.mem, LG_MEM, err, sizeof err);
    CHECK(s, "open: %s", err);
    return s;
}

/* Which operations it knows: a record of each with nothing else in it. */
static void ask_core(sb_sim *s)
{
    static const lg_list none = {0};
    sb_error err = {0};
    CHECK(!sb_core_probe(&J.core, "fuzz_lists", read_register, s, &err), "%s", err.msg);
    CHECK(J.core.ports == 1, "a core of one port is asked for");
    uint32_t codecs = 0;
    CHECK(!J.api->reg_read(s, SB_REG_CODECS, &codecs), "CODECS");
    J.k = (lm_core){.bus = J.core.lanes * 4,
                    .lanes = J.core.lanes,
                    .max_batch = J.core.max_batch,
                    .units = J.core.units,
                    .codecs = codecs,
                    .act_cap = (uint32_t)J.core.act_capacity,
                    .attn_rows = J.core.units >> 8 & 31,
                    .attn_keys = 1u << (J.core.units >> 16 & 31)};
    J.b.lanes = J.core.lanes;
    lj_begin(&J, &none);
    printf("operations:");
    for (unsigned op = 0; op < 256; op++) {
        static sb_sim_report r;
        char msg[512];
        sb_command c = {.op = (uint8_t)op};
        memcpy(J.b.mem, &c, sizeof c);
        sb_sim_status st = J.api->run(s, 0, 1, 100000, &r, msg, sizeof msg);
        CHECK(st == SB_SIM_CORE_ERROR || st == SB_SIM_OK, "an empty record of operation %u: %s\n%s", op, msg,
              r.diagnosis);
        J.k.op[op] = r.error != 1;
        CHECK(op < SB_OP_COUNT || !J.k.op[op], "operation %u, which does not exist, is known", op);
        if (J.k.op[op])
            printf(" %s", sb_op_name(op));
    }
    printf("\n");
}

static void show(const lg_list *l)
{
    fprintf(stderr, "list of %u at 0x%" PRIx64 ": %s\n", l->count, l->addr, l->mutated ? l->what : "not mutated");
    if (l->fault.lo < l->fault.hi)
        fprintf(stderr, "memory: response %d for %s of 0x%" PRIx64 "..0x%" PRIx64 "\n", l->fault.response,
                l->fault.write ? "writes" : "reads", l->fault.lo, l->fault.hi - 1);
    for (uint32_t i = 0; i < l->n; i++) {
        sb_command c;
        memcpy(&c, J.image + l->at + 64 * i, sizeof c);
        fprintf(stderr,
                "  %u: %s (%u) codec %u batch %u rows %u cols %u weights 0x%" PRIx64 " src 0x%" PRIx64 " dst 0x%" PRIx64
                " aux 0x%" PRIx64 " p 0x%x 0x%x 0x%x 0x%x\n",
                i, sb_op_name(c.op), c.op, c.codec, c.batch, c.rows, c.cols, c.weights, c.src, c.dst, c.aux, c.p[0],
                c.p[1], c.p[2], c.p[3]);
    }
}

/* True if it ended with an error, the right one. Anything wrong ends the program. */
static bool run_one(sb_sim *s, const lg_list *l, const sb_sim_config *cfg, uint64_t index)
{
    static sb_sim_report r;
    uint64_t cycles;
    char msg[512] = "";
    lj_plan(&J, l, cfg->read_latency > cfg->write_latency ? cfg->read_latency : cfg->write_latency, UINT64_MAX,
            &cycles);
    uint64_t slow = cfg->bytes_per_cycle ? (J.k.bus + cfg->bytes_per_cycle - 1) / cfg->bytes_per_cycle : 1;
    uint64_t bound = 5000 + 2 * cycles * slow * 1000 / (1000 - cfg->stall_permille);
    lj_begin(&J, l);
    sb_sim_status st = J.api->run(s, l->addr, l->count, bound, &r, msg, sizeof msg);
    const char *bad = st == SB_SIM_OK || st == SB_SIM_CORE_ERROR ? lj_verdict(&J, &r) : msg;
    if (bad) {
        fprintf(stderr, "fuzz_lists: list %" PRIu64 ": %s\n%s", index, bad, r.diagnosis);
        if (!r.diagnosis[0])
            fprintf(stderr,
                    "it ended with error %u at %u after %" PRIu64 " cycles; %" PRIu64 " reads and %" PRIu64
                    " writes were answered with an error\n",
                    r.error, r.error_index, r.counter[SB_SIM_TOTAL], J.read_errors, J.write_errors);
        show(l);
        fprintf(stderr, "again: --seed %" PRIu64 " --from %" PRIu64 " --lists %" PRIu64 "\n", seed,
                index / BLOCK * BLOCK, index % BLOCK + 1);
        exit(1);
    }
    total_cycles += r.cycles;
    uint64_t part = r.counter[SB_SIM_TOTAL] * 1000 / bound;
    if (part > most_of_bound_permille)
        most_of_bound_permille = part;
    return r.error != 0;
}

/* A block's memory; the same for each run of a list. */
static sb_sim_config tempered(uint64_t block)
{
    lg_seed(mix(seed, ~block));
    sb_sim_config cfg = {.seed = (uint32_t)lg_random()};
    if (lg_below(3))
        cfg.stall_permille = lg_below(500);
    if (lg_below(3)) {
        cfg.read_latency = lg_below(60);
        cfg.write_latency = lg_below(120);
    }
    if (!lg_below(4))
        cfg.bytes_per_cycle = 1 + lg_below(J.k.bus);
    return cfg;
}

static void one_list(sb_sim *s, const sb_sim_config *cfg, uint64_t index)
{
    static uint8_t kept[LG_MEM];
    lg_list l, valid;
    uint64_t cycles, latency = cfg->read_latency > cfg->write_latency ? cfg->read_latency : cfg->write_latency;
    lg_seed(mix(seed, index));
    lg_make(&l, &J.k, J.b.mem, LG_MAX - 2, lg_below(10) ? 3000 : 9000);
    if (index % 4) {
        memcpy(kept, J.b.mem, LG_MEM);
        valid = l;
        for (int tries = 0; tries < 40; tries++) {
            lg_mutate(&l, &J.k, J.b.mem);
            if (lj_plan(&J, &l, latency, lg_below(50) ? MOST : RARE, &cycles))
                break;
            memcpy(J.b.mem, kept, LG_MEM);
            l = valid;
        }
    }
    mutated += l.mutated;
    if (run_one(s, &l, cfg, index)) {
        lg_make(&l, &J.k, J.b.mem, 2, 1500);
        run_one(s, &l, cfg, index);
    }
}

int main(int argc, char **argv)
{
    uint64_t lists = 300, from = 0;
    for (int i = 2; i + 1 < argc; i += 2) {
        uint64_t v = strtoull(argv[i + 1], NULL, 0);
        CHECK(!strcmp(argv[i], "--lists") || !strcmp(argv[i], "--seed") || !strcmp(argv[i], "--from"),
              "unknown option %s", argv[i]);
        *(argv[i][2] == 'l' ? &lists : argv[i][2] == 's' ? &seed : &from) = v;
    }
    CHECK(argc >= 2 && argc % 2 == 0, "usage: fuzz_lists LIB [--lists N] [--seed S] [--from I]");
    sb_error err = {0};
    CHECK(!sb_device_open("cpu", &(sb_device_options){.threads = 1}, &J.cpu, &err), "%s", err.msg);
    J.cpu->mem.used = LG_MEM;
    J.image = J.cpu->mem.base;
    J.b = bench_load(argv[1]);
    free(J.b.image);
    J.b.image = J.image;
    J.api = J.b.api;
    printf("fuzz_lists %s: seed %" PRIu64 ", lists %" PRIu64 "..%" PRIu64 "\n", J.api->variant, seed, from,
           from + lists - 1);
    sb_sim *s = open_one((sb_sim_config){0});
    ask_core(s);
    fflush(stdout);
    sb_sim_config cfg = {0};
    for (uint64_t i = from; i < from + lists; i++) {
        if (i == from || i % BLOCK == 0) {
            J.api->close(s);
            cfg = tempered(i / BLOCK);
            s = open_one(cfg);
        }
        one_list(s, &cfg, i);
    }
    J.api->close(s);
    printf("ok: %" PRIu64 " lists, %" PRIu64 " mutated; ended with error 0..8:", lists, mutated);
    for (int e = 0; e < 9; e++)
        printf(" %" PRIu64, J.ended[e]);
    printf("; commands equal %" PRIu64 ", undefined %" PRIu64 "; %" PRIu64 " cycles; at most %" PRIu64 ".%" PRIu64
           " %% of the bound\n",
           J.equal, J.unknown, total_cycles, most_of_bound_permille / 10, most_of_bound_permille % 10);
    free(J.b.mem);
    sb_device_close(J.cpu);
    return 0;
}
