/* SPDX-License-Identifier: Apache-2.0
 * A reader of the three sections of an xclbin (struct axlf of XRT's xclbin.h, version 2) that describe kernels and
 * memory. */
#include "device/xclbin.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LENGTH = 304,   /* u64: bytes of the file */
    SECTIONS = 448, /* u32: number of section headers */
    HEADERS = 456,
    HEADER = 40, /* u32 kind, char name[16], pad, u64 offset, u64 size */
    KIND_METADATA = 2,
    KIND_MEM_TOPOLOGY = 6,
    KIND_IP_LAYOUT = 8,
    BANK_FIRST = 8, /* i32 count before it */
    BANK = 40,      /* u8 type, u8 used, pad, u64 KiB, u64 base, char tag[16] */
    IP_FIRST = 8,   /* i32 count before it */
    IP = 80,        /* u32 type, u32 properties, u64 base, char name[64]: "kernel:cu" */
    IP_NAME = 16,
    IP_KERNEL = 1,
};

static uint32_t u32_at(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

static uint64_t u64_at(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

/* The i-th name "kernel:cu" of the IP layout as text of its own. */
static void ip_name(const uint8_t *ip, char out[65])
{
    memcpy(out, ip + IP_NAME, 64);
    out[64] = 0;
    for (char *p = out; *p; p++)
        if (*p < 0x20 || *p > 0x7e)
            *p = '?';
}

static sb_status find_unit(const char *name, const uint8_t *layout, uint64_t n, const char *kernel, char cu[64],
                           sb_error *err)
{
    char text[65], has[200] = "";
    for (uint64_t i = 0; i < n; i++) {
        const uint8_t *ip = layout + IP_FIRST + i * IP;
        if (u32_at(ip) != IP_KERNEL)
            continue;
        ip_name(ip, text);
        size_t k = strcspn(text, ":");
        if (k == strlen(kernel) && !memcmp(text, kernel, k) && text[k] && text[k + 1]) {
            snprintf(cu, 64, "%s", text + k + 1);
            return SB_OK;
        }
        if (strlen(has) + k + 3 < sizeof has) {
            strcat(has, *has ? ", " : "");
            strncat(has, text, k);
        }
    }
    return sb_fail(err, SB_ERR_ARG, "%s: no kernel %s in it (it has: %s)", name, kernel, *has ? has : "none");
}

/* The AXI masters that the XML metadata list for the kernel. */
static void find_ports(const char *xml, const char *kernel, sb_xclbin_kernel *out)
{
    char open[96];
    snprintf(open, sizeof open, "<kernel name=\"%.64s\"", kernel);
    const char *from = strstr(xml, open), *end = from ? strstr(from, "</kernel>") : NULL;
    while (end && (from = strstr(from, "<port ")) && from < end) {
        const char *stop = strchr(from, '>'), *mode = strstr(from, "mode=\"master\""),
                   *width = strstr(from, "dataWidth=\"");
        if (!stop)
            break;
        if (mode && mode < stop && width && width < stop) {
            unsigned long bits = strtoul(width + 11, NULL, 10);
            out->ports++;
            out->bus_bits = bits <= 4096 ? (unsigned)bits : 0;
        }
        from = stop;
    }
}

/* A section's bytes in the file, or NULL with *len 0. */
static sb_status section(const char *name, const uint8_t *data, size_t bytes, uint32_t kind, const uint8_t **at,
                         uint64_t *len, sb_error *err)
{
    uint64_t n = u32_at(data + SECTIONS);
    *at = NULL;
    *len = 0;
    if (n > (bytes - HEADERS) / HEADER)
        return sb_fail(err, SB_ERR_FORMAT, "%s: %llu sections do not fit the file", name, (unsigned long long)n);
    for (uint64_t i = 0; i < n; i++) {
        const uint8_t *h = data + HEADERS + i * HEADER;
        if (u32_at(h) != kind)
            continue;
        uint64_t offset = u64_at(h + 24);
        *len = u64_at(h + 32);
        if (offset > bytes || *len > bytes - offset)
            return sb_fail(err, SB_ERR_FORMAT, "%s: section %llu does not fit the file", name, (unsigned long long)i);
        *at = data + offset;
        return SB_OK;
    }
    return SB_OK;
}

sb_status sb_xclbin_find(const char *name, const uint8_t *data, size_t bytes, const char *kernel, sb_xclbin_kernel *out,
                         sb_error *err)
{
    *out = (sb_xclbin_kernel){0};
    if (bytes < HEADERS || memcmp(data, "xclbin2", 8))
        return sb_fail(err, SB_ERR_FORMAT, "%s: not an xclbin", name);
    if (u64_at(data + LENGTH) > bytes)
        return sb_fail(err, SB_ERR_FORMAT, "%s: cut off: %zu of %llu bytes", name, bytes,
                       (unsigned long long)u64_at(data + LENGTH));
    const uint8_t *layout, *xml, *mem;
    uint64_t layout_bytes, xml_bytes, mem_bytes;
    sb_status st = section(name, data, bytes, KIND_IP_LAYOUT, &layout, &layout_bytes, err);
    if (!st)
        st = section(name, data, bytes, KIND_METADATA, &xml, &xml_bytes, err);
    if (!st)
        st = section(name, data, bytes, KIND_MEM_TOPOLOGY, &mem, &mem_bytes, err);
    if (st)
        return st;
    uint64_t n = layout_bytes < IP_FIRST ? 0 : u32_at(layout);
    if (n && n > (layout_bytes - IP_FIRST) / IP)
        return sb_fail(err, SB_ERR_FORMAT, "%s: its IP layout does not fit its section", name);
    for (uint64_t i = 0; i < 64 && mem_bytes >= BANK_FIRST + (i + 1) * BANK && i < u32_at(mem); i++) {
        const uint8_t *b = mem + BANK_FIRST + i * BANK;
        out->bank[i].bytes = b[1] ? u64_at(b + 8) << 10 : 0;
        out->bank[i].base = u64_at(b + 16);
        out->banks++;
    }
    st = find_unit(name, layout, n, kernel, out->cu, err);
    char *text = st || !xml_bytes ? NULL : malloc(xml_bytes + 1);
    if (text) {
        memcpy(text, xml, xml_bytes);
        text[xml_bytes] = 0;
        find_ports(text, kernel, out);
        free(text);
    }
    return st;
}

sb_status sb_xclbin_read(const char *path, uint8_t **data, size_t *bytes, sb_error *err)
{
    *data = NULL;
    FILE *f = fopen(path, "rb");
    if (!f)
        return sb_fail(err, SB_ERR_IO, "%s: %s", path, strerror(errno));
    long n = fseek(f, 0, SEEK_END) ? -1 : ftell(f);
    bool ok = n >= 0 && !fseek(f, 0, SEEK_SET) && (*data = malloc((size_t)n + 1)) &&
              fread(*data, 1, (size_t)n, f) == (size_t)n;
    int why = errno;
    fclose(f);
    if (!ok) {
        free(*data);
        *data = NULL;
        return sb_fail(err, SB_ERR_IO, "%s: cannot be read: %s", path, strerror(why));
    }
    *bytes = (size_t)n;
    return SB_OK;
}
