#!/usr/bin/env bash
# Runs everything that can run here, one section after the other, and says what it left out. Called by `make test`.
# SECTIONS="lint unit" runs only those.
set -uo pipefail
cd "$(dirname "$0")/.."

bin=$PWD/.venv/bin
export PATH=$bin:$PATH LAB_PORT=${LAB_PORT:-5599} LAB_STATE_DIR=$PWD/.lab/test
export ANSIBLE_NOCOLOR=1 NO_COLOR=1 PY_COLORS=0 COLUMNS=160
passed=0 failed=0 skipped=0 failures=()

section() { # name, command…
  local name=$1 began=$SECONDS
  shift
  if [[ -n ${SECTIONS:-} && " $SECTIONS " != *" ${name%%:*} "* ]]; then
    return
  fi
  echo "=== $name"
  if "$@"; then
    passed=$((passed + 1))
    echo "=== $name: passed ($((SECONDS - began)) s)"
  else
    failed=$((failed + 1))
    failures+=("$name")
    echo "=== $name: FAILED ($((SECONDS - began)) s)"
  fi
}

left_out() { # name, reason
  if [[ -z ${SECTIONS:-} || " $SECTIONS " == *" ${1%%:*} "* ]]; then
    skipped=$((skipped + 1))
    echo "=== $1: left out, $2"
  fi
}

scenario() { # one molecule scenario; its output only where it fails
  local log=.lab/test/molecule-$1.log
  mkdir -p .lab/test
  if ! molecule test -s "$1" >"$log" 2>&1 || grep -q "missing=[1-9]" "$log"; then
    tail -n 150 "$log"
    return 1
  fi
}

section lint make --no-print-directory lint
section unit python -m pytest tests/unit

python -m lab up --level api
for config in molecule/*/molecule.yml; do
  name=$(basename "$(dirname "$config")")
  if [[ -f molecule/$name/needs-root && $(id -u) -ne 0 ]]; then
    left_out "molecule:$name" "its machines are containers, which need root"
  else
    section "molecule:$name" scenario "$name"
  fi
done
python -m lab down

section story python -m pytest -m "not slow" tests/integration/three_tier
section warm python -m pytest tests/integration/warm
if [[ $(id -u) -eq 0 ]]; then
  section machines python -m pytest tests/integration/machines
else
  left_out machines "the lab's machines are containers, which need root"
fi

[[ $failed -eq 0 ]] || printf 'failed: %s\n' "${failures[@]}"
echo "$passed passed, $failed failed, $skipped skipped"
[[ $failed -eq 0 ]]
