#!/usr/bin/env bash
# Installs the binary given, the systemd unit and an empty configuration folder. With DESTDIR set,
# below that folder, as for a package: then neither root nor systemd is needed.
set -euo pipefail
binary=${1:?usage: [DESTDIR=FOLDER] install.sh PATH-TO-SLUICE}
here=$(cd "$(dirname "$0")" && pwd)
destination=${DESTDIR:-}

if [ -z "$destination" ] && [ "$(id -u)" -ne 0 ]; then
    echo "installing writes to /usr/local and /etc: run it as root, or set DESTDIR" >&2
    exit 1
fi

install -D -m 0755 "$binary" "$destination/usr/local/sbin/sluice"
install -D -m 0644 "$here/sluice.service" "$destination/etc/systemd/system/sluice.service"
install -d -m 0755 "$destination/etc/sluice"
if [ -z "$destination" ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
echo "installed $destination/usr/local/sbin/sluice and sluice.service"
if [ ! -e "$destination/etc/sluice/sluice.toml" ]; then
    echo "next: write /etc/sluice/sluice.toml, check it with" \
        "'sluice check -c /etc/sluice/sluice.toml', then 'systemctl enable --now sluice'"
fi
