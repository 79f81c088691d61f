# dinotools - make demo, make check, make, make install, make deb. Non-recursive; sources are found by folder. The
# variables MAY_INCLUDE_* say which headers each folder may include.
#
#   A CUDA backend, planned for a later version, goes into kernels/cuda/.
#   DEPS=0          do not look for missing packages         DEPS_PREFIX=DIR  libraries from DIR/usr/{include,lib}
#   V=1             show commands                            SAN=thread or address,undefined  sanitizer build
#   B=DIR           build folder [build, or build-$(SAN)]    GOLDEN=DIR       numbers for check-golden
#   MPI=0           one process: without the MPI that is found [1]

SHELL      := /bin/bash
CC         ?= cc
AR         ?= ar
PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/dinotools
# Where shells look for completions; each tool prints its own.
BASHDIR    ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR     ?= $(PREFIX)/share/zsh/site-functions
FISHDIR    ?= $(PREFIX)/share/fish/vendor_completions.d
# Helper programs of the examples, which look for them relative to the folder of the tools.
HELPERDIR  ?= $(BINDIR)/../libexec/dinotools
SAN        ?=
comma      := ,
B          ?= build$(if $(SAN),-$(subst $(comma),-,$(SAN)))
VERSION    := $(shell sed -n 's/.*DINOTOOLS_VERSION "\(.*\)"/\1/p' common/version.h)
# The target architecture, as the compiler reports it; without a compiler, that of this machine.
ARCH       := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null || uname -m)))
GOLDEN     ?= tests/golden
Q          := $(if $(V),,@)
MPI        ?= 1

# Enum constants name integers here; clang's warning about mixing them with floats is of no use.
WARN       := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wno-enum-float-conversion
# No contraction of multiply and add and no fast-math: compilers and processors agree, a NaN stays visible.
BASE_FLAGS := -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -ffp-contract=off -fno-math-errno -fno-trapping-math -g -pthread
OPT        ?= -O2
SAN_FLAGS  := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer $(if $(findstring undefined,$(SAN)),-fno-sanitize-recover=all))
ALL_CFLAGS  = $(BASE_FLAGS) $(OPT) $(WARN) $(SAN_FLAGS) $(DEPS_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pthread $(SAN_FLAGS) $(DEPS_LDFLAGS) $(LDFLAGS)

ifneq ($(DEPS_PREFIX),)
MULTIARCH  := $(shell $(CC) -print-multiarch)
DEPS_CFLAGS  := -isystem $(DEPS_PREFIX)/usr/include -isystem $(DEPS_PREFIX)/usr/include/$(MULTIARCH)
DEPS_LDFLAGS := -L$(DEPS_PREFIX)/usr/lib/$(MULTIARCH) -L$(DEPS_PREFIX)/usr/lib -Wl,-rpath,$(DEPS_PREFIX)/usr/lib/$(MULTIARCH) -Wl,-rpath-link,$(DEPS_PREFIX)/usr/lib/$(MULTIARCH)
endif

# NAME|flags to compile|flags to link, of the MPI that is here (tests/find-mpi.sh). Only what calls it links it: to load
# it takes longer than most tools run.
ifneq ($(MPI),0)
MPI_FOUND  := $(shell CC="$(CC)" tests/find-mpi.sh)
endif
MPI_NAME   := $(firstword $(subst |, ,$(MPI_FOUND)) none)
ifneq ($(MPI_NAME),none)
MPI_CFLAGS := $(shell echo "$(MPI_FOUND)" | cut -d '|' -f 2)
LIBS_MPI   := -Wl,--as-needed $(shell echo "$(MPI_FOUND)" | cut -d '|' -f 3)
endif

LIBS_FORMATS := -lzstd -lcjson -lm
LIBS_COMMON  := -ljpeg -lpng -ltiff -lz -lyaml
LIBS_KERNELS := -ldnnl -lgomp

# ------------------------------------------------------------------ layers
# A folder may include its own headers and those of the folders listed: anything else does not compile. Headers are
# included without their folder; each name is unique. tests/lint.sh checks includes against this table.
MAY_INCLUDE_formats          := formats
MAY_INCLUDE_common           := common formats
MAY_INCLUDE_kernels/op       := kernels/op common formats
MAY_INCLUDE_kernels/cpu      := kernels/cpu kernels/op common formats
MAY_INCLUDE_kernels/device   := kernels/device kernels/cpu kernels/op common formats
MAY_INCLUDE_kernels/img      := kernels/img common formats
MAY_INCLUDE_kernels/world    := kernels/world kernels/op common formats
MAY_INCLUDE_kernels/data     := kernels/data kernels/img kernels/world common formats
MAY_INCLUDE_kernels/nn       := kernels/nn kernels/op common formats
MAY_INCLUDE_kernels/weights  := kernels/weights kernels/nn kernels/op common formats
MAY_INCLUDE_kernels/step     := kernels/step kernels/nn kernels/data kernels/world kernels/op common formats
MAY_INCLUDE_kernels/extract  := kernels/extract kernels/nn kernels/img kernels/op common formats
MAY_INCLUDE_kernels/rows     := kernels/rows kernels/op common formats
MAY_INCLUDE_kernels/report   := kernels/report common formats
MAY_INCLUDE_kernels/score    := kernels/score kernels/report kernels/rows kernels/op common formats
MAY_INCLUDE_kernels/prediction := kernels/prediction kernels/score kernels/report kernels/rows kernels/op common formats
MAY_INCLUDE_kernels/classify := kernels/classify kernels/prediction kernels/score kernels/report kernels/rows kernels/op common formats
MAY_INCLUDE_kernels/verdict  := kernels/verdict kernels/score kernels/report kernels/rows kernels/op common formats
MAY_INCLUDE_kernels/bank     := kernels/bank kernels/extract kernels/nn kernels/img kernels/rows kernels/op common formats
MAY_INCLUDE_kernels/gate     := kernels/gate kernels/verdict kernels/img kernels/op common formats
MAY_INCLUDE_kernels/draw     := kernels/draw common formats
# What tools may include; kernels/cpu is not part of it.
KERNELS_FOR_TOOLS            := $(addprefix kernels/,data step extract weights verdict bank gate draw classify prediction score report rows nn img world op)
MAY_INCLUDE_tools/train      := tools/train $(addprefix kernels/,data step extract weights classify rows nn world op) common formats
MAY_INCLUDE_tools/weights    := tools/weights $(addprefix kernels/,device extract weights nn img op) common formats
MAY_INCLUDE_tools/extract    := tools/extract $(addprefix kernels/,device extract weights nn img op) common formats
MAY_INCLUDE_tools/pack       := tools/pack kernels/img common formats
MAY_INCLUDE_tools/options    := tools/options $(addprefix kernels/,verdict score report rows op) common formats
MAY_INCLUDE_tools/score      := tools/score tools/options $(addprefix kernels/,prediction score report rows op) common formats
MAY_INCLUDE_tools/bank       := tools/bank $(addprefix kernels/,bank extract verdict score report rows nn img op) common formats
MAY_INCLUDE_tools/inspect    := tools/inspect tools/extract $(addprefix kernels/,device extract weights verdict bank gate classify prediction score report rows nn op) common formats
MAY_INCLUDE_tools/report     := tools/report $(addprefix kernels/,verdict draw classify prediction score report rows img op) common formats
MAY_INCLUDE_tools            := $(addprefix tools/,train weights extract pack options score bank inspect report) kernels/device $(KERNELS_FOR_TOOLS) common formats
MAY_INCLUDE_tests            := tests tests/fuzz kernels/cpu $(MAY_INCLUDE_tools)
MAY_INCLUDE_examples         := $(MAY_INCLUDE_tests)

KERNEL_DIRS := $(addprefix kernels/,op cpu device world img data nn weights step extract rows report score prediction classify verdict bank gate draw)
# The include path of a source file, by its folder; all folders below tests/ have the same.
folder   = $(patsubst %/,%,$(dir $(1)))
includes = $(addprefix -I,$(MAY_INCLUDE_$(if $(filter tests/%,$(1)),tests,$(folder))))

SRC_formats := $(sort $(wildcard formats/*.c))
SRC_common  := $(sort $(wildcard common/*.c))
SRC_kernels := $(sort $(foreach d,$(KERNEL_DIRS),$(wildcard $(d)/*.c)))
SRC_modules := $(sort $(wildcard tools/*/*.c))
# Hot loops: a file named simd-*.c is compiled once for every instruction set, with ISA set to its name;
# tables of function pointers choose at run time.
SRC_simd    := $(filter $(addsuffix /simd-%.c,$(KERNEL_DIRS)),$(SRC_kernels))
SRC_kernels := $(filter-out $(SRC_simd) kernels/world/world-mpi$(if $(filter none,$(MPI_NAME)),,-none).c,$(SRC_kernels))
ISAS        := base
ISA_base    := -O3
ifeq ($(ARCH),x86_64)
ISAS        += avx2 avx512
ISA_avx2    := -O3 -march=haswell
ISA_avx512  := -O3 -march=skylake-avx512 -mprefer-vector-width=512
endif

OBJ_formats := $(SRC_formats:%.c=$(B)/%.o)
OBJ_common  := $(SRC_common:%.c=$(B)/%.o)
OBJ_kernels := $(SRC_kernels:%.c=$(B)/%.o) $(foreach i,$(ISAS),$(SRC_simd:%.c=$(B)/%.$(i).o))
OBJ_modules := $(SRC_modules:%.c=$(B)/%.o)
LIBS        := $(B)/libtools.a $(B)/libkernels.a $(B)/libcommon.a $(B)/libformats.a
TOOLS       := $(patsubst tools/%.c,$(B)/%,$(sort $(wildcard tools/*.c)))
UNIT        := $(patsubst tests/%.c,$(B)/tests/%,$(sort $(wildcard tests/unit/test-*.c tests/op/test-*.c)))
# Helper programs of tests and benchmarks: datagen, raw speed figures.
HELPERS     := $(patsubst tests/%.c,$(B)/tests/%,$(sort $(wildcard tests/*.c))) $(patsubst examples/%.c,$(B)/examples/%,$(sort $(wildcard examples/*.c)))
HELPERS     := $(filter-out $(B)/tests/tap $(B)/tests/foreign,$(HELPERS))
# The tools that compute, with one more device, whose memory the host cannot access (tests/foreign.c).
FOREIGN     := $(addprefix $(B)/tests/foreign-tools/,dino-train dino-extract feat-knn feat-logreg feat-bank)
# Programs that mpirun starts (tests/cli/mpi.sh).
MPI_TESTS   := $(if $(filter none,$(MPI_NAME)),,$(patsubst tests/%.c,$(B)/tests/%,$(sort $(wildcard tests/mpi/*.c))))
PRELOADS    := $(patsubst tests/%.c,$(B)/tests/%.so,$(sort $(wildcard tests/cli/*.c)))
FUZZ        := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz-*.c)))
REPLAY      := $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz-*.c)))

.PHONY: all tools check check-unit check-cli check-golden check-fuzz check-cluster demo bench bench-curves fuzz lint install uninstall deb dist clean deps tests help
all: deps
	@$(MAKE) --no-print-directory tools

tools: $(TOOLS)

help:
	@sed -n '1,11s/^# \{0,1\}//p' Makefile

# ------------------------------------------------------------------ compiling
define compile
@mkdir -p $(@D)
$(if $(V),,@echo "  CC   $@")
$(Q)$(CC) $(ALL_CFLAGS) $(call includes,$<) $(1) -MMD -MP -c $< -o $@
endef

$(B)/%.o: %.c | deps
	$(compile)
define simd_rule
$(SRC_simd:%.c=$(B)/%.$(1).o): $(B)/%.$(1).o: %.c | deps
	$$(call compile,$(ISA_$(1)) -DISA=$(1))
endef
$(foreach i,$(ISAS),$(eval $(call simd_rule,$(i))))

# The name of the MPI that the build in this folder has: its text changes only with it.
$(B)/.mpi: FORCE
	@mkdir -p $(@D)
	@echo "$(MPI_FOUND)" | cmp -s - $@ || { echo "$(MPI_FOUND)" >$@; echo "  MPI  $(MPI_NAME)"; }
FORCE:
$(B)/kernels/world/world-mpi.o: DEPS_CFLAGS += $(MPI_CFLAGS)
$(B)/kernels/world/world-mpi.o: $(B)/.mpi

$(B)/libformats.a: $(OBJ_formats)
$(B)/libcommon.a: $(OBJ_common)
$(B)/libkernels.a: $(OBJ_kernels) $(B)/.mpi
$(B)/libtools.a: $(OBJ_modules)
$(LIBS):
	@mkdir -p $(@D)
	$(if $(V),,@echo "  AR   $@")
	$(Q)rm -f $@.$$$$ && $(AR) rcs $@.$$$$ $(filter %.o,$^) && mv $@.$$$$ $@ # whole, whoever else makes it

define link
@mkdir -p $(@D)
$(if $(V),,@echo "  LD   $@")
$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(1) $(LIBS_KERNELS) $(LIBS_COMMON) $(LIBS_FORMATS) $(LIBS_MPI)
endef

$(TOOLS): $(B)/%: $(B)/tools/%.o $(LIBS)
	$(call link,$< $(LIBS))
$(UNIT): $(B)/tests/%: $(B)/tests/%.o $(B)/tests/tap.o $(B)/tests/foreign.o $(LIBS)
	$(call link,$< $(B)/tests/tap.o $(B)/tests/foreign.o $(LIBS))
$(MPI_TESTS): $(B)/tests/%: $(B)/tests/%.o $(B)/tests/tap.o $(B)/tests/foreign.o $(LIBS)
	$(call link,$< $(B)/tests/tap.o $(B)/tests/foreign.o $(LIBS))
$(FOREIGN): $(B)/tests/foreign-tools/%: $(B)/tools/%.o $(B)/tests/foreign.o $(LIBS)
	$(call link,$< $(B)/tests/foreign.o $(LIBS))
$(HELPERS): $(B)/%: $(B)/%.o $(LIBS)
	$(call link,$< $(LIBS))
$(PRELOADS): $(B)/tests/%.so: tests/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(BASE_FLAGS) -O2 $(WARN) -fPIC -shared -o $@ $< -ldl

# ------------------------------------------------------------------ tests
tests: tools $(UNIT) $(MPI_TESTS) $(FOREIGN) $(HELPERS) $(PRELOADS) $(REPLAY)

check: deps
	@$(MAKE) --no-print-directory tests
	@B=$(B) GOLDEN=$(GOLDEN) tests/run.sh
check-unit: tests
	@B=$(B) GOLDEN=$(GOLDEN) tests/run.sh unit op
check-cli: tests
	@B=$(B) GOLDEN=$(GOLDEN) tests/run.sh cli
check-golden: tests
	@B=$(B) GOLDEN=$(GOLDEN) tests/run.sh golden
check-fuzz: tests
	@B=$(B) tests/run.sh fuzz
# Several machines and Slurm, on this one, in namespaces of Linux: for root. What cannot run says why.
check-cluster: deps
ifneq ($(DEPS),0)
	@tests/install-packages.sh cluster
endif
	@$(MAKE) --no-print-directory tests
	@B=$(B) tests/run.sh cluster

# A fuzz target as a plain program that runs the files of its corpus once (every compiler can build it) ...
$(REPLAY): $(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay.o $(LIBS)
	$(call link,$< $(B)/tests/fuzz/replay.o $(LIBS))
# ... and with libFuzzer: make fuzz FUZZ_SECONDS=600
FUZZ_SECONDS ?= 60
FUZZ_CC      ?= clang
FUZZ_FLAGS   := $(BASE_FLAGS) -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all $(DEPS_CFLAGS)
fuzz: $(FUZZ)
	@tests/fuzz/run.sh $(FUZZ_SECONDS) $(FUZZ)
$(FUZZ): $(B)/fuzz/%: tests/fuzz/%.c $(SRC_formats) $(SRC_common)
	@mkdir -p $(@D)
	@echo "  FUZZ $@"
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) $(addprefix -I,$(MAY_INCLUDE_tests)) -o $@ $< $(SRC_formats) $(SRC_common) $(DEPS_LDFLAGS) $(LIBS_COMMON) $(LIBS_FORMATS)

lint:
	@B=$(B) tests/lint.sh

# ------------------------------------------------------------------ demo, benchmarks, packages
demo: deps
	@$(MAKE) --no-print-directory tools $(HELPERS)
	@B=$(B) examples/demo.sh
# PEER=PYTHON: ours beside the programs of others that this Python has, in turn. WORKS=, ROUNDS=: see compare.sh.
bench: deps
	@$(MAKE) --no-print-directory tools $(HELPERS)
	@B=$(B) $(if $(PEER),tests/peer/compare.sh "$(PEER)" $(WORKS),examples/bench.sh)
# How time grows, as pictures.
bench-curves: deps
	@$(MAKE) --no-print-directory tools $(HELPERS)
	@B=$(B) examples/bench-curves.sh $(B)/curves
	@B=$(B) examples/bench-processes.sh $(B)/curves

# Looks for the packages, prints the command that installs what is missing and runs it where it may.
deps:
ifneq ($(DEPS),0)
	@B=$(B) DEPS_PREFIX=$(DEPS_PREFIX) CC="$(CC)" MPI=$(MPI) tests/install-packages.sh
endif

# ------------------------------------------------------------------ installing
MAN_PAGES := $(sort $(wildcard man/*.[157]))
EXAMPLES  := $(sort $(wildcard examples/*.yaml examples/*.c examples/*.sh examples/*.mk examples/*.jpg examples/*.png examples/*.md examples/*.service examples/*.cron examples/*.logrotate))
SLURM     := $(sort $(wildcard examples/slurm/*.sh))
TEXTS     := README.md MEASURED.md NEWS.md LICENSE
# What demo.sh, elpv.sh, bench.sh and bench-curves.sh call.
INSTALLED_HELPERS := $(addprefix $(B)/,tests/datagen tests/featgen tests/bench tests/bench-step tests/bench-run tests/bench-plot examples/plainfeat)
install: tools $(INSTALLED_HELPERS)
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(DOCDIR)/examples/slurm $(foreach s,1 5 7,$(DESTDIR)$(MANDIR)/man$(s))
	install -d $(addprefix $(DESTDIR),$(HELPERDIR) $(BASHDIR) $(ZSHDIR) $(FISHDIR))
	install -m 755 $(TOOLS) $(DESTDIR)$(BINDIR)
	install -m 755 $(INSTALLED_HELPERS) $(DESTDIR)$(HELPERDIR)
	for p in $(MAN_PAGES); do install -m 644 $$p $(DESTDIR)$(MANDIR)/man$${p##*.}/; done
	install -m 644 $(TEXTS) $(DESTDIR)$(DOCDIR)
	install -m 644 $(filter-out %.sh,$(EXAMPLES)) $(DESTDIR)$(DOCDIR)/examples
	sed 's|=/usr/local/bin/|=$(BINDIR)/|' examples/bbu-inspect.service >$(DESTDIR)$(DOCDIR)/examples/bbu-inspect.service
	install -m 755 $(filter %.sh,$(EXAMPLES)) $(DESTDIR)$(DOCDIR)/examples
	install -m 755 $(SLURM) $(DESTDIR)$(DOCDIR)/examples/slurm
	for t in $(TOOLS); do n=$${t##*/}; umask 022; \
	    $$t --completion=bash >$(DESTDIR)$(BASHDIR)/$$n && $$t --completion=zsh >$(DESTDIR)$(ZSHDIR)/_$$n && \
	    $$t --completion=fish >$(DESTDIR)$(FISHDIR)/$$n.fish || exit; done
# Files by name; folders stay if they hold anything else.
uninstall:
	rm -f $(TOOLS:$(B)/%=$(DESTDIR)$(BINDIR)/%) $(foreach p,$(MAN_PAGES),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(p)))/$(notdir $(p)))
	rm -f $(addprefix $(DESTDIR)$(DOCDIR)/,$(TEXTS) $(EXAMPLES) $(SLURM)) $(addprefix $(DESTDIR)$(HELPERDIR)/,$(notdir $(INSTALLED_HELPERS)))
	rm -f $(foreach t,$(notdir $(TOOLS)),$(addprefix $(DESTDIR),$(BASHDIR)/$(t) $(ZSHDIR)/_$(t) $(FISHDIR)/$(t).fish))
	-rmdir $(DESTDIR)$(HELPERDIR) $(DESTDIR)$(DOCDIR)/examples/slurm $(DESTDIR)$(DOCDIR)/examples $(DESTDIR)$(DOCDIR)
# A Debian package: BUILD/dinotools_VERSION_ARCH.deb.
deb: tools $(INSTALLED_HELPERS)
	@B=$(B) MAKE="$(MAKE)" packaging/deb.sh
dist:
	git archive --format=tar.gz --prefix=dinotools-$(VERSION)/ -o dinotools-$(VERSION).tar.gz HEAD
	@echo dinotools-$(VERSION).tar.gz
# Only folders that hold a build; other folders with such names stay.
clean:
	rm -rf $(patsubst %/formats/,%,$(wildcard build/formats/ build-*/formats/))

-include $(shell find $(B) -name '*.d' 2>/dev/null)
