#!/usr/bin/env bash
# Installs Autobahn's test suite for WebSockets below the given folder: the last program here that needs Python 2.7, in a
# virtual environment of its own. Where there is none, it leaves a word in `missing` for the test, which says so; under CI
# that is a failure.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
suite="$(mkdir -p "$1" && cd "$1" && pwd)/autobahn"
wanted="$here/requirements.txt"

! cmp -s "$wanted" "$suite/requirements.txt" || exit 0

missing() {
    mkdir -p "$suite"
    echo "$1" >"$suite/missing"
    echo "NOT INSTALLED: Autobahn: $1" >&2
    [ -z "${CI:-}" ] || exit 1
    exit 0
}

# A python2.7 may be a version manager's that has none behind it, so each is tried.
works() { [ -n "$1" ] && "$1" -c 'import sys, ssl, zlib; sys.exit(sys.version_info[:2] != (2, 7))' >/dev/null 2>&1; }
python=
for candidate in "${PYTHON27:-}" "$(command -v python2.7 || true)" "$(command -v python2 || true)" \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7.*/bin/python2.7 /usr/local/bin/python2.7 /opt/python2.7/bin/python2.7; do
    if works "$candidate"; then
        python="$candidate"
        break
    fi
done
[ -n "$python" ] || missing "it needs Python 2.7, and there is none: install one (pyenv install 2.7.18) or set PYTHON27"

echo "installing Autobahn's test suite with $python"
rm -rf "$suite"
mkdir -p "$suite"
log="$suite.log"
{
    "$python" -m pip --version || "$python" -m ensurepip --user
    timeout 300 "$python" -m pip install --target "$suite/virtualenv" virtualenv==20.15.1
    PYTHONPATH="$suite/virtualenv" "$python" -m virtualenv "$suite/environment"
    timeout 600 "$suite/environment/bin/pip" install -r "$wanted"
    "$suite/environment/bin/wstest" --autobahnversion
} >"$log" 2>&1 || missing "it could not be installed with $python: $log says why"
cp "$wanted" "$suite/requirements.txt"
