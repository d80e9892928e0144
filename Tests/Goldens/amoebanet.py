"""AmoebaNet-B and its auxiliary head: logits, losses, gradients of every parameter, running statistics, evaluation.

Source: tensorflow/tpu, models/official/amoeba_net. The networks here are as small as parts of whole blocks of 16
channels allow; the parameters of the published ones are counted. Neither units nor paths are dropped.
"""

import golden
import torch
import torch.nn.functional as F
from paper_form import same_padding
from study import PoolInputs
from torch import nn

SEED = 7  # one that leaves clear maxima
SEEDS = 10  # of images, of which the one with the clearest maxima is taken
CLASSES = 5
LABELS = [3, 0, 4, 2]  # the largest logits say some of them
SMOOTHING = 0.1
AUXILIARY_WEIGHT = 0.4  # of the auxiliary head's loss
AUXILIARY_SCALE = 0.4  # of its channels: 128 and 768 become 51 and 307
EPSILON = 1e-5
RETENTION = 0.9
SAMPLE = 64

# Pair i makes state i from two operations on earlier states: 0 is the input, 1 the previous cell's output. A cell's
# output is the states of `output`. Only operations on states 0 and 1 have the stride of a reduction cell.
NORMAL = dict(
    pairs={
        2: (("1x1", 1), ("max3x3", 1)),
        3: (("none", 1), ("separable3x3", 0)),
        4: (("1x1", 1), ("separable3x3", 0)),
        5: (("1x1", 2), ("none", 2)),
        6: (("avg3x3", 1), ("1x1", 5)),
    },
    output=(0, 3, 4, 6),
    stride=1,
)
REDUCTION = dict(
    pairs={
        2: (("max2x2", 0), ("max3x3", 0)),
        3: (("none", 2), ("3x3", 1)),
        4: (("separable5x5", 2), ("max3x3", 2)),
        5: (("none", 3), ("separable3x3", 1)),
        6: (("avg3x3", 4), ("1x1", 3)),
    },
    output=(5, 6),
    stride=2,
)


# Operations ---------------------------------------------------------------------------------------------------------


def normalization(channels):
    return nn.BatchNorm2d(channels, eps=EPSILON, momentum=1 - RETENTION)


class SameConv2d(nn.Conv2d):
    """A convolution with SAME padding and no bias."""

    def __init__(self, inputs, outputs, kernel, stride=1, groups=1):
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, x):
        return super().forward(same_padding(x, self.kernel_size[0], self.stride[0]))


class Projection(nn.Module):
    """ReLU, 1x1 convolution, batch-norm."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.relu, self.conv, self.bn = nn.ReLU(), SameConv2d(inputs, outputs, 1, stride), normalization(outputs)

    def forward(self, x):
        return self.bn(self.conv(self.relu(x)))


class FactorizedReduction(nn.Module):
    """ReLU, then every second pixel from (0, 0) and from (1, 1), zeros beyond the edge; half of the channels each.

    Both halves go through one batch-norm. An odd channel, which the source refuses, goes to the second half.
    """

    def __init__(self, inputs, outputs):
        super().__init__()
        self.relu = nn.ReLU()
        self.path1 = SameConv2d(inputs, outputs // 2, 1)
        self.path2 = SameConv2d(inputs, outputs - outputs // 2, 1)
        self.bn = normalization(outputs)

    def forward(self, x):
        x = self.relu(x)
        shifted = F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.bn(torch.cat([self.path1(x[:, :, ::2, ::2]), self.path2(shifted[:, :, ::2, ::2])], 1))


class Bottleneck(nn.Module):
    """The operation 3x3: 1x1 to a quarter of the outputs, 3x3 with the stride, 1x1; a ReLU before, a batch-norm after
    each."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        inner = outputs // 4
        self.relu = nn.ReLU()
        self.convs = nn.ModuleList(
            [SameConv2d(inputs, inner, 1), SameConv2d(inner, inner, 3, stride), SameConv2d(inner, outputs, 1)]
        )
        self.bns = nn.ModuleList(normalization(channels) for channels in (inner, inner, outputs))

    def forward(self, x):
        for conv, bn in zip(self.convs, self.bns):
            x = bn(conv(self.relu(x)))
        return x


class Separable(nn.Module):
    """Twice ReLU, depthwise and 1x1 convolution, batch-norm; the first depthwise one has the stride."""

    def __init__(self, inputs, outputs, kernel, stride):
        super().__init__()
        self.relu = nn.ReLU()
        self.depthwise = nn.ModuleList(
            [SameConv2d(inputs, inputs, kernel, stride, inputs), SameConv2d(outputs, outputs, kernel, 1, outputs)]
        )
        self.pointwise = nn.ModuleList(SameConv2d(channels, outputs, 1) for channels in (inputs, outputs))
        self.bns = nn.ModuleList(normalization(outputs) for _ in range(2))

    def forward(self, x):
        for depthwise, pointwise, bn in zip(self.depthwise, self.pointwise, self.bns):
            x = bn(pointwise(depthwise(self.relu(x))))
        return x


class Pool(nn.Module):
    """A pooling with SAME padding, which no maximum and no mean takes in; 1x1 convolution and batch-norm, without
    ReLU, where the channels change."""

    def __init__(self, kind, kernel, inputs, outputs, stride):
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.maximum = nn.MaxPool2d(kernel, stride) if kind == "max" else None
        assert kind == "max" or (kernel, stride) == (3, 1)  # the only mean of the two cells
        self.changes = inputs != outputs
        if self.changes:
            self.conv, self.bn = SameConv2d(inputs, outputs, 1), normalization(outputs)

    def forward(self, x):
        if self.maximum:
            x = self.maximum(same_padding(x, self.kernel, self.stride, -torch.inf))
        else:
            x = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        return self.bn(self.conv(x)) if self.changes else x


def operation(name, inputs, outputs, stride):
    if name == "1x1" or (name == "none" and (stride > 1 or inputs != outputs)):
        return Projection(inputs, outputs, stride)
    if name == "none":
        return nn.Identity()
    if name == "3x3":
        return Bottleneck(inputs, outputs, stride)
    kernel = int(name[-1])
    if name.startswith("separable"):
        return Separable(inputs, outputs, kernel, stride)
    return Pool(name[:3], kernel, inputs, outputs, stride)


# The network --------------------------------------------------------------------------------------------------------


class Pair(nn.Module):
    """The sum of two operations."""

    def __init__(self, left, right):
        super().__init__()
        self.left, self.right = left, right

    def forward(self, x, y):
        return self.left(x) + self.right(y)


class Cell(nn.Module):
    """A cell of F channels a state: input and previous output as (channels, halvings of the map so far).

    Without a previous cell the input, untouched, takes its place.
    """

    def __init__(self, table, filters, current, previous):
        super().__init__()
        self.table = table
        self.input = Projection(current[0], filters)
        if previous is None:
            self.previous, channels = nn.Identity(), current[0]
        else:
            channels = filters
            if previous[1] != current[1]:
                self.previous = FactorizedReduction(previous[0], filters)
            elif previous[0] != filters:
                self.previous = Projection(previous[0], filters)
            else:
                self.previous = nn.Identity()
        for number, halves in table["pairs"].items():
            operations = [
                operation(name, channels if state == 1 else filters, filters, table["stride"] if state < 2 else 1)
                for name, state in halves
            ]
            self.add_module(f"pair{number}", Pair(*operations))
        self.shape = len(table["output"]) * filters, current[1] + table["stride"] - 1

    def pairs(self):
        return [getattr(self, f"pair{number}") for number in self.table["pairs"]]

    def forward(self, x, previous):
        states = [self.input(x), self.previous(x if previous is None else previous)]
        for pair, halves in zip(self.pairs(), self.table["pairs"].values()):
            states.append(pair(*(states[state] for _, state in halves)))
        return torch.cat([states[state] for state in self.table["output"]], 1)


class Stem(nn.Module):
    """3x3 convolution and batch-norm: `imagenet`, stride 2 without padding, or `small`, stride 1 with SAME padding."""

    def __init__(self, kind, channels):
        super().__init__()
        stride, padding = dict(imagenet=(2, 0), small=(1, 1))[kind]
        self.conv, self.bn = nn.Conv2d(3, channels, 3, stride, padding, bias=False), normalization(channels)

    def forward(self, x):
        return self.bn(self.conv(x))


class AuxiliaryHead(nn.Module):
    """Classes from a map after ReLU; the second convolution covers the whole map that the pooling leaves."""

    def __init__(self, inputs, size, classes):
        super().__init__()
        narrow, wide = int(128 * AUXILIARY_SCALE), int(768 * AUXILIARY_SCALE)
        self.relu = nn.ReLU()
        self.conv0, self.bn0 = nn.Conv2d(inputs, narrow, 1, bias=False), normalization(narrow)
        self.conv1, self.bn1 = nn.Conv2d(narrow, wide, (size - 5) // 3 + 1, bias=False), normalization(wide)
        self.fc = nn.Linear(wide, classes)

    def forward(self, x):
        x = self.relu(self.bn0(self.conv0(F.avg_pool2d(x, 5, 3))))
        return self.fc(self.relu(self.bn1(self.conv1(x))).flatten(1))


class AmoebaNet(nn.Module):
    """Logits and, in training, those of the auxiliary head, for square images.

    `cells` normal cells, a reduction cell before those of a third and of two thirds. States have `filters` channels,
    twice as many after each reduction cell; behind the ImageNet stem two more have a quarter and a half.
    """

    def __init__(self, cells, filters, classes, size, stem="imagenet", stem_channels=32):
        super().__init__()
        self.relu = nn.ReLU()
        self.stem = Stem(stem, stem_channels)
        self.stem_cells, self.cells, self.reduction_cells = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        self.reductions = [cells // 3, 2 * cells // 3]
        shapes = [None, (stem_channels, 0)]

        def add(list, table, filters):
            list.append(Cell(table, filters, shapes[-1], shapes[-2]))
            shapes.append(list[-1].shape)

        if stem == "imagenet":
            for divisor in (4, 2):
                add(self.stem_cells, REDUCTION, filters // divisor)
        for index in range(cells):
            if index in self.reductions:
                filters *= 2
                add(self.reduction_cells, REDUCTION, filters)
            add(self.cells, NORMAL, filters)
            if index == self.reductions[1] - 1:
                channels, halvings = shapes[-1]
                rows = (size - 1) // 2 if stem == "imagenet" else size
                self.auxiliary = AuxiliaryHead(channels, -(-rows // 2**halvings), classes)
        self.fc = nn.Linear(shapes[-1][0], classes)

    def forward(self, x):
        previous, x, auxiliary = None, self.stem(x), None
        for cell in self.stem_cells:
            previous, x = x, cell(x, previous)
        for index, cell in enumerate(self.cells):
            if index in self.reductions:
                reduction = self.reduction_cells[self.reductions.index(index)]
                previous, x = x, reduction(x, previous)
            previous, x = x, cell(x, previous)
            if self.training and index == self.reductions[1] - 1:
                auxiliary = self.auxiliary(self.relu(x))
        return self.fc(self.relu(x).mean((2, 3))), auxiliary


def parameter_counts(model):
    """Trainable parameters: without the auxiliary head, and of it."""
    counts = [0, 0]
    for name, parameter in model.named_parameters():
        counts[name.startswith("auxiliary.")] += parameter.numel()
    return tuple(counts)


def check_published_counts():
    """The networks of the articles, with 1000 classes and background at 331 pixels.

    The auxiliary head has its 977,124 parameters with 51 and 307 channels, 0.4 * 128 and 0.4 * 768 rounded down, and a
    map of 6 x 6. Half of 190 channels is odd, see `FactorizedReduction`: 47 and 48 channels from the stem's 32. With 47
    and 47, which leaves a channel of the batch-norm without input, there would be 79,011,685 parameters.
    """
    with torch.device("meta"):
        assert parameter_counts(AmoebaNet(18, 256, 1001, 331)) == (141_751_465, 977_124)
        assert parameter_counts(AmoebaNet(18, 190, 1001, 331))[0] == 79_011_685 + 32


# Kinks --------------------------------------------------------------------------------------------------------------


class Separation:
    """Shifts, during one forward run in float64, biases until no ReLU input is near zero.

    States go into several operations, so every state and every batch-norm inside an operation is shifted where it is
    made: a pair by the bias of one batch-norm that ends it. Two maxima of the input end without one; they move by
    twice the bias of the input's.
    """

    def __init__(self, model):
        self.handles, ends = [], set()
        for cell in (m for m in model.modules() if isinstance(m, Cell)):
            for pair in cell.pairs():
                norms = [[m for m in half.modules() if isinstance(m, nn.BatchNorm2d)] for half in pair.children()]
                last = [found[-1] for found in norms if found]
                ends.update(last)
                self.shift(pair, *((last[0].bias, 1) if last else (cell.input.bn.bias, 2)))
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d) and module not in ends:
                self.shift(module, module.bias, 1)

    def shift(self, module, bias, times):
        def hook(module, inputs, output):
            total = times * bias.detach()
            shifts = golden.shift_into_gap(output.transpose(0, 1).flatten(1), total)
            bias.copy_(total / times)
            return output + shifts[:, None, None]

        self.handles.append(module.register_forward_hook(hook))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for handle in self.handles:
            handle.remove()


class Kinks:
    """How far ReLU inputs are from zero and winners of a maximum pooling from the runner-up, in float32 errors."""

    def __init__(self, model):
        self.inputs, self.pools = golden.ReLUInputs(model), PoolInputs(model)

    def take(self):
        return self.inputs.take(), self.pools.take()

    @staticmethod
    def clearance(single, double):
        pooling = min(
            PoolInputs.gap(kernel, stride, d) / float((s.double() - d)[d.isfinite()].square().mean().sqrt())
            for (*_, s), (kernel, stride, d) in zip(single[1], double[1])
        )
        return golden.clearance(single[0], double[0]), pooling


def separate(build, shape):
    """The image seed with the clearest maxima, and the biases for which no ReLU input is within rounding of zero."""
    best = ((0.0, 0.0), 0, {})
    for seed in range(1, SEEDS + 1):
        images, model = golden.image(shape, seed), golden.initialize(build(), SEED).double().train()
        with torch.no_grad():
            with Separation(model):
                model(images.double())
            start = {n: t.float() for n, t in model.state_dict().items()}
            kinks, runs = Kinks(model), []
            for kind in (torch.float32, torch.float64):
                model.to(kind).load_state_dict(start)
                model(images.to(kind))
                runs.append(kinks.take())
        clearance = Kinks.clearance(*runs)
        if min(clearance) > min(best[0]):
            best = (clearance, seed, golden.changed_biases(model, SEED))
    return best


# What is written ----------------------------------------------------------------------------------------------------


def losses(outputs):
    """The smoothed cross-entropies of the logits and of the auxiliary ones, and what is trained."""
    values = [F.cross_entropy(o, torch.tensor(LABELS), label_smoothing=SMOOTHING) for o in outputs]
    return torch.stack([*values, values[0] + AUXILIARY_WEIGHT * values[1]])


def gradients(model, images):
    model.zero_grad()
    outputs = model(images)
    losses(outputs)[-1].backward()
    return [o.detach() for o in outputs], {n: p.grad.clone() for n, p in model.named_parameters()}


def evaluate(model, images):
    model.eval()
    with torch.no_grad():
        return model(images)[0]


def make(name, shape, **network):
    build = lambda: AmoebaNet(classes=CLASSES, size=shape[-1], **network)
    clearance, image_seed, biases = separate(build, shape)
    images, model = golden.image(shape, image_seed), golden.initialize(build(), SEED).train()
    model.load_state_dict(biases, strict=False)
    start = {n: t.clone() for n, t in model.state_dict().items()}

    single_outputs, single = gradients(model, images)
    model.load_state_dict(start)
    outputs, truth = gradients(model.double(), images.double())
    updated = {"updated/" + n: t.float() for n, t in golden.statistics(model).items()}
    tensors, zero, worst = golden.gradient_tensors(truth, single, SAMPLE)
    tensors = {n: t for n, t in tensors.items() if not n.startswith("error/")}
    errors = [golden.relative_error(s, d) for s, d in zip(single_outputs, outputs)]
    print(name, "clearance", clearance, "worst float32 gradient", worst, "zero", zero, "float32 errors", errors)
    print("logits", *outputs, "losses", losses(outputs))
    assert worst[1] < 5e-5 and min(clearance) > 20 and not zero
    top = outputs[0].topk(2).values
    assert float((top[:, 0] - top[:, 1]).min()) > 1e-3

    model.float().load_state_dict(start)
    golden.calibrate(model, golden.image((8, *shape[1:]), SEED, "calibration"))
    statistics = {"statistics/" + n: t for n, t in golden.statistics(model).items()}
    single_evaluated = evaluate(model, images)
    evaluated = evaluate(model.double(), images.double())
    print("evaluated", evaluated, "float32 error", golden.relative_error(single_evaluated, evaluated))

    tensors |= {"parameters/" + n: t for n, t in biases.items()} | updated | statistics
    tensors |= {
        "labels": torch.tensor(LABELS, dtype=torch.int32),
        "logits": outputs[0].float(),
        "auxiliary/logits": outputs[1].float(),
        "losses": losses(outputs).float(),
        "evaluated/logits": evaluated.float(),
    }
    parameters, auxiliary = parameter_counts(model)
    golden.write(
        name,
        tensors,
        seed=SEED,
        image_seed=image_seed,
        **network,
        num_classes=CLASSES,
        shape=",".join(map(str, shape)),
        sample=SAMPLE,
        epsilon=EPSILON,
        retention=RETENTION,
        label_smoothing=SMOOTHING,
        auxiliary_weight=AUXILIARY_WEIGHT,
        auxiliary_scale=AUXILIARY_SCALE,
        correct=int((outputs[0].argmax(1) == torch.tensor(LABELS)).sum()),
        parameters=parameters,
        auxiliary_parameters=auxiliary,
    )


if __name__ == "__main__":
    check_published_counts()
    # Maps of 36, 18, 9, 5 and 3 pixels: even ones are reduced in the stem, odd ones behind it.
    make("amoebanet", (4, 3, 73, 73), cells=6, filters=64, stem="imagenet", stem_channels=32)
    make("amoebanet-small", (4, 3, 32, 32), cells=3, filters=16, stem="small", stem_channels=16)
