//! The help text.

pub(super) const HELP: &str = "\
Usage: conntrack [commands] [options]

Commands:
  -L [table] [options]    list connections or expectations
  -G [table] parameters   show one of them
  -D [table] parameters   delete connections, or an expectation
  -U parameters           change connections: their mark, timeout, status or state
  -I parameters           create a connection: -p, -t, -s and -d or -r and -q, and what its protocol has
  -A parameters           the same, where there is none yet
  -E [table] [options]    follow events until interrupted
  -F [table]              delete every connection or expectation
  -C [table]              count them
  -S                      what happened to connections, a line for each worker
  -h, -V                  this help; the version spoken

Tables: conntrack, expect

Options (as conntrack-tools 1.4.7):
  -s, --src, --orig-src IP[/LEN]   source of the original direction
  -d, --dst, --orig-dst IP[/LEN]   destination of the original direction
  -r, --reply-src IP[/LEN]         source of the reply direction
  -q, --reply-dst IP[/LEN]         destination of the reply direction
  --mask-src MASK, --mask-dst MASK masks for -s and -d
  -p, --proto PROTOCOL             tcp, udp, icmp, icmpv6, sctp, … or a number
  -f, --family ipv4|ipv6
  -n, --src-nat [IP[:PORT]]        connections with translated source; of a new one: what it becomes
  -g, --dst-nat [IP[:PORT]]        connections with translated destination
  -j, --any-nat [IP[:PORT]]        either
  -m, --mark MARK[/MASK]           -w, --zone ZONE
  --orig-zone ZONE, --reply-zone ZONE  zones of one direction alone
  -u, --status ASSURED,SEEN_REPLY,EXPECTED,UNREPLIED
  -t, --timeout SECONDS            (-U, -I, -A)
  -o, --output extended,id,timestamp,xml,save
  -e, --event-mask NEW,UPDATES,DESTROY,ALL
  -z, --zero                       zero counters while listing
After -p tcp, udp, sctp, dccp or udplite:
  --sport, --orig-port-src PORT    --dport, --orig-port-dst PORT
  --reply-port-src PORT            --reply-port-dst PORT
  --state STATE                    (tcp, sctp)
  --orig-vtag TAG, --reply-vtag TAG    (sctp, -I and -A)
After -p icmp or icmpv6:
  --icmp-type, --icmp-code, --icmp-id N   (--icmpv6-… likewise)
";
