/* SPDX-License-Identifier: Apache-2.0
 * Stands in for libFuzzer where there is only a C compiler: replays the seeds, then deterministic mutations of them.
 * usage: fuzz_X ROUNDS FILE... */
#include "fuzz.h"

#define MAX_INPUT (1 << 16)

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint32_t rnd(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % n;
}

static const char *const numbers[] = {
    "-1",    "0",   "1",    "255", "65536", "4294967296", "9223372036854775807", "18446744073709551616",
    "1e400", "1.5", "null", "[]",  "\"x\"", "{}",         "-9223372036854775808"};

static size_t splice(uint8_t *p, size_t n, size_t at, size_t cut, const void *put, size_t put_n)
{
    if (n - cut + put_n > MAX_INPUT)
        return n;
    memmove(p + at + put_n, p + at + cut, n - at - cut);
    memcpy(p + at, put, put_n);
    return n - cut + put_n;
}

/* One change; n > 0. */
static size_t mutate(uint8_t *p, size_t n)
{
    uint8_t chunk[64];
    uint32_t at = rnd((uint32_t)n), len;
    switch (rnd(8)) {
    case 0:
        p[at] ^= (uint8_t)(1u << rnd(8));
        return n;
    case 1:
        p[at] = (uint8_t) "\x00\xff\x80{}[]\",:\\\xe2 9-"[rnd(16)];
        return n;
    case 2:
        return at + 1; /* truncated */
    case 3: {          /* a length field at the front, as safetensors has it */
        uint64_t v = rnd(4) == 0 ? UINT64_MAX >> rnd(64) : n - 8 + rnd(17) - 8;
        for (int i = 0; i < 8 && (size_t)i < n; i++)
            p[i] = (uint8_t)(v >> 8 * i);
        return n;
    }
    case 4: /* another number */
        while (at < n && (p[at] < '0' || p[at] > '9'))
            at++;
        for (len = 0; at + len < n && p[at + len] >= '0' && p[at + len] <= '9'; len++)
            ;
        const char *s = numbers[rnd(sizeof numbers / sizeof *numbers)];
        return splice(p, n, at, len, s, strlen(s));
    case 5: /* a piece goes */
        len = rnd(32) + 1;
        len = len > n - at ? (uint32_t)(n - at) : len;
        return n > len ? splice(p, n, at, len, "", 0) : n;
    default: /* a piece comes again, elsewhere */
        len = rnd(sizeof chunk) + 1;
        len = len > n - at ? (uint32_t)(n - at) : len;
        memcpy(chunk, p + at, len);
        return splice(p, n, rnd((uint32_t)n), 0, chunk, len);
    }
}

/* In memory of exactly that size, so that a read past the end is seen. */
static void run(const uint8_t *p, size_t n)
{
    uint8_t *exact = malloc(n + !n);
    if (n)
        memcpy(exact, p, n);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s ROUNDS FILE...\n", argv[0]);
        return 2;
    }
    int seeds = argc - 2;
    long rounds = atol(argv[1]);
    static uint8_t buf[MAX_INPUT], work[MAX_INPUT];
    run(buf, 0);
    for (int i = 0; i < seeds; i++) {
        FILE *f = fopen(argv[i + 2], "rb");
        if (!f) {
            perror(argv[i + 2]);
            return 1;
        }
        size_t n = fread(buf, 1, sizeof buf, f);
        fclose(f);
        run(buf, n);
        for (long k = 0; k < rounds / seeds && n; k++) {
            size_t m = n;
            memcpy(work, buf, n);
            for (uint32_t changes = 1 + rnd(4); changes && m; changes--)
                m = mutate(work, m);
            run(work, m);
        }
    }
    printf("%s: %d seeds, %ld mutations\n", argv[0], seeds, rounds / seeds * seeds);
    return 0;
}
