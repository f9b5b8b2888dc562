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

/* As many queues as an af_packet port has at most (RTE_PMD_AF_PACKET_MAX_RINGS is 16). */
#define SHIM_RING_SOCKETS 16
/* The packet sockets that the calling thread has given a receive ring since the last call; how many. Ports
 * whose opening failed leave descriptors behind that are closed by now. */
unsigned int shim_take_ring_sockets(int sockets[SHIM_RING_SOCKETS]);
/* Frames that found the socket's ring full since the last call: PACKET_STATISTICS, which begins anew each time. */
unsigned int shim_ring_drops(int socket);

/* Links a fresh segment behind the packet; 0, or -EOVERFLOW. Used by tests of chained packets. */
int shim_pktmbuf_chain(struct rte_mbuf *head, struct rte_mbuf *tail);

#endif
