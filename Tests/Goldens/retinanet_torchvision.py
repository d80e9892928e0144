"""RetinaNet in torchvision's form on a ResNet-18 trunk: logits, losses, gradients of every parameter, ten SGD steps.

`retinanet_torchvision.py SEED...` searches the best seed of a variant; without arguments the files are written.
"""

import sys

import golden
import torch
from torchvision.models import resnet
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import boxes as box_ops
from torchvision.ops.feature_pyramid_network import LastLevelP6P7
from torchvision.ops.misc import FrozenBatchNorm2d

SEEDS = {"frozen": 8, "trained": 4}
CLASSES = 5
SHAPE = (2, 3, 64, 64)
SAMPLE = 256
STEPS = dict(learning_rate=3e-6, momentum=0.9)
DECAYS = {"steps": 1e-4, "steps_decayed": 300.0}  # only the strong one moves the losses

# Boxes (x1, y1, x2, y2) in pixels and labels; no side lies on an anchor's, so no intersection over union is tied.
TARGETS = [
    dict(boxes=[[3.3, 5.7, 34.9, 40.2], [24.3, 11.4, 62.2, 41.7]], labels=[1, 4]),
    dict(boxes=[[8.2, 9.1, 57.4, 60.3], [20.7, 2.6, 61.4, 24.1], [5.4, 21.3, 29.7, 62.5]], labels=[2, 3, 1]),
]


def build(depth, classes, frozen, seed, **settings):
    """torchvision's RetinaNet, initialised by the rule; frozen batch-norm is calibrated. Also the statistics."""
    maker = getattr(resnet, f"resnet{depth}")
    found = {}
    if frozen:
        body = golden.initialize(maker(weights=None), seed, "backbone.body.")
        golden.calibrate(body, (8, 3, 64, 64), seed)
        found = golden.statistics(body, "backbone.body.")
    body = maker(weights=None, norm_layer=FrozenBatchNorm2d if frozen else None)
    backbone = _resnet_fpn_extractor(body, 5, returned_layers=[2, 3, 4], extra_blocks=LastLevelP6P7(256, 256))
    model = golden.initialize(RetinaNet(backbone, num_classes=classes, **settings), seed)
    model.load_state_dict(found, strict=False)
    return model, found


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


def check_targets(model, anchors, targets):
    """No decision of the matcher may hang on rounding."""
    for a, t in zip(anchors, tensors_of(targets, torch.float64)):
        overlap = box_ops.box_iou(t["boxes"], a.double())
        best = overlap.max(dim=0).values
        close = min(float((best - edge).abs().min()) for edge in (0.4, 0.5))
        top = overlap.topk(2, dim=1).values
        rival = float((top[:, 0] - top[:, 1]).min())
        print("distance to a threshold", close, "to a rival anchor", rival, "foreground", int((best > 0.5).sum()))
        assert close > 1e-4 and rival > 1e-4, (top, close)


def steps(model, images, targets, decay, count=10):
    """Losses before each of `count` SGD steps on one batch, shape (count, 2): classification, box regression."""
    normalization = {
        id(p) for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d) for p in m.parameters(recurse=False)
    }
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(
        [
            dict(params=[p for p in parameters if id(p) not in normalization], weight_decay=decay),
            dict(params=[p for p in parameters if id(p) in normalization], weight_decay=0.0),
        ],
        lr=STEPS["learning_rate"],
        momentum=STEPS["momentum"],
    )
    curve = []
    for _ in range(count):
        optimizer.zero_grad()
        _, losses, _ = run(model, images, targets)
        total(losses).backward()
        optimizer.step()
        curve.append([losses["classification"].item(), losses["bbox_regression"].item()])
    return torch.tensor(curve, dtype=torch.float64)


def search(frozen, seeds):
    """Prints the margin of every seed: how far the nearest kink is, relative to its tensor."""
    for seed in seeds:
        model, _ = build(18, CLASSES, frozen, seed)
        model.double().train()
        margins = golden.Margins(model)
        with torch.no_grad():
            p6 = []
            handle = model.backbone.fpn.extra_blocks.p6.register_forward_hook(lambda m, i, o: p6.append(o))
            run(model, golden.image(SHAPE, seed).double(), TARGETS)
        margins.add(p6[0])
        handle.remove()
        print(f"{margins.smallest:.2e} frozen={frozen} seed={seed}", flush=True)


def make(variant):
    frozen, seed = variant == "frozen", SEEDS[variant]
    model, found = build(18, CLASSES, frozen, seed)
    model.train()
    images = golden.image(SHAPE, seed)
    start = {n: t.clone() for n, t in model.state_dict().items()}

    single = gradients(model, images, TARGETS)
    model.load_state_dict(start)
    truth = gradients(model.double(), images.double(), TARGETS)
    updated = {n: t.float() for n, t in golden.statistics(model).items()} if not frozen else {}
    outputs, losses, anchors, _ = truth
    check_targets(model, anchors, TARGETS)
    tensors, zero, worst = golden.gradient_tensors(truth[3], single[3], SAMPLE)
    print(variant, "worst float32 gradient", worst, "zero", zero)
    assert worst[1] < 2e-5

    for key, decay in DECAYS.items():
        model.float().load_state_dict(start)
        single_curve = steps(model, images, TARGETS, decay)
        model.load_state_dict(start)
        curve = steps(model.double(), images.double(), TARGETS, decay)
        drift = float(((single_curve - curve) / curve).abs().max())
        print(key, curve, "float32 drift", drift)
        assert drift < 2e-5
        tensors[key] = curve.float()

    tensors |= {
        "cls_logits": outputs["cls_logits"].float(),
        "bbox_regression": outputs["bbox_regression"].float(),
        "losses": torch.stack([losses["classification"], losses["bbox_regression"]]).float(),
        "matches": matches(model.float(), [a.float() for a in anchors], TARGETS),
        "anchors": anchors[0].float(),
    }
    for i, target in enumerate(tensors_of(TARGETS, torch.float32)):
        tensors |= {f"boxes.{i}": target["boxes"], f"labels.{i}": target["labels"].to(torch.int32)}
    tensors |= {"statistics/" + name: value for name, value in found.items()}
    tensors |= {"updated/" + name: value for name, value in updated.items()}
    for key in ("cls_logits", "bbox_regression"):
        print(key, "float32 error", golden.relative_error(single[0][key], outputs[key]), float(outputs[key].std()))
    golden.write(
        f"retinanet-resnet18-{variant}",
        tensors,
        seed=seed,
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
    if len(sys.argv) > 1:
        for variant in ("frozen", "trained"):
            search(variant == "frozen", range(int(sys.argv[1]), int(sys.argv[2])))
    else:
        make("frozen")
        make("trained")
