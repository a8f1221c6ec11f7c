# `make` without a target lists the targets, with the text after ##.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

# A test that misses a tool is ignored, with the reason, and fails with STRICT=1. BROKER=embedded|real|all selects the broker
# for the whole-program tests: our own, a real Kafka, or both in turn.
STRICT ?=
BROKER ?= all
MINUTES ?= 10
RESTARTS ?= 20
FUZZ_SECONDS ?= 60
TESTS ?=
BROKERS = $(if $(filter all,$(BROKER)),embedded real,$(BROKER))
export STRICT BROKER

.PHONY: help build demo test check fmt fmt-check lint doc torture soak fuzz clients bench bench-broker bench-peers bench-link bench-web kafka-up kafka-down clean

help: ## this list
	@printf 'Recipes:\n'
	sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | awk -F '\t' '{ printf "%-18s %s\n", $$1, $$2 }'

build: ## build the programs (target/release) and what they need; the first build takes minutes
	@scripts/setup build run
	[ -d target/release/deps ] || echo 'Building for the first time: librdkafka, libjpeg-turbo and some 200 crates take minutes, once.'
	cargo build --release --locked
	echo 'Built target/release/vidprod, vidcons, vidchat, vidtopic and vidbroker.'

demo: build ## play samples/clip.mp4 into a window (or out/demo.png), end with the latency report
	@scripts/demo

# The programs are built first, because the tests of a package cannot make cargo build the binaries of another package; the tests
# are built with them, because their dependencies have more features, and would otherwise be compiled twice.
test: ## all tests, against both brokers, windows under Xvfb: BROKER=embedded|real|all picks, TESTS=name filters, STRICT=1 fails where a tool is missing
	@scripts/setup test
	scripts/kafka jars >/dev/null
	cargo build --locked --workspace --bins --tests
	# A filter that matches no test must not pass silently.
	if [ -n '$(TESTS)' ] && ! cargo test --locked --workspace -- --list $(TESTS) | grep -c ': test$$' >/dev/null; then
		echo 'no test has "$(TESTS)" in its name' >&2; exit 1
	fi
	cargo test --locked --workspace --exclude whole $(if $(TESTS),-- $(TESTS))
	for broker in $(BROKERS); do
		echo "Whole programs, BROKER=$$broker:"
		BROKER=$$broker cargo test --locked --workspace --test whole $(if $(TESTS),-- $(TESTS))
	done

check: fmt-check lint doc test ## what CI runs: formatting, lints, docs and all tests

fmt: ## format the code
	@cargo fmt --all

fmt-check:
	@cargo fmt --all --check

lint: ## clippy on everything, warnings are errors; names that repeat, circles of imports, what vidbroker may link
	@scripts/setup lint
	scripts/unique-names
	scripts/circles
	if cargo tree --locked -p broker -e normal --prefix none | grep -E '^(charts|plotters|image|turbojpeg) '; then
		echo 'vidbroker must not link charts and image codecs' >&2; exit 1
	fi
	cargo clippy --locked --workspace --all-targets -- -D warnings

doc: ## the documentation, warnings are errors
	@scripts/setup build
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --document-private-items

torture: build ## kill a real Kafka RESTARTS=20 times under six viewers and a producer; all must come back within 5 s
	@scripts/setup test
	scripts/kafka jars >/dev/null
	scripts/torture --restarts '$(RESTARTS)'

soak: build ## MINUTES=10 of 720p30; plots memory, CPU and latency into out/ and fails when memory grows, from 12 minutes on also when the others do
	@scripts/setup test
	scripts/soak --minutes '$(MINUTES)'

fuzz: ## FUZZ_SECONDS=60 each of fuzzing the broker's requests and its log; finds go to broker/corpus, which the tests replay
	@scripts/setup build
	cargo run --release --locked -p broker --example fuzz -- request '$(FUZZ_SECONDS)'
	cargo run --release --locked -p broker --example fuzz -- log '$(FUZZ_SECONDS)'

# Not part of check, because it takes about five minutes, and a test suite may be unavailable.
clients: build ## test suites of other people's clients (franz-go, kafka-python) against our broker and a real Kafka: BROKER picks
	@scripts/setup clients
	scripts/clients

# The machine should have nothing else to do.
bench: build ## the whole, its floor, Kafka by size, streams; results in benches/results, then the tables (vidbench readme)
	@scripts/setup test
	scripts/kafka jars >/dev/null
	mkdir -p benches/results
	target/release/vidbench run --window --seconds 8 --report benches/results/run.json
	target/release/vidbench floor --window --seconds 6 --report benches/results/floor.json
	target/release/vidbench kafka --acks all,1 --consumers 1 --seconds 5 --rounds 1 --report benches/results/kafka.json
	target/release/vidbench streams --seconds 5 --max 8 --rounds 1 --report benches/results/streams.json
	target/release/vidbench readme

# Takes seven minutes. The machine should have nothing else to do.
bench-broker: build ## the embedded broker against a real Kafka: latency of the hop, throughput (benches/results)
	@scripts/setup test
	scripts/kafka jars >/dev/null
	mkdir -p benches/results
	target/release/vidbench hop --report benches/results/broker.json | tee benches/results/broker.txt
	echo | tee -a benches/results/broker.txt
	target/release/vidbench throughput --report benches/results/broker-throughput.json | tee -a benches/results/broker.txt
	target/release/vidbench readme

# Takes about twenty-five minutes. The machine should have nothing else to do.
bench-peers: build ## vidprod and vidcons beside GStreamer, imagezmq and Python's Kafka clients, glass to glass (benches/results)
	@scripts/setup bench
	scripts/kafka jars >/dev/null || echo 'There is no real Kafka: its lines are left out.' >&2
	mkdir -p benches/results
	target/release/vidbench peers --report benches/results/peers.json | tee benches/results/peers.txt
	few=ours-real,ours-embedded,gstreamer
	target/release/vidbench peers --lines $$few --fps 60 --frames 720 --warm 120 --report benches/results/peers-60fps.json
	target/release/vidbench peers --lines $$few --size 1920x1080 --report benches/results/peers-1080p.json
	echo | tee -a benches/results/peers.txt
	target/release/vidbench peers --headless --report benches/results/peers-headless.json | tee -a benches/results/peers.txt
	target/release/vidbench readme

bench-web: build ## the page in Chromium beside a bare page; what clients of the page cost the window, and an attack (benches/results)
	@scripts/setup test
	scripts/kafka jars >/dev/null
	mkdir -p benches/results
	target/release/vidbench pages --window --attack --rounds 5 --report benches/results/pages.json
	target/release/vidbench browser --rounds 5 --report benches/results/browser.json
	target/release/vidbench readme

# LINK and BEHIND select lines, MORE adds options for vidprod.
bench-link: build ## live video over emulated links that are slow, far or unsteady: shown, dropped, ages; five minutes
	@BROKER=$(if $(filter all,$(BROKER)),embedded,$(BROKER)) cargo test --release --locked -p whole --test whole -- --ignored --nocapture figures_of_slow_links

kafka-up: ## start a real Kafka on 127.0.0.1:9092 (scripts/kafka has three nodes, other ports and Kafka's own tools)
	@scripts/kafka up

kafka-down: ## stop it
	@scripts/kafka down

clean: ## remove what was built and written (the Kafka jars and data in .kafka stay)
	@cargo clean
	rm -rf out
