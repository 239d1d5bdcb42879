# run needs only a Rust toolchain. test installs what else it needs: Chromium, Java and Maven from the system's packages,
# Node, Python and Go packages below target/.

TOOLS := target/tools
PYTHON := $(TOOLS)/python/bin/python
BUF := $(TOOLS)/node/node_modules/.bin/buf

.PHONY: run test attack model fuzz fmt lint tools client codes

# A bridge with the bundled schema, a page to look at, and something going on.
run:
	cargo run --release -- demo

# Everything that must hold.
test: tools lint model
	cargo test
	cargo build
	$(PYTHON) -m pytest tests/e2e
	$(PYTHON) -m pytest tests/attack

# What hostile peers can cost, at length: a table of what was measured in seven minutes on the build that is deployed. As
# root it also cuts a peer's network, in namespaces of its own.
attack: tools model
	cargo build --release
	PROFILE=release $(PYTHON) -m pytest tests/attack/long_*.py

# The hub's locks and wake-ups under a model checker, in a build of its own below target/.
model:
	RUSTFLAGS="--cfg rialto_model" cargo test --lib --target-dir target/model -- hub::tests::model

# Fuzzes every target for TIME seconds; needs a nightly compiler and cargo-fuzz.
fuzz:
	TIME=$(or $(TIME),60) fuzz/run.sh

# The playground's script: to be made anew when src/demo/page, proto/ or clients/typescript/src has changed.
client: tools
	cargo build
	node clients/typescript/scripts/page.mjs target/debug/rialto

# The tables of docs/ that the program knows itself, and what the TypeScript runtime knows of codes: to be made anew when
# codes, metrics or limits have changed; then the client, too.
codes:
	cargo run --quiet --example tables

fmt:
	cargo fmt
	cargo fmt --manifest-path examples/publishers/rust/Cargo.toml
	cargo fmt --manifest-path fuzz/Cargo.toml

# Buf is one of the Node packages; the rest of the tools is for tests.
lint:
	@tests/e2e/tools.sh $(TOOLS) node
	cargo fmt --check
	cargo fmt --check --manifest-path examples/publishers/rust/Cargo.toml
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --no-deps --quiet
	$(BUF) lint

tools:
	@tests/e2e/tools.sh $(TOOLS)
