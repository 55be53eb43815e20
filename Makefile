# make alone prints what it can do.
.DEFAULT_GOAL := help
.PHONY: help setup demo clean-demo test fast lint types unit fuzz page docs sanity package molecule cores faults bench clean

BUILD := .build
READY := $(BUILD)/venv/.ready
export PATH := $(CURDIR)/$(BUILD)/venv/bin:$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/$(BUILD)
export ANSIBLE_HOME := $(CURDIR)/$(BUILD)/ansible

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+[a-z ]*:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): tests/requirements.txt tests/bootstrap
	@tests/bootstrap $(BUILD)

setup: $(READY) ## Install what development and CI need, into .build

demo: $(READY) ## See the main job done on a fleet of five local hosts
	@python tests/demo/demo.py

clean-demo: ## Remove the hosts of the demo
	@tests/fleet/fleet --fleet demo down

test: $(READY) ## Run everything that CI runs
	@python tests/check.py

fast: $(READY) ## Run what needs no hosts
	@python tests/check.py lint types unit docs

lint types unit fuzz page docs sanity package molecule: $(READY) ## Run one kind of check
	@python tests/check.py $@

cores: $(READY) ## Play with every supported ansible-core; CI plays a part of it
	@python tests/cores/cores.py
	@CORES=all pytest -rs tests/cores tests/unit/playbooks/test_options.py

faults: $(READY) ## Hurt hosts, controllers and etcd in the middle of rolls; CI plays a part of it
	@FAULTS=all python tests/check.py $@

bench: $(READY) ## Print the benchmarks' figures
	@for file in tests/bench/*.py; do echo "== $$file"; python $$file || exit 1; done

clean: ## Remove what was built here; the fleet's cached images stay
	rm -rf $(BUILD) .ansible .hypothesis .*_cache orderly-services-*.tar.gz
