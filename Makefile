PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help up down test coverage check bench update install
.DEFAULT_GOAL := help

help: ## show this help
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(BIN)/minikube-edu: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[etcd]'
	$(BIN)/python -m compileall -q minikube_edu
	@touch $@

$(VENV)/.dev: $(BIN)/minikube-edu pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	@touch $@

install: $(BIN)/minikube-edu ## install into .venv

up: $(BIN)/minikube-edu ## install into .venv, start a cluster and show it
	$(BIN)/minikube-edu up

down: $(BIN)/minikube-edu ## stop the cluster; its objects stay
	$(BIN)/minikube-edu down

test: $(VENV)/.dev ## run all tests
	$(BIN)/python -m pytest -n auto --dist worksteal

coverage: $(VENV)/.dev ## run all tests, and say which lines they reach (half as fast)
	$(BIN)/python -m pytest -n auto --dist worksteal --cov --cov-report=term:skip-covered

check: $(VENV)/.dev ## format, lint, types and import layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## print the figures of store, API server and loops
	$(BIN)/python -m tests.bench

update: $(VENV)/.dev ## format the code and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
