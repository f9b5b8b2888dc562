#!/usr/bin/env bash
# Installs the binary given, the systemd unit and an empty configuration folder.
set -euo pipefail
binary=${1:?usage: install.sh PATH-TO-SLUICE}
here=$(cd "$(dirname "$0")" && pwd)

if [ "$(id -u)" -ne 0 ]; then
    echo "installing writes to /usr/local and /etc: run it as root" >&2
    exit 1
fi

install -D -m 0755 "$binary" /usr/local/sbin/sluice
install -D -m 0644 "$here/sluice.service" /etc/systemd/system/sluice.service
install -d -m 0755 /etc/sluice
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
echo "installed /usr/local/sbin/sluice and sluice.service"
if [ ! -e /etc/sluice/sluice.toml ]; then
    echo "next: write /etc/sluice/sluice.toml, check it with" \
        "'sluice check -c /etc/sluice/sluice.toml', then 'systemctl enable --now sluice'"
fi
