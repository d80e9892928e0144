"""What the paper's RetinaNet has and torchvision lacks, in plain PyTorch: SAME padding, losses, batch-norm everywhere.

Sources: tensorflow/tpu, models/official/retinanet and resnet.
"""

import golden
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import resnet

SEED = 1
CLASSES = 5
SHAPE = (8, 3, 64, 64)
SAMPLE = 256
EPSILON = 1e-4
MOMENTUM = 1 - 0.997
LEVELS = range(3, 8)
TRUNK_CHANNELS = [128, 256, 512]

# Boxes (x1, y1, x2, y2) in pixels and classification channels (category - 1). Some reach beyond the image, so that every
# level has positive anchors.
TARGETS = [
    dict(boxes=[[3.3, 5.7, 34.9, 40.2], [24.3, 11.4, 62.2, 41.7]], channels=[0, 4]),
    dict(boxes=[[8.2, 9.1, 57.4, 60.3], [20.7, 2.6, 61.4, 24.1], [5.4, 21.3, 29.7, 62.5]], channels=[2, 3, 1]),
    dict(boxes=[], channels=[]),
    dict(
        boxes=[
            [12.9, 14.3, 50.2, 47.6],
            [-35.3, -28.1, 96.2, 101.7],
            [-101.3, -90.2, 148.8, 155.1],
            [-190.4, -210.7, 310.3, 290.8],
        ],
        channels=[1, 0, 3, 2],
    ),
]


# Operations ---------------------------------------------------------------------------------------------------------


def same_padding(x, kernel, stride, value=0.0):
    """TensorFlow's SAME: ceil(size / stride) outputs, the odd pixel of padding after."""
    amounts = []
    for size in (x.shape[-1], x.shape[-2]):
        needed = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        amounts += [needed // 2, needed - needed // 2]
    return F.pad(x, amounts, value=value)


class SameConv2d(nn.Conv2d):
    """A 3x3 convolution of stride 2 with SAME padding."""

    def forward(self, x):
        return super().forward(same_padding(x, 3, 2))


class SameMaxPool2d(nn.MaxPool2d):
    """A 3x3 maximum of stride 2 with SAME padding."""

    def forward(self, x):
        return super().forward(same_padding(x, 3, 2, -torch.inf))


def focal_loss(logits, classes, positives):
    """Summed focal loss, alpha 0.25, gamma 1.5, over (positives + 1); classes are channels, -1 is background."""
    target = F.one_hot(classes.long() + 1, logits.shape[-1] + 1)[..., 1:].to(logits)
    probability = torch.sigmoid(logits)
    correct = torch.where(target == 1, probability, 1 - probability)
    weight = torch.where(target == 1, 0.25, 0.75)
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (weight * (1 - correct) ** 1.5 * entropy).sum() / (positives + 1)


def box_loss(regression, targets, positives):
    """50 times the summed Huber loss with delta 0.1 where a target is not exactly 0, over 4 * (positives + 1)."""
    losses = F.huber_loss(regression, targets, reduction="none", delta=0.1)
    return 50 * (losses * (targets != 0)).sum() / (4 * (positives + 1))


# Anchors and targets, (y, x) order ----------------------------------------------------------------------------------


def anchors(size):
    """(y1, x1, y2, x2) of every anchor: level, row, column, then octave scale before aspect."""
    boxes = []
    for level in LEVELS:
        stride = 2**level
        centres = stride / 2 + stride * np.arange(-(-size // stride))
        for y in centres:
            for x in centres:
                for octave in range(3):
                    for wide, high in ((1, 1), (1.4, 0.7), (0.7, 1.4)):
                        half = 4 * stride * 2 ** (octave / 3) / 2
                        boxes.append([y - half * high, x - half * wide, y + half * high, x + half * wide])
    return torch.tensor(boxes, dtype=torch.float64)


def overlaps(a, b):
    low, high = torch.maximum(a[:, None, :2], b[None, :, :2]), torch.minimum(a[:, None, 2:], b[None, :, 2:])
    common = (high - low).clamp(min=0).prod(-1)
    area = lambda boxes: (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    return common / (area(a)[:, None] + area(b)[None] - common)


def encode(boxes, anchors):
    """(ty, tx, th, tw) without scaling; sizes have 1e-8 added."""
    centre = lambda b: (b[:, :2] + b[:, 2:]) / 2
    size = lambda b: b[:, 2:] - b[:, :2] + 1e-8
    return torch.cat([(centre(boxes) - centre(anchors)) / size(anchors), (size(boxes) / size(anchors)).log()], dim=1)


def assign(target, anchors):
    """Channel (-1 for background) and box target (0 there) of every anchor; each box also takes its best anchor."""
    classes = torch.full((len(anchors),), -1)
    regression = torch.zeros(len(anchors), 4, dtype=torch.float64)
    if target["boxes"]:
        boxes = torch.tensor(target["boxes"], dtype=torch.float32).double()[:, [1, 0, 3, 2]]
        overlap = overlaps(boxes, anchors)
        best, owner = overlap.max(dim=0)
        top = overlap.topk(2, dim=1).values
        assert (best - 0.5).abs().min() > 2e-5 and (top[:, 0] - top[:, 1]).min() > 1e-4, (best - 0.5).abs().min()
        owner = torch.where(best >= 0.5, owner, -1)
        owner[overlap.argmax(dim=1)] = torch.arange(len(boxes))
        classes[owner >= 0] = torch.tensor(target["channels"])[owner[owner >= 0]]
        regression[owner >= 0] = encode(boxes[owner[owner >= 0]], anchors[owner >= 0])
    return classes, regression


# The network --------------------------------------------------------------------------------------------------------


def normalization(channels):
    return nn.BatchNorm2d(channels, eps=EPSILON, momentum=MOMENTUM)


def trunk():
    """ResNet-18 with the paper's batch-norm and a SAME maximum pooling."""
    body = resnet.resnet18(weights=None, norm_layer=normalization)
    body.maxpool = SameMaxPool2d(3, 2)
    del body.fc, body.avgpool
    return body


def features(body, x):
    """C3 to C5 of a trunk."""
    x = body.layer1(body.maxpool(body.relu(body.bn1(body.conv1(x)))))
    c3 = body.layer2(x)
    c4 = body.layer3(c3)
    return [c3, c4, body.layer4(c4)]


class Pyramid(nn.Module):
    """P3 to P7 from C3 to C5: P6 from P5, P7 from ReLU(P6), both before the batch-norm that ends every level."""

    def __init__(self, channels):
        super().__init__()
        self.inner_blocks = nn.ModuleList([nn.Sequential(nn.Conv2d(c, 256, 1)) for c in channels])
        self.layer_blocks = nn.ModuleList([nn.Sequential(nn.Conv2d(256, 256, 3, padding=1)) for _ in channels])
        self.extra_blocks = nn.ModuleDict({"p6": SameConv2d(256, 256, 3, 2), "p7": SameConv2d(256, 256, 3, 2)})
        self.relu = nn.ReLU()
        self.bn = nn.ModuleDict({f"p{level}": normalization(256) for level in LEVELS})

    def forward(self, features):
        laterals = [block(x) for block, x in zip(self.inner_blocks, features)]
        for i in (1, 0):
            laterals[i] = laterals[i] + F.interpolate(laterals[i + 1], scale_factor=2, mode="nearest")
        levels = [block(x) for block, x in zip(self.layer_blocks, laterals)]
        levels.append(self.extra_blocks["p6"](levels[-1]))
        levels.append(self.extra_blocks["p7"](self.relu(levels[-1])))
        return [bn(x) for bn, x in zip(self.bn.values(), levels)]


class Head(nn.Module):
    """Four convolutions shared by the levels, each with a batch-norm for every level and a ReLU, and a prediction."""

    def __init__(self, name, outputs):
        super().__init__()
        self.conv = nn.ModuleList([nn.Sequential(nn.Conv2d(256, 256, 3, padding=1)) for _ in range(4)])
        self.bn = nn.ModuleDict({str(l): nn.ModuleList([normalization(256) for _ in range(4)]) for l in LEVELS})
        self.relu = nn.ReLU()
        self.name = name
        self.add_module(name, nn.Conv2d(256, outputs, 3, padding=1))

    def forward(self, levels, width):
        results = []
        for level, x in zip(LEVELS, levels):
            for conv, bn in zip(self.conv, self.bn[str(level)]):
                x = self.relu(bn(conv(x)))
            x = getattr(self, self.name)(x)
            results.append(x.permute(0, 2, 3, 1).reshape(len(x), -1, width))
        return torch.cat(results, dim=1)


class PaperRetinaNet(nn.Module):
    """The paper's RetinaNet on a ResNet-18 trunk; names are torchvision's where it has the layer."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.ModuleDict(dict(body=trunk(), fpn=Pyramid(TRUNK_CHANNELS)))
        self.head = nn.ModuleDict(
            dict(
                classification_head=Head("cls_logits", 9 * CLASSES),
                regression_head=Head("bbox_reg", 9 * 4),
            )
        )

    def forward(self, x):
        levels = self.backbone["fpn"](features(self.backbone["body"], x))
        return self.head["classification_head"](levels, CLASSES), self.head["regression_head"](levels, 4)


def gradients(model, images, classes, regression):
    model.zero_grad()
    logits, boxes = model(images)
    positives = (classes >= 0).sum()
    losses = [focal_loss(logits, classes, positives), box_loss(boxes, regression.to(boxes), positives)]
    (losses[0] + losses[1]).backward()
    return logits, boxes, losses, {n: p.grad.clone() for n, p in model.named_parameters()}


def separate(model, shape, seed):
    """Images and biases that keep every ReLU input and pooling winner clear of its kink, as in the torchvision form.

    Returns the seed of the images and the shifted biases; the model is left in float64, with spoilt running statistics.
    """
    body = golden.initialize(model, seed).train().backbone["body"]
    stem = lambda x: body.relu(body.bn1(body.conv1(x)))
    image_seed = golden.clear_images(stem, shape, lambda x: same_padding(x, 3, 2, -1))
    with torch.no_grad(), golden.Separation(model.double()):
        model(golden.image(shape, image_seed).double())
    return image_seed, golden.changed_biases(model, seed)


def make_network():
    image_seed, biases = separate(PaperRetinaNet(), SHAPE, SEED)
    model = golden.initialize(PaperRetinaNet(), SEED)
    model.load_state_dict(biases, strict=False)
    start = {n: t.clone() for n, t in model.state_dict().items()}
    images = golden.image(SHAPE, image_seed)
    grid = anchors(SHAPE[-1])
    assigned = [assign(TARGETS[i % len(TARGETS)], grid) for i in range(SHAPE[0])]
    classes, regression = torch.stack([a[0] for a in assigned]), torch.stack([a[1] for a in assigned])

    model.train()
    inputs = golden.ReLUInputs(model)
    single = gradients(model, images, classes, regression)
    single_inputs = inputs.take()
    model.load_state_dict(start)
    logits, boxes, losses, truth = gradients(model.double(), images.double(), classes, regression)
    clearance = golden.clearance(single_inputs, inputs.take())
    lead = float((boxes.detach() - regression)[regression != 0].abs().sub(0.1).abs().min())
    print("ReLU clearance", clearance, "distance from the Huber loss's corner", lead)
    updated = {"updated/" + n: t.float() for n, t in golden.statistics(model).items()}
    tensors, zero, worst = golden.gradient_tensors(truth, single[3], SAMPLE)
    for name, value in sorted(truth.items()):
        print(f"{name:60s} {float(value.norm()):.3g} {float(tensors['error/' + name]):.1e}")
    print("worst float32 gradient", worst, "zero", zero)
    print("logits", golden.relative_error(single[0], logits), "boxes", golden.relative_error(single[1], boxes), losses)
    assert worst[1] < 4e-5 and clearance > 50

    model.load_state_dict(start)
    model.eval()
    with torch.no_grad():
        evaluated = model(images.double())
    tensors |= {"parameters/" + name: value for name, value in biases.items()}
    tensors |= updated | {
        "cls_logits": logits.float(),
        "bbox_regression": boxes.float(),
        "losses": torch.stack(losses).detach().float(),
        "anchors": grid.float(),
        "targets.classes": classes.to(torch.int32),
        "targets.boxes": regression.float(),
        "evaluated/cls_logits": golden.sample(evaluated[0], 4096),
        "evaluated/bbox_regression": golden.sample(evaluated[1], 4096),
        "evaluated/cls_logits/norm": golden.norm(evaluated[0]),
        "evaluated/bbox_regression/norm": golden.norm(evaluated[1]),
    }
    for i, target in enumerate(TARGETS):
        if target["boxes"]:
            tensors[f"boxes.{i}"] = torch.tensor(target["boxes"])
            tensors[f"channels.{i}"] = torch.tensor(target["channels"], dtype=torch.int32)
    golden.write(
        "paper-retinanet",
        tensors,
        seed=SEED,
        image_seed=image_seed,
        depth=18,
        num_classes=CLASSES,
        shape=SHAPE,
        sample=SAMPLE,
        epsilon=EPSILON,
        retention=0.997,
        zero_gradients=",".join(zero),
    )


def make_operations():
    """Single operations on small even and odd maps, and the two losses."""
    tensors = {}
    for height, width in ((8, 8), (7, 7), (6, 9), (2, 2), (1, 1)):
        key = f"{height}x{width}"
        x = torch.from_numpy(golden.uniform("x" + key, 2 * 16 * height * width, SEED).reshape(2, 16, height, width))
        w = golden.parameter("w" + key, (32, 16, 3, 3), SEED)
        for kind, operation in (
            ("convolution", lambda a: F.conv2d(same_padding(a, 3, 2), w.double(), stride=2)),
            ("pool", lambda a: F.max_pool2d(same_padding(a, 3, 2, -torch.inf), 3, 2)),
        ):
            a = x.double().requires_grad_()
            y = operation(a)
            seed = golden.uniform(f"dy{kind}{key}", y.numel(), SEED).reshape(y.shape)
            y.backward(torch.from_numpy(seed).double())
            tensors |= {f"{kind}.{key}/y": y.float(), f"{kind}.{key}/dx": a.grad.float()}

    rows, positives = 400, 37
    logits = 6 * torch.from_numpy(golden.uniform("logits", rows * CLASSES, SEED)).reshape(rows, CLASSES).double()
    classes = torch.full((rows,), -1)
    classes[:positives] = torch.arange(positives) % CLASSES
    boxes = 0.3 * torch.from_numpy(golden.uniform("regression", rows * 4, SEED)).reshape(rows, 4).double()
    targets = torch.zeros(rows, 4, dtype=torch.float64)
    targets[:positives] = torch.from_numpy(golden.uniform("targets", positives * 4, SEED)).reshape(positives, 4).double()
    targets[5, 2] = 0  # a target of exactly zero carries no loss
    for name, value, loss in (
        ("focal", logits, lambda v: focal_loss(v, classes, positives)),
        ("huber", boxes, lambda v: box_loss(v, targets, positives)),
    ):
        value = value.float().double().requires_grad_()
        result = loss(value)
        result.backward()
        tensors |= {
            f"{name}/loss": result.detach().float().reshape(1),
            f"{name}/input": value.float(),
            f"{name}/gradient": value.grad.float(),
        }
    tensors |= {"focal/classes": classes.to(torch.int32), "huber/targets": targets.float()}
    golden.write("paper-operations", tensors, seed=SEED, positives=positives)


if __name__ == "__main__":
    make_operations()
    make_network()
