# experiment.mk - an experiment driven by make: every stage's file is a target, so that a changed setting, or changed
# data, make anew only what depends on them, and settings stand side by side in one table.
#
#   make -f experiment.mk DATASET=photos                    two settings, a and b, to a table
#   make -f experiment.mk DATASET=photos SIZE_b=112         only b is extracted anew, and scored
#   make -f experiment.mk DATASET=photos RUNS='a b c' TRAIN_c='dino.koleo_loss_weight=0'
#   make -f experiment.mk clean                             removes what was made, and nothing else
#
# A setting is a word; what it is set to, with a default for all and a value for one (X_a):
#   TRAIN   settings of dino-train beside CONFIG         SIZE     side of the picture at extraction
#   TOKENS  cls, mean, cls+mean                          SCORE    options of feat-logreg
# COLUMNS are the scores in the table: image or group, a point, and a score's name in the JSON of feat-logreg(1).
# Beside each trained network stands the untrained one; UNTRAINED= leaves it out.
# Values are kept in files under $(OUT)/settings that are touched only when they change: these are what make looks at.
# So are the names, sizes and times of all that is in DATASET, which may have spaces in its name.
# Tools are taken from PATH, or from BIN.

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

# The two that are compared if nothing else is said: the class token, and with the mean of the patches beside it.
TOKENS_b ?= cls+mean

SHELL := /bin/bash
.SHELLFLAGS := -eo pipefail -c

# A text as one word of the shell, whatever is in it.
quoted = '$(subst ','\'',$(1))'
tool = $(if $(BIN),$(call quoted,$(BIN)/$(1)),$(1))
# $(call set_to,TOKENS,b): TOKENS_b if there is one, else TOKENS
set_to = $(if $(filter undefined,$(origin $(1)_$(2))),$($(1)),$($(1)_$(2)))

$(foreach v,OUT CONFIG,$(if $(filter 1,$(words $($(v)))),,$(error $(v)=$($(v)): one name without spaces is needed)))
# The mark of a folder that was made here; in another nothing is written, and nothing removed.
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

# A file that holds a value, written only when the value is another one.
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

# What the dataset is: the digest of the names, sizes and times of its photographs and lists, which are not read for it.
$(OUT)/settings/content: FORCE | $(mark)
	$(if $(DATASET),,$(error which DATASET? a folder of photographs, as in DATASET=photos))
	@[ -d $(call quoted,$(DATASET)) ] || { printf 'experiment.mk: %s: no such folder\n' $(call quoted,$(DATASET)) >&2; exit 1; }
	@{ cd $(call quoted,$(DATASET)) && find -L . ! -type d -printf '%p %s %T@ %C@\n'; } | LC_ALL=C sort | sha256sum | \
	{ read -r now rest; echo "$$now" | cmp -s - $@ || echo "$$now" >$@; }

# A catalogue of the same bytes keeps its time: photographs that were merely copied or touched make nothing anew.
$(OUT)/indexed.index: $(OUT)/settings/dataset $(OUT)/settings/content
	$(call tool,bbu-index) -q $(INDEX) -o $@ -- $(call quoted,$(DATASET))
$(OUT)/catalogue.index: $(OUT)/indexed.index
	@cmp -s $< $@ || cp $< $@
$(OUT)/shards: $(OUT)/catalogue.index $(OUT)/settings/pack
	$(call tool,bbu-pack) -q $(PACK) $< -o $@
$(OUT)/train $(OUT)/val: $(OUT)/%: $(OUT)/catalogue.index $(OUT)/settings/pack
	$(call tool,bbu-pack) -q $(PACK) --split $* $< -o $@

# Settings with the same words of training share one run. Its folder is named by the digest of all that goes in: a run
# that was stopped goes on, and one of another CONFIG or of other photographs is another run. Where it is evaluated, it
# keeps its teacher as it was before the first step.
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

# "0.812 [0.756, 0.889]" out of the scores of a level; a dash where the score is not defined, or the level not there.
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

# One row a network: scores of the test split, with intervals.
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

# By name: what else is in the folder stays, and the folder with it.
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
