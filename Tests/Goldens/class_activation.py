"""Class activation maps in evaluation: torchvision's ResNet-18, and the study's ResNet-50 and DenseNet-121.

M_c(x, y) = sum over k of w[c, k] f[k, y, x] for the map f of which the mean is taken, without the bias, and the map of the likeliest
class brought to the size of the image.
"""

import golden
import study
import torch
from torchvision.models import resnet

SEED = 1
CLASSES = 10


def torchvision_map(model):
    """The output of the last block of torchvision's network."""

    def last_map(x):
        x = model.maxpool(model.relu(model.bn1(model.conv1(x))))
        return model.layer4(model.layer3(model.layer2(model.layer1(x))))

    return last_map


def results(model, last_map, layer, images):
    """Logits (N, classes), maps of all classes (N, classes, h, w), and that of the likeliest in the size of the images."""
    with torch.no_grad():
        logits = model(images)
        maps = torch.einsum("ck,nkhw->nchw", layer.weight.flatten(1), last_map(images))
        mean = maps.mean((2, 3)) + layer.bias
        assert golden.relative_error(mean, logits) < 1e-6, "the mean of a map and the bias are the logit"
        likeliest = torch.stack([m[c] for m, c in zip(maps, logits.argmax(1))])
        upsampled = torch.nn.functional.interpolate(
            likeliest[:, None], size=images.shape[2:], mode="bilinear", align_corners=False
        )[:, 0]
    return logits, maps, upsampled


def make(name, model, last_map, layer, shape):
    images = golden.image(shape, SEED)
    single = results(model, last_map, layer, images)
    model.double()
    truth = results(model, last_map, layer, images.double())
    top = truth[0].topk(2).values
    gap = float(((top[:, 0] - top[:, 1]) / truth[0].std()).min())
    errors = [golden.relative_error(s, t) for s, t in zip(single, truth)]
    print(name, "maps", tuple(truth[1].shape), "likeliest", truth[0].argmax(1), "gap", gap, "float32 errors", errors)
    assert max(errors) < 1e-5 and gap > 1e-3
    return {f"{name}/{kind}": value.float() for kind, value in zip(("logits", "maps", "upsampled"), truth)}


def networks():
    model = golden.initialize(resnet.resnet18(weights=None, num_classes=CLASSES), SEED).eval()
    yield "resnet", model, torchvision_map(model), model.fc, (2, 3, 96, 160)
    model = golden.initialize(study.KerasResNet(3, 64), SEED).eval()
    yield "resnet_keras", model, model.last_map, model.fc, (2, 3, 64, 96)
    model = golden.initialize(study.DenseNet(3, 96), SEED).eval()
    yield "densenet", model, model.last_map, model.classifier, (2, 3, 96, 96)


if __name__ == "__main__":
    tensors, shapes = {}, {}
    for name, model, last_map, layer, shape in networks():
        tensors |= make(name, model, last_map, layer, shape)
        shapes[f"{name}.shape"] = ",".join(map(str, shape))
    golden.write("class-activation", tensors, seed=SEED, num_classes=CLASSES, **shapes)
