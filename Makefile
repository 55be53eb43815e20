# make alone prints what it can do. Every target sets up what it needs, below .build, before it begins.
.DEFAULT_GOAL := help
.PHONY: help setup demo clean-demo showcase test fast lint types unit play store host fuzz page docs sanity package molecule bare cores faults ways packages random-rolls test-services bench cleanroom clean

CHECK := tests/env python tests/check.py

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+[a-z ]*:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## See the main job done on a fleet of five local hosts; ACTS=1 stops after the first act
	@tests/env --demo python tests/demo/demo.py $(ACTS)

clean-demo: ## Remove the hosts of the demo
	@tests/fleet/fleet --fleet demo down

showcase: ## Upgrade, restart and reboot a shop of fourteen hosts while its clients order; an hour or more
	@tests/env python -m ansible_collections.orderly.services.tests.showcase

test: ## Run everything that CI runs; ALL=1 leaves nothing to another day's run
	@$(CHECK)

fast: ## Run what needs neither hosts nor stores
	@$(CHECK) "lint product" types unit docs

lint types unit play store host page docs sanity package molecule bare: ## Run one kind of check
	@$(CHECK) $@

fuzz: ## Ask and answer what nobody thought of; FUZZ=5000 is the number of answers, CI plays a few
	@FUZZ=$(or $(FUZZ),5000) $(CHECK) $@

cores: ## Play with every supported ansible-core; CI plays a part of it
	@CORES=all $(CHECK) $@

faults: ## Hurt hosts, controllers and etcd in the middle of rolls; CI plays a part of it
	@FAULTS=all $(CHECK) $@

ways: ## Let packages restart things in every way there is, on Debian 11, 12 and 13; CI plays Debian 12
	@WAYS="bullseye bookworm trixie" $(CHECK) $@

packages: ## Upgrade all packages of the catalogue on real hosts, and write docs/packages.md; CI plays a few
	@PACKAGES=all $(CHECK) $@

random-rolls: ## Play random rolls on real hosts; ROLLS=200 SEED=1 LANES=1 say how many, which, and side by side
	@tests/env python -m ansible_collections.orderly.services.tests.rolls \
		--rolls $(or $(ROLLS),200) --seed $(or $(SEED),1) --lanes $(or $(LANES),1)

test-services: ## Prove every service role on a real cluster, and write the table of docs/shipped-services.md; CI plays one
	@SERVICES=all $(CHECK) services

bench: ## Print the benchmarks' figures; BENCH=lock runs that one
	@failed=; for file in tests/bench/$(or $(BENCH),*).py; do \
		echo "== $$file"; tests/env python $$file || failed="$$failed $$file"; \
	done; [ -z "$$failed" ] || { echo "A goal was missed, or it did not run:$$failed"; exit 1; }

cleanroom: ## Run make demo and make test in bare Debian roots, as on machines where nothing was installed
	@$(CHECK) $@

setup: ## Install what development and CI need, into .build
	@tests/env true

clean: ## Remove what was built here; the fleet's cached images stay
	rm -rf .build .ansible .hypothesis .*_cache orderly-services-*.tar.gz
