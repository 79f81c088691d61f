# experiment.mk - an experiment driven by make: every stage's file is a target, so that a changed setting makes anew only
# what depends on it, and settings stand side by side in one table.
#
#   make -f experiment.mk DATASET=photos                    two settings, a and b, to a table
#   make -f experiment.mk DATASET=photos SIZE_b=112         only b is extracted anew, and scored
#   make -f experiment.mk DATASET=photos RUNS='a b c' TRAIN_c='dino.koleo_loss_weight=0'
#
# A setting is a word; what it is set to, with a default for all and a value for one (X_a):
#   TRAIN   settings of dino-train beside CONFIG         SIZE     side of the picture at extraction
#   TOKENS  cls, mean, cls+mean                          SCORE    options of feat-logreg
# Values are kept in files under $(OUT)/settings that are touched only when they change: these are what make looks at.
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

# The two that are compared if nothing else is said: the class token, and with the mean of the patches beside it.
TOKENS_b ?= cls+mean

tool = $(if $(BIN),$(BIN)/)$(1)
# $(call set_to,TOKENS,b): TOKENS_b if there is one, else TOKENS
set_to = $(if $(filter undefined,$(origin $(1)_$(2))),$($(1)),$($(1)_$(2)))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: table clean FORCE
table: $(OUT)/table.txt
	@cat $<
clean:
	rm -rf $(OUT)

# A file that holds a value, written only when the value is another one.
define setting
$(OUT)/settings/$(1): FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' '$(2)' | cmp -s - $$@ || printf '%s\n' '$(2)' >$$@
endef
$(eval $(call setting,dataset,$(DATASET) $(INDEX)))
$(eval $(call setting,pack,$(PACK)))
$(foreach r,$(RUNS),$(eval $(call setting,train.$(r),$(call set_to,TRAIN,$(r)))))
$(foreach r,$(RUNS),$(eval $(call setting,extract.$(r),$(call set_to,TOKENS,$(r)) $(call set_to,SIZE,$(r)))))
$(foreach r,$(RUNS),$(eval $(call setting,score.$(r),$(call set_to,SCORE,$(r)))))

$(OUT)/catalogue.index: $(OUT)/settings/dataset
	$(if $(DATASET),,$(error which DATASET? a folder of photographs, as in DATASET=photos))
	$(call tool,bbu-index) -q $(INDEX) $(DATASET) -o $@
$(OUT)/shards: $(OUT)/catalogue.index $(OUT)/settings/pack
	$(call tool,bbu-pack) -q $(PACK) $< -o $@
$(OUT)/train: $(OUT)/catalogue.index $(OUT)/settings/pack
	$(call tool,bbu-pack) -q $(PACK) --split train $< -o $@

# Settings with the same words of training share one run: its folder is named by their digest. A run that was stopped
# goes on; one of another CONFIG or of other shards, which dino-train refuses to go on with, is removed.
digest = $(firstword $(shell printf '%s' '$(call set_to,TRAIN,$(1))' | sha256sum | cut -c1-12))
define training
ifndef trained_$(2)
trained_$(2) := 1
$(OUT)/run-$(2)/teacher.safetensors: $(OUT)/train $(CONFIG) $(OUT)/settings/train.$(1)
	@{ cat $(CONFIG) $(OUT)/settings/train.$(1); $(call tool,bbu-info) $(OUT)/train; } | sha256sum >$(OUT)/run-$(2).made-of; \
	cmp -s $(OUT)/run-$(2).made-of $(OUT)/run-$(2)/made-of || rm -rf $(OUT)/run-$(2); \
	mkdir -p $(OUT)/run-$(2) && mv $(OUT)/run-$(2).made-of $(OUT)/run-$(2)/made-of
	$(call tool,dino-train) -q --config $(CONFIG) $(call set_to,TRAIN,$(1)) train.dataset_path=$(OUT)/train train.output_dir=$(OUT)/run-$(2)
	cp "$$$$(ls -d $(OUT)/run-$(2)/eval/training_* | sort -V | tail -n 1)/teacher_checkpoint.safetensors" $$@
endif
$(OUT)/$(1).feat: $(OUT)/run-$(2)/teacher.safetensors $(OUT)/shards $(OUT)/settings/extract.$(1)
	$(call tool,dino-extract) -q -w $$< --tokens $(call set_to,TOKENS,$(1)) --resize $(call set_to,SIZE,$(1)) --size $(call set_to,SIZE,$(1)) -o $$@ $(OUT)/shards
endef
$(foreach r,$(RUNS),$(eval $(call training,$(r),$(call digest,$(r)))))

$(OUT)/%.train.feat: $(OUT)/%.feat
	$(call tool,feat-cat) -q --split train -o $@ $<
$(OUT)/%.val.feat: $(OUT)/%.feat
	$(call tool,feat-cat) -q --split val -o $@ $<
$(OUT)/%.test.feat: $(OUT)/%.feat
	$(call tool,feat-cat) -q --split test -o $@ $<
define scoring
$(OUT)/$(1).scores.json: $(OUT)/$(1).train.feat $(OUT)/$(1).val.feat $(OUT)/$(1).test.feat $(OUT)/settings/score.$(1)
	$(call tool,feat-logreg) -q -t $(OUT)/$(1).train.feat --val $(OUT)/$(1).val.feat $(call set_to,SCORE,$(1)) --json -m $(OUT)/$(1).logreg -r $$@ $(OUT)/$(1).test.feat
endef
$(foreach r,$(RUNS),$(eval $(call scoring,$(r))))

# One column a setting: scores of the images of the test split.
$(OUT)/table.txt: $(RUNS:%=$(OUT)/%.scores.json)
	@{ printf '%-28s' ''; printf '%12s' $(RUNS); printf '\n'; \
	for key in accuracy balanced_accuracy f1_macro mcc auroc average_precision log_loss brier false_alarms; do \
	    printf '%-28s' $$key; \
	    for run in $(RUNS); do \
	        value=$$(grep '"level":"image"' $(OUT)/$$run.scores.json | sed -E "s/^.*\"tries\":[0-9]+//; s/\"intervals\".*//; s/^.*[,{]\"$$key\":([^,]*).*/\1/"); \
	        printf '%12.4f' "$$value" 2>/dev/null || printf '%12s' "$$value"; \
	    done; printf '\n'; \
	done; } >$@.new && mv $@.new $@
