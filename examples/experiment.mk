# experiment.mk - an experiment driven by make: the file of each stage is a target, so that after a change of a setting or
# of the data only what depends on it is made again, and settings are compared in one table.
#
#   make -f experiment.mk DATASET=photos                    two settings, a and b, in a table
#   make -f experiment.mk DATASET=photos SIZE_b=112         extracts and scores only b again
#   make -f experiment.mk DATASET=photos RUNS='a b c' TRAIN_c='dino.koleo_loss_weight=0'
#   make -f experiment.mk clean                             removes what was made, and nothing else
#
# A setting is a word. These are its values; X is the default of all, X_a the value for a:
#   TRAIN   settings of dino-train after CONFIG          SIZE     side of the image at extraction
#   TOKENS  cls, mean, cls+mean                          SCORE    options of feat-logreg
# COLUMNS are the scores of the table: image or group, a dot, and the name of a score in the JSON of feat-logreg(1).
# The table has the untrained network, too, before each trained one; UNTRAINED= leaves it out.
# Values are stored in files in $(OUT)/settings, which are touched only when they change: make compares their times. So is
# a digest of the names, sizes and times of everything in DATASET, which may have spaces in its name.
# Tools are those on PATH, or in BIN.

DATASET ?=
OUT     ?= experiment
CONFIG  ?= $(dir $(lastword $(MAKEFILE_LIST)))tiny.yaml
BIN     ?=
RUNS    ?= a b
INDEX   ?=
PACK    ?= --store rgb --short-side 128
TRAIN   ?=
TOKENS  ?= cls
SIZE    ?= 96
SCORE   ?= --resamples 500
COLUMNS ?= image.auroc image.average_precision image.balanced_accuracy group.auroc
UNTRAINED ?= yes

# By default two settings are compared: the class token alone, and with the mean of the patches.
TOKENS_b ?= cls+mean

SHELL := /bin/bash
.SHELLFLAGS := -eo pipefail -c

# Any text as one word of the shell.
quoted = '$(subst ','\'',$(1))'
tool = $(if $(BIN),$(call quoted,$(BIN)/$(1)),$(1))
# $(call set_to,TOKENS,b): TOKENS_b if there is one, else TOKENS
set_to = $(if $(filter undefined,$(origin $(1)_$(2))),$($(1)),$($(1)_$(2)))

$(foreach v,OUT CONFIG,$(if $(filter 1,$(words $($(v)))),,$(error $(v)=$($(v)): one name without spaces is needed)))
# Marks a folder that was made by this file; in any other nothing is written, and nothing removed.
mark := $(OUT)/.experiment
ifeq ($(wildcard $(mark)),)
ifneq ($(wildcard $(OUT)/* $(OUT)/.[!.]*),)
$(error $(OUT): something is there that was not made here; name another OUT)
endif
endif

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: table clean FORCE
table: $(OUT)/table.txt
	@cat $<

# A file with a value, written only when the value has changed.
define setting
$(OUT)/settings/$(1): FORCE | $(mark)
	@printf '%s\n' $(call quoted,$(2)) | cmp -s - $$@ || printf '%s\n' $(call quoted,$(2)) >$$@
endef
$(eval $(call setting,dataset,$(DATASET) $(INDEX)))
$(eval $(call setting,pack,$(PACK)))
$(eval $(call setting,columns,$(COLUMNS) $(UNTRAINED)))
$(foreach r,$(RUNS),$(eval $(call setting,train.$(r),$(call set_to,TRAIN,$(r)) $(UNTRAINED))))
$(foreach r,$(RUNS),$(eval $(call setting,extract.$(r),$(call set_to,TOKENS,$(r)) $(call set_to,SIZE,$(r)))))
$(foreach r,$(RUNS),$(eval $(call setting,score.$(r),$(call set_to,SCORE,$(r)))))
$(mark):
	$(if $(DATASET),,$(error which DATASET? a folder of photographs, as in DATASET=photos))
	@mkdir -p $(OUT)/settings && touch $@

# A digest of the names, sizes and times of the photographs and lists in the dataset, without reading them.
$(OUT)/settings/content: FORCE | $(mark)
	$(if $(DATASET),,$(error which DATASET? a folder of photographs, as in DATASET=photos))
	@[ -d $(call quoted,$(DATASET)) ] || { printf 'experiment.mk: %s: no such folder\n' $(call quoted,$(DATASET)) >&2; exit 1; }
	@{ cd $(call quoted,$(DATASET)) && find -L . ! -type d -printf '%p %s %T@ %C@\n'; } | LC_ALL=C sort | sha256sum | \
	{ read -r now rest; echo "$$now" | cmp -s - $@ || echo "$$now" >$@; }

# A catalogue with the same bytes keeps its time: after photographs were only copied or touched, nothing is made again.
$(OUT)/indexed.index: $(OUT)/settings/dataset $(OUT)/settings/content
	$(call tool,bbu-index) -q $(INDEX) -o $@ -- $(call quoted,$(DATASET))
$(OUT)/catalogue.index: $(OUT)/indexed.index
	@cmp -s $< $@ || cp $< $@
$(OUT)/shards: $(OUT)/catalogue.index $(OUT)/settings/pack
	$(call tool,bbu-pack) -q $(PACK) $< -o $@
$(OUT)/train $(OUT)/val: $(OUT)/%: $(OUT)/catalogue.index $(OUT)/settings/pack
	$(call tool,bbu-pack) -q $(PACK) --split $* $< -o $@

# Settings with the same TRAIN share one run. Its folder is named by a digest of all that it depends on: a run that was
# stopped is resumed, and another CONFIG or other photographs are another run. A run with evaluation saves its untrained
# teacher.
digest = $(firstword $(shell printf '%s' $(call quoted,$(call set_to,TRAIN,$(1))) | sha256sum | cut -c1-12))
evaluation = $(if $(UNTRAINED),evaluation.knn_train=$(OUT)/train evaluation.knn_val=$(OUT)/val)
define training
ifndef trained_$(2)
trained_$(2) := 1
$(OUT)/trained-$(2).safetensors: $(OUT)/train $(OUT)/val $(CONFIG) $(OUT)/settings/train.$(1)
	run=$(OUT)/run-$$$$({ cat $(CONFIG) $(OUT)/settings/train.$(1); $(call tool,bbu-info) $(OUT)/train $(OUT)/val; } | \
	    sha256sum | cut -c1-12); \
	$(call tool,dino-train) -q --config $(CONFIG) $(evaluation) $(call set_to,TRAIN,$(1)) train.dataset_path=$(OUT)/train train.output_dir=$$$$run; \
	$(if $(UNTRAINED),cp $$$$run/eval/initial/teacher_checkpoint.safetensors $(OUT)/untrained-$(2).safetensors;) \
	cp "$$$$(ls -d $$$$run/eval/training_* | sort -V | tail -n 1)/teacher_checkpoint.safetensors" $$@
$(OUT)/untrained-$(2).safetensors: $(OUT)/trained-$(2).safetensors ;
endif
endef
# setting, name of the features, weights
define extraction
$(OUT)/$(2).feat: $(OUT)/$(3).safetensors $(OUT)/shards $(OUT)/settings/extract.$(1)
	$(call tool,dino-extract) -q -w $$< --tokens $(call set_to,TOKENS,$(1)) --resize $(call set_to,SIZE,$(1)) --size $(call set_to,SIZE,$(1)) -o $$@ $(OUT)/shards
$(OUT)/$(2).scores.json: $(OUT)/$(2).train.feat $(OUT)/$(2).val.feat $(OUT)/$(2).test.feat $(OUT)/settings/score.$(1)
	$(call tool,feat-logreg) -q -t $(OUT)/$(2).train.feat --val $(OUT)/$(2).val.feat $(call set_to,SCORE,$(1)) --json -m $(OUT)/$(2).logreg -r $$@ $(OUT)/$(2).test.feat
endef
$(foreach r,$(RUNS),$(eval $(call training,$(r),$(call digest,$(r)))))
$(foreach r,$(RUNS),$(eval $(call extraction,$(r),$(r),trained-$(call digest,$(r)))))
$(foreach r,$(RUNS),$(eval $(call extraction,$(r),$(r).untrained,untrained-$(call digest,$(r)))))

$(OUT)/%.train.feat: $(OUT)/%.feat
	$(call tool,feat-cat) -q --split train -o $@ $<
$(OUT)/%.val.feat: $(OUT)/%.feat
	$(call tool,feat-cat) -q --split val -o $@ $<
$(OUT)/%.test.feat: $(OUT)/%.feat
	$(call tool,feat-cat) -q --split test -o $@ $<

# "0.812 [0.756, 0.889]" from the scores of a level; a dash if the score is not defined, or the level is missing.
define PICK
function of(text, form) {
    return match(text, "\"" key "\":" form) ? substr(text, RSTART + length(key) + 3, RLENGTH - length(key) - 3) : ""
}
index($$0, "\"level\":\"" level "\"") && !seen++ {
    sub(/^.*"tries":/, "")
    at = index($$0, "\"intervals\":{")
    value = of(substr($$0, 1, at), "[^,}]*")
    n = split(of(substr($$0, at), "\\[[^]]*\\]"), ends, /[][,]/)
    if (value == "") bad = 1
    else if (value != "null") text = sprintf(n > 2 ? "%.3f [%.3f, %.3f]" : "%.3f", value, ends[2], ends[3])
}
END {
    if (bad) print "experiment.mk: COLUMNS: there is no score " key >"/dev/stderr"
    else print text == "" ? "-" : text
    exit bad
}
endef
export PICK

# One row per network: scores of the test split, with intervals.
rows := $(foreach r,$(RUNS),$(if $(UNTRAINED),$(r).untrained) $(r))
$(OUT)/table.txt: $(rows:%=$(OUT)/%.scores.json) $(OUT)/settings/columns
	@{ printf '| %-20s |' features; for c in $(COLUMNS); do printf ' %-24s |' "$${c#*.}, $${c%%.*}s"; done; \
	printf '\n| %-20s |' ---; for c in $(COLUMNS); do printf ' %-24s |' ---; done; \
	for row in $(rows); do \
	    name=$${row/%.untrained/, untrained}; \
	    printf '\n| %-20s |' "$$name"; \
	    for c in $(COLUMNS); do \
	        value=$$(awk -v level="$${c%%.*}" -v key="$${c#*.}" "$$PICK" $(OUT)/$$row.scores.json); \
	        printf ' %-24s |' "$$value"; \
	    done; \
	done; printf '\n'; } >$@.new; mv $@.new $@

# By name: other files in the folder remain, and the folder with them.
clean:
	@[ -e $(mark) ] || exit 0; cd $(OUT); \
	for f in settings/extract.*; do \
	    r=$${f#settings/extract.}; \
	    for name in "$$r" "$$r.untrained"; do \
	        rm -f "$$name".feat "$$name".{train,val,test}.feat "$$name".logreg "$$name".scores.json; \
	    done; \
	done; \
	d='[0-9a-f]'; d=$$d$$d$$d; d=$$d$$d$$d$$d; \
	rm -f trained-$$d.safetensors untrained-$$d.safetensors; rm -rf run-$$d; \
	rm -rf shards train val settings; rm -f indexed.index catalogue.index table.txt .experiment; \
	cd - >/dev/null; rmdir $(OUT) 2>/dev/null || echo "$(OUT): what was not made here stays"
