"""The networks of the CIFAR-10 and MNIST study, transcribed from Keras: logits, cross-entropy, gradients of every parameter.

Layers, order, padding, biases and the constants of batch-norm are Keras'; names are those that torchvision would give.
"""

import golden
import torch
from torch import nn
from torch.nn import functional as F

SEED = 1
CLASSES = 10
SEEDS = 10  # of images, of which the one with the clearest maxima is taken


def convolution(inputs, outputs, kernel, stride=1, padding=0):
    return nn.Conv2d(inputs, outputs, kernel, stride, padding)


def normalization(channels):
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def same(x, kernel, stride, value=0.0):
    """TensorFlow's SAME padding of a square map: ceil(size / stride) outputs, the odd row behind."""
    size = x.shape[-1]
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    before, after = total // 2, total - total // 2
    return F.pad(x, (before, after, before, after), value=value)


class CustomNet(nn.Module):
    """Six 3x3 convolutions, each conv - ReLU - batch-norm; 309,290 numbers with 10 classes at 32 x 32 x 3."""

    def __init__(self, channels, size):
        super().__init__()
        widths = [channels, 32, 32, 64, 64, 128, 128]
        for i in range(1, 7):
            self.add_module(f"conv{i}", convolution(widths[i - 1], widths[i], 3, 1, 1))
            self.add_module(f"relu{i}", nn.ReLU())
            self.add_module(f"bn{i}", normalization(widths[i]))
        self.pools = nn.ModuleList(nn.MaxPool2d(2) for _ in range(3))
        self.fc = convolution(128, CLASSES, size // 8)  # flatten and dense

    def forward(self, x):
        for i in range(1, 7):
            for part in ("conv", "relu", "bn"):
                x = getattr(self, f"{part}{i}")(x)
            if i % 2 == 0:
                x = self.pools[i // 2 - 1](x)
        return self.fc(x).flatten(1)


class Bottleneck(nn.Module):
    """A block of the study's ResNet-50: the stride is on the first 1x1 convolution."""

    def __init__(self, inputs, channels, stride, projects):
        super().__init__()
        self.conv1, self.bn1, self.relu1 = convolution(inputs, channels, 1, stride), normalization(channels), nn.ReLU()
        self.conv2, self.bn2, self.relu2 = convolution(channels, channels, 3, 1, 1), normalization(channels), nn.ReLU()
        self.conv3, self.bn3, self.relu3 = convolution(channels, 4 * channels, 1), normalization(4 * channels), nn.ReLU()
        self.downsample = None
        if projects:
            self.downsample = nn.Sequential(
                convolution(inputs, 4 * channels, 1, stride), normalization(4 * channels)
            )

    def forward(self, x):
        branch = self.relu1(self.bn1(self.conv1(x)))
        branch = self.relu2(self.bn2(self.conv2(branch)))
        branch = self.bn3(self.conv3(branch))
        return self.relu3(branch + (x if self.downsample is None else self.downsample(x)))


class KerasResNet(nn.Module):
    """The study's ResNet-50; 23,608,202 numbers with 10 classes and 3 channels."""

    def __init__(self, channels, size):
        super().__init__()
        self.conv1, self.bn1, self.relu = convolution(channels, 64, 7, 2, 3), normalization(64), nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2)
        inputs = 64
        for group, blocks in enumerate([3, 4, 6, 3], start=1):
            layer = nn.Sequential()
            for block in range(blocks):
                stride = 2 if group > 1 and block == 0 else 1
                layer.append(Bottleneck(inputs, 32 << group, stride, block == 0))
                inputs = 128 << group
            self.add_module(f"layer{group}", layer)
        self.fc = convolution(2048, CLASSES, 1)

    def last_map(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for group in range(1, 5):
            x = getattr(self, f"layer{group}")(x)
        return x

    def forward(self, x):
        return self.fc(self.last_map(x).mean((2, 3), keepdim=True)).flatten(1)


class Preactivated(nn.Module):
    """Batch-norm, ReLU, convolution."""

    def __init__(self, inputs, channels, kernel):
        super().__init__()
        self.norm, self.relu = normalization(inputs), nn.ReLU()
        self.conv = convolution(inputs, channels, kernel, 1, kernel // 2)

    def forward(self, x):
        return self.conv(self.relu(self.norm(x)))


class DenseLayer(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.norm1, self.relu1, self.conv1 = normalization(inputs), nn.ReLU(), convolution(inputs, 128, 1)
        self.norm2, self.relu2, self.conv2 = normalization(128), nn.ReLU(), convolution(128, 32, 3, 1, 1)

    def forward(self, x):
        new = self.conv1(self.relu1(self.norm1(x)))
        return torch.cat([x, self.conv2(self.relu2(self.norm2(new)))], 1)


class DenseNet(nn.Module):
    """The study's DenseNet-121; 7,053,642 numbers with 10 classes and 3 channels."""

    def __init__(self, channels, size):
        super().__init__()
        self.features = nn.Module()
        self.features.conv0 = convolution(channels, 64, 7, 2)
        self.features.pool0 = nn.MaxPool2d(3, 2)
        width = 64
        for block, layers in enumerate([6, 12, 24, 16], start=1):
            dense = nn.Module()
            for layer in range(1, layers + 1):
                dense.add_module(f"denselayer{layer}", DenseLayer(width))
                width += 32
            self.features.add_module(f"denseblock{block}", dense)
            if block < 4:
                self.features.add_module(f"transition{block}", Preactivated(width, width // 2, 1))
                width //= 2
        self.classifier = convolution(width, CLASSES, 1)

    def last_map(self, x):
        x = self.features.conv0(same(x, 7, 2))
        x = self.features.pool0(same(x, 3, 2, -float("inf")))
        for block in range(1, 5):
            for layer in getattr(self.features, f"denseblock{block}").children():
                x = layer(x)
            if block < 4:
                x = getattr(self.features, f"transition{block}")(x)
                x = F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)
        return x

    def forward(self, x):
        return self.classifier(self.last_map(x).mean((2, 3), keepdim=True)).flatten(1)


class PoolInputs:
    """Records the inputs of every maximum pooling, in order."""

    def __init__(self, model):
        self.values = []
        for module in model.modules():
            if isinstance(module, nn.MaxPool2d):
                module.register_forward_pre_hook(self.record)

    def record(self, module, inputs):
        self.values.append((module.kernel_size, module.stride, inputs[0].detach().clone()))

    def take(self):
        values, self.values = self.values, []
        return values

    @staticmethod
    def gap(kernel, stride, x):
        """The smallest distance of a winner from the runner-up; winners that are equal, zeros of a ReLU, have none."""
        top = x.unfold(2, kernel, stride).unfold(3, kernel, stride).flatten(4).topk(2, dim=-1).values
        gaps = top[..., 0] - top[..., 1]
        return float(gaps[gaps > 0].min())


def separate(make, shape):
    """The image seed with the clearest maxima, and the biases for which no ReLU input is within rounding of zero."""
    best = (0.0, 0, {})
    for seed in range(1, SEEDS + 1):
        model = golden.initialize(make(), SEED).double().train()
        pools = PoolInputs(model)
        with torch.no_grad(), golden.Separation(model):
            model(golden.image(shape, seed).double())
        clearest = min(PoolInputs.gap(*pool) for pool in pools.take())
        if clearest > best[0]:
            best = (clearest, seed, golden.changed_biases(model, SEED))
    return best[1:]


def loss(logits, labels):
    return F.cross_entropy(logits, torch.tensor(labels))


def gradients(model, images, labels):
    model.zero_grad()
    logits = model(images)
    loss(logits, labels).backward()
    return logits.detach(), {n: p.grad.clone() for n, p in model.named_parameters()}


def make(name, network, shape, sample, numbers):
    build = lambda: network(shape[1], shape[2])
    labels = [(3 * i + 1) % CLASSES for i in range(shape[0])]
    image_seed, biases = separate(build, shape)
    images = golden.image(shape, image_seed)
    model = golden.initialize(build(), SEED).train()
    model.load_state_dict(biases, strict=False)
    start = {n: t.clone() for n, t in model.state_dict().items()}
    counted = sum(t.numel() for n, t in start.items() if not n.endswith("num_batches_tracked"))
    assert counted == numbers, counted

    inputs, pools = golden.ReLUInputs(model), PoolInputs(model)
    single_logits, single = gradients(model, images, labels)
    single_inputs, single_pools = inputs.take(), pools.take()
    model.load_state_dict(start)
    logits, truth = gradients(model.double(), images.double(), labels)
    clearance = golden.clearance(single_inputs, inputs.take())
    pooling = min(
        PoolInputs.gap(kernel, stride, d) / float((s.double() - d)[d.isfinite()].square().mean().sqrt())
        for (*_, s), (kernel, stride, d) in zip(single_pools, pools.take())
    )
    tensors, zero, worst = golden.gradient_tensors(truth, single, sample)
    print(name, "clearance: ReLU", clearance, "pooling", pooling, "worst float32 gradient", worst, "zero", len(zero))
    print("logits", logits[0], "float32 error", golden.relative_error(single_logits, logits))
    assert worst[1] < 5e-5 and clearance > 20 and pooling > 20
    tensors = {n: t for n, t in tensors.items() if not n.startswith("error/")}
    tensors |= {
        "logits": logits.float(),
        "losses": loss(logits, labels).float().reshape(1),
        "labels": torch.tensor(labels, dtype=torch.int32),
    }
    tensors |= {"parameters/" + name: value for name, value in biases.items()}
    golden.write(
        name,
        tensors,
        seed=SEED,
        image_seed=image_seed,
        num_classes=CLASSES,
        shape=",".join(map(str, shape)),
        sample=sample,
        numbers=numbers,
        zero_gradients=",".join(zero),
    )


if __name__ == "__main__":
    make("study-customnet", CustomNet, (4, 3, 32, 32), 128, 309_290)
    make("study-customnet-mnist", CustomNet, (4, 1, 28, 28), 64, 299_754)
    make("study-resnet", KerasResNet, (8, 3, 32, 32), 32, 23_608_202)
    make("study-densenet-mnist", DenseNet, (8, 1, 28, 28), 32, 7_047_370)
