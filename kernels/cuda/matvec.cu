/* SPDX-License-Identifier: Apache-2.0
 * MATVEC, docs/numerics.md section 3: packed words, exact modulo 2^64. A warp takes R rows; a lane takes four main words of each at a
 * time (128-bit loads, a warp reads 512 bytes of a row in one go) and the activations of those words once for all R rows and V
 * vectors. Where there are few rows the columns are split over the warps of a block too.
 * Layout: rows of main words, each padded to a multiple of 4 words; then rows of side words (sb_kernels_cuda.h). */
#include "codec.cuh"
#include "kernels.cuh"

namespace {

enum { Warps = 8 };

/* Four main words (a unit) of R rows against V vectors. */
struct unit_args {
    const int16_t *x; /* the first vector */
    size_t elems;     /* from vector to vector */
    unsigned vectors; /* of V: a tile past the batch does its first vector again */
    size_t unit, main_words;
    const uint32_t *side; /* of the first row */
    size_t side_words;    /* from row to row; 0: the codec has none */
    unsigned left;        /* rows from the first one to the last of the matrix */
};
/* The 16 bits of row r's side word that belong to the unit; past the last row any row's: the main words are 0. */
SB_FN uint32_t side_half(const unit_args &u, unsigned r)
{
    return u.side[(r < u.left ? r : 0) * u.side_words + u.unit / 2] >> (u.unit & 1 ? 16 : 0) & 0xffff;
}

SB_FN uint4 load16(const void *p) { return __ldg((const uint4 *)p); }
SB_FN uint32_t part(const uint4 &w, int k) { return k == 0 ? w.x : k == 1 ? w.y : k == 2 ? w.z : w.w; }

template <int Codec, int R, int V> struct unit_of {};

template <int R, int V> struct unit_of<SB_CODEC_SEEDLM4, R, V> {
    static SB_FN void run(const sb_stream_table<SB_CODEC_SEEDLM4> &tab, const unit_args &u, const uint4 (&w)[R], sb_acc (&acc)[R][V])
    {
        SB_UNROLL
        for (int k = 0; k < 4; k++) {
            sb_act<8> a[V];
            SB_UNROLL
            for (int v = 0; v < V; v++) { /* vectors are padded to whole units */
                uint4 q = load16(u.x + ((unsigned)v < u.vectors ? v : 0) * u.elems + u.unit * 32 + k * 8);
                uint32_t x[4] = {q.x, q.y, q.z, q.w};
                a[v] = sb_act_make<8>(x);
            }
            SB_UNROLL
            for (int r = 0; r < R; r++)
                sb_block_seedlm4<V>(tab, part(w[r], k), a, acc[r]);
        }
    }
};

template <int R, int V> struct unit_of<SB_CODEC_SEEDLM3, R, V> {
    static SB_FN void run(const sb_stream_table<SB_CODEC_SEEDLM3> &tab, const unit_args &u, const uint4 (&w)[R], sb_acc (&acc)[R][V])
    {
        uint32_t q3[R];
        SB_UNROLL
        for (int r = 0; r < R; r++)
            q3[r] = side_half(u, r);
        SB_UNROLL
        for (int k = 0; k < 4; k++) {
            if (u.unit * 4 + k >= u.main_words)
                return;
            sb_act<12> a[V];
            SB_UNROLL
            for (int v = 0; v < V; v++) {
                const int16_t *slot = u.x + ((unsigned)v < u.vectors ? v : 0) * u.elems + (u.unit * 4 + k) * 16;
                uint4 q = load16(slot);
                uint2 q2 = __ldg((const uint2 *)(slot + 8));
                uint32_t x[6] = {q.x, q.y, q.z, q.w, q2.x, q2.y};
                a[v] = sb_act_make<12>(x);
            }
            SB_UNROLL
            for (int r = 0; r < R; r++)
                sb_block_seedlm3<V>(tab, part(w[r], k), q3[r] >> 4 * k, a, acc[r]);
        }
    }
};

template <int R, int V> struct unit_of<SB_CODEC_INT4, R, V> {
    static SB_FN void run(const sb_stream_table<SB_CODEC_INT4> &, const unit_args &u, const uint4 (&w)[R], sb_acc (&acc)[R][V])
    {
        int sum[R][V] = {};
        SB_UNROLL
        for (int k = 0; k < 4; k++) {
            SB_UNROLL
            for (int v = 0; v < V; v++) {
                uint4 q = load16(u.x + ((unsigned)v < u.vectors ? v : 0) * u.elems + u.unit * 32 + k * 8);
                uint32_t x[4] = {__byte_perm(q.x, q.y, 0x5410), __byte_perm(q.z, q.w, 0x5410), __byte_perm(q.x, q.y, 0x7632),
                                 __byte_perm(q.z, q.w, 0x7632)};
                int start = 0;
                SB_UNROLL
                for (int i = 0; i < 4; i++)
                    start = sb_dp2a<false, true, true>(x[i], 0xf8f8u, start); /* -8 sum x */
                SB_UNROLL
                for (int r = 0; r < R; r++)
                    sum[r][v] = sb_dot_int4(part(w[r], k), x, sum[r][v] + start);
            }
        }
        SB_UNROLL
        for (int r = 0; r < R; r++) {
            int shift, m = sb_half_parts(side_half(u, r), &shift);
            SB_UNROLL
            for (int v = 0; v < V; v++)
                acc[r][v].l += (long long)((unsigned long long)((long long)sum[r][v] * m) << shift);
        }
    }
};

template <int R, int V> struct unit_of<SB_CODEC_FP16, R, V> {
    static SB_FN void run(const sb_stream_table<SB_CODEC_FP16> &, const unit_args &u, const uint4 (&w)[R], sb_acc (&acc)[R][V])
    {
        uint4 x[V];
        SB_UNROLL
        for (int v = 0; v < V; v++)
            x[v] = load16(u.x + ((unsigned)v < u.vectors ? v : 0) * u.elems + u.unit * 8);
        SB_UNROLL
        for (int r = 0; r < R; r++) {
            SB_UNROLL
            for (int i = 0; i < 8; i++) {
                int shift, m = sb_half_parts(part(w[r], i / 2) >> (i & 1 ? 16 : 0) & 0xffff, &shift);
                SB_UNROLL
                for (int v = 0; v < V; v++) {
                    int xi = (int)(part(x[v], i / 2) << (i & 1 ? 0 : 16)) >> 16;
                    acc[r][v].l = (long long)((unsigned long long)acc[r][v].l + ((unsigned long long)(long long)(m * xi) << shift));
                }
            }
        }
    }
};

template <int Codec> SB_FN uint32_t weights_a_word() { return Codec == SB_CODEC_FP16 ? 2 : Codec == SB_CODEC_SEEDLM3 ? 12 : 8; }
/* int16 elements of one vector, as sb_codec_act_elems */
template <int Codec> SB_FN size_t vector_elems(size_t cols)
{
    size_t elems = Codec == SB_CODEC_SEEDLM3 ? (cols + 11) / 12 * 16 : (cols + 7) / 8 * 8;
    return (elems + 31) / 32 * 32;
}

/* The words that a lane is going to read first, into the L2: weights do not depend on the kernel before, which is still at work. */
template <int Codec, int R> SB_FN void prefetch_words(const sb_cuda_arg &arg, size_t row0, size_t first, size_t step)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    enum { Ahead = 4 };
    const sb_command &c = *arg.c;
    size_t units = ((c.cols + weights_a_word<Codec>() - 1) / weights_a_word<Codec>() + 3) / 4;
    const uint32_t *words = sb_at<uint32_t>(arg, c.weights);
    for (unsigned r = 0; r < R && row0 + r < c.rows; r++)
        for (size_t i = first, n = 0; i < units && n < Ahead; i += step, n++)
            asm volatile("prefetch.global.L2 [%0];" ::"l"(words + ((row0 + r) * units + i) * 4));
#else
    (void)arg, (void)row0, (void)first, (void)step;
#endif
}

/* splits: 1, 2, 4 or 8 warps share a row group. */
template <int Codec, int R, int V> __global__ void __launch_bounds__(Warps * 32) matvec_kernel(sb_cuda_arg arg, unsigned splits)
{
    __shared__ sb_stream_table<Codec> tab;
    __shared__ unsigned long long sums[Warps][R][V];
    unsigned warp = threadIdx.x >> 5, lane = threadIdx.x & 31, split = warp % splits, v0 = blockIdx.y * V;
    size_t row0 = ((size_t)blockIdx.x * (Warps / splits) + warp / splits) * R;
    prefetch_words<Codec, R>(arg, row0, split * 32 + lane, 32 * splits);
    sb_stream_table_fill<Codec>(tab);
    if (!sb_begin(arg))
        return;
    __syncthreads();
    const sb_command c = *arg.c;
    constexpr bool has_side = Codec == SB_CODEC_INT4 || Codec == SB_CODEC_SEEDLM3;
    size_t main_words = (c.cols + weights_a_word<Codec>() - 1) / weights_a_word<Codec>(), units = (main_words + 3) / 4;
    size_t side_words = has_side ? (main_words + 7) / 8 : 0, elems = vector_elems<Codec>(c.cols);
    const uint32_t *words = sb_at<uint32_t>(arg, c.weights);
    sb_acc acc[R][V];
    SB_UNROLL
    for (int r = 0; r < R; r++)
        SB_UNROLL
        for (int v = 0; v < V; v++)
            acc[r][v].l = acc[r][v].h = 0;
    if (row0 < c.rows) {
        unit_args u;
        u.x = sb_at<int16_t>(arg, c.src) + v0 * elems;
        u.elems = elems;
        u.vectors = c.batch - v0 < V ? c.batch - v0 : V;
        u.main_words = main_words;
        u.side = words + c.rows * units * 4 + row0 * side_words;
        u.side_words = side_words;
        u.left = c.rows - row0 < R ? (unsigned)(c.rows - row0) : R;
        for (size_t i = split * 32 + lane; i < units; i += 32 * splits) {
            uint4 w[R];
            SB_UNROLL
            for (unsigned r = 0; r < R; r++)
                w[r] = r < u.left ? load16(words + ((row0 + r) * units + i) * 4) : uint4{0, 0, 0, 0};
            u.unit = i;
            unit_of<Codec, R, V>::run(tab, u, w, acc);
        }
    }
    SB_UNROLL
    for (int r = 0; r < R; r++)
        SB_UNROLL
        for (int v = 0; v < V; v++) {
            unsigned long long s = (unsigned long long)sb_acc_value(acc[r][v]);
            SB_UNROLL
            for (int m = 16; m; m >>= 1)
                s += __shfl_xor_sync(0xffffffffu, s, m);
            if (lane == 0)
                sums[warp][r][v] = s;
        }
    __syncthreads();
    size_t stride = ((size_t)c.rows * 8 + 63) / 64 * 64;
    for (unsigned i = threadIdx.x; i < Warps / splits * R * V; i += blockDim.x) {
        unsigned v = i % V, r = i / V % R, group = i / (V * R);
        size_t row = ((size_t)blockIdx.x * (Warps / splits) + group) * R + r;
        unsigned long long s = 0;
        for (unsigned k = 0; k < splits; k++)
            s += sums[group * splits + k][r][v];
        if (row < c.rows && v0 + v < c.batch)
            *(unsigned long long *)(sb_at<uint8_t>(arg, c.dst) + (v0 + v) * stride + row * 8) = s;
    }
}

template <int Codec, int R, int V> void launch(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream)
{
    /* Enough warps to hide memory: 16 on each of some 132 multiprocessors, as long as a lane keeps a few units. */
    size_t weights_a_unit = Codec == SB_CODEC_FP16 ? 8 : Codec == SB_CODEC_SEEDLM3 ? 48 : 32;
    size_t units = (c.cols + weights_a_unit - 1) / weights_a_unit, groups = (c.rows + (size_t)R - 1) / R;
    unsigned splits = 1;
    while (splits < Warps && groups * splits < 2112 && units >= 64u * splits)
        splits *= 2;
    size_t per_block = Warps / splits;
    SB_LAUNCH_STEP((matvec_kernel<Codec, R, V>), dim3((unsigned)((groups + per_block - 1) / per_block), (c.batch + V - 1u) / V),
              dim3(Warps * 32), stream, arg, splits);
}

/* Batches in fours: some repeat a vector, but each word is decoded once for four. */
template <int Codec> void launch_codec(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream)
{
    if (c.batch > 1)
        launch<Codec, 2, 4>(arg, c, stream);
    else
        launch<Codec, 4, 1>(arg, c, stream);
}

} // namespace

void sb_cuda_launch_matvec(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream)
{
    if (c.codec == SB_CODEC_SEEDLM3 && c.batch == 1 && c.rows >= 16 && (uint64_t)c.rows * c.cols >= 1 << 18) { /* from there on its tables pay */
        sb_cuda_launch_matvec_seedlm3(arg, c, stream);
        return;
    }
    switch (c.codec) {
    case SB_CODEC_FP16: launch_codec<SB_CODEC_FP16>(arg, c, stream); break;
    case SB_CODEC_INT4: launch_codec<SB_CODEC_INT4>(arg, c, stream); break;
    case SB_CODEC_SEEDLM4: launch_codec<SB_CODEC_SEEDLM4>(arg, c, stream); break;
    default: launch_codec<SB_CODEC_SEEDLM3>(arg, c, stream); break;
    }
}
