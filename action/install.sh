#!/usr/bin/env bash
# Puts the program into SLUICEGATE_INTO: a released binary, held against its SHA-256, or one that is built here.
set -euo pipefail

version="${SLUICEGATE_VERSION#v}"
into="$SLUICEGATE_INTO"

refuse() {
    printf 'error: %s\n' "$*" >&2
    exit 2
}

if [ "$version" = source ]; then
    command -v cargo >/dev/null || refuse "Rust is not installed, and \`version: source\` needs it"
    exec cargo install --locked --path "$SLUICEGATE_SOURCE" --root "$into" --force
fi
[[ "$version" =~ ^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.-]+)?$ ]] || refuse "\`$version\` is no version; write one such as 0.1.0"

case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) target=x86_64-unknown-linux-musl ;;
    Linux-aarch64 | Linux-arm64) target=aarch64-unknown-linux-musl ;;
    Darwin-arm64) target=aarch64-apple-darwin ;;
    Darwin-x86_64) target=x86_64-apple-darwin ;;
    MINGW*-x86_64 | MSYS*-x86_64) target=x86_64-pc-windows-msvc ;;
    *) refuse "there is no released binary for $(uname -s) on $(uname -m); write \`version: source\`" ;;
esac

archive="sluicegate-$version-$target.tar.gz"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

fetch() {
    curl --fail --silent --show-error --location --retry 3 --output "$work/$1" "$SLUICEGATE_RELEASES/v$version/$1" ||
        refuse "$SLUICEGATE_RELEASES/v$version/$1 cannot be fetched"
}

sum() {
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

fetch "$archive"
expected="${SLUICEGATE_SHA256:-}"
if [ -z "$expected" ]; then
    fetch SHA256SUMS
    expected="$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' "$work/SHA256SUMS")"
    [ -n "$expected" ] || refuse "the release's SHA256SUMS does not name $archive"
fi
found="$(sum "$work/$archive")"
[ "$found" = "$expected" ] || refuse "$archive has the SHA-256 $found, and $expected was expected: nothing is installed"

mkdir -p "$into/bin"
tar -xzf "$work/$archive" -C "$into/bin"
"$into/bin/sluicegate" --version
