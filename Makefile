# `make demo` and `make test` need nothing but Python (3.11 or 3.13), make and the package registries.
#   make demo PYTHON=python3.13     with Blender 5.2 instead of 5.0

PYTHON ?= python3.11
VENV ?= .venv
RUN := $(VENV)/bin/python
# torch and the mesh libraries are for training; Python 3.13 gets what Blender 5.2 needs.
FULL := $(shell $(PYTHON) -c "import sys; print(int(sys.version_info < (3, 12)))")
ifeq ($(FULL),1)
EXTRAS := blender,training,demo,dev
TESTS := tests
else
EXTRAS := blender,demo,dev
TESTS := tests/addon tests/test_import_rule.py
endif

DEMO := out/demo
PERFORMANCE := --cue happy:0.9:4:15:32:48 --cue surprise:1:50:57:72:88 --cue sad:1:90:108:130:148
SIX := --cue happy:1:1:13:25:37 --cue surprise:1:41:48:60:72 --cue sad:1:81:95:107:120 \
       --cue angry:1:121:133:145:157 --cue fear:1:161:169:181:193 --cue disgust:1:201:213:225:237

.PHONY: env demo test test-all lint format dist packs photos ict-photos wraps test-blender benchmark bundle ablation ict-runs report clean help

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

env: $(VENV)/.made ## the environment in .venv

$(VENV)/.made: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --upgrade pip
ifeq ($(FULL),1)
	$(RUN) -m pip install --quiet --constraint constraints.txt torch
endif
	$(RUN) -m pip install --quiet --constraint constraints.txt --editable ".[$(EXTRAS)]"
	@touch $@

demo: env ## a sample face performs: out/demo/ gets .blend, .glb, a contact sheet and a film
	@mkdir -p $(DEMO)
	$(RUN) -m blender_addon bake sample:Ada $(PERFORMANCE) --start 1 --end 152 \
		--out $(DEMO)/performance.blend --out $(DEMO)/performance.glb
	$(RUN) -m blender_addon bake sample:Ada $(SIX) --start 1 --end 240 --out $(DEMO)/six.blend
	$(RUN) -m training.preview $(DEMO)/six.blend --sheet $(DEMO)/apexes.png \
		--frames 1 19 54 101 139 175 219 --titles neutral happy surprise sad angry fear disgust
	$(RUN) -m training.preview $(DEMO)/performance.blend --film $(DEMO)/performance.gif --pixels 260
	@ls -l $(DEMO)

test: env lint ## everything below
	$(RUN) -m pytest $(TESTS)

lint: env ## ruff and mypy
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
ifeq ($(FULL),1)
	$(RUN) -m mypy
endif

format: env ## put the code in order
	$(RUN) -m ruff check --fix
	$(RUN) -m ruff format

dist: env ## the extension, dist/mien-<version>.zip
	$(RUN) build_addon.py

BLENDER ?= blender
test-blender: dist ## the zip in a Blender application: make test-blender BLENDER=/path/to/blender
	$(BLENDER) -b --factory-startup --python tests/real_blender/check_extension.py -- dist/mien-*.zip out/real_blender

test-all: ## the extension's tests in Blender 4.2, 4.5, 5.0 and 5.2, each in an environment of its own: docs/versions.md
	$(PYTHON) tests/versions.py $(VERSIONS)

DEVICE ?= cpu
benchmark: env ## how fast this machine is: make benchmark DEVICE=cuda; writes docs/benchmark.json and its picture
	$(RUN) -m training benchmark --device $(DEVICE) --json docs/benchmark.json --plot docs/pictures/benchmark.png

# The default bundle from nothing: corpus, the three models, evaluation, export. About two hours on two cores.
PEOPLE := --subjects 1827 --test-subjects 27 --performances 4
LESSON := --chain 4 --max-rest 10 --warm-up 1 --check-every 3
STEERED := --model steered --schedule.epochs 12 --schedule.learning-rate 0.003 --schedule.decay 0.76 --schedule.leak 0.3 \
           --steering.blur 0.4
SPIRAL := --model spiral --schedule.epochs 7 --schedule.learning-rate 0.002 --schedule.decay 0.65 --schedule.leak 0.3
PCA := --model pca --schedule.epochs 7 --schedule.learning-rate 0.0015 --schedule.decay 0.65
bundle: env ## train the default bundle again
	$(RUN) -m training corpus makehuman --out corpora/makehuman $(PEOPLE)
	$(RUN) -m training train corpora/makehuman --out runs/makehuman-steered $(LESSON) $(STEERED)
	$(RUN) -m training train corpora/makehuman --out runs/makehuman-spiral $(LESSON) $(SPIRAL)
	$(RUN) -m training train corpora/makehuman --out runs/makehuman-pca $(LESSON) $(PCA)
	$(RUN) -m training evaluate runs/makehuman-steered runs/makehuman-spiral runs/makehuman-pca --keep docs/runs
	$(RUN) -m training export runs/makehuman-steered --out blender_addon/assets/makehuman.safetensors

ablation: env ## what each idea of the steered network brings: docs/ablation.json; about an hour on two cores
	$(RUN) -m training corpus makehuman --out corpora/makehuman-600 --subjects 627 --test-subjects 27 --performances 4
	$(RUN) -m training ablation corpora/makehuman-600 --out runs/ablation --json docs/ablation.json

# The ICT runs from nothing: three networks on the skin, and on the paper's face its own two at its own settings, 100 epochs.
# The skin takes some two and a half hours on two cores, the paper's face more than that again.
FACEKIT ?= ICT-FaceKit
HEADS := --subjects 1827 --test-subjects 27 --performances 3
ict-runs: env ## train on the heads of ICT-FaceKit again: make ict-runs FACEKIT=path/to/ICT-FaceKit
	$(RUN) -m training corpus ict --facekit $(FACEKIT) --template skin $(HEADS)
	$(RUN) -m training train corpora/ict-skin --out runs/ict-skin-steered $(LESSON) --model steered --schedule.epochs 14 \
		--schedule.learning-rate 0.003 --schedule.decay 0.79 --schedule.leak 0.3 --steering.blur 0.4
	$(RUN) -m training train corpora/ict-skin --out runs/ict-skin-spiral $(LESSON) --schedule.epochs 9 \
		--schedule.learning-rate 0.002 --schedule.decay 0.72 --schedule.leak 0.3
	$(RUN) -m training train corpora/ict-skin --out runs/ict-skin-pca $(LESSON) --model pca --schedule.epochs 9 \
		--schedule.learning-rate 0.0015 --schedule.decay 0.72
	$(RUN) -m training evaluate runs/ict-skin-steered runs/ict-skin-spiral runs/ict-skin-pca --facekit $(FACEKIT) --keep docs/runs
	$(RUN) -m training corpus ict --facekit $(FACEKIT) --template paper
	$(RUN) -m training train corpora/ict-paper --out runs/ict-paper-spiral --check-every 10
	$(RUN) -m training train corpora/ict-paper --out runs/ict-paper-pca --model pca --check-every 10
	$(RUN) -m training evaluate runs/ict-paper-spiral runs/ict-paper-pca --keep docs/runs

report: env ## the paper's tables and figures from the kept runs: docs/results.md, results.json, pictures
	$(RUN) -m training report docs/runs/*/ --out docs

packs: env ## model packs, to be installed from the extension's preferences: dist/mien-ict-head.safetensors
	@mkdir -p dist
	$(RUN) -m training export docs/runs/ict-skin-steered $(if $(wildcard $(FACEKIT)),--facekit $(FACEKIT)) \
		--out dist/mien-ict-head.safetensors

wraps: packs ## wraps in numbers and pictures: make wraps FACEKIT=path/to/ICT-FaceKit; docs/wraps.json and the report
	$(RUN) -m training wraps --facekit $(FACEKIT) --json docs/wraps.json
	$(RUN) -m training.wraps.sheet --facekit $(FACEKIT)
	$(RUN) -m training report docs/runs/*/ --out docs --no-pictures

# Two halves of an album on two cores; both have to come to their end.
HALVES = $(RUN) -m training photo-album $(1) --part 1 2 & first=$$!; \
	$(RUN) -m training photo-album $(1) --part 2 2 && wait $$first

# People in rendered photos: half an hour on two cores. The detector's networks are fetched by pip, once.
photos: env ## what photos are read by, learned and measured again: docs/photo.json
	$(call HALVES,corpora/photos)
	$(RUN) -m training photo-learn corpora/photos
	$(RUN) -m training export docs/runs/makehuman-steered --out blender_addon/assets/makehuman.safetensors
	$(RUN) -m training photo-judge corpora/photos --json docs/photo.json
	$(RUN) -m training photo-figure corpora/photos --photos tests/data/astronaut.jpg
	$(RUN) -m training report docs/runs/*/ --out docs --no-pictures

# The same for the ICT pack, with people of FaceKit's own modes; a clone tells the layout, too.
ICT_PHOTOS := --facekit $(FACEKIT) --bundle dist/mien-ict-head.safetensors
ict-photos: packs ## the same for the ICT pack: make ict-photos FACEKIT=path/to/ICT-FaceKit; docs/photo_ict.json, photo_others.json
	$(call HALVES,corpora/photos-ict --learn 400 --facekit $(FACEKIT))
	$(RUN) -m training photo-learn corpora/photos-ict $(ICT_PHOTOS)
	$(MAKE) packs
	$(RUN) -m training photo-judge corpora/photos-ict $(ICT_PHOTOS) --json docs/photo_ict.json
	$(RUN) -m training photo-judge corpora/photos-ict --json docs/photo_others.json
	$(RUN) -m training photo-figure corpora/photos-ict $(ICT_PHOTOS) --photos tests/data/astronaut.jpg --name photo_ict --pairs 0
	$(RUN) -m training report docs/runs/*/ --out docs --no-pictures

clean: ## what make made, but not the environment
	rm -rf out dist build
