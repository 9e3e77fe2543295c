// SPDX-License-Identifier: Apache-2.0
// What every module bench needs: a clocked model, a check that names the place, random numbers.
#ifndef RTL_TB_H
#define RTL_TB_H

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <vector>

#include "verilated.h"

#include "cover.hpp"

extern "C" {
#include "model.h"
}

#define CHECK(cond, ...)                                                                                               \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            std::fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #cond);                                            \
            std::fprintf(stderr, __VA_ARGS__);                                                                         \
            std::fputc('\n', stderr);                                                                                  \
            std::exit(1);                                                                                              \
        }                                                                                                              \
    } while (0)

// Outputs must not depend on inputs combinationally where a bench reads them before tick(), unless it calls settle().
template <class V> struct Tb {
    VerilatedContext context;
    V top{&context};
    uint64_t cycle = 0;

    Tb() { settle(); } // an edge needs a value before it
    ~Tb() { cover_write(context); }

    void settle()
    {
        top.clk_i = 0;
        top.eval();
    }
    void tick()
    {
        top.clk_i = 1;
        top.eval();
        top.clk_i = 0;
        top.eval();
        cycle++;
    }
    void reset()
    {
        top.rst_ni = 0;
        for (int i = 0; i < 3; i++)
            tick();
        top.rst_ni = 1;
        settle();
    }
};

template <class T> uint8_t *port(T &p)
{
    return reinterpret_cast<uint8_t *>(&p);
}

static m_rng rng = {0x5EEDBED1};
[[maybe_unused]] static bool chance(uint32_t permille)
{
    return m_below(&rng, 1000) < permille;
}
[[maybe_unused]] static uint64_t rand64()
{
    return (uint64_t)m_rand(&rng) << 32 | m_rand(&rng);
}

#endif
