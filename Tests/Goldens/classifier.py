"""torchvision's ResNet-18 and ResNet-50 with their classifiers: logits, cross-entropy, gradients of every parameter.

ResNet-18 also takes ten SGD steps. ResNet-50 comes as torchvision has it, with its strides on the 3x3 convolutions (v1.5), and as in
the article, with its strides on the first 1x1 convolutions (v1).
"""

import golden
import torch
from torchvision.models import resnet

SEED = 1
CLASSES = 10
SHAPE = (4, 3, 64, 64)
LABELS = [1, 0, 7, 3]  # the first is what the network says
SMOOTHING = 0.1
SAMPLE = 256
STEPS = dict(learning_rate=1e-4, momentum=0.9)
DECAY = 1e-4


def build(depth=18, v1=False):
    model = getattr(resnet, f"resnet{depth}")(weights=None, num_classes=CLASSES)
    for block in model.modules():
        if v1 and isinstance(block, resnet.Bottleneck):
            block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
    return golden.initialize(model, SEED)


def separate(model):
    """The images and the biases for which no ReLU input and no pooling winner is within rounding of a kink."""
    stem = lambda x: model.relu(model.bn1(model.conv1(x)))
    padding = lambda x: torch.nn.functional.pad(x, (1, 1, 1, 1), value=-1)
    seed = golden.clear_images(stem, SHAPE, padding)
    model.double()
    with torch.no_grad(), golden.Separation(model):
        model(golden.image(SHAPE, seed).double())
    return seed, golden.changed_biases(model, SEED)


def loss(logits, smoothing=SMOOTHING):
    return torch.nn.functional.cross_entropy(logits, torch.tensor(LABELS), label_smoothing=smoothing)


def gradients(model, images):
    model.zero_grad()
    logits = model(images)
    loss(logits).backward()
    return logits.detach(), {n: p.grad.clone() for n, p in model.named_parameters()}


def make(name, sample, with_steps, **kind):
    image_seed, biases = separate(build(**kind).train())
    images = golden.image(SHAPE, image_seed)
    model = build(**kind).train()
    model.load_state_dict(biases, strict=False)
    start = {n: t.clone() for n, t in model.state_dict().items()}

    inputs = golden.ReLUInputs(model)
    single_logits, single = gradients(model, images)
    single_inputs = inputs.take()
    model.load_state_dict(start)
    logits, truth = gradients(model.double(), images.double())
    clearance = golden.clearance(single_inputs, inputs.take())
    tensors, zero, worst = golden.gradient_tensors(truth, single, sample)
    print("ReLU clearance", clearance, "worst float32 gradient", worst, "zero", zero)
    assert worst[1] < 2e-5 and clearance > 50 and not zero

    print("logits", logits, "float32 error", golden.relative_error(single_logits, logits))
    top = logits.topk(2).values
    assert float((top[:, 0] - top[:, 1]).min()) > 1e-3
    tensors |= {
        "logits": logits.float(),
        "losses": torch.stack([loss(logits, 0.0), loss(logits)]).float(),
        "labels": torch.tensor(LABELS, dtype=torch.int32),
    }
    tensors |= {"parameters/" + name: value for name, value in biases.items()}
    metadata = {}
    if with_steps:
        losses_of = lambda kind: [loss(model(images.to(kind)))]
        tensors["steps"] = golden.steady_descent(model, start, losses_of, decay=DECAY, **STEPS)[:, 0].float()
        metadata = dict(weight_decay=DECAY, **STEPS)
    else:
        tensors = {n: t for n, t in tensors.items() if not n.startswith("error/")}
    golden.write(
        name,
        tensors,
        seed=SEED,
        image_seed=image_seed,
        **kind,
        num_classes=CLASSES,
        shape=SHAPE,
        sample=sample,
        label_smoothing=SMOOTHING,
        correct=int((logits.argmax(1) == torch.tensor(LABELS)).sum()),
        parameters=sum(p.numel() for p in model.parameters()),
        **metadata,
    )


if __name__ == "__main__":
    make("resnet18-classifier", SAMPLE, True, depth=18)
    make("resnet50-classifier", 64, False, depth=50)
    make("resnet50-v1-classifier", 64, False, depth=50, v1=True)
