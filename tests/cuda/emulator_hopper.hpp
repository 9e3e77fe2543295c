/* SPDX-License-Identifier: Apache-2.0
 * Hopper's asynchronous operations on the emulated grid: mbarriers, tensor copies, wgmma. A tensor copy lands at once, or (in ascending
 * order) when nobody can go on without it; products are computed when their group is waited for, from what shared memory holds
 * then, or (in descending order) when they are issued; until the wait their accumulators hold NaN. So a tile that is released or overwritten too early, a result that is
 * read too early, a byte count or an arrival that is wrong is a failure. Descriptors are decoded as the PTX manual defines them. */
#ifndef SEEDBED_TESTS_EMULATOR_HOPPER_HPP
#define SEEDBED_TESTS_EMULATOR_HOPPER_HPP

#include <cstddef>
#include <cstdint>

namespace emu {
/* 16-bit elements, innermost first; strides in bytes of dimensions 1 to 3; 128-byte swizzle; outside: zeros. */
struct tensor_map {
    const uint8_t *base;
    uint64_t size[4], stride[4];
    uint32_t box[4];
};
uint32_t shared_address(const void *p); /* its offset in dynamic shared memory */
void mbarrier_init(uint64_t *bar, unsigned arrivals);
void mbarrier_arrive(uint64_t *bar, unsigned bytes);
void mbarrier_wait(uint64_t *bar, unsigned parity);
void tensor_copy(void *dst, const tensor_map *map, uint64_t *bar, int c0, int c1, int c2, int c3);
/* d: n / 2 accumulators; A from a descriptor, or from registers (not NULL). */
void wgmma(float *d, unsigned n, uint64_t a, const uint32_t *registers, uint64_t b, bool b_mn_major, int accumulate, bool bf16);
void wgmma_commit();
void wgmma_wait(unsigned pending_groups);
} // namespace emu

#endif
