"""RetinaNet-ResNet-50 in torchvision's form at 128 x 128, 91 classes, frozen batch-norm: samples of logits and gradients.

Samples are of the float64 run; beside them stands how far PyTorch's own float32 runs are from it.
"""

import golden
import torch
from retinanet_torchvision import build, check_targets, gradients, matches, separate, tensors_of

SEED = 1
CLASSES = 91
SAMPLE = 256
LOGIT_SAMPLE = 8192
SHAPE = (2, 3, 128, 128)
TARGETS = [
    dict(boxes=[[5.3, 9.7, 70.9, 81.2], [61.6, 30.4, 121.2, 99.9]], labels=[17, 90]),
    dict(boxes=[[8.2, 9.1, 117.4, 120.3], [50.7, 12.6, 108.9, 51.1], [6.4, 50.8, 51.7, 125.5]], labels=[1, 44, 62]),
]


def listing(entries):
    return ";".join(f"{name}:{'x'.join(str(d) for d in tensor.shape)}" for name, tensor in entries)


def make():
    image_seed, biases = separate(build(50, CLASSES, True, SEED)[0].train(), SHAPE)
    images = golden.image(SHAPE, image_seed)
    model, found = build(50, CLASSES, True, SEED)
    model.load_state_dict(biases, strict=False)
    model.train()
    assert sum(p.numel() for p in model.parameters()) == 34_014_999

    # In float32: oneDNN, PyTorch's own convolutions, channels-last maps.
    runs = [gradients(model, images, TARGETS)]
    with torch.backends.mkldnn.flags(enabled=False):
        runs.append(gradients(model, images, TARGETS))
    runs.append(gradients(model.to(memory_format=torch.channels_last), images, TARGETS))
    model.to(memory_format=torch.contiguous_format)
    outputs, losses, anchors, truth = gradients(model.double(), images.double(), TARGETS)
    check_targets(model, anchors, outputs["bbox_regression"], TARGETS)

    tensors, zero, worst = golden.gradient_tensors(truth, runs[0][3], SAMPLE)
    for name, value in truth.items():
        scale = tensors["gradient_norm"][0] if name in zero else value.norm()
        errors = [float((run[3][name].double() - value).norm() / scale) for run in runs]
        tensors["error/" + name] = torch.tensor([max(errors)])
        print(f"{name:50s} {float(value.norm()):10.3g} " + " ".join(f"{e:.1e}" for e in errors))
    print("worst", worst, "zero", zero)
    assert worst[1] < 2e-5
    for key in ("cls_logits", "bbox_regression"):
        errors = [golden.relative_error(run[0][key], outputs[key]) for run in runs]
        tensors[key] = golden.sample(outputs[key], LOGIT_SAMPLE)
        tensors[f"{key}/norm"] = golden.norm(outputs[key])
        print(key, tuple(outputs[key].shape), "errors", errors)
    tensors |= {
        "losses": torch.stack([losses["classification"], losses["bbox_regression"]]).detach().float(),
        "matches": matches(model.float(), [a.float() for a in anchors], TARGETS),
    }
    print("losses", tensors["losses"])
    for i, target in enumerate(tensors_of(TARGETS, torch.float32)):
        tensors |= {f"boxes.{i}": target["boxes"], f"labels.{i}": target["labels"].to(torch.int32)}
    tensors |= {"parameters/" + name: value for name, value in biases.items()}
    tensors |= {"statistics/" + name: value for name, value in found.items()}
    golden.write(
        "retinanet-resnet50",
        tensors,
        seed=SEED,
        image_seed=image_seed,
        depth=50,
        num_classes=CLASSES,
        shape=SHAPE,
        sample=SAMPLE,
        logit_sample=LOGIT_SAMPLE,
        epsilon=1e-5,
        zero_gradients=",".join(zero),
        parameters=listing(model.named_parameters()),
        buffers=listing(model.named_buffers()),
    )


if __name__ == "__main__":
    make()
