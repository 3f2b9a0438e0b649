# The front door. `make` lists what it can do; `make run` and `make test` are all a newcomer needs.

SHELL := /bin/sh
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

# Where `make run` keeps mail and finds its resources; both may be set: make run DATA=/srv/mail FILES=mine.yaml
DATA ?= data
FILES ?= examples/quickstart.yaml
IMAGE ?= postfleet:$(shell sed -n 's/^  "version": "\(.*\)",$$/\1/p' package.json)

# Without a terminal, or on CI, only failures and the summary are printed.
REPORTER ?= $(if $(CI),./scripts/quiet-reporter.ts,spec)
TEST = node --test --test-reporter=$(REPORTER) --test-reporter-destination=stdout
UNIT = 'bin/**/*.test.ts' 'console/**/*.test.ts' 'crds/**/*.test.ts' 'daemon/**/*.test.ts' 'operator/**/*.test.ts' \
       'scripts/**/*.test.ts' 'test/*.test.ts' 'test/faults/*.test.ts' 'test/harness/**/*.test.ts'
INTEGRATION = 'test/contract/**/*.test.ts' 'test/golden/**/*.test.ts' 'test/integration/**/*.test.ts' \
              'test/kubernetes/**/*.test.ts'
FUZZ = 'test/fuzz/**/*.test.ts'

.PHONY: audit help setup mail-programs kube-api run test test-unit test-integration cluster-test interop fuzz bench bench-operator scale faults soak drill check format lint types directions licences \
        generate verify image clean

help: ## List the targets
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## Run all of Postfleet on this machine (DATA=folder, FILES=resources)
	@exec bin/postfleet run $(foreach file,$(FILES),-f $(file)) --data "$(DATA)"

test: setup kube-api ## Run all tests
	@$(TEST) $(UNIT) $(INTEGRATION) $(FUZZ)

test-unit: setup ## Run the tests beside the code
	@$(TEST) $(UNIT)

test-integration: setup kube-api ## Run the tests of several parts together, against a real NATS and Kubernetes API
	@$(TEST) $(INTEGRATION)

cluster-test: setup ## Install the chart on a real Kubernetes on this machine, and hurt it (as root)
	@$(TEST) --test-concurrency=1 'test/cluster/*.test.ts'

interop: setup mail-programs ## Print what works with whose programs: DKIM, filters, DANE, MTA-STS (as root, on Debian)
	@node --test --test-reporter=spec --test-reporter-destination=stdout test/integration/daemon/interop.test.ts

fuzz: setup ## Feed every parser that a stranger reaches random input, FUZZ_SECONDS=20 each; what is found becomes a test
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-20} $(TEST) --test-timeout=3600000 $(FUZZ)

bench: setup ## Measure against other mail servers (docs/performance.md)
	@node test/bench/run.ts

bench-operator: setup kube-api ## Measure the operator with 10,000 domains (docs/performance.md)
	@node test/bench/operator/run.ts $(BENCH_OPERATOR)

scale: setup ## A million deferred jobs, several relays, 10,000 idle connections (docs/scale.md; SCALE="backlog --jobs 100000": a part)
	@node test/bench/scale/run.ts $(SCALE)

faults: setup ## Kill, freeze and cut the power, then account for every message
	@node test/faults/run.ts

soak: setup ## Mixed traffic for SOAK_MINUTES=30, then account for every message and for memory
	@node test/faults/soak/run.ts

drill: setup ## Back up under load, destroy everything, restore, and account for every message
	@node test/faults/run.ts drill-laptop drill-cluster

check: format lint types directions verify licences ## Format, lint, types, import directions, generated files, licences

format: node_modules/.stamp
	@biome format .

lint: node_modules/.stamp
	@biome lint --error-on-warnings .

types: node_modules/.stamp
	@tsc --noEmit
	@tsc --noEmit -p console

directions: node_modules/.stamp
	@node --test --test-reporter=./scripts/quiet-reporter.ts --test-reporter-destination=stdout test/architecture.test.ts

licences: node_modules/.stamp
	@node scripts/licences.ts

audit: ## Ask the registry for known faults of what we ship (needs a registry that answers this)
	@npm audit --omit=dev --audit-level=moderate

generate: node_modules/.stamp ## Write what is generated: types, chart, metrics table, the API's document, the console's pages
	@node scripts/generate-types.ts
	@node scripts/generate-chart.ts
	@node scripts/generate-metrics.ts
	@node scripts/generate-events.ts
	@node scripts/generate-api.ts
	@node --disable-warning=ExperimentalWarning scripts/build-console.ts

verify: node_modules/.stamp ## Show that generated files are current
	@node scripts/generate-types.ts --check
	@node scripts/generate-chart.ts --check
	@node scripts/generate-metrics.ts --check
	@node scripts/generate-events.ts --check
	@node scripts/generate-api.ts --check
	@node --disable-warning=ExperimentalWarning scripts/build-console.ts --check

image: ## Build the image (IMAGE=name:tag), for daemon and operator
	@scripts/image.sh $(IMAGE)

setup: node_modules/.stamp ## Install packages, Node 24 among them, and get nats-server
	@node scripts/nats-server.ts >/dev/null

# Compiled once into the cache; on CI this must work, elsewhere the tests that need it are skipped without it.
kube-api: ## Get etcd and the Kubernetes API server for tests (needs Go; 8 minutes the first time)
	@test/cluster/kube/cluster build envtest >&2 || { \
	 [ -z "$$CI" ] && echo "The tests against a Kubernetes API server are skipped." >&2; }

mail-programs: ## Install the mail programs of others that tests drive (as root, on Debian)
	@scripts/mail-programs

# The packages include Node 24 itself, so any npm will do; none of them runs a script when it is installed.
# An existing folder is brought up to date in place: starting anew would pull it from under a running daemon.
node_modules/.stamp: package.json package-lock.json
	@if [ -d node_modules ]; then npm install --ignore-scripts --loglevel=error; \
	 else npm ci --ignore-scripts --loglevel=error; fi
	@node --version | awk -F'[v.]' '{ exit !($$2 > 24 || $$2 == 24 && $$3 >= 7) }' || { \
	 echo "Postfleet needs Node 24.7 or later, and there is no package with it for this machine." \
	      "Install it from https://nodejs.org and run make again." >&2; exit 1; }
	@touch $@

clean: ## Remove what was installed or made here (not your mail)
	rm -rf node_modules coverage
