# Recipes for daily work; `just` alone lists them.

_default:
    @just --list

# Build the program
build:
    cargo build --locked

# Run every test
test:
    cargo test --locked

# Format the code
fmt:
    cargo fmt --all

# Lint, warnings denied
lint:
    cargo clippy --all-targets --locked -- -D warnings

# Build the library's documentation, warnings denied
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked

# Rewrite what derives from the code: docs/rules.md, docs/cli.md and the two JSON Schemas
regenerate:
    SLUICEGATE_REGENERATE=1 cargo test --locked --test it generated

# Build the Python package's wheel, install it in a clean environment, and run its tests
python:
    .ci/python

# What CI runs
ready:
    .ci/run
