/* SPDX-License-Identifier: Apache-2.0
 * FlashSigmoid and FlashAttention forward for Hopper (sm_90a), head_dim 64 and 128. One block a multiprocessor walks over a list of
 * tiles: a producer thread has the copy engine bring queries, and a ring of tiles of keys and values, into shared memory; each
 * warpgroup of consumers takes 64 query rows. S = Q K^T of the next keys and O += P V of these are in flight together while the
 * sigmoid or the exponentials of the tile before are evaluated; P goes from the accumulators of S to the A operand of P V in registers. */
#ifndef SEEDBED_CUDA_FLASH_HOPPER_CUH
#define SEEDBED_CUDA_FLASH_HOPPER_CUH

#include "flash_wgmma.cuh"
#include "sb_flash.h"

#define SB_LOG2E 1.4426950408889634f
#define SB_NO_MAX (-1e30f) /* below every score, and no infinity: differences stay numbers */

/* Groups: warpgroups of consumers, 64 rows each. Keys: of a tile. Stages: of the ring. */
template <int Dim, int NKeys, int NGroups, int NStages, int NQueryStages> struct hopper_shape {
    enum {
        D = Dim,
        Keys = NKeys,
        Groups = NGroups,
        Stages = NStages,
        QueryStages = NQueryStages,
        Rows = 64 * Groups,
        Threads = 128 * (Groups + 1),
        QueryBytes = Rows * D * 2,
        TileBytes = Keys * D * 2,
        BarrierBytes = 1024,
        SharedBytes = BarrierBytes + QueryStages * QueryBytes + 2 * Stages * TileBytes + 1024, /* and room to align */
    };
};

struct hopper_args {
    sb_tensor_map q, k, v;
    sb_flash f;
    uint32_t tiles;   /* of queries, of the longest sequence */
    uint32_t together; /* heads whose keys stay in the L2 cache together */
};

/* One tile of queries of one head. */
struct hopper_work {
    uint32_t head, row, queries, keys, tiles; /* first query; tiles of keys that its last row sees */
    uint32_t q0, k0;
};

/* The same in all lanes of a warp, and known to the compiler as such: it may live in a uniform register. */
SB_FN uint32_t hopper_uniform(uint32_t v) { return __shfl_sync(0xffffffffu, v, 0); }

SB_FN bool hopper_any(bool b) { return __any_sync(0xffffffffu, b); }

/* Number n in the order of work: the tiles that see most keys first. Warp: for a whole warp, or for a single thread. False: past the end
 * of its sequence. */
template <class Shape, bool Warp> SB_FN bool hopper_fetch(const hopper_args &a, uint32_t n, hopper_work &w)
{
    const sb_flash &f = a.f;
    uint32_t all = f.sequences * f.heads, set = n / (a.together * a.tiles), in = n % (a.together * a.tiles);
    uint32_t heads = all - set * a.together < a.together ? all - set * a.together : a.together;
    uint32_t which = set * a.together + in % heads, seq = which / f.heads;
    w.head = which % f.heads;
    w.row = (a.tiles - 1 - in / heads) * Shape::Rows;
    uint32_t at[4] = {(uint32_t)f.q_start[seq], (uint32_t)f.q_start[seq + 1], (uint32_t)f.kv_start[seq], (uint32_t)f.kv_start[seq + 1]};
    SB_UNROLL
    for (int i = 0; i < 4 && Warp; i++)
        at[i] = hopper_uniform(at[i]);
    w.q0 = at[0];
    w.queries = at[1] - at[0];
    w.k0 = at[2];
    w.keys = at[3] - at[2];
    if (w.row >= w.queries)
        return false;
    uint32_t end = w.row + Shape::Rows < w.queries ? w.row + Shape::Rows : w.queries;
    int sees = f.causal ? (int)(end + w.keys - w.queries) : (int)w.keys;
    w.tiles = sees > 0 ? ((uint32_t)sees + Shape::Keys - 1) / Shape::Keys : 0;
    return true;
}
/* The tile of a block in round i: every second round backwards, so that the sums of lengths come out even. */
SB_FN uint32_t hopper_number(uint32_t i) { return i * gridDim.x + (i & 1 ? gridDim.x - 1 - blockIdx.x : blockIdx.x); }

struct hopper_ring {
    uint32_t stage, phase;
    template <int Stages> SB_FN void next()
    {
        if (++stage == Stages) {
            stage = 0;
            phase ^= 1;
        }
    }
};

/* Rows first.. of `valid`, at least 1 (less than box: the rest is filled with zeros, whatever lies behind). The map's last two dimensions
 * step over rows both: the first of them ends the box, the second places it; the map begins `box` rows before the tensor. */
SB_FN void hopper_copy(void *dst, const sb_tensor_map *map, uint64_t *bar, int column, uint32_t head, uint32_t first, int valid, int box)
{
    valid = valid < box ? valid : box;
    sb_tensor_copy(dst, map, bar, column, (int)head, box - valid, (int)first + valid);
}

/* P of 64 rows and a tile of keys, in place: 1 / (1 + 2^y), y = s scale + bias, of four scores at a time by one reciprocal of the product:
 * special functions are what the tensor cores wait for. The bound keeps the product finite; 2^-31 is 0 in fp16. */
template <int Keys> SB_FN void hopper_sigmoid(float (&s)[Keys / 2], float scale, float bias)
{
    SB_UNROLL
    for (int i = 0; i < Keys / 2; i += 4) {
        float e[4];
        SB_UNROLL
        for (int c = 0; c < 4; c++)
            e[c] = sb_exp2(fminf(s[i + c] * scale + bias, 31.0f));
        float b = 1.0f + e[1], d = 1.0f + e[3], ab = e[0] * b + b, cd = e[2] * d + d; /* x (1 + e) = x e + x */
        float r = sb_rcp(ab * cd), rab = r * cd, rcd = r * ab;
        s[i] = rab * b;
        s[i + 1] = rab * e[0] + rab;
        s[i + 2] = rcd * d;
        s[i + 3] = rcd * e[2] + rcd;
    }
}

/* Whatever computes s comes before what follows: without it the compiler waits for the products first. */
template <int N> SB_FN void hopper_before(float (&s)[N])
{
#ifndef SB_CUDA_EMULATED
    SB_UNROLL
    for (int i = 0; i < N; i++)
        asm volatile("" : "+f"(s[i])::"memory");
#else
    (void)s;
#endif
}

template <int Keys> SB_FN void hopper_mask(float (&s)[Keys / 2], const int (&limit)[2], float value)
{
    int t = 2 * (int)(threadIdx.x & 3);
    SB_UNROLL
    for (int i = 0; i < Keys / 2; i++)
        if (8 * (i / 4) + t + i % 2 >= limit[i / 2 % 2])
            s[i] = value;
}

template <int Keys> SB_FN void hopper_softmax(float (&s)[Keys / 2], float scale, float (&top)[2], float (&sum)[2], float (&factor)[2])
{
    SB_UNROLL
    for (int h = 0; h < 2; h++) {
        float m = fmaxf(s[2 * h], s[2 * h + 1]), m1 = fmaxf(s[4 + 2 * h], s[5 + 2 * h]);
        SB_UNROLL
        for (int i = 8; i < Keys / 2; i += 8) {
            m = fmaxf(m, fmaxf(s[i + 2 * h], s[i + 2 * h + 1]));
            m1 = fmaxf(m1, fmaxf(s[i + 4 + 2 * h], s[i + 5 + 2 * h]));
        }
        m = fmaxf(m, m1);
        m = fmaxf(m, __shfl_xor_sync(0xffffffffu, m, 1));
        m = fmaxf(m, __shfl_xor_sync(0xffffffffu, m, 2));
        m = fmaxf(m, top[h]);
        factor[h] = sb_exp2((top[h] - m) * scale);
        top[h] = m;
        float down = m == SB_NO_MAX ? 0.0f : m * scale, l = 0, l1 = 0;
        SB_UNROLL
        for (int i = 0; i < Keys / 2; i += 4) {
            float x = sb_exp2(s[i + 2 * h] * scale - down), y = sb_exp2(s[i + 2 * h + 1] * scale - down);
            s[i + 2 * h] = x;
            s[i + 2 * h + 1] = y;
            l += x;
            l1 += y;
        }
        sum[h] = sum[h] * factor[h] + (l + l1);
    }
}

template <class Shape, bool Bf16, bool Sigmoid>
__global__ void __launch_bounds__(Shape::Threads, 1) flash_hopper_kernel(const SB_GRID_CONSTANT hopper_args a)
{
    enum { D = Shape::D, Keys = Shape::Keys, Groups = Shape::Groups, Stages = Shape::Stages, QueryStages = Shape::QueryStages, Slabs = D / 64 };
    SB_DYNAMIC_SHARED(uint8_t, raw);
    uint8_t *shared = raw + (-sb_shared_address(raw) & 1023);
    uint64_t *bars = (uint64_t *)shared;
    uint64_t *q_full = bars, *q_free = q_full + QueryStages, *k_full = q_free + QueryStages, *k_free = k_full + Stages, *v_full = k_free + Stages,
             *v_free = v_full + Stages;
    uint8_t *q_tile = shared + Shape::BarrierBytes, *k_tile = q_tile + QueryStages * Shape::QueryBytes, *v_tile = k_tile + Stages * Shape::TileBytes;
    const sb_flash &f = a.f;
    if (threadIdx.x == 0) {
        for (int i = 0; i < QueryStages; i++) {
            sb_bar_init(q_full + i, 1);
            sb_bar_init(q_free + i, 4 * Groups);
        }
        for (int i = 0; i < Stages; i++) {
            sb_bar_init(k_full + i, 1);
            sb_bar_init(k_free + i, 4 * Groups);
            sb_bar_init(v_full + i, 1);
            sb_bar_init(v_free + i, 4 * Groups);
        }
        sb_bar_init_fence();
    }
    __syncthreads();
    uint32_t group = hopper_uniform(threadIdx.x / 128), total = a.tiles * f.sequences * f.heads;
    hopper_ring q = {0, 0}, k = {0, 0}, v = {0, 0};
    hopper_work w;
    if (group == 0) { /* the producer */
        sb_registers_fewer<Groups == 2 ? 24 : 32>();
        if (threadIdx.x == 0) {
            sb_tensor_prefetch(&a.q);
            sb_tensor_prefetch(&a.k);
            sb_tensor_prefetch(&a.v);
            uint32_t share = f.heads / f.kv_heads;
            for (uint32_t i = 0, n; (n = hopper_number(i), i * gridDim.x < total); i++) {
                if (n >= total || !hopper_fetch<Shape, false>(a, n, w) || !w.tiles)
                    continue;
                uint32_t kv_head = w.head / share;
                sb_bar_wait(q_free + q.stage, q.phase ^ 1);
                /* Groups past the last query read nothing: even of a box that lies outside the map the GPU touches the first address. */
                uint32_t left = (w.queries - w.row + 63) / 64, groups = left < Groups ? left : (uint32_t)Groups;
                sb_bar_expect(q_full + q.stage, groups * (Shape::QueryBytes / Groups));
                for (uint32_t g = 0; g < groups; g++)
                    for (int c = 0; c < Slabs; c++)
                        hopper_copy(q_tile + q.stage * Shape::QueryBytes + (c * Groups + g) * 64 * 128, &a.q, q_full + q.stage, 64 * c, w.head,
                                    w.q0 + w.row + 64 * g, (int)(w.queries - w.row - 64 * g), 64);
                q.next<QueryStages>();
                for (uint32_t j = w.tiles; j-- > 0;) {
                    int valid = (int)(w.keys - j * Keys);
                    sb_bar_wait(k_free + k.stage, k.phase ^ 1);
                    sb_bar_expect(k_full + k.stage, Shape::TileBytes);
                    for (int c = 0; c < Slabs; c++)
                        hopper_copy(k_tile + k.stage * Shape::TileBytes + c * Keys * 128, &a.k, k_full + k.stage, 64 * c, kv_head, w.k0 + j * Keys, valid, Keys);
                    sb_bar_wait(v_free + k.stage, k.phase ^ 1);
                    sb_bar_expect(v_full + k.stage, Shape::TileBytes);
                    for (int c = 0; c < Slabs; c++)
                        hopper_copy(v_tile + k.stage * Shape::TileBytes + c * Keys * 128, &a.v, v_full + k.stage, 64 * c, kv_head, w.k0 + j * Keys, valid, Keys);
                    k.next<Stages>();
                }
            }
        }
    } else {
        sb_registers_more<Groups == 2 ? 240 : 160>();
        group--;
        uint32_t warp = threadIdx.x / 32 % 4, lane = threadIdx.x & 31;
        float scale = f.scale * SB_LOG2E, bias = -f.bias * SB_LOG2E;
        for (uint32_t i = 0, n; (n = hopper_number(i), i * gridDim.x < total); i++) {
            if (n >= total || !hopper_fetch<Shape, true>(a, n, w))
                continue;
            float o[D / 2], s[Keys / 2], top[2] = {SB_NO_MAX, SB_NO_MAX}, sum[2] = {0, 0};
            uint32_t p[Keys / 16][4];
            SB_UNROLL
            for (int c = 0; c < D / 2; c++)
                o[c] = 0;
            uint32_t first_row = w.row + 64 * group + 16 * warp, row = first_row + lane / 4;
            int ahead = (int)w.keys - (int)w.queries;
            int end[2] = {f.causal ? (int)row + 1 + ahead : (int)w.keys, f.causal ? (int)row + 9 + ahead : (int)w.keys};
            end[0] = end[0] < (int)w.keys ? end[0] : (int)w.keys; /* rows past the last */
            end[1] = end[1] < (int)w.keys ? end[1] : (int)w.keys;
            int whole = f.causal ? (int)first_row + 1 + ahead : (int)w.keys; /* tiles that end here or before need no mask */
            whole = whole < (int)w.keys ? whole : (int)w.keys;
            int j = (int)w.tiles - 1;
            if (j >= 0) {
                /* tiles of which none of this group's rows sees a key */
                int last = (int)(w.row + 64 * group + 64 < w.queries ? w.row + 64 * group + 64 : w.queries), sees = f.causal ? last + ahead : (int)w.keys;
                int mine = w.row + 64 * group >= w.queries || sees <= 0 ? 0 : (sees + Keys - 1) / Keys;
                for (; j >= mine; j--) {
                    sb_bar_wait(k_full + k.stage, k.phase);
                    if (lane == 0)
                        sb_bar_arrive(k_free + k.stage);
                    k.next<Stages>();
                    sb_bar_wait(v_full + v.stage, v.phase);
                    if (lane == 0)
                        sb_bar_arrive(v_free + v.stage);
                    v.next<Stages>();
                }
                sb_bar_wait(q_full + q.stage, q.phase);
            }
            uint64_t q_at = sb_operand(sb_shared_address(q_tile + q.stage * Shape::QueryBytes + group * 64 * 128));
            auto scores = [&]() {
                uint64_t k_at = sb_operand(sb_shared_address(k_tile + k.stage * Shape::TileBytes));
                sb_wgmma_fence();
                SB_UNROLL
                for (int c = 0; c < D / 16; c++)
                    sb_wgmma<Keys, Bf16>(s, q_at + c / 4 * (Groups * 64 * 128 / 16) + c % 4 * 2, k_at + c / 4 * (Keys * 128 / 16) + c % 4 * 2, c > 0);
                sb_wgmma_commit();
            };
            auto values = [&]() {
                uint64_t v_at = sb_operand(sb_shared_address(v_tile + v.stage * Shape::TileBytes), Keys * 128);
                sb_wgmma_fence();
                SB_UNROLL
                for (int c = 0; c < Keys / 16; c++)
                    sb_wgmma<D, Bf16>(o, p[c], v_at + c * 128);
                sb_wgmma_commit();
            };
            auto evaluate = [&](float(&factor)[2]) {
                int limit[2] = {end[0] - j * Keys, end[1] - j * Keys};
                bool partly = (j + 1) * Keys > whole;
                if (!Sigmoid) {
                    if (partly)
                        hopper_mask<Keys>(s, limit, SB_NO_MAX);
                    hopper_softmax<Keys>(s, scale, top, sum, factor);
                } else {
                    hopper_sigmoid<Keys>(s, -scale, bias);
                    if (partly)
                        hopper_mask<Keys>(s, limit, 0.0f);
                }
            };
            auto pack = [&]() {
                SB_UNROLL
                for (int c = 0; c < Keys / 2; c += 2)
                    p[c / 8][c / 2 % 4] = sb_pack2<Bf16>(s[c], s[c + 1]);
            };
            if (j >= 0) {
                float factor[2];
                sb_bar_wait(k_full + k.stage, k.phase);
                scores();
                sb_wgmma_wait<0>();
                if (lane == 0)
                    sb_bar_arrive(k_free + k.stage);
                k.next<Stages>();
                evaluate(factor);
                pack();
                for (j--; j >= 0; j--) {
                    sb_bar_wait(k_full + k.stage, k.phase);
                    scores();
                    sb_bar_wait(v_full + v.stage, v.phase);
                    values();
                    sb_wgmma_wait<1>();
                    if (lane == 0)
                        sb_bar_arrive(k_free + k.stage);
                    k.next<Stages>();
                    evaluate(factor);
                    hopper_before(s);
                    if (!Sigmoid && hopper_any(factor[0] != 1 || factor[1] != 1)) { /* some row's maximum grew */
                        sb_wgmma_wait<0>();
                        SB_UNROLL
                        for (int c = 0; c < D / 2; c++)
                            o[c] *= factor[c / 2 % 2];
                    } else {
                        sb_wgmma_wait<0>();
                    }
                    if (lane == 0)
                        sb_bar_arrive(v_free + v.stage);
                    v.next<Stages>();
                    pack();
                }
                if (lane == 0)
                    sb_bar_arrive(q_free + q.stage);
                sb_bar_wait(v_full + v.stage, v.phase);
                values();
                sb_wgmma_wait<0>();
                if (lane == 0)
                    sb_bar_arrive(v_free + v.stage);
                v.next<Stages>();
            } else if (w.tiles && lane == 0) {
                sb_bar_arrive(q_free + q.stage);
            }
            if (w.tiles)
                q.next<QueryStages>();
            SB_UNROLL
            for (int h = 0; h < 2; h++) {
                float l = 1;
                if (!Sigmoid) {
                    sum[h] += __shfl_xor_sync(0xffffffffu, sum[h], 1);
                    sum[h] += __shfl_xor_sync(0xffffffffu, sum[h], 2);
                    l = sum[h] > 0 ? 1.0f / sum[h] : 0.0f;
                }
                if (row + 8 * h < w.queries) {
                    float *to = f.out + ((size_t)(w.q0 + row + 8 * h) * f.heads + w.head) * D + 2 * (lane & 3);
                    SB_UNROLL
                    for (int c = 0; c < D / 8; c++) {
                        float2 two = {o[4 * c + 2 * h] * l, o[4 * c + 2 * h + 1] * l};
                        *(float2 *)(to + 8 * c) = two;
                    }
                }
            }
        }
    }
}

#endif
