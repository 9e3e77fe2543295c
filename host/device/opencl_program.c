/* SPDX-License-Identifier: Apache-2.0
 * kernels/opencl, carried in the program and built for the device when it is opened. */
#ifdef SB_HAVE_OPENCL
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/attention_table.h"
#include "device/opencl_program.h"

/* The file's text as it was when this was compiled; the path is from the top of the source. */
#define TEXT(name)                                                                                                     \
    __asm__(".section .rodata\n.global sb_cl_text_" #name "\nsb_cl_text_" #name ":\n.incbin \"kernels/opencl/" #name   \
            ".cl\"\n.byte 0\n.previous\n");                                                                            \
    extern const char sb_cl_text_##name[]
TEXT(common);
TEXT(quantize);
TEXT(matvec);
TEXT(attention);
TEXT(attention_ops);
TEXT(vector);
TEXT(rows);

/* Later files use what earlier ones define. */
static const struct {
    const char *name, *text;
} sources[] = {{"common.cl", sb_cl_text_common},
               {"quantize.cl", sb_cl_text_quantize},
               {"matvec.cl", sb_cl_text_matvec},
               {"attention.cl", sb_cl_text_attention},
               {"attention_ops.cl", sb_cl_text_attention_ops},
               {"vector.cl", sb_cl_text_vector},
               {"rows.cl", sb_cl_text_rows}};
enum { N_SOURCES = sizeof sources / sizeof *sources };

static const char *const kernel_name[SB_CL_KERNELS] = {[SB_CL_MATVEC + SB_CODEC_FP16] = "matvec_fp16",
                                                       [SB_CL_MATVEC + SB_CODEC_INT4] = "matvec_int4",
                                                       [SB_CL_MATVEC + SB_CODEC_SEEDLM4] = "matvec_seedlm4",
                                                       [SB_CL_MATVEC + SB_CODEC_SEEDLM3] = "matvec_seedlm3",
                                                       [SB_CL_QUANTIZE] = "quantize",
                                                       [SB_CL_SCALE] = "scale",
                                                       [SB_CL_ATTENTION_CHECK] = "attention_check",
                                                       [SB_CL_ATTENTION_SCORES] = "attention_scores",
                                                       [SB_CL_ATTENTION_VALUES] = "attention_values",
                                                       [SB_CL_ATTENTION_COMBINE] = "attention_combine",
                                                       [SB_CL_QUANTIZE_KV] = "quantize_kv",
                                                       [SB_CL_QUANTIZE_Q] = "quantize_q",
                                                       [SB_CL_ATTN_SCALE] = "attn_scale",
                                                       [SB_CL_RMSNORM] = "rmsnorm",
                                                       [SB_CL_LAYERNORM] = "layernorm",
                                                       [SB_CL_ROPE] = "rope",
                                                       [SB_CL_SILU_MUL] = "silu_mul",
                                                       [SB_CL_GELU_MUL] = "gelu_mul",
                                                       [SB_CL_ADD] = "add",
                                                       [SB_CL_EMBED] = "embed",
                                                       [SB_CL_GATHER] = "gather",
                                                       [SB_CL_SCATTER] = "scatter",
                                                       [SB_CL_ARGMAX] = "argmax",
                                                       [SB_CL_TOPK] = "topk"};

/* What the host already has as data: the table of numerics.md 6.4, and the codecs' ids. */
static char *definitions(const sb_cl *s)
{
    size_t size = 16 * 64 * 12 + 1024, n = 0;
    char *text = malloc(size);
    if (!text)
        return NULL;
    n += (size_t)snprintf(
        text + n, size - n,
        "#define GROUP %d\n#define LANES %d\n#define TILE %d\n#define SLICES %u\n#define WIDTH %u\n"
        "enum { FP16 = %d, INT4 = %d, SEEDLM4 = %d, SEEDLM3 = %d };\nconstant uint attention_table[] = {",
        SB_CL_GROUP, SB_CL_LANES, SB_CL_TILE, s->slices, s->width, SB_CODEC_FP16, SB_CODEC_INT4, SB_CODEC_SEEDLM4,
        SB_CODEC_SEEDLM3);
    for (size_t i = 0; i < sizeof sb_attn_table / sizeof *sb_attn_table; i++)
        n += (size_t)snprintf(text + n, size - n, "0x%x,", sb_attn_table[i]);
    snprintf(text + n, size - n, "};\n");
    return text;
}

/* The first line of the build log that says "error", else its first line. */
static void first_error(const sb_cl *s, char *line, size_t size)
{
    size_t n = 0;
    *line = 0;
    if (clGetProgramBuildInfo(s->program, s->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &n) != CL_SUCCESS || !n)
        return;
    char *log = calloc(1, n + 1);
    if (log && clGetProgramBuildInfo(s->program, s->id, CL_PROGRAM_BUILD_LOG, n, log, NULL) == CL_SUCCESS) {
        const char *at = strstr(log, "error");
        while (at && at > log && at[-1] != '\n')
            at--;
        at = at ? at : log;
        snprintf(line, size, "%.*s", (int)strcspn(at, "\n"), at);
    }
    free(log);
}

sb_status sb_cl_build(sb_cl *s, sb_error *err)
{
    const char *text[2 * N_SOURCES + 1];
    char mark[N_SOURCES][64], line[400], options[64];
    cl_int e;
    char *defs = definitions(s);
    if (!defs)
        return sb_fail(err, SB_ERR_NOMEM, "out of memory");
    text[0] = defs;
    for (int i = 0; i < N_SOURCES; i++) {
        snprintf(mark[i], sizeof mark[i], "\n#line 1 \"%s\"\n", sources[i].name);
        text[2 * i + 1] = mark[i];
        text[2 * i + 2] = sources[i].text;
    }
    s->program = clCreateProgramWithSource(s->context, 2 * N_SOURCES + 1, text, NULL, &e);
    free(defs);
    if (!s->program)
        return sb_cl_fail(err, "clCreateProgramWithSource", e);
    /* -w: PoCL's compiler speaks to stderr, of how wide vectors would be passed to functions that it inlines. */
    snprintf(options, sizeof options, "-cl-std=CL1.2 -w");
    e = clBuildProgram(s->program, 1, &s->id, options, NULL, NULL);
    if (e != CL_SUCCESS) {
        first_error(s, line, sizeof line);
        return sb_fail(err, SB_ERR_DEVICE, "device opencl: %s: the kernels do not build (%s): %s", s->name,
                       sb_cl_error_name(e), line);
    }
    for (int i = 0; i < SB_CL_KERNELS; i++) {
        s->kernel[i] = clCreateKernel(s->program, kernel_name[i], &e);
        if (!s->kernel[i])
            return sb_fail(err, SB_ERR_DEVICE, "device opencl: %s: kernel %s: %s", s->name, kernel_name[i],
                           sb_cl_error_name(e));
    }
    return SB_OK;
}
#else
typedef int no_opencl;
#endif
