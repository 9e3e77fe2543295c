// SPDX-License-Identifier: Apache-2.0
#include "vec_shim.h"

#include <cstring>
#include <deque>
#include <vector>

#include "Vvector_unit.h"
#include "verilated.h"

double sc_time_stamp()
{
    return 0;
}

namespace
{

constexpr unsigned kBeat = VEC_BUS / 8;

struct Beat {
    uint8_t data[kBeat];
    bool err, last;
    uint64_t addr, ready;
};
struct Write {
    uint64_t addr;
    uint8_t data[kBeat], strb[kBeat];
};

struct Rng {
    uint32_t s;
    uint32_t next()
    {
        s ^= s << 13, s ^= s >> 17, s ^= s << 5;
        return s;
    }
    bool chance(unsigned permille) { return next() % 1000 < permille; }
};

template <class P> void put(P &port, const void *src, size_t bytes)
{
    std::memcpy(&port, src, bytes);
}
template <class P> void get(const P &port, void *dst, size_t bytes)
{
    std::memcpy(dst, &port, bytes);
}

} // namespace

void *vec_dut_new(void)
{
    Verilated::randReset(2);
    auto *d = new Vvector_unit;
    d->clk_i = 0;
    d->cmd_valid_i = 0;
    d->req_ready_i = d->beat_valid_i = d->wr_req_ready_i = d->wr_ready_i = 0;
    d->wr_idle_i = 1;
    d->wr_err_i = 0;
    d->rst_ni = 0;
    for (int i = 0; i < 4; i++) {
        d->clk_i = 0, d->eval();
        d->clk_i = 1, d->eval();
    }
    d->rst_ni = 1;
    return d;
}

void vec_dut_free(void *dut)
{
    auto *d = static_cast<Vvector_unit *>(dut);
    d->final();
    delete d;
}

void vec_dut_run(void *dut, const void *record, uint8_t *mem, uint64_t base, uint64_t size, const vec_env *env,
                 vec_result *r)
{
    auto *d = static_cast<Vvector_unit *>(dut);
    *r = vec_result{};
    Rng rng{env->seed | 1};
    std::deque<Beat> reads;
    std::deque<uint64_t> runs; // beats to come of each write run: address in the high part is kept apart
    std::deque<uint64_t> run_addr;
    std::vector<Write> held;
    uint64_t free_at = 0; // when the write path is idle
    long read_index = 0, write_run = 0;
    bool sent = false, beat_up = false, write_err = false;
    uint64_t quiet = 0;
    auto inside = [&](uint64_t a) { return a >= base && a + kBeat <= base + size; };
    auto commit = [&](const Write &w) {
        for (unsigned i = 0; i < kBeat; i++)
            if (w.strb[i])
                mem[w.addr - base + i] = w.data[i];
    };
    for (uint64_t t = 0;; t++) {
        d->clk_i = 0;
        d->cmd_valid_i = !sent;
        put(d->cmd_i, record, 64);
        d->req_ready_i = reads.size() < 512 && !rng.chance(env->stall);
        // A beat that is offered stays.
        if (!beat_up)
            beat_up = !reads.empty() && t >= reads.front().ready && !rng.chance(env->stall);
        d->beat_valid_i = beat_up;
        if (beat_up) {
            Beat &b = reads.front();
            if (!env->late && inside(b.addr))
                std::memcpy(b.data, mem + (b.addr - base), kBeat);
            put(d->beat_data_i, b.data, kBeat);
            d->beat_err_i = b.err;
            d->beat_last_i = b.last;
        }
        d->wr_req_ready_i = runs.size() < 8 && !rng.chance(env->stall);
        d->wr_ready_i = !rng.chance(env->stall);
        d->wr_idle_i = runs.empty() && t >= free_at;
        d->wr_err_i = write_err;
        d->eval();

        bool move = false;
        if (!sent && d->cmd_ready_o)
            sent = move = true;
        if (d->req_valid_o && d->req_ready_i) {
            move = true;
            uint64_t a = d->req_addr_o, n = d->req_beats_o;
            if (a % kBeat || n == 0 || n > (1u << 25))
                r->protocol = true;
            for (uint64_t i = 0; i < n && i < 1u << 20; i++) {
                Beat b;
                b.addr = a + i * kBeat;
                b.err = !inside(b.addr) || read_index == env->bad_read;
                b.last = i == n - 1;
                b.ready = t + env->latency;
                if (inside(b.addr))
                    std::memcpy(b.data, mem + (b.addr - base), kBeat);
                else
                    std::memset(b.data, 0, kBeat);
                read_index++;
                reads.push_back(b);
            }
        }
        if (beat_up && d->beat_ready_o) {
            move = true;
            beat_up = false;
            reads.pop_front();
            r->read_beats++;
        }
        if (d->wr_valid_o && d->wr_ready_i) {
            move = true;
            if (runs.empty()) {
                r->protocol = true;
            } else {
                Write w;
                w.addr = run_addr.front();
                get(d->wr_data_o, w.data, kBeat);
                for (unsigned i = 0; i < kBeat; i++)
                    w.strb[i] = reinterpret_cast<const uint8_t *>(&d->wr_strb_o)[i / 8] >> (i % 8) & 1;
                bool any = false;
                for (unsigned i = 0; i < kBeat; i++)
                    any |= w.strb[i] != 0;
                if (!any)
                    r->protocol = true;
                if (!inside(w.addr)) {
                    r->outside = write_err = true;
                } else if (env->late) {
                    held.push_back(w);
                } else {
                    commit(w);
                }
                run_addr.front() += kBeat;
                if (--runs.front() == 0) {
                    runs.pop_front();
                    run_addr.pop_front();
                    if (write_run++ == env->bad_write)
                        write_err = true;
                }
                free_at = t + 2 + env->latency;
                r->write_beats++;
            }
        }
        if (d->wr_req_valid_o && d->wr_req_ready_i) {
            move = true;
            uint64_t a = d->wr_req_addr_o, n = d->wr_req_beats_o;
            if (a % kBeat || n == 0 || n > 256)
                r->protocol = true;
            runs.push_back(n);
            run_addr.push_back(a);
            free_at = t + 2 + env->latency;
        }
        bool done = d->done_o;
        r->error = d->error_o;
        r->state = d->state_o;
        d->clk_i = 1;
        d->eval();
        quiet = move ? 0 : quiet + 1;
        if (done) {
            r->cycles = t;
            if (!reads.empty() || !runs.empty())
                r->protocol = true;
            break;
        }
        if (quiet > 20000) {
            r->cycles = t;
            r->hung = true;
            break;
        }
    }
    for (const Write &w : held)
        commit(w);
}
