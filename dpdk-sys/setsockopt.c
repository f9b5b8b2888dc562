/* af_packet joins its sockets to a fanout group with PACKET_FANOUT_FLAG_DEFRAG, which has the kernel
 * reassemble fragments before the gateway sees them, and offers no argument against it. A gateway must
 * forward fragments in the sizes they came in, so the flag is taken out of that one call on its way.
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

int setsockopt(int socket, int level, int name, const void *value, socklen_t length)
{
	unsigned int fanout;

	if (level == SOL_PACKET && name == PACKET_FANOUT && length == sizeof(fanout)) {
		memcpy(&fanout, value, sizeof(fanout));
		fanout &= ~((unsigned int)PACKET_FANOUT_FLAG_DEFRAG << 16);
		value = &fanout;
	}
	return (int)syscall(SYS_setsockopt, socket, level, name, value, length);
}
