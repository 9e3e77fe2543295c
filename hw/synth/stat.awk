# SPDX-License-Identifier: Apache-2.0
# Yosys `stat` of a hierarchy -> a table and flat JSON records, one a line, appended to the file `json`.
# lut: logic LUTs of any size (LUT1..6, LUT4, SB_LUT4); lutram: LUTs used as memory or shift register, a
# RAM32M or RAM64M counted as the 4 LUTs it takes; a LUT behind a carry chain is a logic LUT; INV is free.

function clean(name) {
    if (name ~ /\\/) {
        rest = name
        sub(/^\$paramod(\$[0-9a-f]+)?\\/, "", rest)
        sub(/\\.*/, "", rest)
        return rest
    }
    return name
}
function count(m, cell, n) {
    if (cell ~ /^(LUT[1-6]|SB_LUT4)$/) lut[m] += n
    else if (cell ~ /^(FD[A-Z]+|TRELLIS_FF|SB_DFF.*)$/) ff[m] += n
    else if (cell ~ /^(DSP48E[12]|MULT18X18D|SB_MAC16)$/) dsp[m] += n
    else if (cell ~ /^CARRY4$/) carry[m] += n
    else if (cell ~ /^(CARRY8|CCU2C|SB_CARRY)$/) carry[m] += n
    else if (cell ~ /^RAMB36/) bram[m] += 1 * n
    else if (cell ~ /^RAMB18/) bram[m] += 0.5 * n
    else if (cell ~ /^(DP16KD|PDPW16KD|SB_RAM40_.*)$/) bram[m] += n
    else if (cell ~ /^RAM(32M|64M)$/) lutram[m] += 4 * n
    else if (cell ~ /^(RAM32M16|RAM64M8)$/) lutram[m] += 8 * n
    else if (cell ~ /^(RAM(32|64|128|256)X1[DS]|SRL16E|SRLC32E)$/) lutram[m] += n * (cell ~ /D$/ ? 2 : 1)
    else if (cell ~ /^TRELLIS_DPR16X4$/) lutram[m] += 4 * n
}
/^=== design hierarchy ===/ { m = "TOTAL"; seen[m] = 1; in_tree = 1; next }
/^=== / { m = $2; in_tree = 0; base = clean(m); label[m] = base; seen[m] = 1; order[++modules] = m; next }
in_tree && NF == 2 && $1 !~ /^Number/ && ($1 in seen) { tree[$1] = 1 }
# What a module holds: cells, and modules, some of which come further down.
NF == 2 && $2 ~ /^[0-9]+$/ { count(m, $1, $2); kids[m, ++nkids[m]] = $1 SUBSEP $2 }
function uses(mod, times, i, part) {
    total_of[mod] += times
    for (i = 1; i <= nkids[mod]; i++) {
        split(kids[mod, i], part, SUBSEP)
        if (part[1] in seen) uses(part[1], times * part[2])
    }
}
# All that is below `mod`, into the sums of `into`.
function below(mod, times, into, i, part) {
    lut[into] += times * lut[mod]; lutram[into] += times * lutram[mod]; ff[into] += times * ff[mod]
    dsp[into] += times * dsp[mod]; carry[into] += times * carry[mod]; bram[into] += times * bram[mod]
    for (i = 1; i <= nkids[mod]; i++) {
        split(kids[mod, i], part, SUBSEP)
        if (part[1] in seen) below(part[1], times * part[2], into)
    }
}
function record(name, n, m) {
    printf "%-18s x%-3d %7d %7d %5d %7d %7d %7.1f\n", name, n, lut[m], lutram[m], dsp[m], ff[m], carry[m], bram[m]
    printf "{\"family\":\"%s\",\"bus\":%d,\"codecs\":%d,\"flat\":%d,\"module\":\"%s\",\"instances\":%d,\"lut\":%d,\"lutram\":%d,\"ff\":%d,\"dsp\":%d,\"bram\":%.1f,\"carry\":%d,\"seconds\":%d}\n", \
        family, bus, codecs, flat, name, n, lut[m], lutram[m], ff[m], dsp[m], bram[m], carry[m], seconds >>json
}
END {
    printf "%s BusW=%d Codecs=%d%s (%d s)\n", family, bus, codecs, flat == 1 ? " flattened" : "", seconds
    printf "%-18s %-4s %7s %7s %5s %7s %7s %7s\n", "module", "n", "lut", "lutram", "dsp", "ff", "carry", "bram"
    if (flat == 1 || modules == 1) {
        record("TOTAL", 1, order[1])
    } else {
        for (i = 1; i <= modules; i++) if (label[order[i]] == top) uses(order[i], 1)
        for (i = 1; i <= modules; i++) {
            b = label[order[i]]
            # the variants of a module (fifo) as one line: all their instances together
            if (!(b in lines)) { lines[b] = 1; names[++n_names] = b }
            k = total_of[order[i]]
            sum_n[b] += k
            same[b] = (b in first) && first[b] != order[i] ? 0 : (b in first ? same[b] : 1)
            if (!(b in first)) first[b] = order[i]
            lut["all " b] += k * lut[order[i]]; lutram["all " b] += k * lutram[order[i]]; ff["all " b] += k * ff[order[i]]
            dsp["all " b] += k * dsp[order[i]]; carry["all " b] += k * carry[order[i]]; bram["all " b] += k * bram[order[i]]
        }
        for (i = 1; i <= n_names; i++) record(names[i], sum_n[names[i]], "all " names[i])
        record("TOTAL", 1, "TOTAL")
        # what the top is made of, each with everything below it
        for (t = 1; t <= modules; t++) if (label[order[t]] == top)
            for (i = 1; i <= nkids[order[t]]; i++) {
                split(kids[order[t], i], part, SUBSEP)
                if (!(part[1] in seen)) continue
                b = "with:" label[part[1]]
                below(part[1], part[2], b)
                record(b, part[2], b)
            }
    }
}
