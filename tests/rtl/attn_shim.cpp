// SPDX-License-Identifier: Apache-2.0
#include "attn_shim.h"

#include <cstring>

#include "Vattn_engine.h"
#include "verilated.h"

double sc_time_stamp()
{
    return 0;
}

void *attn_dut_new()
{
    Verilated::randReset(2);
    auto *d = new Vattn_engine;
    d->clk_i = 0;
    return d;
}

void attn_dut_free(void *dut)
{
    auto *d = static_cast<Vattn_engine *>(dut);
    d->final();
    delete d;
}

// Narrow and wide ports alike.
template <class P> static void set_wide(P &port, const void *src, size_t bytes)
{
    memcpy(&port, src, bytes < sizeof(port) ? bytes : sizeof(port));
}

void attn_dut_cycle(void *dut, attn_pins *p)
{
    auto *d = static_cast<Vattn_engine *>(dut);
    d->rst_ni = !p->reset;
    d->job_valid_i = p->job_valid;
    d->job_sigmoid_i = p->sigmoid;
    d->job_kv8_i = p->kv8;
    d->job_causal_i = p->causal;
    d->job_bitmap_i = p->bitmap;
    d->job_export_i = p->exports;
    d->job_lines_i = p->lines;
    d->job_qlines_i = p->qlines;
    d->job_rows_i = p->rows;
    d->job_blocks_i = p->blocks;
    d->job_key0_i = p->key0;
    d->job_keys_i = p->keys;
    d->job_window_i = p->window;
    d->job_dim_i = p->dim;
    set_wide(d->job_word_i, &p->word, sizeof p->word);
    d->beat_valid_i = p->beat_valid;
    d->beat_tag_i = p->tag;
    if (p->beat_valid)
        set_wide(d->beat_data_i, p->data, 64);
    d->out_ready_i = p->out_ready;
    d->exp_ready_i = p->exp_ready;
    d->clk_i = 0;
    d->eval();
    p->job_ready = d->job_ready_o;
    p->beat_ready = d->beat_ready_o;
    p->useful = d->useful_o;
    p->out_valid = d->out_valid_o;
    p->out_one = d->out_one_o;
    p->exp_valid = d->exp_valid_o;
    p->busy = d->busy_o;
    if (p->out_valid)
        memcpy(p->out, &d->out_data_o, 64);
    if (p->exp_valid)
        memcpy(p->exp, &d->exp_p_o, sizeof d->exp_p_o < sizeof p->exp ? sizeof d->exp_p_o : sizeof p->exp);
    d->clk_i = 1;
    d->eval();
}
