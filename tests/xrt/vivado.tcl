# SPDX-License-Identifier: Apache-2.0
# Vivado's commands as far as hw/boards/xilinx uses them, for tclsh: each records itself on one line of standard output ("CALL
# name {arguments}"), and refuses options and numbers of arguments that the command does not have.
#   tclsh vivado.tcl SCRIPT ARGUMENT...

# name: options with a value, options without, least and most other arguments, result ("%" stands for the first of those)
set commands {
    create_project               {-part} {-force} 2 2 project
    add_files                    {-fileset} {-norecurse} 1 1 files
    set_property                 {} {} 3 3 {}
    current_fileset              {} {} 0 0 sources_1
    update_compile_order         {-fileset} {} 0 0 {}
    ipx::package_project         {-root_dir -vendor -library -taxonomy -set_current} {-import_files} 0 0 {}
    ipx::current_core            {} {} 0 0 core
    ipx::associate_bus_interfaces {-busif -clock} {} 1 1 {}
    ipx::add_memory_map          {} {} 2 2 map:%
    ipx::get_bus_interfaces      {-of_objects} {} 1 1 busif:%
    ipx::add_address_block       {} {} 2 2 block:%
    ipx::add_register            {} {} 2 2 register:%
    ipx::add_field               {} {} 2 2 field:%
    ipx::add_register_parameter  {} {} 2 2 parameter:%
    ipx::create_xgui_files       {} {} 1 1 {}
    ipx::update_checksums        {} {} 1 1 {}
    ipx::check_integrity         {} {-kernel} 1 1 {}
    ipx::save_core               {} {} 1 1 {}
    close_project                {} {} 0 0 {}
    package_xo                   {-xo_path -kernel_name -ip_directory -ctrl_protocol} {} 0 0 {}
}

proc record {name valued plain least most result arguments} {
    puts [list CALL $name {*}$arguments]
    set rest {}
    for {set i 0} {$i < [llength $arguments]} {incr i} {
        set a [lindex $arguments $i]
        if {$a in $valued} {
            if {[incr i] >= [llength $arguments]} { error "$name: $a wants a value" }
        } elseif {[string match -* $a] && ![string is double $a]} {
            if {$a ni $plain} { error "$name: unknown option $a" }
        } else {
            lappend rest $a
        }
    }
    if {[llength $rest] < $least || [llength $rest] > $most} { error "$name: [llength $rest] arguments: $rest" }
    # A parameter belongs to its register: the name says which.
    if {$name eq "ipx::add_register_parameter"} { return parameter:[lindex $rest 1] }
    return [string map [list % [lindex $rest 0]] $result]
}

namespace eval ipx {}
foreach {name valued plain least most result} $commands {
    proc $name args "record $name [list $valued] [list $plain] $least $most [list $result] \$args"
}

set script [lindex $argv 0]
set argv [lrange $argv 1 end]
set argc [llength $argv]
set f [open $script]
if {![info complete [read $f]]} { error "$script: braces or quotes do not close" }
close $f
source $script
