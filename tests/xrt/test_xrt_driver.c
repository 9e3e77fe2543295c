/* SPDX-License-Identifier: Apache-2.0
 * The simulated card through XRT's native C API, as any XRT program sees it: buffers in one address space, bounds,
 * errors of the core, registers during a run, a wait that ends. XILINX_XRT=build/sim/xrt XCL_EMULATION_MODE=hw_emu
 * test_xrt_driver XCLBIN */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experimental/xrt_xclbin.h"
#include "seedbed/command.h"
#include "xrt/xrt_bo.h"
#include "xrt/xrt_device.h"
#include "xrt/xrt_kernel.h"

enum {
    ID = 0x40,
    ERROR = 0x50,
    ERROR_INDEX = 0x54,
    CUR_INDEX = 0x58,
    TOTAL = 0x80,
    COMMANDS = 0x80 + 8 * 10,
    MS = 60000
};

static int checks;
#define CHECK(cond, ...)                                                                                               \
    do {                                                                                                               \
        checks++;                                                                                                      \
        if (!(cond)) {                                                                                                 \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #cond);                                                 \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fputc('\n', stderr);                                                                                       \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static xrtDeviceHandle device;
static xrtKernelHandle kernel;
static int group;

static uint32_t reg(uint32_t offset)
{
    uint32_t v = 0;
    CHECK(!xrtKernelReadRegister(kernel, offset, &v), "register 0x%x", offset);
    return v;
}

static xrtBufferHandle alloc(size_t bytes)
{
    xrtBufferHandle b = xrtBOAlloc(device, bytes, XRT_BO_FLAGS_NONE, (xrtMemoryGroup)group);
    CHECK(b, "a buffer of %zu bytes", bytes);
    return b;
}

static void put(xrtBufferHandle b, const void *src, size_t bytes, size_t at)
{
    CHECK(!xrtBOWrite(b, src, bytes, at), "write");
    CHECK(!xrtBOSync(b, XCL_BO_SYNC_BO_TO_DEVICE, bytes, at), "sync");
}

static void get(xrtBufferHandle b, void *dst, size_t bytes, size_t at)
{
    CHECK(!xrtBOSync(b, XCL_BO_SYNC_BO_FROM_DEVICE, bytes, at), "sync");
    CHECK(!xrtBORead(b, dst, bytes, at), "read");
}

/* Runs n commands from a buffer; returns register ERROR. */
static uint32_t run(xrtBufferHandle list, const sb_command *c, uint32_t n)
{
    put(list, c, n * sizeof *c, 0);
    xrtRunHandle r = xrtRunOpen(kernel);
    CHECK(r, "run");
    CHECK(!xrtRunSetArg(r, 0, list) && !xrtRunSetArg(r, 1, n) && !xrtRunSetArg(r, 2, (uint64_t)0), "arguments");
    CHECK(!xrtRunStart(r), "start");
    int state = xrtRunWaitFor(r, MS);
    CHECK(state == ERT_CMD_STATE_COMPLETED, "state %d", state);
    CHECK(!xrtRunClose(r), "close");
    return reg(ERROR);
}

static void data_and_bounds(void)
{
    enum { N = 10000 };
    static uint8_t a[N], b[N];
    xrtBufferHandle x = alloc(N), y = alloc(N), part = xrtBOSubAlloc(x, 4096, 4096);
    CHECK(part, "a buffer within a buffer");
    uint64_t ax = xrtBOAddress(x), ay = xrtBOAddress(y);
    CHECK(ax >= 0x4000000000 && ay >= ax + N, "addresses 0x%llx, 0x%llx", (unsigned long long)ax,
          (unsigned long long)ay);
    CHECK(xrtBOAddress(part) == ax + 4096, "part at 0x%llx", (unsigned long long)xrtBOAddress(part));
    get(x, a, N, 0);
    CHECK(a[0] == 0xA5 && a[N - 1] == 0xA5, "a new buffer holds %02x: nobody may count on zeros", a[0]);
    for (int i = 0; i < N; i++)
        a[i] = (uint8_t)(i * 31 + i / 256);
    put(x, a, N, 0);
    memset(b, 0, N);
    CHECK(!xrtBOWrite(x, b, N, 0), "the host's side only");
    get(x, b, N, 0);
    CHECK(!memcmp(a, b, N), "what went in comes out");
    memset(b, 7, 4096);
    put(part, b, 4096, 0);
    memcpy(a + 4096, b, 4096);
    get(x, b, N, 0);
    CHECK(!memcmp(a, b, N), "the part is in the whole");
    CHECK(!xrtBOCopy(y, x, 5000, 100, 1000), "copy");
    get(y, b, N, 0);
    CHECK(!memcmp(a + 1000, b + 100, 5000) && b[99] == 0xA5 && b[5100] == 0xA5, "copied what was asked");
    CHECK(xrtBOSync(x, XCL_BO_SYNC_BO_TO_DEVICE, N, 4096), "a range beyond the buffer is refused");
    CHECK(!xrtBOAlloc(device, 4096, XRT_BO_FLAGS_NONE, 7), "a bank that is not there");
    CHECK(!xrtBOAlloc(device, 1ull << 40, XRT_BO_FLAGS_NONE, (xrtMemoryGroup)group), "more than the bank has");
    xrtBOFree(part);
    xrtBOFree(x);
    xrtBufferHandle z = alloc(4096);
    CHECK(xrtBOAddress(z) == ax, "a gap is used again");
    xrtBOFree(y);
    xrtBOFree(z);
}

/* A product of zeros, each operand in a buffer of its own. */
static void commands(void)
{
    enum { ROWS = 20, COLS = 64 };
    static const uint8_t zero[8192];
    static int64_t out[ROWS];
    xrtBufferHandle list = alloc(4096), w = alloc(8192), x = alloc(4096), y = alloc(4096);
    put(w, zero, 8192, 0);
    put(x, zero, 4096, 0);
    uint32_t before = 0;
    sb_command c[3] = {{.op = SB_OP_NOP},
                       {.op = SB_OP_MATVEC,
                        .codec = 2,
                        .batch = 1,
                        .rows = ROWS,
                        .cols = COLS,
                        .weights = xrtBOAddress(w),
                        .src = xrtBOAddress(x),
                        .dst = xrtBOAddress(y)},
                       {.op = SB_OP_NOP}};
    CHECK(run(list, c, 3) == 0, "error %u", reg(ERROR));
    CHECK(reg(COMMANDS) == 3 && reg(TOTAL) > 100, "%u commands, %u cycles", reg(COMMANDS), reg(TOTAL));
    get(y, out, sizeof out, 0);
    for (int i = 0; i < ROWS; i++)
        CHECK(out[i] == 0, "row %d is %lld", i, (long long)out[i]);
    get(y, &before, 4, sizeof out);
    CHECK(before == 0xA5A5A5A5, "bytes behind the result changed to 0x%x", before);

    sb_command bad = c[1];
    bad.weights = xrtBOAddress(y) + 4096 + (1 << 20);
    CHECK(run(list, (sb_command[]){c[0], bad, c[1]}, 3) == 5 && reg(ERROR_INDEX) == 1, "weights in no buffer: error %u",
          reg(ERROR));
    bad = c[1];
    bad.src = 0x1000;
    CHECK(run(list, &bad, 1) == 5, "vectors below the bank: error %u", reg(ERROR));
    bad = c[1];
    bad.dst = 64ull << 30;
    CHECK(run(list, (sb_command[]){c[1], bad}, 2) == 6 && reg(ERROR_INDEX) == 1, "results in no buffer: error %u",
          reg(ERROR));
    bad = c[1];
    bad.dst = xrtBOAddress(w);
    xrtBOFree(w);
    CHECK(run(list, &bad, 1) >= 5, "a freed buffer: error %u", reg(ERROR));
    bad.op = 99;
    CHECK(run(list, &bad, 1) == 1, "an unknown operation: error %u", reg(ERROR));
    CHECK(run(list, c, 1) == 0, "the core works on after errors: error %u", reg(ERROR));
    xrtBOFree(x);
    xrtBOFree(y);
    xrtBOFree(list);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2, "usage: test_xrt_driver XCLBIN");
    device = xrtDeviceOpen(0);
    CHECK(device, "no device");
    xrtXclbinHandle x = xrtXclbinAllocFilename(argv[1]);
    CHECK(x && !xrtDeviceLoadXclbinHandle(device, x), "%s", argv[1]);
    xuid_t id, loaded;
    CHECK(!xrtXclbinGetUUID(x, id) && !xrtDeviceGetXclbinUUID(device, loaded) && !memcmp(id, loaded, sizeof id),
          "uuid");
    kernel = xrtPLKernelOpenExclusive(device, id, "seedbed_kernel");
    CHECK(kernel, "no kernel");
    group = xrtKernelArgGroupId(kernel, 0);
    CHECK(group == 0, "group %d", group);
    CHECK(xrtKernelArgOffset(kernel, 0) == 0x10 && xrtKernelArgOffset(kernel, 1) == 0x1C &&
              xrtKernelArgOffset(kernel, 2) == 0x24,
          "offsets of the arguments");
    CHECK(reg(ID) == 0x53454544, "ID 0x%x", reg(ID));
    data_and_bounds();
    commands();
    CHECK(!xrtKernelClose(kernel), "close");
    xrtXclbinFreeHandle(x);
    CHECK(!xrtDeviceClose(device), "close");
    printf("test_xrt_driver: %d checks ok\n", checks);
    return 0;
}
