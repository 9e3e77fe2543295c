// SPDX-License-Identifier: Apache-2.0
// The pins of a Verilated board top. Built once a board: BOARD_ICEBREAKER or BOARD_ULX3S, CLKS_PER_BIT.
#include "board_model.h"

#include <cstring>
#include <deque>

#include "Vtop.h"
#include "verilated.h"

#if defined(BOARD_ICEBREAKER)
#define PIN_CLK CLK
#define PIN_RX RX
#define PIN_TX TX
#define PIN_RESET BTN_N
#define BUSY(top) (!(top)->LEDR_N)
#define NAME "icebreaker"
#elif defined(BOARD_ULX3S)
#define PIN_CLK clk_25mhz
#define PIN_RX ftdi_txd
#define PIN_TX ftdi_rxd
#define PIN_RESET btn_pwr_n
#define BUSY(top) ((top)->led >> 7 & 1)
#define NAME "ulx3s"
#else
#error "which board?"
#endif

struct board_model {
    VerilatedContext context;
    Vtop top{&context};
    std::deque<uint8_t> to_board, from_board;
    uint64_t cycles = 0, pins = 0;
    // The line to the board: bits left of the byte on it, clocks left of the bit.
    unsigned out_bits = 0, out_clocks = 0, out_shift = 1;
    // The line from the board.
    unsigned in_bits = 0, in_clocks = 0, in_shift = 0;
};

enum { BITS = 10, QUEUE = 4096 };

static void drive(board_model *m)
{
    if (m->out_clocks == 0) {
        if (m->out_bits == 0 && !m->to_board.empty()) {
            m->out_shift = m->to_board.front() << 1 | 0x200;
            m->to_board.pop_front();
            m->out_bits = BITS;
        }
        if (m->out_bits) {
            m->top.PIN_RX = m->out_shift & 1;
            m->out_shift >>= 1;
            m->out_bits--;
            m->out_clocks = CLKS_PER_BIT;
        } else {
            m->top.PIN_RX = 1;
        }
    }
    if (m->out_clocks)
        m->out_clocks--;
}

// True when a byte is complete.
static bool listen(board_model *m)
{
    const unsigned level = m->top.PIN_TX;
    if (m->in_bits == 0) {
        if (level == 0) {
            m->in_bits = BITS;
            m->in_shift = 0;
            m->in_clocks = (CLKS_PER_BIT - 1) / 2;
        } else {
            return false;
        }
    } else {
        m->in_clocks--;
    }
    if (m->in_clocks)
        return false;
    m->in_shift |= level << (BITS - m->in_bits);
    m->in_bits--;
    m->in_clocks = CLKS_PER_BIT;
    if (m->in_bits)
        return false;
    if ((m->in_shift & 0x201) != 0x200) // framing error: nothing came
        return false;
    m->from_board.push_back(static_cast<uint8_t>(m->in_shift >> 1));
    return true;
}

static bool cycle(board_model *m)
{
    m->top.PIN_CLK = 1;
    m->top.eval();
    m->pins = (m->pins ^ (m->top.PIN_TX | BUSY(&m->top) << 1)) * 0x100000001b3;
    const bool came = listen(m);
    drive(m);
    m->top.PIN_CLK = 0;
    m->top.eval();
    m->cycles++;
    return came;
}

board_model *board_model_open(void)
{
    auto *m = new board_model;
    m->context.randReset(2);
    m->top.PIN_CLK = 0;
    m->top.PIN_RX = 1;
    board_model_reset(m);
    m->pins = 0xcbf29ce484222325; // FNV-1a, from after the reset on
    return m;
}

void board_model_close(board_model *m)
{
    delete m;
}

void board_model_reset(board_model *m)
{
    m->top.PIN_RESET = 0;
    for (int i = 0; i < 8; i++) {
        cycle(m);
        m->in_bits = 0;
    }
    m->to_board.clear();
    m->from_board.clear();
    m->out_bits = m->out_clocks = m->in_bits = 0;
    m->top.PIN_RX = 1;
    m->top.PIN_RESET = 1;
    for (int i = 0; i < 24; i++)
        cycle(m);
}

size_t board_model_room(const board_model *m)
{
    return m->to_board.size() < QUEUE ? QUEUE - m->to_board.size() : 0;
}

void board_model_send(board_model *m, const uint8_t *data, size_t n)
{
    m->to_board.insert(m->to_board.end(), data, data + n);
}

void board_model_run(board_model *m, uint64_t cycles, bool stop)
{
    while (cycles-- && !(stop && !m->from_board.empty()))
        cycle(m);
}

size_t board_model_receive(board_model *m, uint8_t *data, size_t room)
{
    size_t n = m->from_board.size() < room ? m->from_board.size() : room;
    for (size_t i = 0; i < n; i++) {
        data[i] = m->from_board.front();
        m->from_board.pop_front();
    }
    return n;
}

uint64_t board_model_cycles(const board_model *m)
{
    return m->cycles;
}

uint64_t board_model_pins(const board_model *m)
{
    return m->pins;
}

bool board_model_idle(const board_model *m)
{
    return m->to_board.empty() && m->out_bits == 0 && m->in_bits == 0 && !BUSY(&m->top);
}

unsigned board_model_clks_per_bit(void)
{
    return CLKS_PER_BIT;
}
const char *board_model_name(void)
{
    return NAME;
}
