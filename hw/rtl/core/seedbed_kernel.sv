// SPDX-License-Identifier: Apache-2.0 WITH SHL-2.1
// Vitis "RTL kernel" wrapper: seedbed_core under the port names that packaging tools look for.
// Printed by hw/kernel.sh 1: change that.
//
// Parameters: those of seedbed_core. Control: ap_ctrl_hs at s_axi_control (docs/device.md).

module seedbed_kernel #(
  parameter int         BusW        = 512,
  parameter int         ActW        = 16,
  parameter int         ActCap      = 65536,
  parameter int         Outstanding = 8,
  parameter int         Prefetch    = 0,
  parameter logic [3:0] Codecs      = 4'b1111,
  parameter int         MaxBatch    = 16,
  parameter int         Attention   = 0,
  parameter int         AttnRows    = 4,
  parameter int         AttnKeys    = 16384,
  parameter int         Vector      = 0,
  parameter bit         Style       = 1'b1
) (
  input  logic                ap_clk,
  input  logic                ap_rst_n,
  input  logic                s_axi_control_AWVALID,
  output logic                s_axi_control_AWREADY,
  input  logic [11:0]         s_axi_control_AWADDR,
  input  logic                s_axi_control_WVALID,
  output logic                s_axi_control_WREADY,
  input  logic [31:0]         s_axi_control_WDATA,
  input  logic [3:0]          s_axi_control_WSTRB,
  output logic                s_axi_control_BVALID,
  input  logic                s_axi_control_BREADY,
  output logic [1:0]          s_axi_control_BRESP,
  input  logic                s_axi_control_ARVALID,
  output logic                s_axi_control_ARREADY,
  input  logic [11:0]         s_axi_control_ARADDR,
  output logic                s_axi_control_RVALID,
  input  logic                s_axi_control_RREADY,
  output logic [31:0]         s_axi_control_RDATA,
  output logic [1:0]          s_axi_control_RRESP,
  output logic                m_axi_gmem_ARVALID,
  input  logic                m_axi_gmem_ARREADY,
  output logic [63:0]         m_axi_gmem_ARADDR,
  output logic [7:0]          m_axi_gmem_ARLEN,
  output logic [2:0]          m_axi_gmem_ARSIZE,
  output logic [1:0]          m_axi_gmem_ARBURST,
  input  logic                m_axi_gmem_RVALID,
  output logic                m_axi_gmem_RREADY,
  input  logic [BusW-1:0]     m_axi_gmem_RDATA,
  input  logic [1:0]          m_axi_gmem_RRESP,
  input  logic                m_axi_gmem_RLAST,
  output logic                m_axi_gmem_AWVALID,
  input  logic                m_axi_gmem_AWREADY,
  output logic [63:0]         m_axi_gmem_AWADDR,
  output logic [7:0]          m_axi_gmem_AWLEN,
  output logic [2:0]          m_axi_gmem_AWSIZE,
  output logic [1:0]          m_axi_gmem_AWBURST,
  output logic                m_axi_gmem_WVALID,
  input  logic                m_axi_gmem_WREADY,
  output logic [BusW-1:0]     m_axi_gmem_WDATA,
  output logic [BusW/8-1:0]   m_axi_gmem_WSTRB,
  output logic                m_axi_gmem_WLAST,
  input  logic                m_axi_gmem_BVALID,
  output logic                m_axi_gmem_BREADY,
  input  logic [1:0]          m_axi_gmem_BRESP,
  // The name is fixed by Vitis.
  /* verilator lint_off SYMRSVDWORD */
  output logic                interrupt
  /* verilator lint_on SYMRSVDWORD */
);

  localparam logic [2:0] Size = 3'($clog2(BusW / 8));

  assign m_axi_gmem_ARSIZE  = Size;
  assign m_axi_gmem_AWSIZE  = Size;
  assign m_axi_gmem_ARBURST = 2'b01;  // INCR
  assign m_axi_gmem_AWBURST = 2'b01;

  seedbed_core #(
    .BusW       (BusW),
    .ActW       (ActW),
    .ActCap     (ActCap),
    .Outstanding(Outstanding),
    .Prefetch   (Prefetch),
    .Codecs     (Codecs),
    .MaxBatch   (MaxBatch),
    .Attention  (Attention),
    .AttnRows   (AttnRows),
    .AttnKeys   (AttnKeys),
    .Vector     (Vector),
    .Style      (Style),
    .Ports      (1)
  ) u_core (
    .clk_i      (ap_clk),
    .rst_ni     (ap_rst_n),
    .irq_o      (interrupt),
    .s_awvalid_i (s_axi_control_AWVALID),
    .s_awready_o (s_axi_control_AWREADY),
    .s_awaddr_i  (s_axi_control_AWADDR),
    .s_wvalid_i  (s_axi_control_WVALID),
    .s_wready_o  (s_axi_control_WREADY),
    .s_wdata_i   (s_axi_control_WDATA),
    .s_wstrb_i   (s_axi_control_WSTRB),
    .s_bvalid_o  (s_axi_control_BVALID),
    .s_bready_i  (s_axi_control_BREADY),
    .s_bresp_o   (s_axi_control_BRESP),
    .s_arvalid_i (s_axi_control_ARVALID),
    .s_arready_o (s_axi_control_ARREADY),
    .s_araddr_i  (s_axi_control_ARADDR),
    .s_rvalid_o  (s_axi_control_RVALID),
    .s_rready_i  (s_axi_control_RREADY),
    .s_rdata_o   (s_axi_control_RDATA),
    .s_rresp_o   (s_axi_control_RRESP),
    .m_arvalid_o (m_axi_gmem_ARVALID),
    .m_arready_i (m_axi_gmem_ARREADY),
    .m_araddr_o  (m_axi_gmem_ARADDR),
    .m_arlen_o   (m_axi_gmem_ARLEN),
    .m_rvalid_i  (m_axi_gmem_RVALID),
    .m_rready_o  (m_axi_gmem_RREADY),
    .m_rdata_i   (m_axi_gmem_RDATA),
    .m_rresp_i   (m_axi_gmem_RRESP),
    .m_rlast_i   (m_axi_gmem_RLAST),
    .m_awvalid_o (m_axi_gmem_AWVALID),
    .m_awready_i (m_axi_gmem_AWREADY),
    .m_awaddr_o  (m_axi_gmem_AWADDR),
    .m_awlen_o   (m_axi_gmem_AWLEN),
    .m_wvalid_o  (m_axi_gmem_WVALID),
    .m_wready_i  (m_axi_gmem_WREADY),
    .m_wdata_o   (m_axi_gmem_WDATA),
    .m_wstrb_o   (m_axi_gmem_WSTRB),
    .m_wlast_o   (m_axi_gmem_WLAST),
    .m_bvalid_i  (m_axi_gmem_BVALID),
    .m_bready_o  (m_axi_gmem_BREADY),
    .m_bresp_i   (m_axi_gmem_BRESP)
  );

endmodule
