#!/usr/bin/env bash
# Runs everything that can run here and says what it left out. Called by `make test`.
# Two lanes run side by side, for most sections keep one core busy at most: one has all that needs machines, and both take the rest.
# SECTIONS="lint unit molecule:network" runs only those. The output of a section is in .lab/test/<section>.log.
set -uo pipefail
cd "$(dirname "$0")/.."

export PATH=$PWD/.venv/bin:$PATH
export ANSIBLE_NOCOLOR=1 NO_COLOR=1 PY_COLORS=0 COLUMNS=160
export PYTEST_ADDOPTS="--durations=20 --durations-min=2"
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

run() { # a section by its name
  case $1 in
  lint) section lint make --no-print-directory lint ;;
  gates) section gates tests/gates.sh ;;
  unit) section unit python -m pytest tests/unit ;;
  story) section story python -m pytest -m "not slow" tests/integration/three_tier ;;
  hosts | machines | recovery) section "$1" python -m pytest -s -m "not slow" "tests/integration/$1" ;;
  molecule:*) section "$1" scenario "${1#molecule:}" ;;
  *) section "$1" python -m pytest "tests/integration/$1" ;;
  esac
}

# What needs machines: one after the other, for there is one lab with machines at a time. And what does not. The longest first.
with_machines=(hosts) without=(story warm gates unit lint options adoption)
for config in molecule/*/molecule.yml; do
  name=$(basename "$(dirname "$config")")
  if [[ -f molecule/$name/needs-root ]]; then with_machines+=("molecule:$name"); else without+=("molecule:$name"); fi
done
with_machines+=(machines recovery)
if [[ $(id -u) -ne 0 ]]; then
  for name in "${with_machines[@]}"; do left_out "$name" "its machines are containers, which need root"; done
  with_machines=()
fi

printf '%s\n' "${without[@]}" >"$logs/queue"
next() { # take the next section that needs no machines; fails when none is left
  flock "$logs/queue.lock" bash -c 'head -n 1 "$0" && sed -i 1d "$0"' "$logs/queue"
}

lane() { # name, sections of its own: those, then what the queue still holds; with an emulated API of its own for the scenarios
  local name
  export LAB_STATE_DIR=$logs/$1
  if wanted molecule || [[ ${SECTIONS:-} == *molecule:* ]]; then python -m lab up --level api; fi
  for name in "${@:2}"; do run "$name"; done
  while name=$(next) && [[ -n $name ]]; do run "$name"; done
  python -m lab down
}

LAB_PORT=5599 lane api-lane &
LAB_PORT=5598 lane machines-lane "${with_machines[@]}" &
wait

touch "$logs/results"
passed=$(grep -c ': passed' "$logs/results") failed=$(grep -c ': FAILED' "$logs/results") skipped=$(grep -c ': left out' "$logs/results")
grep ': FAILED' "$logs/results"
# What failed, once more and shortly, at the end, where it is looked for.
for name in $(sed -n 's/: FAILED.*//p' "$logs/results"); do
  grep -E '^(FAILED|ERROR|CRITICAL|fatal:|E  ) ?' "$logs/$name.log" | cut -c 1-400 | tail -n 6 | sed "s/^/$name| /"
done
echo "$passed passed, $failed failed, $skipped left out, in $(((SECONDS - began) / 60)) min $(((SECONDS - began) % 60)) s"
[[ $failed -eq 0 && $passed -gt 0 ]]
