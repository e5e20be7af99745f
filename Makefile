# The two commands are `make demo` and `make test`: each does all of its own set-up on a fresh Debian machine.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PYTHONUNBUFFERED := 1

help: ## this list
	@grep -hE '^[a-z_ -]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## network 1 in a lab: lookups before and after a deploy, side by side
	@python3 .ci/stages.py demo

test: ## everything that CI runs
	@python3 .ci/stages.py lint sanity unit matrix integration molecule two_tiers providers faults controllers latency story newcomer metrics samples docs release_check

lint sanity unit matrix integration molecule two_tiers providers faults controllers latency story newcomer metrics samples: ## one stage of `make test`
	@python3 .ci/stages.py $@

docs: ## the documentation as a site, without a warning
	@python3 .ci/stages.py docs

release-check release_check: ## what Galaxy does at an import, and the rest of what a release needs
	@python3 .ci/stages.py release_check

publish: ## build the tarball and give it to the Galaxy that ANSIBLE_GALAXY_SERVER_* name, after `make release-check`
	@dir=$$(mktemp -d) && ansible-galaxy collection build --output-path "$$dir" && ansible-galaxy collection publish "$$dir"/*.tar.gz

bench: ## all benches and a page of them; one, or options: BENCH="fleet --instances 500 --suites bookworm", BENCH=--quick
	@python3 .ci/stages.py bench

soak: ## every point at which a run can be killed, every fault on every host, a day of a network in 15 minutes: not measured yet as one run
	@python3 .ci/stages.py soak_fresh soak_deployed soak_day soak_providers soak_latency

shell: ## a shell with the tools of the tests, for molecule converge, molecule login --host east-nm, ...
	@python3 .ci/stages.py shell

clean: ## power the lab off; remove caches, images and virtual environments
	@python3 .ci/stages.py clean

.PHONY: help demo test lint sanity unit matrix integration molecule two_tiers providers faults controllers latency story newcomer metrics samples docs release-check release_check publish bench soak shell clean
