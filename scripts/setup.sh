#!/usr/bin/env bash
# Installs what `make demo` and `make test` need beside Rust: Debian packages and a Python environment. Quick when all is there.
# `setup.sh demo` needs a C compiler and OpenSSL's headers; `setup.sh test` also PostgreSQL, Chromium and the real clients of the tests;
# `setup.sh bench` a load generator too.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-test}
venv=${SISS_VENV:-$HOME/.cache/siss/venv}

# A program that must be there, and the Debian package that brings it.
missing=()
needed=(cc:build-essential pkg-config:pkg-config node:nodejs npm:npm)
[ -e /usr/include/openssl/cms.h ] || missing+=(libssl-dev)
# PNG files of charts are drawn with a font of the machine.
[ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || missing+=(fonts-dejavu-core)
if [ "$what" != demo ]; then
  needed+=(psql:postgresql-client xmllint:libxml2-utils chromium:chromium java:default-jre-headless)
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
fi
[ "$what" != bench ] || needed+=(wrk:wrk)
for pair in "${needed[@]}"; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "setup: installing ${missing[*]}" >&2
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  export DEBIAN_FRONTEND=noninteractive
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
# npm packages (the style of the pages; the judges of pages in tests), complete when they carry the very lock they were made from.
node_packages() {
  cmp -s "$1/package-lock.json" "$1/node_modules/.siss-lock" && return
  echo "setup: npm packages of $1" >&2
  npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  cp "$1/package-lock.json" "$1/node_modules/.siss-lock"
}
node_packages api/static
command -v cargo >/dev/null || { echo 'setup: cargo is missing; install Rust (rustup reads rust-toolchain.toml)' >&2; exit 1; }
[ "$what" != demo ] || exit 0
node_packages tests/node
node_packages tests/openapi

# The environment is complete when it carries the very list it was made from.
wanted=tests/python/requirements.txt
if ! cmp -s "$wanted" "$venv/requirements.txt"; then
  echo "setup: Python environment in $venv" >&2
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
  cp "$wanted" "$venv/requirements.txt"
fi
