"""The official code's segmentation network on a ResNet-18 trunk: logits, losses, gradients, five SGD steps, evaluation.

Source: tensorflow/tpu, models/official/retinanet, retinanet_architecture and retinanet_segmentation_model. The trunk is
that of `paper_form.py`. Sides are rounded up from level to level, so that it shows where corners are not aligned: the
image has 65 x 81 pixels, P3 9 x 11, P4 5 x 6, P5 3 x 3.
"""

import golden
import torch
import torch.nn.functional as F
from paper_form import EPSILON, TRUNK_CHANNELS, features, normalization, separate, trunk
from torch import nn

SEED = 8  # one for which no pixel's best two logits are close
CLASSES = 21
VOID = 255
STRIDE = 8
SHAPE = (2, 3, 65, 81)
SAMPLE = 256
RESIZED_SAMPLE = 4096
LEVELS = range(3, 6)
WEIGHT = 2**-8  # of every pixel, where it is given: as if other ranks held the rest of 256 pixels
CLOSE = 1e-4
COUNT = 6  # losses: before the first step and after each of five
STEPS = dict(learning_rate=2e-5, momentum=0.9)
DECAYS = {"steps": 1e-5, "steps_decayed": 100.0}  # only the strong one shows
RECIPE_RATE, RECIPE_DECAY = 0.02, 1e-5  # the official code's, without its warm-up


# The network --------------------------------------------------------------------------------------------------------


def upsampled(x, size):
    """Bilinear with aligned corners: row y of H lies at y * (h - 1) / (H - 1)."""
    return F.interpolate(x, tuple(size), mode="bilinear", align_corners=True)


class Pyramid(nn.Module):
    """P3 to P5 from C3 to C5, bilinear top-down; a batch-norm without ReLU ends every level."""

    def __init__(self, channels):
        super().__init__()
        self.inner_blocks = nn.ModuleList([nn.Sequential(nn.Conv2d(c, 256, 1)) for c in channels])
        self.layer_blocks = nn.ModuleList([nn.Sequential(nn.Conv2d(256, 256, 3, padding=1)) for _ in channels])
        self.bn = nn.ModuleDict({f"p{level}": normalization(256) for level in LEVELS})

    def forward(self, maps):
        sums = [block(x) for block, x in zip(self.inner_blocks, maps)]
        for i in (1, 0):
            sums[i] = sums[i] + upsampled(sums[i + 1], sums[i].shape[2:])
        return [bn(block(x)) for bn, block, x in zip(self.bn.values(), self.layer_blocks, sums)]


class Head(nn.Module):
    """Three convolutions shared by the levels, each with a batch-norm for every level and a ReLU, and a fourth with
    neither; their sum at P3's size, one batch-norm with ReLU, and the classes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.ModuleList([nn.Sequential(nn.Conv2d(256, 256, 3, padding=1)) for _ in range(4)])
        self.bn = nn.ModuleDict({str(l): nn.ModuleList([normalization(256) for _ in range(3)]) for l in LEVELS})
        self.bn["sum"] = normalization(256)
        self.relu = nn.ReLU()
        self.logits = nn.Conv2d(256, CLASSES, 3, padding=1)

    def forward(self, levels):
        total = None
        for level, x in zip(LEVELS, levels):
            for conv, bn in zip(self.conv, self.bn[str(level)]):
                x = self.relu(bn(conv(x)))
            x = self.conv[3](x)
            total = x if total is None else total + upsampled(x, total.shape[2:])
        return self.logits(self.relu(self.bn["sum"](total)))


class SegmentationNetwork(nn.Module):
    """Logits (N, K, H / 8, W / 8), sides rounded up; names are torchvision's where it has the layer."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.ModuleDict(dict(body=trunk(), fpn=Pyramid(TRUNK_CHANNELS)))
        self.head = Head()

    def forward(self, x):
        return self.head(self.backbone["fpn"](features(self.backbone["body"], x)))


# Labels and loss ----------------------------------------------------------------------------------------------------


def make_labels():
    """(N, H, W): the class is a function of the position, the same in blocks of 7 x 5 pixels; two of 23 are void."""
    image, y, x = torch.meshgrid(*(torch.arange(size) for size in (SHAPE[0], *SHAPE[2:])), indexing="ij")
    values = (x // 7 + 3 * (y // 5) + image) % (CLASSES + 2)
    return torch.where(values < CLASSES, values, VOID).to(torch.uint8)


def subsampled(labels):
    return labels[:, ::STRIDE, ::STRIDE]


def pixel_loss(logits, labels, weight=None):
    """Cross-entropy summed over the pixels that are not void, over their number or times a weight."""
    classes = subsampled(labels).long()
    total = F.cross_entropy(logits, classes, ignore_index=VOID, reduction="sum")
    return total / (classes != VOID).sum() if weight is None else weight * total


def leads(logits):
    """What each pixel's best logit is ahead of its second best."""
    top = logits.topk(2, dim=1).values
    return top[:, 0] - top[:, 1]


# What is written ----------------------------------------------------------------------------------------------------


def gradients(model, images, labels):
    model.zero_grad()
    logits = model(images)
    logits.retain_grad()
    loss = pixel_loss(logits, labels)
    loss.backward()
    return logits, loss, {n: p.grad.clone() for n, p in model.named_parameters()}


def check_slope(model, start, images, labels, truth, step=1e-6):
    """Compares the gradient with a central difference along one direction through all parameters, in float64."""
    random = lambda name, like: torch.from_numpy(golden.uniform(name, like.numel(), SEED + 1)).reshape(like.shape)
    directions = {name: random(name, gradient) for name, gradient in truth.items()}
    values = []
    for sign in (1, -1):
        model.load_state_dict(start)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter += sign * step * directions[name]
            values.append(float(pixel_loss(model(images), labels)))
    difference = (values[0] - values[1]) / (2 * step)
    slope = sum(float((truth[n] * d).sum()) for n, d in directions.items())
    print("slope", slope, "central difference", difference)
    assert abs(difference / slope - 1) < 1e-6


def recipe(model, start, losses):
    """Losses with the official rate, and how far float32 strays, at most, from starts that differ by a few roundings.

    Such steps reach kinks, so float32 cannot follow float64 for long.
    """
    settings = dict(learning_rate=RECIPE_RATE, momentum=STEPS["momentum"], decay=RECIPE_DECAY, count=COUNT)
    curve, errors = golden.descent(torch.float64, model, start, losses, **settings), []
    for seed in range(8):
        moved = dict(start)
        for name, parameter in model.named_parameters():
            noise = torch.from_numpy(golden.uniform(name, parameter.numel(), seed)).reshape(parameter.shape)
            moved[name] = start[name] * (1 + 2**-22 * noise)
        errors.append((golden.descent(torch.float32, model, moved, losses, **settings) / curve - 1).abs())
    print("recipe", curve[:, 0].tolist(), "float32 errors", torch.stack(errors)[:, :, 0])
    return {"steps_recipe": curve[:, 0].float(), "steps_recipe/error": torch.stack(errors).amax(0)[:, 0].float()}


def evaluate(model, images):
    """Logits with running statistics, and the same at the size of the images."""
    model.eval()
    with torch.no_grad():
        logits = model(images)
        return logits, upsampled(logits, SHAPE[2:])


def make():
    image_seed, biases = separate(SegmentationNetwork(), SHAPE, SEED)
    model = golden.initialize(SegmentationNetwork(), SEED)
    model.load_state_dict(biases, strict=False)
    start = {n: t.clone() for n, t in model.state_dict().items()}
    images, labels = golden.image(SHAPE, image_seed), make_labels()

    model.train()
    inputs = golden.ReLUInputs(model)
    single_logits, _, single = gradients(model, images, labels)
    single_inputs = inputs.take()
    model.load_state_dict(start)
    logits, loss, truth = gradients(model.double(), images.double(), labels)
    clearance = golden.clearance(single_inputs, inputs.take())
    updated = {"updated/" + n: t.float() for n, t in golden.statistics(model).items()}
    tensors, zero, worst = golden.gradient_tensors(truth, single, SAMPLE)
    for name, value in sorted(truth.items()):
        print(f"{name:50s} {float(value.norm()):.3g} {float(tensors['error/' + name]):.1e}")
    print("ReLU clearance", clearance, "worst float32 gradient", worst, "zero", zero)
    assert worst[1] < 2e-5 and clearance > 50
    check_slope(model, start, images.double(), labels, truth)

    classes = subsampled(labels)
    pixels, lead = int((classes != VOID).sum()), leads(logits.detach())
    print("logits", tuple(logits.shape), "float32 error", golden.relative_error(single_logits, logits))
    print("loss", loss.item())
    print("lead", lead.min().item(), pixels, "of", classes.numel(), "pixels count", classes.unique().tolist())
    assert lead.min() > CLOSE
    tensors |= {"parameters/" + name: value for name, value in biases.items()}
    tensors |= updated | {
        "labels": labels,
        "logits": logits.float(),
        "logits/gradient": logits.grad.float(),
        "losses": torch.stack([loss, pixel_loss(logits, labels, WEIGHT)]).float(),
    }
    losses_of = lambda kind: [pixel_loss(model(images.to(kind)), labels)]
    for key, decay in DECAYS.items():
        curve = golden.steady_descent(model, start, losses_of, decay=decay, count=COUNT, **STEPS)
        tensors[key] = curve[:, 0].float()
    tensors |= recipe(model, start, losses_of)

    # With the rule's running statistics all images would look much alike.
    model.float().load_state_dict(start)
    golden.calibrate(model, golden.image((8, *SHAPE[1:]), SEED, "calibration"))
    tensors |= {"statistics/" + name: value for name, value in golden.statistics(model).items()}
    _, single_resized = evaluate(model, images)
    evaluated, resized = evaluate(model.double(), images.double())
    lead, error = leads(resized), (single_resized - resized).abs().max()
    found = resized.argmax(1)
    print("evaluated", evaluated.std().item(), "float32 error", error.item(), "lead", lead.min().item())
    print("classes of each image", [image.unique(return_counts=True) for image in found])
    assert lead.min() > max(CLOSE, 5 * error)
    tensors |= {
        "evaluated/logits": evaluated.float(),
        "evaluated/resized": golden.sample(resized, RESIZED_SAMPLE),
        "evaluated/resized/norm": golden.norm(resized),
        "evaluated/classes": found.to(torch.uint8),
    }
    golden.write(
        "segmentation",
        tensors,
        seed=SEED,
        image_seed=image_seed,
        depth=18,
        num_classes=CLASSES,
        shape=SHAPE,
        sample=SAMPLE,
        resized_sample=RESIZED_SAMPLE,
        epsilon=EPSILON,
        retention=0.997,
        stride=STRIDE,
        void=VOID,
        weight=WEIGHT,
        pixels=pixels,
        correct=int((logits.argmax(1) == classes).sum()),
        close=CLOSE,
        close_pixels=int((lead < CLOSE).sum()),
        zero_gradients=",".join(zero),
        **STEPS,
        **{key + ".weight_decay": decay for key, decay in DECAYS.items()},
        **{"steps_recipe.learning_rate": RECIPE_RATE, "steps_recipe.weight_decay": RECIPE_DECAY},
    )


if __name__ == "__main__":
    make()
