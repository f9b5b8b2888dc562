//! `CT --helper`: which helpers there are for which protocol, and how they are written.

use super::*;

const LINES: [&str; 42] = [
    "-t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp",
    "-t raw -A PREROUTING -p udp --dport 69 -j CT --helper tftp",
    "-t raw -A OUTPUT -p tcp -j CT --helper ftp --zone 5",
    "-t raw -A OUTPUT -p tcp -j CT --zone-orig mark --helper ftp",
    "-t raw -A OUTPUT -p udp -j CT --ctevents new,destroy --helper tftp",
    "-t raw -A OUTPUT -p udp -j CT --helper tftp --expevents new",
    "-t raw -A OUTPUT -p tcp -j CT --helper ftp --notrack",
    "-t raw -A OUTPUT -p tcp -j CT --helper nope --notrack",
    "-t raw -A PREROUTING -p udp -j CT --helper ftp",
    "-t raw -A PREROUTING -p tcp -j CT --helper tftp",
    "-t raw -A PREROUTING -p sctp -j CT --helper ftp",
    "-t raw -A PREROUTING ! -p tcp -j CT --helper ftp",
    "-t raw -A PREROUTING -p all -j CT --helper ftp",
    "-t raw -A PREROUTING -j CT --helper ftp",
    "-t raw -A PREROUTING -p tcp -j CT --helper nope",
    "-t raw -A PREROUTING -p tcp -j CT --helper ft",
    "-t raw -A PREROUTING -p tcp -j CT --helper ftp-21",
    "-t raw -A PREROUTING -p tcp -j CT --helper FTP",
    "-t raw -A PREROUTING -p tcp -j CT --helper ''",
    "-t raw -A PREROUTING -p tcp -j CT --helper",
    "-t raw -A PREROUTING -p tcp -j CT ! --helper ftp",
    "-t raw -A PREROUTING -p tcp -j CT --helper ftp --helper ftp",
    "-t raw -A PREROUTING -p tcp -j CT --helper abcdefghijklmnopqrstuvwxyz",
    "-t raw -A PREROUTING -p tcp -j CT --helper irc",
    "-t raw -A PREROUTING -p udp -j CT --helper irc",
    "-t raw -A PREROUTING -p tcp -j CT --helper sip",
    "-t raw -A PREROUTING -p udp -j CT --helper sip",
    "-t raw -A PREROUTING -p tcp -j CT --helper pptp",
    "-t raw -A PREROUTING -p udp -j CT --helper amanda",
    "-t raw -A PREROUTING -p tcp -j CT --helper sane",
    "-t raw -A PREROUTING -p udp -j CT --helper snmp",
    "-t raw -A PREROUTING -p udp -j CT --helper snmp_trap",
    "-t raw -A PREROUTING -p tcp -j CT --helper snmp_trap",
    "-t raw -A PREROUTING -p udp -j CT --helper netbios-ns",
    "-t raw -A PREROUTING -p tcp -j CT --helper Q.931",
    "-t raw -A PREROUTING -p udp -j CT --helper RAS",
    "-A INPUT -p tcp -j CT --helper ftp",
    "-t mangle -A PREROUTING -p tcp -j CT --helper ftp",
    "-t raw -N own ; -t raw -A own -p tcp -j CT --helper ftp ; -t raw -A PREROUTING -j own",
    "-t raw -A OUTPUT -p tcp -j CT --helper ftp ; -t raw -C OUTPUT -p tcp -j CT --helper ftp",
    "-t raw -A OUTPUT -p tcp -j CT --helper ftp ; -t raw -D OUTPUT -p tcp -j CT --helper ftp",
    "-t raw -A OUTPUT -p tcp -j CT --helper ftp ; -t raw -R OUTPUT 1 -p udp -j CT --helper ftp",
];

#[test]
fn helpers() {
    check_both(&LINES);
}
