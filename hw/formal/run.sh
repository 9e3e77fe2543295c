#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the proofs of proofs.txt, or the mutants.
# usage: run.sh proofs [NAME...]     one line a proof; exit 1 if one fails
#        run.sh sby [NAME...]        writes the proofs for SymbiYosys
#        run.sh mutants [NAME...]    each planted bug must be caught; exit 1 if one survives
# environment: QUICK=1 only the quick tier; FORMAL_BUILD where to work; RTL_DIR the RTL
#              FORMAL_TIMEOUT seconds a proof (100)
set -u

here=$(cd "$(dirname "$0")" && pwd)
rtl=${RTL_DIR:-$here/../rtl}
build=${FORMAL_BUILD:-build/formal}
limit=${FORMAL_TIMEOUT:-300}
table=$here/proofs.txt
mkdir -p "$build" || exit 1

trim() { printf '%s' "$1" | sed 's/^ *//; s/ *$//'; }
now() { date +%s.%N; }

# Proves one line of the table on the RTL in $1; result in $status: PASS, FAIL, ERROR or TIMEOUT.
prove() {
    dir=$1; name=$2; mode=$3; depth=$4; top=$5; params=$6; files=$7; work=$8
    mkdir -p "$work"
    list=
    for f in $files; do
        case $f in
        f:*) list="$list $here/${f#f:}" ;;
        *) list="$list $dir/$f" ;;
        esac
    done
    set_params=
    for p in $params; do
        [ "$p" = - ] && continue
        set_params="$set_params -chparam ${p%%=*} ${p#*=}"; done
    define=PROVE_$(printf '%s' "$name" | tr 'a-z-' 'A-Z_')
    read_cmd="read_verilog -sv -formal -D $define $dir/core/seedbed_pkg.sv $list; hierarchy -check -top $top$set_params"
    # A name that is not declared would give free logic, and an assertion on free logic means nothing.
    strict="-e implicitly.declared -e no.driver"
    status=ERROR
    case $mode in
    bits | flow)
        if [ "$mode" = flow ]; then
            # once for each value of Coef: with a symbolic one the solver is lost
            status=PASS
            for v in $depth; do
                timeout "$limit" yosys -q $strict -p "$read_cmd -chparam Coef $v; prep -flatten -nordff -top $top; opt -full; \
                    dffunmap; techmap -map $here/flow.v; opt -full; check -assert; sat -prove-asserts -verify" >"$work/log" 2>&1
                rc=$?
                [ $rc = 0 ] && continue
                status=ERROR
                if [ $rc = 124 ]; then status=TIMEOUT
                elif grep -q "proof did fail\|model found: FAIL" "$work/log"; then status=FAIL
                fi
                return
            done
            return
        else
            go="opt -full; check -assert"
            i=0
            while [ "$i" -lt "$depth" ]; do go="$go; sat -verify -prove ok_o[$i] 1'b1"; i=$((i + 1)); done
        fi
        timeout "$limit" yosys -q $strict -p "$read_cmd; prep -flatten -nordff -top $top; $go" >"$work/log" 2>&1
        rc=$?
        if [ $rc = 0 ]; then status=PASS
        elif [ $rc = 124 ]; then status=TIMEOUT
        elif grep -q "proof did fail\|model found: FAIL" "$work/log"; then status=FAIL
        fi
        return ;;
    esac
    timeout "$limit" yosys -q $strict -p "$read_cmd; prep -flatten -nordff -top $top; memory_map; opt -full; async2sync; \
        dffunmap; write_smt2 -wires $work/model.smt2" >"$work/log" 2>&1 || return
    case $mode in
    bmc) flags="-t $depth" ;;
    induct) flags="-t ${depth#*:}"; depth=${depth%:*} ;;
    esac
    rm -f "$work/cex.vcd"
    timeout "$limit" yosys-smtbmc -s z3 --unroll --noprogress --presat $flags --dump-vcd "$work/cex.vcd" "$work/model.smt2" >"$work/log.bmc" 2>&1
    rc=$?
    [ $rc = 124 ] && { status=TIMEOUT; return; }
    grep -q 'Status: FAILED' "$work/log.bmc" && { status=FAIL; return; }
    grep -q 'Status: PASSED' "$work/log.bmc" || return
    if [ "$mode" = induct ]; then
        timeout "$limit" yosys-smtbmc -s z3 --unroll --noprogress -i -t "$depth" --dump-vcd "$work/cex.vcd" "$work/model.smt2" >"$work/log.ind" 2>&1
        rc=$?
        [ $rc = 124 ] && { status=TIMEOUT; return; }
        grep -q 'Status: FAILED' "$work/log.ind" && { status=FAIL; return; }
        grep -q 'Status: PASSED' "$work/log.ind" || return
    fi
    status=PASS
}

bound_text() {
    case $1 in
    bmc) echo "$2 cycles" ;;
    induct) echo unbounded ;;
    bits | flow) echo "all inputs" ;;
    esac
}

wanted() { # is $1 among the names after it (no names: all)?
    who=$1; shift
    [ $# = 0 ] && return 0
    for n in "$@"; do [ "$n" = "$who" ] && return 0; done
    return 1
}

# Each line of the table in turn, as pname, tier, mode, ...
parse() {
    pname=$(trim "$(printf '%s' "$1" | cut -d'|' -f1)")
    ptier=$(trim "$(printf '%s' "$1" | cut -d'|' -f2)")
    pmode=$(trim "$(printf '%s' "$1" | cut -d'|' -f3)")
    pdepth=$(trim "$(printf '%s' "$1" | cut -d'|' -f4)")
    ptop=$(trim "$(printf '%s' "$1" | cut -d'|' -f5)")
    pparams=$(trim "$(printf '%s' "$1" | cut -d'|' -f6)")
    pfiles=$(trim "$(printf '%s' "$1" | cut -d'|' -f7)")
    pwhat=$(trim "$(printf '%s' "$1" | cut -d'|' -f8)")
}

bad=0
count=0
lines=$build/lines
case ${1:-} in
proofs)
    shift
    grep -v '^#' "$table" >"$lines"
    while IFS= read -r line <&3; do
        parse "$line"
        wanted "$pname" "$@" || continue
        [ "${QUICK:-0}" = 1 ] && [ "$ptier" != quick ] && continue
        t0=$(now)
        prove "$rtl" "$pname" "$pmode" "$pdepth" "$ptop" "$pparams" "$pfiles" "$build/$pname"
        t1=$(now)
        count=$((count + 1))
        printf '%-7s %-10s %-11s %6.1f s  %s\n' "$status" "$pname" "$(bound_text "$pmode" "$pdepth")" \
            "$(echo "$t1 - $t0" | bc 2>/dev/null || echo 0)" "$pwhat"
        printf '%s|%s|%s|%s\n' "$pname" "$status" "$(bound_text "$pmode" "$pdepth")" "$(echo "$t1 - $t0" | bc 2>/dev/null)" \
            >"$build/$pname/result"
        if [ "$status" != PASS ]; then
            bad=$((bad + 1))
            tail -n 4 "$build/$pname"/log* | sed 's/^/        /'
            [ -f "$build/$pname/cex.vcd" ] && echo "        trace: $build/$pname/cex.vcd"
        fi
    done 3<"$lines"
    ;;
mutants)
    shift
    for m in "$here"/mutants/*.sed; do
        id=$(basename "$m" .sed)
        proof=${id%%.*}
        wanted "$proof" "$@" || wanted "$id" "$@" || continue
        line=$(grep -v '^#' "$table" | grep "^$proof *|")
        [ -n "$line" ] || { echo "ERROR   $id: no proof named $proof"; bad=$((bad + 1)); continue; }
        parse "$line"
        file=$(sed -n 's/^# file: *//p' "$m")
        bug=$(sed -n 's/^# bug: *//p' "$m")
        copy=$build/mutant/$id
        rm -rf "$copy" && mkdir -p "$copy" && cp -r "$rtl" "$copy/rtl"
        sed -f "$m" "$rtl/$file" >"$copy/rtl/$file"
        if cmp -s "$rtl/$file" "$copy/rtl/$file"; then
            echo "ERROR   $id: the recipe changes nothing in $file"
            bad=$((bad + 1))
            continue
        fi
        t0=$(now)
        prove "$copy/rtl" "$pname" "$pmode" "$pdepth" "$ptop" "$pparams" "$pfiles" "$copy/work"
        t1=$(now)
        count=$((count + 1))
        case $status in
        FAIL) verdict=caught ;;
        PASS) verdict=SURVIVED; bad=$((bad + 1)) ;;
        *) verdict=$status; bad=$((bad + 1)); tail -n 3 "$copy/work"/log* ;;
        esac
        printf '%-8s %-22s %6.1f s  %s\n' "$verdict" "$id" "$(echo "$t1 - $t0" | bc 2>/dev/null || echo 0)" "$bug"
    done
    ;;
sby)
    shift
    # One .sby a proof, relative to the repository root, for those who have SymbiYosys.
    mkdir -p "$build/sby"
    root=$(cd "$here/../.." && pwd)
    grep -v '^#' "$table" >"$lines"
    while IFS= read -r line <&3; do
        parse "$line"
        wanted "$pname" "$@" || continue
        case $pmode in bmc | induct) ;; *) continue ;; esac
        out=$build/sby/$pname.sby
        set_params=
        for p in $pparams; do [ "$p" = - ] || set_params="$set_params -chparam ${p%%=*} ${p#*=}"; done
        names=seedbed_pkg.sv
        paths=$root/hw/rtl/core/seedbed_pkg.sv
        for f in $pfiles; do
            case $f in f:*) path=$here/${f#f:} ;; *) path=$root/hw/rtl/$f ;; esac
            names="$names $(basename "$path")"
            paths="$paths
$path"
        done
        define=PROVE_$(printf '%s' "$pname" | tr 'a-z-' 'A-Z_')
        {
            printf '[options]\n'
            if [ "$pmode" = bmc ]; then printf 'mode bmc\ndepth %s\n' "$pdepth"
            else printf 'mode prove\ndepth %s\n' "${pdepth%:*}"; fi
            printf '\n[engines]\nsmtbmc --unroll z3\n\n[script]\nread_verilog -sv -formal -D %s %s\n' "$define" "$names"
            printf 'hierarchy -check -top %s%s\nprep -flatten -nordff -top %s\nmemory_map\n\n[files]\n%s\n' \
                "$ptop" "$set_params" "$ptop" "$paths"
        } >"$out"
        count=$((count + 1))
        echo "$out"
    done 3<"$lines"
    ;;
*)
    sed -n '3,8s/^# //p' "$0" >&2
    exit 2
    ;;
esac
[ "$count" -gt 0 ] || { echo "nothing ran"; exit 1; }
echo "formal: $count run, $bad bad"
[ "$bad" = 0 ]
