# Every target prints what it does, works from a fresh clone and can be run twice. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh

# Which inventory the targets work on; and whether at the lab (api, machines) or on AWS (none).
INVENTORY ?= inventories/three_tier/development
LAB ?= api
# Further arguments for ansible-playbook, for example ARGS='--limit production-use1'.
ARGS ?=

BIN := .venv/bin
at_lab := $(if $(filter none,$(LAB)),,-i inventories/lab)
play = $(BIN)/ansible-playbook -i $(INVENTORY) $(at_lab) $(ARGS)
# With the machines, which the inventory beside the cells' asks for with the environment's credentials: here the lab's.
of_lab := $(if $(filter none,$(LAB)),,env AWS_ENDPOINT_URL=http://127.0.0.1:$${LAB_PORT:-5566} AWS_REGION=us-east-1 \
	AWS_ACCESS_KEY_ID=lab AWS_SECRET_ACCESS_KEY=only-the-lab-knows-this)
play_hosts = $(of_lab) $(play) -i $(INVENTORY).aws_ec2.yml
# The molecule scenarios whose modules run on the controller; `make test` runs them over the warm connection.
controller_scenarios = $(filter-out $(patsubst molecule/%/needs-root,molecule:%,$(wildcard molecule/*/needs-root)),\
	$(patsubst molecule/%/molecule.yml,molecule:%,$(wildcard molecule/*/molecule.yml)))
# What `make deploy` releases and deploys.
APP ?= lab/sample_app
VERSION ?= 1.0.0

.PHONY: help setup lab lab-down lab-status demo plan apply drift destroy configure deploy test test-slow test-hosts test-unit lint bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv with everything pinned (no root)
	@./setup.sh

lab: setup ## Start the lab: LAB=api or LAB=machines
	@$(BIN)/python -m lab up --level $(LAB)

lab-status: setup ## Show what runs in the lab
	@$(BIN)/python -m lab status

lab-down: setup ## Stop the lab
	@$(BIN)/python -m lab down

demo: lab ## Start the lab, provision the development cell, show what was built; LAB=machines: serve an application there
	@echo "demo: what would be done"
	@$(play) playbooks/site.yml --check | sed -n '/^PLAN/,$$p'
	@echo "demo: provisioning"
	@$(play) playbooks/site.yml
	@$(play) playbooks/show_cell.yml
ifeq ($(LAB),machines)
	@$(MAKE) --no-print-directory configure deploy
	@$(BIN)/python -m lab status
	@$(BIN)/python -m lab visit
endif

plan: setup ## Show what site.yml would change: INVENTORY=…
	@$(play) playbooks/site.yml --check --diff

apply: setup ## Make the cells as the inventory says: INVENTORY=…
	@$(play) playbooks/site.yml

drift: setup ## Report where the cells differ from the inventory: INVENTORY=…
	@$(play) playbooks/check_drift.yml

destroy: setup ## List what would be destroyed; with ARGS='-e destroy_confirm=<cell>' destroy it: INVENTORY=…
	@$(play) playbooks/destroy_cell.yml

configure: setup ## Release the machines' configuration, bring them and the inside of the database to it: INVENTORY=…
	@echo "configure: releasing it, for machines that start later"
	@$(play_hosts) playbooks/release_configuration.yml
	@echo "configure: the machines and the database"
	@$(play_hosts) playbooks/configure_hosts.yml playbooks/configure_database.yml

deploy: setup ## Release an application and deploy it, batch by batch: INVENTORY=… APP=… VERSION=…
	@echo "deploy: releasing $(APP) as $(VERSION)"
	@$(play_hosts) playbooks/release_app.yml -e app_release_source=$(or $(abspath $(wildcard $(APP))),$(APP)) -e app_release_version=$(VERSION)
	@echo "deploy: deploying $(VERSION)"
	@$(play_hosts) playbooks/deploy_app.yml -e app_release_version=$(VERSION)

test-unit: setup ## The quick tests: no root, no containers
	@$(BIN)/python -m pytest tests/unit

lint: setup ## ansible-lint, yamllint, ruff
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/yamllint .
	@$(BIN)/ansible-lint --offline

test: setup ## Everything that can run here
	@./tests/run.sh

test-slow: setup ## Runs that are killed, an API that fails, two accounts, scenarios over `local`, AWX jobs, other Pythons (an hour)
	@$(BIN)/python -m pytest -m slow tests/integration/three_tier tests/integration/execution_environment
	@TERRACE_CONNECTION=local SECTIONS="$(controller_scenarios)" ./tests/run.sh
	@./tests/other_versions.sh

test-hosts: setup ## The machines and the application on them, in a lab of their own (root); part of `make test`
	@$(BIN)/python -m pytest -s tests/integration/hosts

bench: setup ## Measure (bench/README.md says what); wants a quiet machine
	@$(BIN)/python bench/site_runs.py
	@$(BIN)/python -m bench.security_groups
	@$(BIN)/python bench/warm.py $(if $(MITOGEN),--mitogen $(MITOGEN))

clean: ## Remove .venv, caches and run state
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m lab down; fi
	@rm -rf .venv .ansible .cache .lab .pytest_cache .ruff_cache .terrace build
	@echo "clean: done"
