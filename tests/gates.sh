#!/usr/bin/env bash
# What the community asks of a collection, asked of the built artefact: ansible-test sanity, antsibull-docs, galaxy-importer.
# `tests/gates.sh site` builds the documentation site, in build/docs. Called by `make gates` and `make docs`.
set -euo pipefail
cd "$(dirname "$0")/.."

export PATH=$PWD/.venv/bin:$PATH
export ANSIBLE_NOCOLOR=1 NO_COLOR=1
# Only what the tests lay out counts, not every collection of the package ansible.
export ANSIBLE_COLLECTIONS_SCAN_SYS_PATH=false
cache=$PWD/.cache/gates
work=$(mktemp -d)
collection=$work/ansible_collections/terrace/aws
trap 'rm -rf "$work"' EXIT

artifact() { # builds it and unpacks it beside the collections it depends on
  ansible-galaxy collection build --output-path "$work" >/dev/null
  local name
  mkdir -p "$collection"
  tar -xzf "$work"/terrace-aws-*.tar.gz -C "$collection"
  for name in $(python -c 'import yaml; print(*yaml.safe_load(open("galaxy.yml"))["dependencies"])'); do
    mkdir -p "$work/ansible_collections/${name%.*}"
    ln -s "$(echo "$PWD"/.venv/lib/python3*/site-packages/ansible_collections)/${name/.//}" "$work/ansible_collections/${name/.//}"
  done
  export ANSIBLE_COLLECTIONS_PATH=$work
}

bootstrap() { # ansible-test installs pip with a script that it downloads; this one takes the pip that comes with Python
  local version
  version=$(python -c 'from ansible_test._internal import python_requirements as r
from types import SimpleNamespace
print(r.get_venv_packages(SimpleNamespace(version=""))["pip"].replace(".", "_"))')
  mkdir -p "$cache/home/.ansible/test/cache"
  # Its home is here, so that nothing of the user's own is touched; but pip's settings are the user's.
  ln -sfn "${XDG_CONFIG_HOME:-$HOME/.config}" "$cache/home/.config"
  ln -sfn "${XDG_CACHE_HOME:-$HOME/.cache}" "$cache/home/.cache"
  cat >"$cache/home/.ansible/test/cache/get_pip_$version.py" <<'PYTHON'
import ensurepip
import pathlib
import sys

[wheel] = pathlib.Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl")
sys.path.insert(0, str(wheel))
from pip._internal.cli.main import main

sys.exit(main(["install", *(each for each in sys.argv[1:] if not each.startswith("--no-"))]))
PYTHON
}

sanity() {
  bootstrap && cd "$collection" && HOME=$cache/home ansible-test sanity --color no \
    --python "$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
}

documentation() {
  antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs all "$collection"
}

importer() { # its ansible-lint is left to `make lint`, which is stricter; other collections' fragments are in the package ansible
  cd "$work" && ANSIBLE_COLLECTIONS_SCAN_SYS_PATH=true GALAXY_IMPORTER_RUN_ANSIBLE_LINT=false \
    python -m galaxy_importer.main terrace-aws-*.tar.gz 2>&1 | tee importer.log &&
    ! grep -E "^(WARNING|ERROR)" importer.log
}

site() {
  local made=$PWD/build/docs
  rm -rf "$made" && mkdir -p "$made/rst" && chmod -R go-w "$made" &&
    antsibull-docs sphinx-init --use-current --squash-hierarchy --dest-dir "$made" --project terrace.aws --title terrace.aws \
      --copyright "The Terrace developers" terrace.aws >/dev/null && cd "$made" &&
    cat >>conf.py <<'PYTHON' &&

# Where references to others' documentation lead is on the network, which building does not need. `make gates` checks them.
intersphinx_mapping = {}
nitpick_ignore_regex = [
    ('std:ref', r'ansible_collections\.(?!terrace\.aws\.).*'),
    ('std:ref', 'common_return_values|action_plugins|callback_plugins|ansible_configuration_settings'),
    ('std:envvar', 'ANSIBLE_.*'),
]
PYTHON
    antsibull-docs --config-file antsibull-docs.cfg collection --use-current --squash-hierarchy --fail-on-error --dest-dir rst \
      terrace.aws && sphinx-build -q -b html -c . -W --keep-going rst html && echo "docs: $made/html/index.html"
}

artifact
[[ $# -gt 0 ]] || set -- sanity documentation importer
failed=
for gate in "$@"; do
  begun=$SECONDS
  if ("$gate"); then
    echo "$gate: passed ($((SECONDS - begun)) s)"
  else
    failed+=" $gate"
  fi
done
[[ -z $failed ]] || { echo "failed:$failed"; exit 1; }
