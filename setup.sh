#!/bin/sh
# Makes .venv with everything Terrace, its lab and its tests need. No root. Safe to run again: does nothing when up to date.
set -eu
cd "$(dirname "$0")"

stamp=.venv/.terrace-setup
wanted=$(cat requirements.txt requirements-dev.txt constraints.txt setup.sh | cksum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && .venv/bin/python -c '' 2>/dev/null; then
  echo "setup: .venv is up to date"
  exit 0
fi

# A name on the PATH may be a shim that answers for no version, so every candidate is run before it is believed.
usable='import sys, venv, ensurepip; sys.exit(not sys.version_info >= (3, 12))'
python=
for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 \
  "$HOME"/.pyenv/versions/3.14.*/bin/python3 "$HOME"/.pyenv/versions/3.13.*/bin/python3 \
  "$HOME"/.pyenv/versions/3.12.*/bin/python3 "$HOME"/.local/share/uv/python/cpython-3.1[2-9].*/bin/python3 \
  /opt/python*/bin/python3 /usr/local/bin/python3.1[2-9]; do
  if "$candidate" -c "$usable" >/dev/null 2>&1; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "setup: Python 3.12 or later with its venv module is missing; install it (Debian 13, Ubuntu 24.04: apt install python3-venv) or name one: make setup PYTHON=/path/to/python3.13" >&2
  exit 1
fi

echo "setup: making .venv with $("$python" --version)"
rm -f "$stamp"
"$python" -m venv --clear .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
  --constraint constraints.txt --requirement requirements-dev.txt
# Compiled now, what every run would else compile again where Python may not write its caches; of the many collections in
# the package ansible only those Terrace uses.
unused='ansible_collections/(?!(amazon/aws|community/aws|community/crypto|community/postgresql|kubernetes/core|ansible/posix)/)'
.venv/bin/python -m compileall -q -j 0 -x "$unused" .venv/lib >/dev/null 2>&1 || true
printf '%s' "$wanted" >"$stamp"
echo "setup: done; the collections come with the package ansible, see requirements.yml"
