/* SPDX-License-Identifier: Apache-2.0
 * MATVEC of one vector by seedlm3 on tensor cores (docs/cuda.md). With s_n = lo_n + 256 hi_n the windows of a block's stream and
 * x = 256 h + l (l unsigned, h signed) the kernel takes, for each coefficient p, four sums over the block's windows of p,
 *     lo l    hi l - 128 sum l    lo h    hi h - 128 sum h
 * from mma.sync: a row of the fragment A is a row of the matrix, a lane of a quad gives the bytes of its own block, and B is the
 * block's activations, zero outside the two columns that the same lane gets back. So a lane builds and finishes its own blocks alone.
 * A block of the grid takes 16 R rows at a time and its warps share the columns. */
#include "codec.cuh"
#include "int8_mma.cuh"
#include "kernels.cuh"

namespace {

enum { Weights = 12, Slot = 16, P = 4, Warps = 16, Threads = Warps * 32, UnitWords = 16 }; /* words of a row that a quad takes at a time */
enum { TableBytes = 65536, RecordBytes = 64, SumBytes = 16, UnitBytes = UnitWords * (RecordBytes + SumBytes), ZeroBytes = 64 };

/* Bits 8..63 of a seed's stream are the xor of those of its two bytes. In shared memory the entry of a byte is 256 bytes, 128 for
 * each place, each as many copies as lanes of a wavefront: no two lanes meet in a bank. */
SB_FN void table_fill(uint8_t *table)
{
    for (unsigned i = threadIdx.x; i < 512; i += Threads) {
        unsigned part = i & 1, byte = i >> 1;
        uint32_t seed = part ? byte << 8 : byte;
        uint64_t after = sb_stream_after(seed), m = after << 8 | seed >> 8;
        uint32_t lo = (uint32_t)m, hi = (uint32_t)(m >> 32);
        uint4 *to = (uint4 *)(table + byte * 256 + part * 128);
        SB_UNROLL
        for (int k = 0; k < 8; k++)
            to[k] = uint4{lo, hi, lo, hi};
    }
}

/* The windows of a block as bytes. Bytes of a shifted word are 8 bits apart, windows of a coefficient 4: all bytes of a word are of one. */
struct windows {
    uint32_t t[16]; /* the stream from bit a + 1 on; t[8 + a]: from bit 33 + a on */
    SB_FN void build(const uint8_t *table, unsigned lane, uint32_t w)
    {
        uint32_t at = (lane & 15) * 8;
        uint2 a = *(const uint2 *)(table + __byte_perm(w, at, 0x5504)), b = *(const uint2 *)(table + 128 + __byte_perm(w, at, 0x5514));
        uint32_t m0 = a.x ^ b.x, m1 = a.y ^ b.y; /* bits 8..39, 40..63 */
        SB_UNROLL
        for (int i = 0; i < 7; i++) {
            t[i] = __funnelshift_r(w << 24, m0, 25 + i);
            t[8 + i] = __funnelshift_r(m0, m1, 25 + i);
        }
        t[7] = m0;
        t[15] = m1;
    }
    /* Of coefficient p: j = 0 windows 0, 2, 4, 6 (low bytes; high bytes are those of two windows on), 1 the odd ones, 2 and 3 the rest. */
    SB_FN uint32_t word(int p, int j) const { return t[8 * (j / 2) + 4 * (j % 2) + p]; }
    /* The four words of B of a column: b[0] for low bytes, b[1] for high bytes of the windows; x: low (high) bytes of the activations. */
    static SB_FN void record(const uint32_t *x, bool high, uint32_t (&b)[2][4])
    {
        uint32_t even = high ? 1 : 0;
        SB_UNROLL
        for (int o = 0; o < 2; o++) { /* even, odd weights */
            uint32_t byte = even + 2 * o, pick = byte | (byte + 4) << 4;
            b[0][o] = __byte_perm(__byte_perm(x[0], x[1], pick), __byte_perm(x[2], x[3], pick), 0x5410);
            b[0][2 + o] = __byte_perm(x[4], x[5], pick) & 0xffff;
            b[1][o] = b[0][o] << 8;
            b[1][2 + o] = __byte_perm(b[0][o], b[0][2 + o], 0x6543);
        }
    }
};

/* Finishes a block of one row. Four sums of at most 12 products: |ll| <= 12 255 255, |lh|, |hl| <= 12 255 128, |hh| <= 12 128 128; times 8 for each of
 * four coefficients |sl| < 2^25, |sm| < 2^25, |sh| < 2^23, |sm + 256 sh| < 2^31 (12 128 128 4 8 256 + 2^25). */
SB_FN void finish(int sl, int sm, int sh, uint32_t w, long long &acc)
{
    int f = w >> 16 & 15;
    acc = sb_mad_wide(sl, 1 << f, acc);
    acc = sb_mad_wide(sm + 256 * sh, 256 << f, acc);
}

SB_FN uint4 load_stream(const void *p)
{
#ifdef SB_CUDA_EMULATED
    return __ldg((const uint4 *)p);
#else
    uint4 v;
    asm("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p));
    return v;
#endif
}
SB_FN uint32_t part(const uint4 &w, int k) { return k == 0 ? w.x : k == 1 ? w.y : k == 2 ? w.z : w.w; }

/* What a lane has of a unit: four words of each of its 2R rows, and their q3. */
template <int R> struct unit_words {
    uint4 w[R][2];
    uint32_t q3[R]; /* of two rows */
};

template <int R> __global__ void __launch_bounds__(Threads, 1) matvec_seedlm3_kernel(sb_cuda_arg arg, unsigned chunk)
{
    enum { Rows = 16 * R };
    SB_DYNAMIC_SHARED(uint8_t, shared);
    __shared__ unsigned long long sums[Warps][Rows];
    if (!sb_begin(arg))
        return;
    const sb_command &c = *arg.c; /* read where it is needed: registers are scarce */
    const uint32_t matrix_rows = c.rows;
    uint8_t *table = shared, *zero = shared + TableBytes, *records = zero + ZeroBytes, *record_sums = records + (size_t)chunk * UnitWords * RecordBytes;
    size_t main_words = (c.cols + Weights - 1u) / Weights, padded = (main_words + 3) / 4 * 4, side_words = (main_words + 7) / 8;
    unsigned units = (unsigned)((main_words + UnitWords - 1) / UnitWords);
    unsigned row_pieces = (unsigned)padded / 4, last_half = (unsigned)side_words * 2 - 1;
    const uint32_t *words = sb_at<uint32_t>(arg, c.weights);
    const uint4 *pieces = (const uint4 *)words;
    const uint16_t *side = (const uint16_t *)(words + c.rows * padded);
    unsigned warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
    bool owner = g / 2 == t; /* of a column of B that is not zero */
    unsigned b_at = owner ? 4 * t * RecordBytes + (g & 1) * 32 : 0, b_step = owner ? RecordBytes : 0;
    const uint8_t *b_base = owner ? records : zero;

    for (uint32_t row0 = blockIdx.x * Rows; row0 < matrix_rows; row0 += gridDim.x * Rows) {
        /* The last group begins early enough to be whole: some rows are then done twice. Words past a row meet zeros in B. */
        uint32_t first_row = row0 < matrix_rows - Rows ? row0 : matrix_rows - Rows;
        auto load = [&](unsigned u, unit_words<R> &v) {
            unsigned at = 4 * u + t, half = at < last_half ? at : last_half;
            const uint4 *from = pieces + ((first_row + g) * row_pieces + (at < row_pieces ? at : row_pieces - 1));
            const uint16_t *from_side = side + ((first_row + g) * (last_half + 1) + half);
            SB_UNROLL
            for (int r = 0; r < R; r++)
                SB_UNROLL
                for (int i = 0; i < 2; i++) {
                    v.w[r][i] = load_stream(from + (16 * r + 8 * i) * row_pieces);
                    uint32_t q3 = __ldg(from_side + (16 * r + 8 * i) * (last_half + 1));
                    v.q3[r] = i ? v.q3[r] | q3 << 16 : q3;
                }
        };
        long long acc[R][2];
        SB_UNROLL
        for (int r = 0; r < R; r++)
            acc[r][0] = acc[r][1] = 0;
        for (unsigned first = 0; first < units; first += chunk) {
            unsigned last = first + chunk < units ? first + chunk : units;
            unit_words<R> now, next;
            if (first + warp < last)
                load(first + warp, now);
            if (first || row0 == blockIdx.x * Rows || units > chunk) { /* the activations of these columns */
                __syncthreads();
                if (!first && row0 == blockIdx.x * Rows) {
                    table_fill(table);
                    if (threadIdx.x < ZeroBytes / 4)
                        ((uint32_t *)zero)[threadIdx.x] = 0;
                }
                const int16_t *x = sb_at<int16_t>(arg, ((volatile const sb_command &)c).src);
                for (unsigned i = threadIdx.x; i < (last - first) * UnitWords; i += Threads) {
                    size_t block = (size_t)first * UnitWords + i;
                    uint32_t v[8] = {}, b[2][2][4]; /* [column][low, high][4] */
                    if (block < main_words) {
                        SB_UNROLL
                        for (int k = 0; k < Weights / 4; k++) {
                            uint2 two = __ldg((const uint2 *)(x + block * Slot + 4 * k));
                            v[2 * k] = two.x, v[2 * k + 1] = two.y;
                        }
                    }
                    int sum[2] = {0, 0};
                    SB_UNROLL
                    for (int high = 0; high < 2; high++) {
                        uint32_t two[2][4];
                        windows::record(v, high, two);
                        SB_UNROLL
                        for (int j = 0; j < 4; j++) {
                            b[0][high][j] = two[0][j], b[1][high][j] = two[1][j];
                            if (high)
                                sum[1] = sb_dp2a<true, false, true>(0x00010001u, two[0][j], sb_dp2a<false, false, true>(0x00010001u, two[0][j], sum[1]));
                            else
                                sum[0] = sb_dp2a<true, false, false>(0x00010001u, two[0][j], sb_dp2a<false, false, false>(0x00010001u, two[0][j], sum[0]));
                        }
                    }
                    uint4 *to = (uint4 *)(records + i * RecordBytes);
                    SB_UNROLL
                    for (int k = 0; k < 4; k++)
                        to[k] = uint4{b[k / 2][k % 2][0], b[k / 2][k % 2][1], b[k / 2][k % 2][2], b[k / 2][k % 2][3]};
                    unsigned l = (unsigned)(-128 * sum[0]), h = (unsigned)(-128 * sum[1]);
                    ((uint4 *)record_sums)[i / 16 * 16 + i % 4 * 4 + i / 4 % 4] = uint4{l, h, l, h};
                }
                __syncthreads();
            }
            for (unsigned u = first + warp; u < last; u += Warps) {
                const uint8_t *b_unit = b_base + b_at + (u - first) * UnitWords * b_step;
                const int4 *start = (const int4 *)record_sums + (u - first) * UnitWords + t;
                SB_UNROLL
                for (int k = 0; k < 4; k++) {
                    if (k == 2 && u + Warps < last) /* early enough, and half of the words now held are done */
                        load(u + Warps, next);
                    const uint4 *bp = (const uint4 *)(b_unit + k * b_step);
                    uint4 bl = bp[0], bh = bp[1];
                    int4 s4 = start[4 * k];
                    int from[4] = {s4.x, s4.y, s4.z, s4.w}, none[4] = {0, 0, 0, 0};
                    SB_UNROLL
                    for (int r = 0; r < R; r++) {
                        windows a, b; /* rows g, g + 8 */
                        uint32_t wa = part(now.w[r][0], k), wb = part(now.w[r][1], k);
                        a.build(table, lane, wa);
                        b.build(table, lane, wb);
                        int sl[2] = {0, 0}, sm[2] = {0, 0}, sh[2] = {0, 0};
                        SB_UNROLL
                        for (int p = 0; p < P; p++) {
                            int dl[4], dh[4];
                            SB_UNROLL
                            for (int j = 0; j < 2; j++) {
                                uint32_t m[4] = {a.word(p, 2 * j), b.word(p, 2 * j), a.word(p, 2 * j + 1), b.word(p, 2 * j + 1)};
                                sb_mma_u8<false>(dl, m, part(bl, 2 * j), part(bl, 2 * j + 1), j ? dl : none);
                                sb_mma_u8<true>(dh, m, part(bh, 2 * j), part(bh, 2 * j + 1), j ? dh : from);
                            }
                            SB_UNROLL
                            for (int i = 0; i < 2; i++) {
                                int q = p < 3 ? sb_nibble_at(i ? wb : wa, 20 + 4 * (p < 3 ? p : 0)) : (int)(now.q3[r] << (28 - 16 * i - 4 * k)) >> 28;
                                sl[i] += q * dl[2 * i];
                                sm[i] += q * dl[2 * i + 1];
                                sm[i] += q * dh[2 * i];
                                sh[i] += q * dh[2 * i + 1];
                            }
                        }
                        finish(sl[0], sm[0], sh[0], wa, acc[r][0]);
                        finish(sl[1], sm[1], sh[1], wb, acc[r][1]);
                    }
                }
                now = next;
            }
        }
        SB_UNROLL
        for (int r = 0; r < R; r++)
            SB_UNROLL
            for (int i = 0; i < 2; i++) {
                unsigned long long s = (unsigned long long)acc[r][i];
                s += __shfl_xor_sync(0xffffffffu, s, 1);
                s += __shfl_xor_sync(0xffffffffu, s, 2);
                if (t == 0)
                    sums[warp][16 * r + 8 * i + g] = s;
            }
        __syncthreads();
        if (threadIdx.x < Rows) {
            unsigned long long s = 0;
            SB_UNROLL
            for (int k = 0; k < Warps; k++)
                s += sums[k][threadIdx.x];
            sb_at<unsigned long long>(arg, ((volatile const sb_command &)c).dst)[first_row + threadIdx.x] = s;
        }
        __syncthreads();
    }
}

} // namespace

void sb_cuda_launch_matvec_seedlm3(const sb_cuda_arg &arg, const sb_command &c, cudaStream_t stream)
{
    enum { Fixed = TableBytes + ZeroBytes, R = 1, Rows = 16 * R };
    int device = 0, multiprocessors = 1, shared = 0;
    cudaGetDevice(&device);
    cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device);
    cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
    unsigned room = ((unsigned)shared - Fixed - (unsigned)sizeof(unsigned long long) * Warps * Rows) / UnitBytes;
    unsigned block = Weights * UnitWords, units = (c.cols + block - 1) / block, groups = (c.rows + Rows - 1u) / Rows;
    unsigned chunk = units < room ? units : room / Warps * Warps, bytes = Fixed + chunk * UnitBytes;
    cudaFuncSetAttribute(matvec_seedlm3_kernel<R>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes);
    SB_LAUNCH((matvec_seedlm3_kernel<R>), dim3(groups < (unsigned)multiprocessors ? groups : (unsigned)multiprocessors), dim3(Threads), bytes, stream, arg, chunk);
}
