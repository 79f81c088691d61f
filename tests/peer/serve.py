#!/usr/bin/env python3
"""serve.py - other people's programs at the work of make bench, timed on request (compare.sh asks).

usage: serve.py extract ARCH SIZE BATCH      a forward pass: PyTorch; OpenVINO in f32, bf16, int8
       serve.py step BATCH PROTOTYPES DROP   a training step of ViT-S/14: PyTorch in f32, bf16
       serve.py knn BANK.npy QUERY.npy K     the nearest rows by cosine, from files: faiss
       serve.py logreg X.npy KEYS.jsonl      regression with 45 values of C: scikit-learn
       serve.py start MODEL.xml              from the start of Python to an image's features: OpenVINO

Everything is loaded and compiled first. Then standard output says, in lines of words separated by tabs,
    contender NAME            this one can be asked for
    without NAME REASON       this one is not here
    ready
and for each line of standard input that is a NAME a line of two numbers: the seconds of one unit (an image, a step's
image, a search, a fit, a start) by the clock and by the time of processors, medians of a few runs; or "failed" and why.
It ends with standard input. Weights are random: they do not change the time.
"""
import json
import os
import resource
import statistics
import subprocess
import sys
import time

THREADS = len(os.sched_getaffinity(0))
GRID_OF_C = [10 ** (-6 + 11 * i / 44) for i in range(45)]


ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # some libraries print what they are doing


def say(*words):
    print(*words, sep="\t", file=ANSWERS, flush=True)


def now():
    """Seconds of the clock, and of processors for all threads and for processes that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(u.ru_utime + u.ru_stime for u in used)


def median(run, units, seconds=1.0, most=20):
    """Both of a unit: medians of runs that take so many seconds together, but one run at least."""
    runs = []
    while not runs or (sum(wall for wall, _ in runs) < seconds and len(runs) < most):
        start = now()
        run()
        runs.append([end - begin for begin, end in zip(start, now())])
    return [statistics.median(of_runs) / units for of_runs in zip(*runs)]


class Contenders:
    """Names and what times them."""

    def __init__(self):
        self.by_name = {}

    def add(self, name, prepare):
        """prepare() warms up and returns a function that calls median(); where it cannot, that is said instead."""
        try:
            self.by_name[name] = prepare()
            say("contender", name)
        except Exception as error:  # whatever a library does not like is a reason to leave it out
            lines = str(error).strip().splitlines()
            say("without", name, type(error).__name__ + ": " + (lines[0] if lines else "no message"))

    def serve(self):
        say("ready")
        for line in sys.stdin:
            try:
                say(*(f"{x:.6g}" for x in self.by_name[line.rstrip()]()))
            except Exception as error:
                say("failed", repr(error))


# ---------------------------------------------------------------- forward
TIMM_NAMES = {"vit_small": "vit_small_patch14_dinov2", "vit_base": "vit_base_patch14_dinov2",
              "vit_large": "vit_large_patch14_dinov2"}


def network(arch, size):
    import timm
    import torch
    torch.set_num_threads(THREADS)
    return timm.create_model(TIMM_NAMES[arch], img_size=size).eval()


def torch_forward(arch, size, batch, dtype, compiled):
    import torch
    net = network(arch, size).to(getattr(torch, dtype))
    images = torch.randn(batch, 3, size, size, dtype=getattr(torch, dtype))
    call = torch.compile(net) if compiled else net

    def run():
        with torch.no_grad() if compiled else torch.inference_mode():
            call(images)

    run()
    run()
    return lambda: median(run, batch)


class OpenVINO:
    """Models of one network: converted once, quantised once, for any number of images."""

    def __init__(self, arch, size):
        self.arch, self.size, self.models = arch, size, {}

    def images(self, batch):
        import numpy
        return numpy.random.default_rng(0).standard_normal((batch, 3, self.size, self.size), dtype=numpy.float32)

    def convert(self):
        import openvino
        import torch
        with torch.no_grad():
            return openvino.convert_model(network(self.arch, self.size), input=[[-1, 3, self.size, self.size]],
                                          example_input=torch.from_numpy(self.images(2)))

    def quantise(self):
        import nncf
        nncf.set_log_level("ERROR")
        noise = nncf.Dataset([self.images(1) for _ in range(8)])
        return nncf.quantize(self.model(1, "f32"), noise, subset_size=8, model_type=nncf.ModelType.TRANSFORMER)

    def model(self, batch, precision):
        kind = "int8" if precision == "int8" else "f32"
        if kind not in self.models:
            self.models[kind] = self.quantise() if kind == "int8" else self.convert()
        model = self.models[kind].clone()
        model.reshape([batch, 3, self.size, self.size])
        return model

    def forward(self, batch, precision, mode):
        import openvino
        settings = {"PERFORMANCE_HINT": mode.upper(), "INFERENCE_NUM_THREADS": THREADS,
                    "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32"}
        model = openvino.Core().compile_model(self.model(batch, precision), "CPU", settings)
        images = self.images(batch)
        if mode == "latency":
            request = model.create_infer_request()
            request.infer([images])
            request.infer([images])
            return lambda: median(lambda: request.infer([images]), batch)
        queue = openvino.AsyncInferQueue(model)

        def run():
            for _ in range(len(queue)):
                queue.start_async([images])
            queue.wait_all()

        run()
        run()
        return lambda: median(run, len(queue) * batch)


def extract(contenders, arch, size, batch):
    size, batch = int(size), int(batch)
    for name, dtype, compiled in (("PyTorch f32", "float32", False), ("PyTorch f32, compiled", "float32", True),
                                  ("PyTorch bf16, compiled", "bfloat16", True)):
        contenders.add(name, lambda: torch_forward(arch, size, batch, dtype, compiled))
    openvino = OpenVINO(arch, size)
    for precision in ("f32", "bf16", "int8"):
        contenders.add(f"OpenVINO {precision}, latency", lambda: openvino.forward(batch, precision, "latency"))
        if batch > 1:
            contenders.add(f"OpenVINO {precision}, throughput",
                           lambda: openvino.forward(batch, precision, "throughput"))
            contenders.add(f"OpenVINO {precision}, throughput, batch 1",
                           lambda: openvino.forward(1, precision, "throughput"))


# ---------------------------------------------------------------- from start to feature
ONE_START = """
import sys, numpy, openvino
model = openvino.Core().compile_model(sys.argv[1], "CPU", {"PERFORMANCE_HINT": "LATENCY",
                                                           "INFERENCE_PRECISION_HINT": "f32"})
model([numpy.zeros(model.input(0).shape, numpy.float32)])
"""


def start(contenders, path):
    def prepare():
        import openvino
        openvino.save_model(OpenVINO("vit_small", 224).model(1, "f32"), path, compress_to_fp16=False)
        run = lambda: subprocess.run([sys.executable, "-c", ONE_START, path], check=True)
        run()
        return lambda: median(run, 1, seconds=2.0)

    contenders.add("OpenVINO f32, latency", prepare)


# ---------------------------------------------------------------- a training step
WIDTH, HEADS, DEPTH, PATCH, LOCAL_CROPS = 384, 6, 12, 14, 8


def make_modules():
    """The classes of a network for training, as published: branches are computed for the images that drop path keeps."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Branch(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.LayerNorm(WIDTH, eps=1e-6)
            self.gain = nn.Parameter(torch.full((WIDTH,), 1e-5))

        def forward(self, tokens, drop):
            n = len(tokens)
            kept = max(int(n * (1 - drop)), 1)
            if kept == n:
                return tokens + self.gain * self.inner(self.norm(tokens))
            chosen = torch.randperm(n)[:kept]
            change = self.gain * self.inner(self.norm(tokens[chosen]))
            return tokens.index_add(0, chosen, change.to(tokens.dtype), alpha=n / kept)

    class Attention(Branch):
        def __init__(self):
            super().__init__()
            self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

        def inner(self, x):
            heads = self.qkv(x).unflatten(-1, (3, HEADS, WIDTH // HEADS)).permute(2, 0, 3, 1, 4)
            return self.out(F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2))

    class Hidden(Branch):
        def __init__(self):
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    class Backbone(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH)
            self.first, self.masked = nn.Parameter(torch.zeros(WIDTH)), nn.Parameter(torch.zeros(WIDTH))
            self.positions = nn.Parameter(0.02 * torch.randn(WIDTH, 16, 16))
            self.branches = nn.ModuleList(kind() for _ in range(DEPTH) for kind in (Attention, Hidden))
            self.norm = nn.LayerNorm(WIDTH, eps=1e-6)

        def forward(self, images, masks=None, drop=0.0):
            grid = self.patches(images)
            positions = self.positions
            if grid.shape[-1] != 16:
                positions = F.interpolate(positions[None], size=grid.shape[-2:], mode="bicubic")[0]
            rows = grid.flatten(2).transpose(1, 2)
            if masks is not None:
                rows = torch.where(masks[..., None], self.masked.to(rows.dtype), rows)
            rows = rows + positions.flatten(1).t()
            tokens = torch.cat([self.first.expand(len(images), 1, WIDTH), rows], 1)
            for branch in self.branches:
                tokens = branch(tokens, drop)
            return self.norm(tokens)

    class Head(nn.Module):
        def __init__(self, prototypes):
            super().__init__()
            sizes, layers = (WIDTH, 2048, 2048, 256), []
            for a, b in zip(sizes, sizes[1:]):
                layers += [nn.Linear(a, b), nn.GELU()]
            self.layers = nn.Sequential(*layers[:-1])
            self.prototypes = nn.utils.parametrizations.weight_norm(nn.Linear(256, prototypes, bias=False))

        def forward(self, x):
            return self.prototypes(F.normalize(self.layers(x), dim=-1))

    return Backbone, Head


def sinkhorn_knopp(logits, rounds=3, temperature=0.06):
    """Rows [T,K] of targets: columns and rows are scaled in turn to equal sums."""
    q = (logits.float() / temperature).exp()
    q /= q.sum()
    for _ in range(rounds):
        q /= q.sum(0, keepdim=True) * q.shape[1]
        q /= q.sum(1, keepdim=True) * q.shape[0]
    return q * q.shape[0]


class Step:
    """Teacher and student forward, losses, backward, clipping, AdamW, moving average: a step as published."""

    def __init__(self, batch, prototypes, drop, precision):
        import torch
        torch.set_num_threads(THREADS)
        torch.manual_seed(1)
        Backbone, Head = make_modules()
        pair = lambda: torch.nn.ModuleList([Backbone(), Head(prototypes)])
        self.student, self.teacher = pair(), pair().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(self.student.parameters(), lr=1e-4, fused=True)
        self.batch, self.drop, self.low = batch, drop, precision == "bf16"
        self.globals = torch.randn(2 * batch, 3, 224, 224)
        self.locals = torch.randn(LOCAL_CROPS * batch, 3, 98, 98)
        self.masks = torch.zeros(2 * batch, 256, dtype=torch.bool)
        self.masks[::2, torch.randperm(256)[:76]] = True  # 30 % of the patches of every other global crop

    def targets(self):
        import torch
        backbone, head = self.teacher
        tokens = backbone(self.globals)
        other_view = tokens[:, 0].roll(self.batch, 0)
        logits = head(torch.cat([other_view, tokens[:, 1:][self.masks]]))
        return sinkhorn_knopp(logits[:2 * self.batch]), sinkhorn_knopp(logits[2 * self.batch:])

    def loss(self, target, patch_target):
        import torch
        from torch.nn import functional as F
        backbone, head = self.student
        whole = backbone(self.globals, self.masks, self.drop)
        local = backbone(self.locals, None, self.drop)
        logits = head(torch.cat([whole[:, 0], local[:, 0], whole[:, 1:][self.masks]])).float() / 0.1
        n = [2 * self.batch, LOCAL_CROPS * self.batch, len(patch_target)]
        of_whole, of_local, of_patches = F.log_softmax(logits, -1).split(n)
        terms = 2 * LOCAL_CROPS + 2
        loss = -2 * (target * of_whole).sum(-1).mean() / terms - (patch_target * of_patches).sum(-1).mean()
        for crop in of_local.chunk(LOCAL_CROPS):
            for view in target.chunk(2):
                loss = loss - (view * crop).sum(-1).mean() / terms
        for view in F.normalize(whole[:, 0].float(), dim=-1).chunk(2) if self.batch > 1 else ():
            nearest = (view @ view.t() - 2 * torch.eye(len(view))).argmax(1)
            loss = loss - 0.1 * ((view - view[nearest]).norm(dim=-1) + 1e-8).log().mean()
        return loss

    def run(self):
        import torch
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.low):
            with torch.no_grad():
                targets = self.targets()
            loss = self.loss(*targets)
        loss.backward()
        for module in self.student:
            torch.nn.utils.clip_grad_norm_(module.parameters(), 3.0)
        self.optimizer.step()
        with torch.no_grad():
            old, new = list(self.teacher.parameters()), list(self.student.parameters())
            torch._foreach_lerp_(old, new, 0.01)


def step(contenders, batch, prototypes, drop):
    def prepare(precision):
        work = Step(int(batch), int(prototypes), float(drop), precision)
        work.run()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** 20
        print(f"PyTorch {precision}: {peak:.2f} GiB at most so far", file=sys.stderr)
        return lambda: median(work.run, work.batch)

    for precision in ("f32", "bf16"):
        contenders.add("PyTorch " + precision, lambda: prepare(precision))


# ---------------------------------------------------------------- classifiers
def knn(contenders, bank_path, query_path, k):
    def prepare():
        import faiss
        import numpy
        faiss.omp_set_num_threads(THREADS)

        def run():
            bank, queries = numpy.load(bank_path), numpy.load(query_path)
            faiss.normalize_L2(bank)
            faiss.normalize_L2(queries)
            index = faiss.IndexFlatIP(bank.shape[1])
            index.add(bank)
            index.search(queries, int(k))

        run()
        return lambda: median(run, 1)

    contenders.add("faiss", prepare)


def logreg(contenders, x_path, keys_path):
    def prepare():
        import warnings

        import numpy
        from sklearn.linear_model import LogisticRegression
        warnings.filterwarnings("ignore")
        x = numpy.load(x_path)
        with open(keys_path) as keys:
            y = [json.loads(line)["label"] for line in keys]

        def run():
            model = LogisticRegression(warm_start=True, tol=1e-6, max_iter=5000)
            for c in GRID_OF_C:
                model.set_params(C=c).fit(x, y)

        return lambda: median(run, len(GRID_OF_C))

    contenders.add("scikit-learn", prepare)


WORKS = {"extract": extract, "step": step, "knn": knn, "logreg": logreg, "start": start}
if len(sys.argv) < 2 or sys.argv[1] not in WORKS:
    sys.exit(__doc__)
everyone = Contenders()
WORKS[sys.argv[1]](everyone, *sys.argv[2:])
everyone.serve()
