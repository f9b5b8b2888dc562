# Sluice: everything a person or a CI machine types.
#
#   make demo     two hosts, Sluice between them on DPDK, real traffic; cleans up after itself
#   make bench    how fast it is, against others, as JSON and HTML in target/bench; QUICK=1 under 3 minutes
#   make test     every test: unit, property, differential, end-to-end
#
# Both install what Debian 12 lacks. Root is needed for that, and for network namespaces; without it
# sudo is used.

SHELL := /bin/bash
.DEFAULT_GOAL := build

CARGO ?= cargo
TARGET_DIR := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
SUDO := $(if $(filter 0,$(shell id -u)),,$(shell command -v sudo))
# Only the tests that make network namespaces run as root; the build never does.
HOST_TRIPLE = $(shell rustc -vV | sed -n 's/^host: //p')
RUNNER_VARIABLE = CARGO_TARGET_$(shell echo $(HOST_TRIPLE) | tr 'a-z-' 'A-Z_')_RUNNER
AS_ROOT = $(if $(SUDO),$(RUNNER_VARIABLE)="sudo -E")

# To build, to run, and to test against.
PACKAGES := libdpdk-dev dpdk clang libclang-dev pkg-config build-essential protobuf-compiler \
	iproute2 ethtool procps \
	iptables ipset conntrack iperf3 curl iputils-ping traceroute tcpdump dnsmasq-base \
	bind9-dnsutils python3

.PHONY: deps build release demo test test-units test-network test-differential test-end-to-end soak bench bench-check lint clean install

deps:
	@deploy/install-packages.sh $(PACKAGES)

build: deps
	$(CARGO) build --workspace

# Optimised: slow to build, so only what is measured or shown asks for it.
release: deps
	$(CARGO) build --release -p sluice

demo: release
	$(SUDO) deploy/demo.sh "$(TARGET_DIR)/release/sluice"

test: test-units test-network

# Whatever is built for tests is built with `--workspace`: another choice of packages is another choice of their
# dependencies' features, and would compile nearly everything once more.
test-units: deps
	$(CARGO) test --workspace

# The tests start the gateway that lies beside them, so it is built first.
test-network: test-differential test-end-to-end

# TESTS="nat::hairpin::kernel ..." runs these alone.
ONE_AT_A_TIME = --test-threads=1 $(if $(TESTS),--exact $(TESTS))

# The same packets through Sluice, on one and on two workers, and through the kernel. Hosts and routers mostly wait for one
# another, so that two scenarios fit on a small machine; random rounds fill it by themselves, and the kernel's log has room
# for the lines of one.
ALONE = random:: logs:: short::
DIFFERENTIAL = $(AS_ROOT) $(CARGO) test --workspace --test differential --
test-differential: deps
	$(CARGO) build --workspace --bin sluice
ifdef TESTS
	$(DIFFERENTIAL) $(ONE_AT_A_TIME)
else
	@status=0; \
	$(DIFFERENTIAL) --test-threads=2 $(ALONE:%=--skip %) || status=$$?; \
	$(DIFFERENTIAL) --test-threads=1 $(ALONE) || status=$$?; \
	exit $$status
endif

# Real hosts in namespaces, through Sluice and through the kernel.
test-end-to-end: deps
	$(CARGO) build --workspace --bin sluice
	$(AS_ROOT) $(CARGO) test --workspace --test end_to_end -- $(ONE_AT_A_TIME)

# Ten minutes of TCP through the gateway: no error, and every buffer back in its pool. `make test` has
# the same for twenty seconds.
soak: deps
	$(CARGO) build --workspace --bin sluice
	SLUICE_SOAK_SECONDS=600 $(AS_ROOT) $(CARGO) test --workspace --test end_to_end -- \
		--test-threads=1 --nocapture soak::

# What benchmarks compare with, and count instructions with.
BENCH_PACKAGES := $(PACKAGES) dpdk-dev util-linux valgrind

# Measures what ships: the release profile of Cargo.toml, without flags of its own. QUICK=1 takes fewer
# rounds; ONLY="forward nat/new" takes the scenarios whose names begin so.
bench:
	@deploy/install-packages.sh $(BENCH_PACKAGES)
	$(CARGO) build --release -p sluice -p sluice-bench
	$(SUDO) "$(TARGET_DIR)/release/sluice-bench" suite $(if $(filter-out 0,$(QUICK)),--quick) \
		$(ONLY:%=--only %) --json "$(TARGET_DIR)/bench/report.json"

# Instructions per packet, which no busy neighbour disturbs, against those kept in the repository.
bench-check:
	@deploy/install-packages.sh $(BENCH_PACKAGES)
	$(CARGO) build --release -p sluice-bench
	"$(TARGET_DIR)/release/sluice-bench" check bench/instructions.json

lint: deps
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy --workspace --test differential --test end_to_end -- -D warnings

install: release
	$(if $(DESTDIR),,$(SUDO)) env DESTDIR="$(DESTDIR)" deploy/install.sh "$(TARGET_DIR)/release/sluice"

clean:
	$(CARGO) clean
