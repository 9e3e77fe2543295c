/* SPDX-License-Identifier: Apache-2.0
 * IEEE binary16 in plain integers: one result on every machine. */
#include "seedbed/codec.h"

#include <string.h>

int64_t sb_half_to_int(uint16_t h)
{
    int exp = (h >> 10) & 31;
    int64_t mag = (int64_t)((exp > 0 ? 1024u : 0u) + (h & 1023u)) << (exp > 1 ? exp - 1 : 0);
    return h & 0x8000u ? -mag : mag;
}

float sb_half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    uint32_t exp = (h >> 10) & 31u;
    uint32_t man = h & 1023u;
    uint32_t bits;
    if (exp == 31) {
        bits = 0x7f800000u | (man << 13) | (man ? 0x400000u : 0u); /* a signalling NaN becomes quiet, as F16C does */
    } else if (exp > 0) {
        bits = ((exp + 112u) << 23) | (man << 13);
    } else if (man > 0) {
        uint32_t lead = 31u - (uint32_t)__builtin_clz(man); /* value man * 2^-24, leading bit `lead` */
        bits = ((lead + 103u) << 23) | ((man << (23u - lead)) & 0x7fffffu);
    } else {
        bits = 0;
    }
    bits |= sign;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

uint16_t sb_float_to_half(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    uint32_t sign = (bits >> 16) & 0x8000u;
    uint32_t mag = bits & 0x7fffffffu;
    if (mag > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u | ((mag >> 13) & 0x3ffu)); /* NaN: quiet, upper payload kept */
    if (mag >= 0x47800000u)
        return (uint16_t)(sign | 0x7c00u); /* 2^16 and more */
    if (mag < 0x33000000u)
        return (uint16_t)sign; /* less than 2^-25 */
    uint32_t shift, man;
    uint32_t base;            /* the half's bits before rounding, without the mantissa */
    if (mag >= 0x38800000u) { /* 2^-14 and more: normal */
        shift = 13;
        man = mag & 0x7fffffu;
        base = ((mag >> 23) - 112u) << 10;
    } else {
        shift = 126u - (mag >> 23); /* value = man * 2^(E-150); in units of 2^-24: man >> (126-E) */
        man = (mag & 0x7fffffu) | 0x800000u;
        base = 0;
    }
    uint32_t q = man >> shift;
    uint32_t rest = man & ((1u << shift) - 1u);
    uint32_t tie = 1u << (shift - 1u);
    if (rest > tie || (rest == tie && (q & 1u)))
        q++; /* may carry into the exponent, and from 65504 to infinity: both are right */
    return (uint16_t)(sign | (base + q));
}
