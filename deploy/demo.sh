#!/usr/bin/env bash
# Two hosts in network namespaces, Sluice between them on DPDK, real programs talking through it.
# Everything made here bears this script's process id and is removed again, whatever happens.
#
# usage: demo.sh PATH-TO-SLUICE   (as root; `make demo` builds and calls it)
set -euo pipefail
sluice=$(realpath "${1:?usage: demo.sh PATH-TO-SLUICE}")

if [ "$(id -u)" -ne 0 ]; then
    echo "the demo makes network namespaces: run it as root" >&2
    exit 1
fi

client=sluicedemo-$$-client router=sluicedemo-$$-router server=sluicedemo-$$-server
work=$(mktemp -d)
gateway=
started=()

clean_up() {
    local code=$?
    trap - EXIT INT TERM
    if [ "$code" -ne 0 ]; then
        printf '\nThe demo stopped early (exit code %s). The gateway said:\n' "$code"
        tail -n 20 "$work/sluice.log" 2>/dev/null || true
    fi
    if [ -n "$gateway" ]; then
        kill "$gateway" 2>/dev/null || true
        for _ in {1..100}; do kill -0 "$gateway" 2>/dev/null || break; sleep 0.1; done
        kill -KILL "$gateway" 2>/dev/null || true
    fi
    [ ${#started[@]} -eq 0 ] || kill "${started[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    for namespace in "$client" "$router" "$server"; do
        ip netns delete "$namespace" 2>/dev/null || true
    done
    rm -rf "$work"
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

at() { ip netns exec "$@"; }
ask() { "$sluice" -S "unix:$work/sluice.sock" "$@"; }
bold= plain=
[ ! -t 1 ] || { bold=$'\033[1m' plain=$'\033[0m'; }
step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
# Runs a command at a host, shown as its user would type it, its output indented.
show() {
    local host=$1 name=${1##*-}
    shift
    printf '  %s$ %s\n' "$name" "$*"
    at "$host" "$@" 2>&1 | sed 's/^/    /'
}

# cable INTERFACE ROUTER-MAC HOST: a veth pair. Offloads off: a veth peer sends incomplete
# checksums otherwise. The router's end gets no address: Sluice owns it.
cable() {
    ip -n "$router" link add "$1" address "$2" type veth peer name eth0 netns "$3"
    at "$router" sysctl -qw "net.ipv6.conf.$1.disable_ipv6=1"
    ip -n "$router" link set "$1" up
    ip -n "$3" link set eth0 up
    at "$router" ethtool -K "$1" tx off rx off tso off gso off gro off >/dev/null
    at "$3" ethtool -K eth0 tx off rx off tso off gso off gro off >/dev/null
}

# A web server that says whom it sees.
web() {
    ip netns exec "$1" python3 - "$2" <<'PYTHON' >/dev/null 2>&1 &
import http.server, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page = f"Hello from the {sys.argv[1]}. You came from {self.client_address[0]}.\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)
http.server.ThreadingHTTPServer(("0.0.0.0", 80), Page).serve_forever()
PYTHON
    started+=($!)
    for _ in {1..50}; do
        [ -z "$(at "$1" ss -Hltn 'sport = :80')" ] || return 0
        sleep 0.1
    done
    echo "the web server of the $2 did not start" >&2
    return 1
}

for namespace in "$client" "$router" "$server"; do
    ip netns add "$namespace"
    ip -n "$namespace" link set lo up
done
cable lan0 02:00:00:00:01:01 "$client"
cable wan0 02:00:00:00:02:01 "$server"
ip -n "$client" addr add 10.1.0.2/16 dev eth0
ip -n "$client" route add default via 10.1.0.1
ip -n "$server" addr add 192.168.1.9/24 dev eth0

cat >"$work/sluice.toml" <<TOML
[gateway]
workers = 1
state = "$work/state"
[[interface]]
name = "lan0"
device = "af_packet:lan0"
mac = "02:00:00:00:01:01"
address = ["10.1.0.1/16"]
[[interface]]
name = "wan0"
device = "af_packet:wan0"
mac = "02:00:00:00:02:01"
address = ["192.168.1.146/24"]
[rules]
iptables = "$work/rules.v4"
[api]
listen = ["unix:$work/sluice.sock"]
[sysctl]
"net.ipv4.ip_forward" = 1
TOML
cat >"$work/rules.v4" <<'RULES'
*nat
-A PREROUTING -i wan0 -p tcp --dport 8080 -j DNAT --to-destination 10.1.0.2:80
-A POSTROUTING -s 10.1.0.0/16 -o wan0 -j MASQUERADE
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i lan0 -j ACCEPT
-A FORWARD -i wan0 -d 10.1.0.2 -p tcp --dport 80 -j ACCEPT
COMMIT
RULES

cat <<'PICTURE'

   client                     Sluice                      server
   10.1.0.2  ------ lan0  10.1.0.1 | 192.168.1.146  wan0 ------  192.168.1.9

The server has no route to 10.1.0.0/16: it can answer only what Sluice translates.
These are the rules, in netfilter's own words:

PICTURE
grep '^-A' "$work/rules.v4" | sed 's/^/    /'

step "1. Sluice starts: one worker polls both interfaces through DPDK."
ip netns exec "$router" "$sluice" run -c "$work/sluice.toml" >"$work/sluice.log" 2>&1 &
gateway=$!
for _ in {1..150}; do
    ask stats >/dev/null 2>&1 && break
    kill -0 "$gateway" 2>/dev/null || exit 1
    sleep 0.2
done
ask stats >/dev/null
web "$server" server
web "$client" client

step "2. The client pings the server, and the answers come back."
show "$client" ping -q -c 5 -i 0.2 -W 2 192.168.1.9 | grep -v '^ *$\|^ *PING\|^ *---'

step "3. MASQUERADE: the server sees the gateway, never the client."
show "$client" curl -sS -m 10 http://192.168.1.9/

step "4. DNAT: port 8080 of the gateway is the client's web server."
show "$server" curl -sS -m 10 http://192.168.1.146:8080/

step "5. Everything else from outside stays outside (this curl must fail)."
ip -n "$server" route add 10.1.0.0/16 via 192.168.1.146
if show "$server" curl -sS -m 2 http://10.1.0.2:81/; then
    echo "the firewall let a connection through" >&2
    exit 1
fi

step "6. iperf3, three seconds each way."
for direction in out back; do
    ip netns exec "$server" iperf3 -s -1 >"$work/iperf3.log" 2>&1 &
    started+=($!)
    for _ in {1..50}; do
        [ -z "$(at "$server" ss -Hltn 'sport = :5201')" ] || break
        sleep 0.1
    done
    reverse=()
    [ "$direction" = out ] || reverse=(-R)
    show "$client" iperf3 -c 192.168.1.9 -t 3 -f m "${reverse[@]}" | grep '\$\|receiver'
done

step "7. The live connection table: each line holds both sides of a translation."
echo "  gateway\$ sluice conntrack -L"
ask conntrack -L 2>/dev/null >"$work/table"
head -n 12 "$work/table" | sed 's/^/    /'

step "8. Every packet is accounted for."
ask stats --json | python3 -c '
import json, sys
stats = json.load(sys.stdin)
def total(name):
    return sum(int(worker.get(name) or 0) for worker in stats["workers"])
print("    received {:,} + made here {:,} = sent {:,} + for the gateway {:,} + dropped {:,}".format(
    *map(total, ("rx", "originated", "tx", "local", "dropped"))))
for reason, count in sorted(stats["drops"].items()):
    if int(count):
        print(f"      dropped: {int(count):,} {reason}")'

kill -TERM "$gateway"
code=0
wait "$gateway" || code=$?
gateway=
[ "$code" -eq 0 ] || { echo "Sluice ended with exit code $code" >&2; exit 1; }
step "Sluice stopped cleanly. Hosts, cables and files are gone again."
