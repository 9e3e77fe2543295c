// SPDX-License-Identifier: Apache-2.0
// Fibres for emulator.hpp. A fibre is entered by ucontext once and left and resumed by _setjmp/_longjmp, which make no
// system call.
#include "emulator_internal.hpp"

#include <csetjmp>
#include <sys/mman.h>
#include <ucontext.h>
#include <vector>

int emu_order = EMU_ASCENDING;
bool emu_no_device, emu_hang;
int emu_capability = 80;
unsigned long emu_blocks;

namespace emu
{
thread_state *self;

namespace
{
constexpr size_t StackBytes = 256 << 10;

struct async_copy {
    void *dst;
    const void *src;
    size_t bytes, valid;
};

struct fibre {
    thread_state state;
    jmp_buf at;
    ucontext_t start;
    bool started, ended;
    const char *waits; // for what, when a deadlock is reported
    std::vector<std::vector<async_copy>> groups;
};

struct warp {
    unsigned lanes, arrived, turn, ended;
    alignas(64) uint8_t slot[2][32][64];
};

fibre fibres[MaxThreads];
std::vector<warp> warps;
uint8_t *stacks;
std::vector<uint8_t> shared;
jmp_buf scheduler;
unsigned count, live, current, block_arrived, block_turn;
unsigned long steps; // meetings completed: no progress in a whole round is a deadlock
const std::function<void()> *body;

} // namespace

[[noreturn]] void fail(const char *what)
{
    fprintf(stderr, "emulator: block (%u,%u,%u) thread %u: %s\n", self->block.x, self->block.y, self->block.z, current,
            what);
    abort();
}

void pause(const char *why)
{
    fibre &f = fibres[current];
    f.waits = why;
    if (!_setjmp(f.at))
        _longjmp(scheduler, 1);
    f.waits = nullptr;
}
void progress()
{
    steps++;
}
unsigned thread_number()
{
    return current;
}

namespace
{
void enter()
{
    (*body)();
    fibre &f = fibres[current];
    for (auto &g : f.groups)
        if (!g.empty())
            fail("ends with cp.async copies that nobody waited for");
    if (hopper_left(current))
        fail(hopper_left(current));
    f.ended = true;
    warps[current / 32].ended++;
    live--;
    steps++;
    if (live && block_arrived == live) { // the others wait for this one at a barrier
        block_arrived = 0;
        block_turn++;
    }
    _longjmp(scheduler, 1);
}

void resume(unsigned i)
{
    fibre &f = fibres[i];
    current = i;
    self = &f.state;
    if (_setjmp(scheduler))
        return;
    if (f.started)
        _longjmp(f.at, 1);
    f.started = true;
    getcontext(&f.start);
    f.start.uc_stack.ss_sp = stacks + i * StackBytes;
    f.start.uc_stack.ss_size = StackBytes;
    f.start.uc_link = nullptr;
    makecontext(&f.start, enter, 0);
    setcontext(&f.start);
}

void run_block(dim3 block, dim3 grid, dim3 at)
{
    count = live = block.x * block.y * block.z;
    block_arrived = block_turn = 0;
    warps.resize((count + 31) / 32);
    for (unsigned w = 0; w < warps.size(); w++) {
        warps[w].lanes = count - 32 * w < 32 ? count - 32 * w : 32;
        warps[w].arrived = warps[w].turn = warps[w].ended = 0;
    }
    if (!shared.empty())
        memset(shared.data(), 0xa5, shared.size());
    for (unsigned i = 0; i < count; i++) {
        fibre &f = fibres[i];
        f.state = {dim3(i % block.x, i / block.x % block.y, i / (block.x * block.y)), at, block, grid};
        f.started = f.ended = false;
        f.waits = nullptr;
        f.groups.assign(1, {});
    }
    hopper_start(count, (const uint8_t *)dynamic_shared());
    static uint64_t rng = 88172645463325252u;
    while (live) {
        unsigned long before = steps;
        unsigned salt = 0, step = 1;
        if (emu_order == EMU_SHUFFLED) {
            rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
            salt = (unsigned)(rng >> 20);
            step = (unsigned)(rng >> 8) | 1; // odd: a permutation where the count is a power of two
            while (count % 2 && step % count == 0)
                step += 2;
        }
        bool permutes = !(count & (count - 1));
        if (emu_order == EMU_DESCENDING) { /* each warp as far as it gets without the others */
            for (unsigned w = (unsigned)warps.size(); w-- > 0;) {
                unsigned long at;
                do {
                    at = steps;
                    for (unsigned l = warps[w].lanes; l-- > 0;)
                        if (!fibres[32 * w + l].ended)
                            resume(32 * w + l);
                } while (steps != at);
            }
        }
        for (unsigned n = 0; n < count && emu_order != EMU_DESCENDING; n++) {
            unsigned i = emu_order == EMU_ASCENDING ? n
                         : permutes                 ? (n * step + salt) & (count - 1)
                                                    : (n + salt) % count;
            if (!fibres[i].ended)
                resume(i);
        }
        if (steps == before && live && !hopper_land()) {
            for (unsigned i = 0; i < count; i++)
                if (!fibres[i].ended)
                    fprintf(stderr, "emulator: thread %u waits at a %s\n", i, fibres[i].waits ? fibres[i].waits : "?");
            fail("nobody can go on: a barrier or warp operation that not all threads reach");
        }
    }
    emu_blocks++;
}
} // namespace

unsigned lane()
{
    return current & 31;
}

void *dynamic_shared()
{
    return (void *)(((uintptr_t)shared.data() + 1023) / 1024 * 1024);
}

void block_barrier()
{
    unsigned turn = block_turn;
    if (++block_arrived == live) {
        block_arrived = 0;
        block_turn++;
        steps++;
        return;
    }
    while (block_turn == turn)
        pause("block barrier");
}

const uint8_t *warp_exchange(const void *in, size_t bytes)
{
    warp &w = warps[current / 32];
    unsigned turn = w.turn;
    memcpy(w.slot[turn & 1][current & 31], in, bytes);
    if (w.lanes - w.ended != 32)
        fail(w.ended ? "a warp operation after a lane of the warp has ended" : "a warp operation in a part of a warp");
    if (++w.arrived == w.lanes) {
        w.arrived = 0;
        w.turn++;
        steps++;
    }
    while (w.turn == turn)
        pause("warp operation");
    return w.slot[turn & 1][0];
}

void copy_async(void *dst, const void *src, size_t bytes, size_t valid)
{
    if (emu_order == EMU_DESCENDING) { /* at once: what is overwritten too early shows */
        if (valid)
            memcpy(dst, src, valid);
        memset((uint8_t *)dst + valid, 0, bytes - valid);
        return;
    }
    fibres[current].groups.back().push_back({dst, src, bytes, valid});
}
void copy_commit()
{
    fibres[current].groups.push_back({});
}
void copy_wait(unsigned pending)
{
    auto &g = fibres[current].groups; // the last one is still open
    while (g.size() > pending + 1) {
        for (auto &c : g.front()) {
            if (c.valid)
                memcpy(c.dst, c.src, c.valid);
            memset((uint8_t *)c.dst + c.valid, 0, c.bytes - c.valid);
        }
        g.erase(g.begin());
    }
}

static void run(dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()> &kernel);

void launch(dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream, const std::function<void()> &kernel)
{
    std::function<void()> work = [=] { run(grid, block, shared_bytes, kernel); };
    if (stream && stream->capturing)
        stream->captured.push_back(work);
    else
        work();
}

static void run(dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()> &kernel)
{
    unsigned n = block.x * block.y * block.z;
    static thread_state none;
    self = &none;
    if (!n || n > MaxThreads || shared_bytes > 227 << 10 || !grid.x || !grid.y || !grid.z || grid.y > 65535 ||
        grid.z > 65535)
        fail("this launch would be refused");
    if (!stacks) {
        stacks = (uint8_t *)mmap(nullptr, MaxThreads * StackBytes, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (stacks == MAP_FAILED)
            fail("no memory for stacks");
    }
    shared.assign(shared_bytes ? shared_bytes + 1024 : 0, 0);
    body = &kernel;
    for (unsigned z = 0; z < grid.z; z++)
        for (unsigned y = 0; y < grid.y; y++)
            for (unsigned x = 0; x < grid.x; x++)
                run_block(block, grid, dim3(x, y, z));
}
} // namespace emu
