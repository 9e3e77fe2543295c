/* SPDX-License-Identifier: Apache-2.0
 * Writes an xclbin for the simulated card: what XRT needs to know of the kernel (docs/device.md), and, in place of a
 * bitstream, which simulated core it is. The same arguments give the same bytes.
 *
 *   mkxclbin OUT VARIANT PORTS [latency=N] [stall=PERMILLE] [seed=N] [kernel=NAME] [bank=BASE:BYTES]...
 *
 * VARIANT: w64, w256p2, ... (build/sim/VARIANT), of PORTS ports. bank: default 0x4000000000:0x400000000; several are
 * joined to the kernel's ports in turn, the last to all that are left. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xclbin.h"

enum { MAX_PORTS = 8, MAX_BANKS = 32, FIRST_PORT_ARG = 3 };

typedef struct {
    enum axlf_section_kind kind;
    const char *name;
    const void *data;
    size_t bytes;
} section;

static struct {
    const char *kernel, *variant;
    unsigned ports, latency, stall, seed, banks;
    uint64_t base[MAX_BANKS], bytes[MAX_BANKS];
} opt = {.kernel = "seedbed_kernel", .latency = 32, .seed = 1};

static int usage(const char *what)
{
    fprintf(stderr,
            "mkxclbin: %s\nusage: mkxclbin OUT VARIANT PORTS [latency=N] [stall=PERMILLE] [seed=N] [kernel=NAME] "
            "[bank=BASE:BYTES]...\n",
            what);
    return 2;
}

static int parse(int argc, char **argv)
{
    if (argc < 4)
        return usage("missing arguments");
    opt.variant = argv[2];
    opt.ports = (unsigned)strtoul(argv[3], NULL, 10);
    if (opt.ports < 1 || opt.ports > MAX_PORTS)
        return usage("PORTS is 1 to 8");
    for (int i = 4; i < argc; i++) {
        unsigned long long base, bytes;
        if (sscanf(argv[i], "latency=%u", &opt.latency) == 1 || sscanf(argv[i], "stall=%u", &opt.stall) == 1 ||
            sscanf(argv[i], "seed=%u", &opt.seed) == 1)
            continue;
        if (!strncmp(argv[i], "kernel=", 7) && argv[i][7] && strlen(argv[i]) < 32) {
            opt.kernel = argv[i] + 7;
        } else if (sscanf(argv[i], "bank=%lli:%lli", (long long *)&base, (long long *)&bytes) == 2 && bytes &&
                   opt.banks < MAX_BANKS) {
            opt.base[opt.banks] = base;
            opt.bytes[opt.banks++] = bytes;
        } else {
            return usage(argv[i]);
        }
    }
    if (!opt.banks) { /* high up, as on Alveo cards: an address cut to 32 bits is seen */
        opt.base[0] = 0x4000000000;
        opt.bytes[opt.banks++] = 0x400000000;
    }
    return 0;
}

static void port_name(char name[32], unsigned p)
{
    if (opt.ports == 1)
        strcpy(name, "M_AXI_GMEM");
    else
        snprintf(name, 32, "M_AXI_GMEM%u", p);
}

/* The kernel's arguments, in the order of docs/device.md. */
static size_t metadata(char *xml, size_t size, unsigned bus)
{
    char port[32];
    int n = snprintf(xml, size,
                     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<project name=\"seedbed\">\n"
                     " <platform vendor=\"seedbed\" boardid=\"sim\" name=\"sim\" featureRomTime=\"0\">\n"
                     "  <device name=\"fpga0\" fpgaDevice=\"sim:sim:sim:0\">\n"
                     "   <core name=\"OCL_REGION_0\" target=\"bitstream\" type=\"clc_region\">\n"
                     "    <kernel name=\"%s\" language=\"ip_c\" interrupt=\"true\" hwControlProtocol=\"ap_ctrl_hs\">\n"
                     "     <port name=\"S_AXI_CONTROL\" mode=\"slave\" range=\"0x1000\" dataWidth=\"32\" "
                     "portType=\"addressable\" base=\"0x0\"/>\n",
                     opt.kernel);
    for (unsigned p = 0; p < opt.ports; p++) {
        port_name(port, p);
        n += snprintf(xml + n, size - (size_t)n,
                      "     <port name=\"%s\" mode=\"master\" range=\"0xFFFFFFFFFFFFFFFF\" dataWidth=\"%u\" "
                      "portType=\"addressable\" "
                      "base=\"0x0\"/>\n",
                      port, bus);
    }
    static const char *const arg =
        "     <arg name=\"%s\" addressQualifier=\"%u\" id=\"%u\" port=\"%s\" size=\"0x%X\" offset=\"0x%X\" "
        "hostOffset=\"0x0\" hostSize=\"0x%X\" type=\"%s\"/>\n";
    port_name(port, 0);
    n += snprintf(xml + n, size - (size_t)n, arg, "commands", 1, 0, port, 8, 0x10, 8, "void*");
    n += snprintf(xml + n, size - (size_t)n, arg, "count", 0, 1, "S_AXI_CONTROL", 4, 0x1C, 4, "uint");
    n += snprintf(xml + n, size - (size_t)n, arg, "port_stride", 0, 2, "S_AXI_CONTROL", 8, 0x24, 8, "ulong");
    for (unsigned p = 1; p < opt.ports; p++) {
        char name[32];
        port_name(port, p);
        snprintf(name, sizeof name, "port%u", p);
        n += snprintf(xml + n, size - (size_t)n, arg, name, 1, FIRST_PORT_ARG + p - 1, port, 8, 0x180 + 8 * (p - 1), 8,
                      "void*");
    }
    n += snprintf(xml + n, size - (size_t)n,
                  "     <instance name=\"%s_1\"><addrRemap base=\"0x800000\" range=\"0x1000\" "
                  "port=\"S_AXI_CONTROL\"/></instance>\n"
                  "    </kernel>\n   </core>\n  </device>\n </platform>\n</project>\n",
                  opt.kernel);
    return (size_t)n;
}

/* A UUID that follows from the content: FNV-1a from two starting points. */
static void identify(unsigned char uuid[16], const unsigned char *data, size_t bytes)
{
    for (int half = 0; half < 2; half++) {
        uint64_t h = 0xcbf29ce484222325 + (uint64_t)half;
        for (size_t i = 0; i < bytes; i++)
            h = (h ^ data[i]) * 0x100000001b3;
        memcpy(uuid + 8 * half, &h, 8);
    }
    uuid[6] = (uuid[6] & 0x0f) | 0x80;
    uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

static int write_file(const char *path, const section *s, unsigned n)
{
    size_t head = (sizeof(struct axlf) + (n - 1) * sizeof(struct axlf_section_header) + 7) & ~(size_t)7, total = head;
    for (unsigned i = 0; i < n; i++)
        total += (s[i].bytes + 7) & ~(size_t)7;
    unsigned char *file = calloc(1, total);
    if (!file)
        return 1;
    struct axlf *x = (struct axlf *)file;
    memcpy(x->m_magic, "xclbin2", 8);
    x->m_signature_length = -1;
    memset(x->reserved, 0xff, sizeof x->reserved);
    memset(x->m_keyBlock, 0xff, sizeof x->m_keyBlock);
    x->m_header.m_length = total;
    x->m_header.m_versionMajor = 2;
    x->m_header.m_versionMinor = 13;
    x->m_header.m_mode = XCLBIN_HW_EMU;
    x->m_header.m_numSections = n;
    memcpy(x->m_header.m_platformVBNV, "seedbed_sim", 12);
    size_t at = head;
    struct axlf_section_header *h = x->m_sections;
    for (unsigned i = 0; i < n; i++) {
        h[i].m_sectionKind = (uint32_t)s[i].kind;
        memcpy(h[i].m_sectionName, s[i].name, strlen(s[i].name));
        h[i].m_sectionOffset = at;
        h[i].m_sectionSize = s[i].bytes;
        memcpy(file + at, s[i].data, s[i].bytes);
        at += (s[i].bytes + 7) & ~(size_t)7;
    }
    identify(x->m_header.uuid, file, total);
    memcpy(&x->m_uniqueId, x->m_header.uuid, sizeof x->m_uniqueId);
    FILE *f = fopen(path, "wb");
    int bad = !f || fwrite(file, 1, total, f) != total;
    bad |= f && fclose(f);
    if (bad)
        fprintf(stderr, "mkxclbin: %s: %s\n", path, strerror(errno));
    free(file);
    return bad;
}

int main(int argc, char **argv)
{
    int rc = parse(argc, argv);
    if (rc)
        return rc;
    unsigned bus = (unsigned)strtoul(opt.variant + 1, NULL, 10);
    if (opt.variant[0] != 'w' || bus < 64 || bus > 1024)
        return usage("VARIANT is w and the bits of the bus, w512");

    static union {
        struct mem_topology t;
        char room[sizeof(struct mem_topology) + MAX_BANKS * sizeof(struct mem_data)];
    } mem;
    mem.t.m_count = (int32_t)opt.banks;
    struct mem_data *bank = mem.t.m_mem_data;
    for (unsigned i = 0; i < opt.banks; i++) {
        bank[i] = (struct mem_data){.m_type = opt.banks > 1 ? MEM_HBM : MEM_DDR4,
                                    .m_used = 1,
                                    .m_size = opt.bytes[i] >> 10,
                                    .m_base_address = opt.base[i]};
        snprintf((char *)bank[i].m_tag, sizeof bank[i].m_tag, "%s[%u]", opt.banks > 1 ? "HBM" : "DDR", i);
    }
    static struct ip_layout ip = {.m_count = 1};
    ip.m_ip_data[0].m_type = IP_KERNEL;
    ip.m_ip_data[0].properties = IP_INT_ENABLE_MASK | AP_CTRL_HS << IP_CONTROL_SHIFT;
    ip.m_ip_data[0].m_base_address = 0x800000;
    snprintf((char *)ip.m_ip_data[0].m_name, sizeof ip.m_ip_data[0].m_name, "%s:%s_1", opt.kernel, opt.kernel);
    static union {
        struct connectivity c;
        char room[sizeof(struct connectivity) + MAX_PORTS * sizeof(struct connection)];
    } link;
    link.c.m_count = (int32_t)opt.ports;
    struct connection *to = link.c.m_connection;
    for (unsigned p = 0; p < opt.ports; p++)
        to[p] = (struct connection){.arg_index = (int32_t)(p ? FIRST_PORT_ARG + p - 1 : 0),
                                    .mem_data_index = (int32_t)(p < opt.banks ? p : opt.banks - 1)};
    static char xml[16384], bits[128];
    size_t xml_bytes = metadata(xml, sizeof xml, bus);
    int n = snprintf(bits, sizeof bits, "seedbed-sim variant=%s latency=%u stall=%u seed=%u\n", opt.variant,
                     opt.latency, opt.stall, opt.seed);
    size_t mem_bytes = sizeof mem.t + (opt.banks - 1) * sizeof(struct mem_data);
    size_t link_bytes = sizeof link.c + (opt.ports - 1) * sizeof(struct connection);
    const section s[] = {
        {BITSTREAM, "bitstream", bits, (size_t)n + 1},     {EMBEDDED_METADATA, "metadata", xml, xml_bytes},
        {MEM_TOPOLOGY, "mem_topology", &mem, mem_bytes},   {ASK_GROUP_TOPOLOGY, "group_topology", &mem, mem_bytes},
        {CONNECTIVITY, "connectivity", &link, link_bytes}, {ASK_GROUP_CONNECTIVITY, "group_conn", &link, link_bytes},
        {IP_LAYOUT, "ip_layout", &ip, sizeof ip}};
    return write_file(argv[1], s, sizeof s / sizeof *s);
}
