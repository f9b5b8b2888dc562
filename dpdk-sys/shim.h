/* Functions that DPDK defines as static inlines or thread-local variables, given a symbol. */
#ifndef SLUICE_DPDK_SHIM_H
#define SLUICE_DPDK_SHIM_H

#include <rte_ethdev.h>
#include <rte_mbuf.h>

/* rte_errno of the calling thread. */
int shim_errno(void);
/* rte_lcore_id(): LCORE_ID_ANY for a thread EAL does not know. */
unsigned int shim_lcore_id(void);
/* rte_get_tsc_cycles(). */
uint64_t shim_tsc(void);

struct rte_mbuf *shim_pktmbuf_alloc(struct rte_mempool *pool);
int shim_pktmbuf_alloc_bulk(struct rte_mempool *pool, struct rte_mbuf **mbufs, unsigned int count);
void shim_pktmbuf_free(struct rte_mbuf *mbuf);
int shim_pktmbuf_linearize(struct rte_mbuf *mbuf);

/* The complete burst functions, which also run the callbacks installed on a queue. */
uint16_t shim_eth_rx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count);
uint16_t shim_eth_tx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count);

/* Does nothing; a program that calls it is linked with the setsockopt of setsockopt.c. */
void shim_keep_fragments(void);

/* Links a fresh segment behind the packet; 0, or -EOVERFLOW. Used by tests of chained packets. */
int shim_pktmbuf_chain(struct rte_mbuf *head, struct rte_mbuf *tail);

#endif
