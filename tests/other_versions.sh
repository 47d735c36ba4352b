#!/usr/bin/env bash
# The tests of the warm connection with other versions of Python and ansible-core than those of .venv, as far as the Pythons are
# here; each in a venv of its own in .cache/versions, with the collections of .venv. Part of `make test-slow`.
# VERSIONS="3.12:2.20.10" runs only that.
set -uo pipefail
cd "$(dirname "$0")/.."

export ANSIBLE_NOCOLOR=1 NO_COLOR=1 PY_COLORS=0
failed=0
for pair in ${VERSIONS:-3.12:2.21.5 3.12:2.20.10 3.11:2.19.14}; do
  version=${pair%:*} core=${pair#*:} home=.cache/versions/${pair/:/-}
  for python in "python$version" "$HOME/.pyenv/versions/$version".*/bin/python3; do
    "$python" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" 2>/dev/null && break
    python=
  done
  if [[ -z $python ]]; then
    echo "warm with Python $version and ansible-core $core: left out, there is no Python $version"
    continue
  fi
  "$python" -m venv "$home" &&
    "$home/bin/pip" install --quiet --disable-pip-version-check "ansible-core==$core" --requirement requirements.txt \
      $(grep -E '^(pytest|ansible-runner)==' requirements-dev.txt) &&
    ln -sfn "$(realpath .venv/lib/python*/site-packages/ansible_collections)" "$home/lib/python$version/site-packages/ansible_collections" &&
    "$home/bin/python" -m pytest --quiet --no-header tests/integration/warm
  result=$?
  echo "warm with Python $version and ansible-core $core: $([[ $result -eq 0 ]] && echo passed || echo FAILED)"
  ((failed += result != 0))
done
exit $((failed > 0))
