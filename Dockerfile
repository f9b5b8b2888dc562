# Sluice in a container.
#
# What it needs to run:
#   NET_ADMIN   TAP twins of the interfaces and their addresses
#   NET_RAW     af_packet devices
#   IPC_LOCK    packet memory that stays in place
#   SYS_NICE    workers pinned to cores
# and /dev/net/tun for the TAP twins. With `pci:` devices also /dev/vfio, and SYS_RAWIO and SYS_ADMIN
# (physical addresses of huge pages). Huge pages are used where /dev/hugepages is given.
#
#   docker run --network host --device /dev/net/tun \
#     --cap-drop ALL --cap-add NET_ADMIN --cap-add NET_RAW --cap-add IPC_LOCK --cap-add SYS_NICE \
#     -v /dev/hugepages:/dev/hugepages -v /etc/sluice:/etc/sluice:ro sluice

FROM rust:1.95-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libdpdk-dev clang libclang-dev pkg-config build-essential protobuf-compiler \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /sluice
COPY . .
RUN cargo build --release --locked -p sluice

FROM debian:12-slim
# `dpdk` has dpdk-devbind; the drivers are packages of their own.
RUN apt-get update \
    && apt-get install -y --no-install-recommends dpdk librte-meta-all iproute2 ethtool \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /sluice/target/release/sluice /usr/local/sbin/sluice
VOLUME ["/var/lib/sluice"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["sluice"]
CMD ["run", "-c", "/etc/sluice/sluice.toml"]
