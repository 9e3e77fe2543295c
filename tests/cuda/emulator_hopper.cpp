// SPDX-License-Identifier: Apache-2.0
// mbarriers, tensor copies and wgmma for emulator_hopper.hpp.
#include "emulator_internal.hpp"

#include <deque>
#include <memory>

namespace emu
{
namespace
{
struct barrier { // in the 8 bytes of the kernel's mbarrier
    int32_t bytes;
    uint16_t arrivals, left : 15, phase : 1;
};
static_assert(sizeof(barrier) == 8, "an mbarrier has 64 bits");

struct copy {
    uint8_t *dst;
    const tensor_map *map;
    uint64_t *bar;
    int at[4];
};
struct product {
    struct chain *to;
    unsigned n;
    uint64_t a, b;
    bool registers, mn_major, accumulate, bf16;
    uint32_t a_values[32][4]; // the warp's
};
// The accumulators of products under way: hidden from the thread until it has waited for all of them.
struct chain {
    float *d;
    unsigned n, open;
    float value[128];
};
struct thread {
    std::vector<std::vector<product>> groups;
    std::vector<std::unique_ptr<chain>> chains;
};

thread threads[MaxThreads];
std::deque<copy> copies;
const uint8_t *shared_base;

void settle(barrier *b)
{
    if (b->left || b->bytes)
        return;
    b->phase ^= 1;
    b->left = b->arrivals & 0x7fff;
    progress();
}

void land(const copy &c)
{
    const tensor_map &m = *c.map;
    uint32_t row = 0;
    for (uint32_t x3 = 0; x3 < m.box[3]; x3++)
        for (uint32_t x2 = 0; x2 < m.box[2]; x2++)
            for (uint32_t x1 = 0; x1 < m.box[1]; x1++, row++)
                for (uint32_t chunk = 0; chunk < 8; chunk++) {
                    int64_t at[4] = {c.at[0] + (int64_t)chunk * 8, c.at[1] + (int64_t)x1, c.at[2] + (int64_t)x2,
                                     c.at[3] + (int64_t)x3};
                    bool in = true;
                    for (int d = 0; d < 4; d++)
                        in &= at[d] >= 0 && (uint64_t)at[d] < m.size[d];
                    uint8_t *to = c.dst + 128 * row + 16 * (chunk ^ (row & 7));
                    const uint8_t *from = m.base + 2 * at[0] + (int64_t)m.stride[1] * at[1] +
                                          (int64_t)m.stride[2] * at[2] + (int64_t)m.stride[3] * at[3];
                    // Seen on an H100: the first address is touched even if it is outside the map.
                    if ((in || (!row && !chunk)) && !emu_allocated(from, 16))
                        fail("a tensor copy touches an address that is not allocated");
                    if (in)
                        memcpy(to, from, 16);
                    else
                        memset(to, 0, 16);
                }
    barrier *b = (barrier *)c.bar;
    b->bytes -= (int32_t)(128 * row);
    settle(b);
}

const float *decode(bool bf16)
{
    static std::vector<float> table[2];
    std::vector<float> &t = table[bf16];
    if (t.empty())
        for (uint32_t u = 0; u < 65536; u++) {
            uint32_t e = u >> 10 & 31, m = u & 1023;
            float v = e == 31 ? (m ? NAN : INFINITY) : ldexpf((float)(e ? m + 1024 : m), (int)(e ? e : 1) - 25);
            t.push_back(bf16 ? __uint_as_float(u << 16) : u & 0x8000 ? -v : v);
        }
    return t.data();
}

// Element (row, k) of a matrix of a descriptor, row: along m or n.
uint16_t element(uint64_t desc, bool mn_major, unsigned row, unsigned k)
{
    uint32_t start = (uint32_t)(desc & 0x3fff) << 4, next = (uint32_t)(desc >> 16 & 0x3fff) << 4,
             groups = (uint32_t)(desc >> 32 & 0x3fff) << 4;
    uint32_t at = mn_major ? start + row / 64 * next + k / 8 * groups + k % 8 * 128 + row % 64 * 2
                           : start + row / 8 * groups + row % 8 * 128 + k * 2;
    at ^= at >> 3 & 0x70; // the 128-byte swizzle works on addresses
    uint16_t v;
    memcpy(&v, shared_base + at, 2);
    return v;
}

void compute(const product &p, unsigned number)
{
    const float *value = decode(p.bf16);
    unsigned warp = number / 32 % 4, g = number % 32 / 4, t = number % 4;
    float a[2][16];
    for (unsigned h = 0; h < 2; h++)
        for (unsigned k = 0; k < 16; k++)
            a[h][k] = value[p.registers ? (uint16_t)(p.a_values[4 * g + k % 8 / 2][h + 2 * (k / 8)] >> 16 * (k % 2))
                                        : element(p.a, false, 16 * warp + g + 8 * h, k)];
    for (unsigned i = 0; i < p.n / 2; i += 4)
        for (unsigned c = 0; c < 2; c++) {
            float sum[2] = {0, 0};
            for (unsigned k = 0; k < 16; k++) {
                float b = value[element(p.b, p.mn_major, 2 * i + 2 * t + c, k)];
                sum[0] += a[0][k] * b;
                sum[1] += a[1][k] * b;
            }
            for (unsigned h = 0; h < 2; h++) {
                float &d = p.to->value[i + 2 * h + c];
                d = (p.accumulate ? d : 0) + sum[h];
            }
        }
}
} // namespace

void hopper_start(unsigned count, const uint8_t *shared)
{
    shared_base = shared;
    copies.clear();
    for (unsigned i = 0; i < count; i++) {
        threads[i].groups.assign(1, {});
        threads[i].chains.clear();
    }
}

bool hopper_land()
{
    if (copies.empty())
        return false;
    copy c = copies.front();
    copies.pop_front();
    land(c);
    progress();
    return true;
}

const char *hopper_left(unsigned number)
{
    return threads[number].groups.size() > 1 || !threads[number].groups.back().empty()
               ? "ends with products that nobody waited for"
               : nullptr;
}

uint32_t shared_address(const void *p)
{
    return (uint32_t)((const uint8_t *)p - shared_base);
}

void mbarrier_init(uint64_t *bar, unsigned arrivals)
{
    barrier b = {0, (uint16_t)arrivals, (uint16_t)(arrivals & 0x7fff), 0};
    memcpy(bar, &b, sizeof b);
}
void mbarrier_arrive(uint64_t *bar, unsigned bytes)
{
    barrier *b = (barrier *)bar;
    if (!b->left)
        fail("an mbarrier with more arrivals than it was made for");
    b->bytes += (int32_t)bytes;
    b->left = (b->left - 1) & 0x7fff;
    unsigned phase = b->phase;
    settle(b);
    if (b->phase != phase) // who waited for it goes first
        pause("turn");
}
void mbarrier_wait(uint64_t *bar, unsigned parity)
{
    while (((barrier *)bar)->phase == (parity & 1))
        pause("mbarrier");
}

void tensor_copy(void *dst, const tensor_map *map, uint64_t *bar, int c0, int c1, int c2, int c3)
{
    if (shared_address(dst) % 1024 || map->box[0] != 64 || map->box[1] > 256 || map->box[2] > 256 || map->box[3] > 256)
        fail("a tensor copy that the GPU would refuse");
    copies.push_back({(uint8_t *)dst, map, bar, {c0, c1, c2, c3}});
    if (emu_order != EMU_ASCENDING) /* at once: what is overwritten too early shows */
        hopper_land();
}

void wgmma(float *d, unsigned n, uint64_t a, const uint32_t *registers, uint64_t b, bool mn_major, int accumulate,
           bool bf16)
{
    unsigned number = thread_number();
    thread &t = threads[number];
    struct {
        uint64_t a, b;
        uint32_t r[4];
    } mine = {a, b, {}};
    if (registers)
        memcpy(mine.r, registers, sizeof mine.r);
    const uint8_t *all = warp_exchange(&mine, sizeof mine);
    product p = {nullptr, n, a, b, registers != nullptr, mn_major, accumulate != 0, bf16, {}};
    for (unsigned l = 0; l < 32; l++) {
        if (memcmp(all + 64 * l, &mine, 16))
            fail("wgmma with descriptors that differ in a warp");
        memcpy(p.a_values[l], all + 64 * l + 16, 16);
    }
    if (a >> 62 > 1 || b >> 62 != 1 || (!registers && a >> 62 != 1))
        fail("wgmma: not the 128-byte swizzle");
    for (auto &c : t.chains)
        if (c->d == d)
            p.to = c.get();
    if (!p.to) {
        t.chains.emplace_back(new chain{d, n, 0, {}});
        p.to = t.chains.back().get();
        memcpy(p.to->value, d, n / 2 * sizeof *d);
        for (unsigned i = 0; i < n / 2; i++)
            d[i] = NAN;
    }
    p.to->open++;
    if (emu_order == EMU_DESCENDING)
        compute(p, number);
    t.groups.back().push_back(p);
}
void wgmma_commit()
{
    threads[thread_number()].groups.push_back({});
}
void wgmma_wait(unsigned pending)
{
    unsigned number = thread_number();
    thread &t = threads[number];
    while (t.groups.size() > pending + 1) { // the last one is still open
        for (product &p : t.groups.front()) {
            if (emu_order != EMU_DESCENDING)
                compute(p, number);
            p.to->open--;
        }
        t.groups.erase(t.groups.begin());
    }
    for (size_t i = t.chains.size(); i-- > 0;)
        if (!t.chains[i]->open) {
            memcpy(t.chains[i]->d, t.chains[i]->value, t.chains[i]->n / 2 * sizeof(float));
            t.chains.erase(t.chains.begin() + (long)i);
        }
    warp_exchange("", 0); // the lanes of a warp wait together
}
} // namespace emu
