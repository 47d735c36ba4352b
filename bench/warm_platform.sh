#!/bin/sh
# First convergence of a platform over `local` and over `terrace.aws.warm`, one after the other, each from an empty account.
#
#   bench/warm_platform.sh [INVENTORY …]        default: inventories/three_tier/development, at the lab
#
# The lab must be up (`make lab`). The account is emptied with destroy_cell.yml between the two, and the times are printed.
# RESET names another command that empties the account.
set -eu
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- inventories/three_tier/development
inventories=
for inventory in "$@" inventories/lab; do
  inventories="$inventories -i $inventory"
done
cell=$(basename "$1")
RESET=${RESET:-".venv/bin/ansible-playbook $inventories playbooks/destroy_cell.yml -e destroy_confirm=$cell"}

seconds() {
  # The connection is an extra variable, which wins over the inventory.
  start=$(date +%s.%N)
  # shellcheck disable=SC2086 # the inventories are words
  .venv/bin/ansible-playbook $inventories playbooks/site.yml -e "ansible_connection=$1" >".cache/warm-platform-$1.log" 2>&1 ||
    { echo "site.yml failed over $1, see .cache/warm-platform-$1.log" >&2; exit 1; }
  end=$(date +%s.%N)
  echo "$start $end" | awk '{printf "%.1f", $2 - $1}'
}

mkdir -p .cache
sh -c "$RESET" >/dev/null
local=$(seconds local)
echo "local: $local s"
sh -c "$RESET" >/dev/null
warm=$(seconds terrace.aws.warm)
echo "warm:  $warm s"
echo "$local $warm" | awk '{printf "%.1f times as fast\n", $1 / $2}'
