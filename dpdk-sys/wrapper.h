/* Everything of DPDK that Rust sees. build.rs names the items to bind; shim.h adds the inlines. */
#include <rte_config.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#ifdef SLUICE_BASELINES
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_hash.h>
#endif
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_version.h>

#include "shim.h"
