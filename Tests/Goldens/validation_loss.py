"""Validation losses of both forms of RetinaNet, picture by picture, from 8-bit pictures of different sizes with their boxes.

torchvision's form is torchvision's own model: it resizes and pads picture and boxes, and computes its losses with frozen
batch-norm. The paper's form is that of `paper_form.py` with running statistics, on pictures that fill one side of the
canvas, so that none is resized.
"""

import golden
import paper_form
import torch
from predict import RESIZE, calibrated, picture, to_tensor
from torchvision.ops import box_iou

SEED = 1
CLASSES = 5
CANVAS = 64  # of the paper's form
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

# The pictures of each form (height, width, seed), and their boxes (x1, y1, x2, y2) with classes. The last has none; some
# boxes reach the edge, where the paper's form clips them to the last pixel.
TORCHVISION = [
    ((96, 128, 1), [[10.3, 8.7, 61.9, 70.2], [70.2, 21.4, 128.0, 57.3]], [1, 4]),
    ((100, 60, 2), [[8.2, 9.1, 57.4, 60.3], [5.4, 51.3, 29.7, 95.5], [20.7, 2.6, 41.4, 24.1]], [2, 3, 1]),
    ((72, 72, 3), [], []),
]
PAPER = [
    ((64, 64, 1), [[3.3, 5.7, 34.9, 40.2], [24.3, 11.4, 64.0, 41.7]], [0, 4]),
    ((64, 44, 2), [[8.2, 9.1, 37.4, 60.3], [19.2, 2.6, 42.3, 24.1], [5.4, 21.3, 29.7, 64.0]], [2, 3, 1]),
    ((48, 64, 3), [], []),
]


def clear(overlap):
    """No decision of the matcher may hang on rounding."""
    best = overlap.max(dim=0).values
    top = overlap.topk(2, dim=1).values
    close = min(float((best - edge).abs().min()) for edge in (0.4, 0.5))
    rival = float((top[:, 0] - top[:, 1]).min())
    print(f"threshold {close:.1e}, rival anchor {rival:.1e}, {int((best >= 0.5).sum())} positive")
    assert close > 2e-5 and rival > 1e-4


def torchvision_losses(model, height, width, seed, boxes, labels):
    """Class and box loss of a picture as torchvision's model computes them when it is trained."""
    target = dict(
        boxes=torch.tensor(boxes, dtype=torch.float32).double().reshape(-1, 4),
        labels=torch.tensor(labels, dtype=torch.int64),
    )
    seen = {}
    compute = model.compute_loss

    def noted(targets, outputs, anchors):
        seen.update(boxes=targets[0]["boxes"], anchors=anchors[0])
        return compute(targets, outputs, anchors)

    model.compute_loss = noted
    with torch.no_grad():
        losses = model([to_tensor(picture(height, width, seed)).double()], [target])
    model.compute_loss = compute
    if boxes:
        clear(box_iou(seen["boxes"], seen["anchors"]))
    return torch.stack([losses["classification"], losses["bbox_regression"]])


def on_canvas(height, width, seed):
    """A normalised picture in the upper left of the paper's canvas."""
    pixels = to_tensor(picture(height, width, seed)).double()
    mean, deviation = (torch.tensor(v, dtype=torch.float64).reshape(3, 1, 1) for v in (MEAN, DEVIATION))
    canvas = torch.zeros(3, CANVAS, CANVAS, dtype=torch.float64)
    canvas[:, :height, :width] = (pixels - mean) / deviation
    return canvas


def paper_losses(model, height, width, seed, boxes, channels):
    """Class and box loss of a picture, normalised by its own positives and 1."""
    boxes = [[min(max(v, 0), CANVAS - 1) for v in box] for box in boxes]
    classes, regression = paper_form.assign(dict(boxes=boxes, channels=channels), paper_form.anchors(CANVAS))
    with torch.no_grad():
        logits, codes = model(on_canvas(height, width, seed)[None])
    positives = (classes >= 0).sum()
    return torch.stack(
        [
            paper_form.focal_loss(logits, classes[None], positives),
            paper_form.box_loss(codes, regression[None], positives),
        ]
    )


def results(name, cases, losses):
    """What both files hold: the pictures, their boxes and classes, and the losses."""
    tensors = {"losses": torch.stack(losses).float()}
    for i, (shape, boxes, classes) in enumerate(cases):
        tensors[f"picture.{i}"] = torch.from_numpy(picture(*shape))
        if boxes:
            tensors |= {f"boxes.{i}": torch.tensor(boxes), f"labels.{i}": torch.tensor(classes, dtype=torch.int32)}
    print(name, tensors["losses"])
    return tensors


def make_torchvision():
    model, found = calibrated(SEED)
    model.double().train()
    losses = [torchvision_losses(model, *shape, boxes, labels) for shape, boxes, labels in TORCHVISION]
    tensors = results("torchvision", TORCHVISION, losses)
    tensors |= {"statistics/" + name: value for name, value in found.items()}
    golden.write(
        "validation-loss-torchvision", tensors, seed=SEED, depth=18, num_classes=CLASSES, epsilon=1e-5, **RESIZE
    )


def make_paper():
    model = golden.initialize(paper_form.PaperRetinaNet(), SEED)
    golden.calibrate(model, torch.stack([on_canvas(CANVAS, CANVAS, 100 + i) for i in range(8)]).float())
    found = golden.statistics(model)
    model.double().eval()
    losses = [paper_losses(model, *shape, boxes, channels) for shape, boxes, channels in PAPER]
    tensors = results("paper", PAPER, losses)
    tensors |= {"statistics/" + name: value for name, value in found.items()}
    golden.write(
        "validation-loss-paper",
        tensors,
        seed=SEED,
        depth=18,
        num_classes=CLASSES,
        epsilon=paper_form.EPSILON,
        canvas=CANVAS,
    )


if __name__ == "__main__":
    make_torchvision()
    make_paper()
