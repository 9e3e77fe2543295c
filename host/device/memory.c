/* SPDX-License-Identifier: Apache-2.0
 * Device memory of the software devices and of the simulator: one reserved range, handed out upwards, zeroed by the
 * kernel. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "device/device_internal.h"

enum { FIRST = 4096 }; /* address 0 stays invalid */

sb_status sb_memory_init(sb_memory *m, sb_error *err)
{
    /* Address space only; pages appear when touched. Halve the wish where the system limits it. */
    for (uint64_t size = 1ull << 40; size >= 1ull << 28; size >>= 1) {
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p != MAP_FAILED) {
            *m = (sb_memory){.base = p, .size = size, .used = FIRST};
            return SB_OK;
        }
    }
    return sb_fail(err, SB_ERR_NOMEM, "device memory: cannot reserve address space: %s", strerror(errno));
}

void sb_memory_free(sb_memory *m)
{
    if (m->base)
        munmap(m->base, m->size);
    *m = (sb_memory){0};
}

sb_status sb_memory_alloc(sb_memory *m, size_t bytes, size_t align, uint64_t *addr, sb_error *err)
{
    uint64_t at = (m->used + align - 1) / align * align;
    if (at > m->size || bytes > m->size - at)
        return sb_fail(err, SB_ERR_NOMEM, "device memory: %zu bytes asked, %llu of %llu in use", bytes,
                       (unsigned long long)m->used, (unsigned long long)m->size);
    m->used = at + bytes;
    *addr = at;
    return SB_OK;
}

bool sb_memory_has(const sb_memory *m, uint64_t addr, uint64_t bytes)
{
    return addr >= FIRST && addr <= m->used && bytes <= m->used - addr;
}
