#!/usr/bin/env bash
# Runs everything that can run here and says what it left out. Called by `make test`.
# Two lanes run side by side, for most sections keep one core busy at most; what measures time comes after them, alone.
# SECTIONS="lint unit molecule:network" runs only those. The output of a section is in .lab/test/<section>.log.
set -uo pipefail
cd "$(dirname "$0")/.."

export PATH=$PWD/.venv/bin:$PATH
export ANSIBLE_NOCOLOR=1 NO_COLOR=1 PY_COLORS=0 COLUMNS=160
logs=$PWD/.lab/test
rm -rf "$logs"
mkdir -p "$logs"
began=$SECONDS

wanted() { # name
  [[ -z ${SECTIONS:-} || " $SECTIONS " == *" $1 "* || " $SECTIONS " == *" ${1%%:*} "* ]]
}

section() { # name, command…: its output only where it fails
  local name=$1 begun=$SECONDS
  shift
  wanted "$name" || return 0
  if [[ -n ${CI:-} && $((SECONDS - began)) -gt 4200 ]]; then
    left_out "$name" "70 minutes are over, and CI ends the run after 90"
    return 0
  fi
  if "$@" >"$logs/$name.log" 2>&1 </dev/null; then
    echo "$name: passed ($((SECONDS - begun)) s)" | tee -a "$logs/results"
  else
    tail -n 150 "$logs/$name.log" | sed "s/^/$name| /"
    echo "$name: FAILED ($((SECONDS - begun)) s)" | tee -a "$logs/results"
  fi
}

left_out() { # name, reason
  wanted "$1" && echo "$1: left out, $2" | tee -a "$logs/results"
}

scenario() { # a molecule scenario; one of its steps that is missing is a failure too
  molecule test -s "$1" && ! grep -q "missing=[1-9]" "$logs/molecule:$1.log"
}

scenarios() { # api or root: the scenarios that need only the emulated API, or containers
  local config name
  for config in molecule/*/molecule.yml; do
    name=$(basename "$(dirname "$config")")
    if [[ $1 == root && -f molecule/$name/needs-root ]]; then
      if [[ $(id -u) -eq 0 ]]; then
        section "molecule:$name" scenario "$name"
      else
        left_out "molecule:$name" "its machines are containers, which need root"
      fi
    elif [[ $1 == api && ! -f molecule/$name/needs-root ]]; then
      section "molecule:$name" scenario "$name"
    fi
  done
}

with_api() { # command…: with an emulated API of the lane's own, when any scenario is wanted
  if wanted molecule || [[ ${SECTIONS:-} == *molecule:* ]]; then
    python -m lab up --level api
    "$@"
    python -m lab down
  fi
}

api_lane() {
  export LAB_PORT=5599 LAB_STATE_DIR=$logs/api-lane
  section lint make --no-print-directory lint
  section unit python -m pytest tests/unit
  section warm python -m pytest tests/integration/warm
  with_api scenarios api
  section options python -m pytest tests/integration/options
  section adoption python -m pytest tests/integration/adoption
}

host_lane() {
  export LAB_PORT=5598 LAB_STATE_DIR=$logs/host-lane
  section story python -m pytest -m "not slow" tests/integration/three_tier
  with_api scenarios root
}

api_lane &
host_lane &
wait

# There is one lab with machines at a time, and both want the machine to themselves: hosts sends requests, machines takes times.
for part in hosts machines; do
  if [[ $(id -u) -eq 0 ]]; then
    section $part python -m pytest -s tests/integration/$part
  else
    left_out $part "the lab's machines are containers, which need root"
  fi
done

touch "$logs/results"
passed=$(grep -c ': passed' "$logs/results") failed=$(grep -c ': FAILED' "$logs/results") skipped=$(grep -c ': left out' "$logs/results")
grep ': FAILED' "$logs/results"
echo "$passed passed, $failed failed, $skipped left out, in $(((SECONDS - began) / 60)) min $(((SECONDS - began) % 60)) s"
[[ $failed -eq 0 && $passed -gt 0 ]]
