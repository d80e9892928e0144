"""Features C2 to C5 of ResNet-18 and ResNet-50 with trained and with frozen batch-norm, from torchvision."""

import golden
import torch
from torchvision.models import resnet
from torchvision.models._utils import IntermediateLayerGetter

PREFIX = "backbone.body."
SHAPE = (2, 3, 64, 64)
LEVELS = {f"layer{k}": f"c{k + 1}" for k in (1, 2, 3, 4)}


def features(body, images):
    return IntermediateLayerGetter(body, LEVELS)(images)


def make(depth, seed=1):
    body = golden.initialize(getattr(resnet, f"resnet{depth}")(weights=None), seed, PREFIX)
    images = golden.image(SHAPE, seed)
    tensors = {}

    body.double().train()
    with torch.no_grad():
        trained = features(body, images.double())
    after = {n: t.float() for n, t in golden.statistics(body, PREFIX).items()}

    body.float()
    golden.initialize(body, seed, PREFIX)
    golden.calibrate(body, golden.image((8, 3, 64, 64), seed, "calibration"))
    frozen_statistics = golden.statistics(body, PREFIX)
    body.double().eval()
    with torch.no_grad():
        frozen = features(body, images.double())

    for mode, outputs in (("trained", trained), ("frozen", frozen)):
        for level, output in outputs.items():
            tensors[f"{mode}/{level}"] = golden.sample(output, 4096)
            tensors[f"{mode}/{level}/norm"] = golden.norm(output)
            print(depth, mode, level, tuple(output.shape), f"rms {output.square().mean().sqrt():.3f}")
    tensors |= {"updated/" + name: value for name, value in after.items()}
    tensors |= {"statistics/" + name: value for name, value in frozen_statistics.items()}
    golden.write(
        f"resnet{depth}-64", tensors, seed=seed, image_seed=seed, depth=depth, shape=SHAPE, sample=4096, momentum=0.1, epsilon=1e-5
    )


if __name__ == "__main__":
    make(18)
    make(50)
