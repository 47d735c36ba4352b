# Every target prints what it does, works from a fresh clone and can be run twice. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh

BIN := .venv/bin
# What is given to the targets is text and nothing else: neither make nor a shell expands it. commands.py reads it from the
# environment, checks it, and has the defaults.
#   INVENTORY  the environment (inventories/three_tier/development)
#   LAB        the lab's level (api, machines), or none to work on AWS
#   ARGS       further arguments for ansible-playbook, quoted as in a shell: ARGS='--limit production-use1'
#   APP        the project that `make deploy` releases (lab/sample_app), and VERSION its version; or a published one, name==version
#   INSTANCE   the machine that `make isolate` takes out, or `make shell` opens a shell in
given := $(foreach name,INVENTORY LAB LAB_PORT ARGS APP VERSION INSTANCE MITOGEN,$(if $(filter-out undefined,$(origin $(name))),$(name)))
$(foreach name,$(given),$(eval override $(name) := $$(value $(name)))$(eval export $(name)))
command = $(BIN)/python commands.py

# The molecule scenarios whose modules run on the controller; `make test` runs them over the warm connection.
controller_scenarios = $(filter-out $(patsubst molecule/%/needs-root,molecule:%,$(wildcard molecule/*/needs-root)),\
	$(patsubst molecule/%/molecule.yml,molecule:%,$(wildcard molecule/*/molecule.yml)))

.PHONY: help setup lab lab-down lab-status demo failover-demo plan apply drift destroy configure deploy rollback patch rotate isolate shell test test-slow test-hosts test-unit lint gates docs bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv with everything pinned (no root)
	@./setup.sh

lab: setup ## Start the lab: LAB=api or LAB=machines
	@$(BIN)/python -m lab up --level "$${LAB:-api}"

lab-status: setup ## Show what runs in the lab
	@$(BIN)/python -m lab status

lab-down: setup ## Stop the lab
	@$(BIN)/python -m lab down

demo: lab ## Start the lab, provision the development cell, show what was built; LAB=machines: serve an application there
	@echo "demo: what would be done"
	@plan=$$($(command) check) || { printf '%s\n' "$$plan"; exit 1; }; printf '%s\n' "$$plan" | sed -n '/^PLAN/,$$p'
	@echo "demo: provisioning"
	@$(command) apply
	@$(command) show
ifeq ($(LAB),machines)
	@$(MAKE) --no-print-directory configure deploy
	@$(BIN)/python -m lab status
	@$(BIN)/python -m lab visit
endif

failover-demo: setup ## Serve in two regions, lose one under load, have the other one take over (root; 10 minutes)
	@$(BIN)/python -m lab up --level machines
	@$(BIN)/python -m lab.failover_demo

plan: setup ## Show what site.yml would change: INVENTORY=…
	@$(command) $@

apply: setup ## Make the cells as the inventory says: INVENTORY=…
	@$(command) $@

drift: setup ## Report where the cells differ from the inventory: INVENTORY=…
	@$(command) $@

destroy: setup ## List what would be destroyed; with ARGS='-e destroy_confirm=<cell>' destroy it: INVENTORY=…
	@$(command) $@

configure: setup ## Release the machines' configuration, bring them and the inside of the database to it: INVENTORY=…
	@$(command) $@

deploy: setup ## Release an application and deploy it, batch by batch: INVENTORY=… APP=… VERSION=…
	@$(command) $@

rollback: setup ## Deploy what was deployed before: INVENTORY=…
	@$(command) $@

patch: setup ## Update the machines' packages, batch by batch: INVENTORY=…
	@$(command) $@

rotate: setup ## Give the application, the database and the cache new credentials: INVENTORY=…
	@$(command) $@

isolate: setup ## Take one machine out for forensics: INVENTORY=… INSTANCE=i-…
	@$(command) $@

shell: setup ## Open a shell in a machine of the lab, without SSH: INSTANCE=i-…
	@$(BIN)/python -m lab shell "$$INSTANCE"

test-unit: setup ## The quick tests: no root, no containers
	@$(BIN)/python -m pytest tests/unit

lint: setup ## ansible-lint, yamllint, ruff
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/yamllint .
	@$(BIN)/ansible-lint --offline

gates: setup ## ansible-test sanity, antsibull-docs and galaxy-importer on the built collection
	@./tests/gates.sh

docs: setup ## Build the documentation site of roles and plugins in build/docs
	@./tests/gates.sh site

test: setup ## Everything that can run here
	@./tests/run.sh

test-slow: setup ## What takes long or is rare: kills at every step, failovers, an API that fails, two accounts, AWX jobs, other Pythons
	@$(BIN)/python -m pytest -m slow tests/integration/three_tier tests/integration/execution_environment
	@$(BIN)/python -m pytest -s -m slow tests/integration/hosts
	@$(BIN)/python -m pytest -s tests/integration/recovery
	@TERRACE_CONNECTION=local SECTIONS="$(controller_scenarios)" ./tests/run.sh
	@TERRACE_RARE=1 SECTIONS=molecule:flask_app ./tests/run.sh
	@./tests/other_versions.sh

test-hosts: setup ## The machines and the application on them, in a lab of their own (root); part of `make test`
	@$(BIN)/python -m pytest -s tests/integration/hosts

bench: setup ## Measure (bench/README.md says what); wants a quiet machine
	@$(BIN)/python bench/site_runs.py
	@$(BIN)/python -m bench.security_groups
	@$(BIN)/python bench/warm.py $${MITOGEN:+--mitogen "$$MITOGEN"}

clean: ## Remove .venv, caches and run state
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m lab down; fi
	@rm -rf .venv .ansible .cache .lab .pytest_cache .ruff_cache .terrace build
	@echo "clean: done"
