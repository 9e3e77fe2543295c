# SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
# Packages the core as a Vitis RTL kernel (ap_ctrl_hs), a .xo file for v++.
#   vivado -mode batch -source package_kernel.tcl -tclargs RTL_DIR KERNEL_SV TOP_V PORTS PART WORK_DIR XO
# RTL_DIR: hw/rtl; KERNEL_SV: its wrapper for PORTS ports (hw/kernel.sh); TOP_V: what top.sh printed; WORK_DIR: scratch, emptied.

if {[llength $argv] != 7} {
    error "usage: package_kernel.tcl RTL_DIR KERNEL_SV TOP_V PORTS PART WORK_DIR XO"
}
lassign $argv rtl_dir kernel_sv top_v ports part work_dir xo
set kernel seedbed_kernel

# Name, offset, bits, and the AXI master of a pointer ("" for a scalar): docs/device.md, "As a Vitis kernel".
proc master {p ports} {
    return [expr {$ports == 1 ? "m_axi_gmem" : "m_axi_gmem$p"}]
}
set arguments [list \
    [list commands    0x010 64 [master 0 $ports]] \
    [list count       0x01C 32 ""] \
    [list port_stride 0x024 64 ""]]
for {set p 1} {$p < $ports} {incr p} {
    lappend arguments [list port$p [format 0x%03X [expr {0x180 + 8 * ($p - 1)}]] 64 [master $p $ports]]
}

# --- sources: the package first, the wrapper for this number of ports instead of the one for one -------------------------
set package [file join $rtl_dir core seedbed_pkg.sv]
set sources [list $package]
foreach file [lsort [glob -directory $rtl_dir */*.sv]] {
    if {$file ne $package && [file tail $file] ne "seedbed_kernel.sv"} {
        lappend sources $file
    }
}
lappend sources $kernel_sv $top_v

file delete -force $work_dir
create_project -force seedbed $work_dir/project -part $part
add_files -norecurse $sources
set_property top seedbed_top [current_fileset]
update_compile_order -fileset sources_1

# --- the IP ----------------------------------------------------------------------------------------------------------------
ipx::package_project -root_dir $work_dir/ip -vendor seedbed -library RTLKernel -taxonomy /KernelIP -import_files -set_current true
set core [ipx::current_core]
set_property name $kernel $core
set_property version 1.0 $core
set_property display_name $kernel $core
set_property core_revision 1 $core
set_property sdx_kernel true $core
set_property sdx_kernel_type rtl $core
set_property supported_families {} $core
set_property auto_family_support_level level_2 $core

for {set p 0} {$p < $ports} {incr p} {
    ipx::associate_bus_interfaces -busif [master $p $ports] -clock ap_clk $core
}
ipx::associate_bus_interfaces -busif s_axi_control -clock ap_clk $core

# --- registers -------------------------------------------------------------------------------------------------------------
set map [ipx::add_memory_map s_axi_control $core]
set_property slave_memory_map_ref s_axi_control [ipx::get_bus_interfaces s_axi_control -of_objects $core]
set block [ipx::add_address_block reg0 $map]
set_property range 4096 $block
set_property width 32 $block

proc add_register {block name offset bits} {
    set reg [ipx::add_register $name $block]
    set_property address_offset $offset $reg
    set_property size $bits $reg
    return $reg
}
set ctrl [add_register $block CTRL 0x000 32]
foreach {field bit access} {AP_START 0 read-write AP_DONE 1 read-only AP_IDLE 2 read-only AP_READY 3 read-only} {
    set f [ipx::add_field $field $ctrl]
    set_property bit_offset $bit $f
    set_property bit_width 1 $f
    set_property access $access $f
}
add_register $block GIER 0x004 32
add_register $block IP_IER 0x008 32
add_register $block IP_ISR 0x00C 32
foreach argument $arguments {
    lassign $argument name offset bits busif
    set reg [add_register $block $name $offset $bits]
    if {$busif ne ""} {
        set parameter [ipx::add_register_parameter ASSOCIATED_BUSIF $reg]
        set_property value $busif $parameter
    }
}

ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::check_integrity -kernel $core
ipx::save_core $core
close_project

file delete -force $xo
package_xo -xo_path $xo -kernel_name $kernel -ip_directory $work_dir/ip -ctrl_protocol ap_ctrl_hs
puts "seedbed: $xo"
