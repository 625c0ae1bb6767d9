# `make help` lists the targets. Everything that is made lies in .venv and .trivet.
STACK ?= onprem
COUNT ?= 1
VARIANT ?= workstation
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
IN_ENV := . .trivet/env &&

.PHONY: help setup dev build up down test lint fmt bench bench-bundle bench-ssh bench-supervise bench-fleet ansible relock lab lab-down fake-clouds clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: ## .venv, container engine, Pulumi CLI, image tools: whatever is missing
	@tools/setup/all.sh

dev: setup ## what tests, lint and benches need as well
	@tools/setup/venv.sh dev && tools/setup/tests.sh

build: setup ## images, models and the lock
	@$(IN_ENV) trivet build

up: build ## deploy STACK (default: onprem) and ask the model a question
	@$(IN_ENV) trivet up --stack $(STACK)

down: ## take STACK away again
	@$(IN_ENV) pulumi destroy --yes --stack $(STACK)

test: build dev ansible ## the whole test-suite, on the real engine
	@$(IN_ENV) pytest --numprocesses=auto --dist=worksteal tests/unit && pytest tests/program tests/host

lint: dev ## ruff, mypy --strict, shellcheck
	@$(IN_ENV) ruff check . && ruff format --check . && mypy && shellcheck -x tools/setup/*.sh trivet/bundle/install.sh

fmt: dev ## format the code
	@$(IN_ENV) ruff check --fix . ; ruff format .

bench: build dev ## measurements beside peers and limits
	@$(IN_ENV) python -m bench

bench-bundle: build dev ## the same for bundles: cost, corruption, kills, reproduction
	@$(IN_ENV) python -m bench.bundle

bench-supervise: build dev ## false restarts of a saturated stack, and how soon a server that stops dead is back
	@$(IN_ENV) python -m bench.supervise

bench-ssh: dev ## a large file over SSH, beside scp and rsync
	@$(IN_ENV) python -m bench.ssh

bench-fleet: build dev ## a first up of eight workstations of the lab at once, beside that of one
	@$(IN_ENV) python -m bench.fleet

lab: setup ## COUNT workstations with systemd and sshd (VARIANT=bare: nothing else), as containers, to try things on
	@$(IN_ENV) python -m tools.lab up --count $(COUNT) --variant $(VARIANT)

lab-down: setup ## take them away
	@$(IN_ENV) python -m tools.lab down

ansible: setup ## Ansible, for stacks whose settings name a workstation to set up
	@tools/setup/ansible.sh

relock: dev ## pin the Python dependencies again, with hashes
	@$(IN_ENV) cd requirements && uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header ../pyproject.toml runtime.in -o runtime.txt
	@$(IN_ENV) cd requirements && for lock in modal cloud gcp azure dev ansible; do \
	  uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header $$lock.in -o $$lock.txt; done

fake-clouds: build dev ## a fake Lambda and a fake Modal, in real time, until Ctrl-C; prints what to export
	@$(IN_ENV) exec python -m tests.fakes.clouds

clean: ## remove what was made, but not a running stack
	@tools/setup/clean.sh
