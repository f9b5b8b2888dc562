/* af_packet joins its sockets to a fanout group with PACKET_FANOUT_FLAG_DEFRAG, which has the kernel
 * reassemble fragments before the gateway sees them, and offers no argument against it. A gateway must
 * forward fragments in the sizes they came in, so the flag is taken out of that one call on its way.
 *
 * It also gives out no descriptor of its sockets, and only through these the kernel tells how many frames
 * found a receive ring full. A socket is known by the call that gives it its ring.
 *
 * This definition comes before libc's in symbol resolution; every other call passes unchanged. */
#define _GNU_SOURCE
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim.h"

void shim_keep_fragments(void) {}

/* Sockets that were given a receive ring by this thread, and were not asked for yet. */
static __thread int ring_sockets[SHIM_RING_SOCKETS];
static __thread unsigned int ring_count;

unsigned int shim_take_ring_sockets(int sockets[SHIM_RING_SOCKETS])
{
	unsigned int count = ring_count;

	memcpy(sockets, ring_sockets, count * sizeof(int));
	ring_count = 0;
	return count;
}

unsigned int shim_ring_drops(int socket)
{
	struct tpacket_stats told = { 0 };
	socklen_t length = sizeof(told);

	return getsockopt(socket, SOL_PACKET, PACKET_STATISTICS, &told, &length) ? 0 : told.tp_drops;
}

int setsockopt(int socket, int level, int name, const void *value, socklen_t length)
{
	unsigned int fanout;

	if (level == SOL_PACKET && name == PACKET_FANOUT && length == sizeof(fanout)) {
		memcpy(&fanout, value, sizeof(fanout));
		fanout &= ~((unsigned int)PACKET_FANOUT_FLAG_DEFRAG << 16);
		value = &fanout;
	}
	if (level == SOL_PACKET && name == PACKET_RX_RING && ring_count < SHIM_RING_SOCKETS)
		ring_sockets[ring_count++] = socket;
	return (int)syscall(SYS_setsockopt, socket, level, name, value, length);
}
