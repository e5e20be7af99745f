# The two commands are `make demo` and `make test`: each does all of its own set-up on a fresh Debian machine.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PYTHONUNBUFFERED := 1

help: ## this list
	@grep -hE '^[a-z_ -]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## network 1 in a lab: lookups before and after a deploy, side by side
	@.ci/stages demo

test: ## everything that CI runs
	@.ci/stages lint sanity unit integration molecule two_tiers providers faults controllers

lint sanity unit integration molecule two_tiers providers faults controllers: ## one stage of `make test`
	@.ci/stages $@

samples: ## each bench in a small way, and the way for tens of thousands of hosts
	@.ci/stages $@

bench: ## all benches and a page of them; one, or options: BENCH="fleet --instances 500 --suites bookworm", BENCH=--quick
	@.ci/stages bench

soak: ## every point at which a run can be killed, every fault on every host, a day of a network in 15 minutes: about 90 minutes
	@.ci/stages soak

shell: ## a shell with the tools of the tests, for molecule converge, molecule login --host east-nm, ...
	@.ci/stages shell

clean: ## power the lab off; remove caches, images and virtual environments
	@.ci/stages clean

.PHONY: help demo test lint sanity unit integration molecule two_tiers providers faults controllers samples bench soak shell clean
