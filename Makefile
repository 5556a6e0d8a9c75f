# The tasks of this repository; `make help` lists them. Each is one script in scripts/ where it is more than a line.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := build
PREFIX ?= $(HOME)/.local
export PATH := $(PATH):$(HOME)/.cargo/bin

BIN := node_modules/.bin
VERSION := $(shell sed -n 's/^  "version": "\(.*\)",/\1/p' package.json)
SOURCES := $(shell find src \( -name '*.ts' -o -name '*.toml' \) ! -name '*.test.ts')
AGENT_SOURCES := $(shell find agent protocol -type f -not -path 'agent/target/*' 2>/dev/null)

.PHONY: help setup build man check unit test test-attack test-images test-nested test-system run bench fuzz mutants install clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 16

setup: ## install what is missing (says what, and why)
	@scripts/setup

build: setup ## make build/bin/{banger,bangerd,banger-vsock-agent}
	@$(MAKE) --no-print-directory --silent build/bin/banger build/bin/bangerd build/bin/banger-vsock-agent

build/bin/banger: $(SOURCES) package.json package-lock.json scripts/build
	@scripts/build

build/bin/bangerd: build/bin/banger
	@ln -f build/bin/banger build/bin/bangerd

build/bin/banger-vsock-agent: $(AGENT_SOURCES) scripts/build-agent
	@scripts/build-agent

man: setup ## make build/man/*.1, a man page for each command
	@$(BIN)/bun scripts/cli-doc.ts --man build/man

check: setup ## the fast loop: types, format, lint, import rules, unit tests
	@scripts/check

unit: setup ## unit tests only
	@$(BIN)/bun test --timeout=20000 --path-ignore-patterns='**/*.{vm,root,tool,attack,nested,system}.test.ts' src scripts test bench

test: ## every test, those with real VMs included (BANGER_REQUIRE=vm,root,tools,attack,nested,systemd: a missing thing is a failure)
	@scripts/setup --test
	@$(MAKE) --no-print-directory --silent build
	@$(BIN)/bun scripts/test-all.ts

test-attack: ## hostile guests, registries, archives and repositories: one line an attack: held, OPEN or FAILED
	@scripts/setup --test
	@$(MAKE) --no-print-directory --silent build
	@$(BIN)/bun scripts/test-all.ts attack

test-images: ## a corpus of layers against umoci, GNU tar and bsdtar: one line each, same or why not
	@scripts/setup --test
	@$(MAKE) --no-print-directory --silent build
	@BANGER_IMAGES=all $(BIN)/bun test --timeout=1200000 test/images/corpus.tool.test.ts

test-nested: ## the product in a test host with KVM, all of it; Firecracker too with BANGER_FIRECRACKER=/path
	@scripts/setup --test
	@$(MAKE) --no-print-directory --silent build
	@BANGER_NESTED=all $(BIN)/bun scripts/test-all.ts nested

test-system: ## system mode in a Debian with systemd, as root; Firecracker too with BANGER_FIRECRACKER=/path
	@scripts/setup --test
	@$(MAKE) --no-print-directory --silent build
	@BANGER_SYSTEM=all $(BIN)/bun scripts/test-all.ts system

run: build ## the main job with this repository: a shell in a VM (without a terminal: a command that proves where it is)
	@scripts/run

bench: build ## the speed table, each figure beside its floor
	@scripts/setup --test
	@$(BIN)/bun bench/bench.ts

fuzz: setup ## the property tests again, with a large budget
	@BANGER_FUZZ=1 $(BIN)/bun test --timeout=1200000 --path-ignore-patterns='**/*.{vm,root,tool,attack,nested,system}.test.ts' src

mutants: setup ## change checks and limits one at a time: which change does no test notice? (FILES="src/…" for some)
	@$(BIN)/bun scripts/mutants.ts $(FILES)

install: build ## put banger under PREFIX (default ~/.local)
	@scripts/install "$(PREFIX)" "$(VERSION)"

clean: ## remove what was built
	rm -rf build agent/target
