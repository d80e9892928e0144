"""RetinaNet in torchvision's form on a ResNet-18 trunk: logits, losses, gradients of every parameter, ten SGD steps."""

import golden
import torch
from torchvision.models import resnet
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import boxes as box_ops
from torchvision.ops.feature_pyramid_network import LastLevelP6P7
from torchvision.ops.misc import FrozenBatchNorm2d

SEED = 1
CLASSES = 5
SHAPE = (2, 3, 64, 64)
SAMPLE = 256
STEPS = dict(learning_rate=1e-5, momentum=0.9)
DECAYS = {"steps": 1e-4, "steps_decayed": 100.0}  # only the strong one moves the losses

# Boxes (x1, y1, x2, y2) in pixels and labels; no side lies on an anchor's, so no intersection over union is tied.
TARGETS = [
    dict(boxes=[[3.3, 5.7, 34.9, 40.2], [24.3, 11.4, 62.2, 41.7]], labels=[1, 4]),
    dict(boxes=[[8.2, 9.1, 57.4, 60.3], [20.7, 2.6, 61.4, 24.1], [5.4, 21.3, 29.7, 62.5]], labels=[2, 3, 1]),
]


def build(depth, classes, frozen, seed, size=64, **settings):
    """torchvision's RetinaNet, initialised by the rule; frozen batch-norm is calibrated on images of a size. Also the
    statistics that were found."""
    maker = getattr(resnet, f"resnet{depth}")
    found = {}
    if frozen:
        body = golden.initialize(maker(weights=None), seed, "backbone.body.")
        golden.calibrate(body, golden.image((8, 3, size, size), seed, "calibration"))
        found = golden.statistics(body, "backbone.body.")
    body = maker(weights=None, norm_layer=FrozenBatchNorm2d if frozen else None)
    backbone = _resnet_fpn_extractor(body, 5, returned_layers=[2, 3, 4], extra_blocks=LastLevelP6P7(256, 256))
    model = golden.initialize(RetinaNet(backbone, num_classes=classes, **settings), seed)
    model.load_state_dict(found, strict=False)
    return model, found


def separate(model, shape):
    """Chooses images and shifts biases so that no ReLU input and no pooling winner is within rounding of a kink.

    Returns the seed of the images and the shifted biases by name; the model's running statistics are spoilt.
    """
    body = model.backbone.body
    stem = lambda x: body.relu(body.bn1(body.conv1(x)))
    padding = lambda x: torch.nn.functional.pad(x, (1, 1, 1, 1), value=-1)
    image_seed = golden.clear_images(stem, shape, padding)
    images = golden.image(shape, image_seed).double()
    model.double()
    with torch.no_grad():
        with golden.Separation(model.backbone, [model.backbone.fpn.extra_blocks.p6]):
            features = list(model.backbone(images).values())
        for branch in (model.head.classification_head, model.head.regression_head):
            levels = features
            for block in branch.conv:
                levels = [block[0](x) for x in levels]
                values = torch.cat([x.transpose(0, 1).flatten(1) for x in levels], dim=1)
                shifts = golden.shift_into_gap(values, block[0].bias)
                levels = [(x + shifts[:, None, None]).relu() for x in levels]
    return image_seed, golden.changed_biases(model, SEED)


def tensors_of(targets, kind):
    return [
        dict(boxes=torch.tensor(t["boxes"], dtype=torch.float32).to(kind), labels=torch.tensor(t["labels"]))
        for t in targets
    ]


def run(model, images, targets):
    """Head outputs and losses without the input transform: images go into the network as they are."""
    size = tuple(images.shape[-2:])
    features = list(model.backbone(images).values())
    outputs = model.head(features)
    anchors = model.anchor_generator(ImageList(images, [size] * len(images)), features)
    losses = model.compute_loss(tensors_of(targets, images.dtype), outputs, anchors)
    return outputs, losses, anchors


def total(losses):
    return losses["classification"] + losses["bbox_regression"]


def gradients(model, images, targets):
    model.zero_grad()
    outputs, losses, anchors = run(model, images, targets)
    total(losses).backward()
    return outputs, losses, anchors, {n: p.grad.clone() for n, p in model.named_parameters() if p.requires_grad}


def matches(model, anchors, targets):
    return torch.stack(
        [
            model.proposal_matcher(box_ops.box_iou(t["boxes"], a)).to(torch.int32)
            for a, t in zip(anchors, tensors_of(targets, torch.float32))
        ]
    )


def check_targets(model, anchors, regression, targets):
    """No decision of the matcher and no sign in the box loss may hang on rounding."""
    for a, t, predicted in zip(anchors, tensors_of(targets, torch.float64), regression.detach().double()):
        overlap = box_ops.box_iou(t["boxes"], a.double())
        best = overlap.max(dim=0).values
        close = min(float((best - edge).abs().min()) for edge in (0.4, 0.5))
        top = overlap.topk(2, dim=1).values
        rival = float((top[:, 0] - top[:, 1]).min())
        owner = model.proposal_matcher(overlap)
        positive = owner >= 0
        goal = model.box_coder.encode_single(t["boxes"][owner[positive]], a.double()[positive])
        lead = float((predicted[positive] - goal).abs().min())
        print(f"threshold {close:.1e}, rival anchor {rival:.1e}, sign of box loss {lead:.1e}, {int(positive.sum())} positive")
        assert close > 2e-5 and rival > 1e-4 and lead > 1e-5, (top, close, lead)


def make(variant):
    frozen = variant == "frozen"
    image_seed, biases = separate(build(18, CLASSES, frozen, SEED)[0].train(), SHAPE)
    images = golden.image(SHAPE, image_seed)
    model, found = build(18, CLASSES, frozen, SEED)
    model.load_state_dict(biases, strict=False)
    model.train()
    start = {n: t.clone() for n, t in model.state_dict().items()}

    inputs = golden.ReLUInputs(model)
    single = gradients(model, images, TARGETS)
    single_inputs = inputs.take()
    model.load_state_dict(start)
    truth = gradients(model.double(), images.double(), TARGETS)
    clearance = golden.clearance(single_inputs, inputs.take())
    updated = {n: t.float() for n, t in golden.statistics(model).items()} if not frozen else {}
    outputs, losses, anchors, _ = truth
    check_targets(model, anchors, outputs["bbox_regression"], TARGETS)
    tensors, zero, worst = golden.gradient_tensors(truth[3], single[3], SAMPLE)
    print(variant, "ReLU clearance", clearance, "worst float32 gradient", worst, "zero", zero)
    assert worst[1] < 2e-5 and clearance > 50

    for key, decay in DECAYS.items():
        losses_of = lambda kind: list(run(model, images.to(kind), TARGETS)[1].values())
        tensors[key] = golden.steady_descent(model, start, losses_of, decay=decay, **STEPS).float()

    tensors |= {
        "cls_logits": outputs["cls_logits"].float(),
        "bbox_regression": outputs["bbox_regression"].float(),
        "losses": torch.stack([losses["classification"], losses["bbox_regression"]]).float(),
        "matches": matches(model.float(), [a.float() for a in anchors], TARGETS),
        "anchors": anchors[0].float(),
    }
    for i, target in enumerate(tensors_of(TARGETS, torch.float32)):
        tensors |= {f"boxes.{i}": target["boxes"], f"labels.{i}": target["labels"].to(torch.int32)}
    tensors |= {"parameters/" + name: value for name, value in biases.items()}
    tensors |= {"statistics/" + name: value for name, value in found.items()}
    tensors |= {"updated/" + name: value for name, value in updated.items()}
    for key in ("cls_logits", "bbox_regression"):
        print(key, "float32 error", golden.relative_error(single[0][key], outputs[key]), outputs[key].std().item())
    golden.write(
        f"retinanet-resnet18-{variant}",
        tensors,
        seed=SEED,
        image_seed=image_seed,
        depth=18,
        num_classes=CLASSES,
        shape=SHAPE,
        sample=SAMPLE,
        epsilon=1e-5,
        zero_gradients=",".join(zero),
        **STEPS,
        **{key + ".weight_decay": decay for key, decay in DECAYS.items()},
    )


if __name__ == "__main__":
    make("frozen")
    make("trained")
