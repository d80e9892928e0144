"""Writes Tests/DetectionTests/Resources/detection.json: anchors, matching, box coding and post-processing as
torchvision 0.28.0 computes them on torch 2.13.0 (CPU).

Usage: python3 detection_goldens.py OUT.json
Needs a torchvision whose compiled operators load; where a CPU-only torch stands beside another torchvision wheel, put a
module that declares the operators on PYTHONPATH and name it in TORCHVISION_SHIM.
Inputs of the post-processing case come from the integer function `noise`, which the tests repeat, so that only the
outputs are stored."""
import importlib, json, os, sys

if os.environ.get("TORCHVISION_SHIM"):
    importlib.import_module(os.environ["TORCHVISION_SHIM"])
import torch
import torchvision
from torchvision.models.detection import _utils
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.retinanet import RetinaNet, _default_anchorgen
from torchvision.models.detection.transform import resize_boxes
from torchvision.ops import boxes as box_ops


def grids(height, width):
    return [((height + s - 1) // s, (width + s - 1) // s) for s in (8, 16, 32, 64, 128)]


def anchors(height, width):
    images = ImageList(torch.zeros(1, 3, height, width), [(height, width)])
    return _default_anchorgen()(images, [torch.zeros(1, 1, h, w) for h, w in grids(height, width)])[0]


def noise(i, salt):
    """A permutation of 0..<65536 for each salt."""
    h = (i + salt) & 0xFFFF
    h = (h * 0x9E35) & 0xFFFF
    h ^= h >> 7
    h = (h * 0x6A4D) & 0xFFFF
    return h ^ (h >> 9)


def anchor_cases():
    cases = []
    for height, width in ((640, 640), (800, 1088), (64, 96)):
        a = anchors(height, width)
        sample = sorted(set([0, 8, 9, len(a) - 1] + [len(a) * k // 97 for k in range(97)]))
        cases.append({"height": height, "width": width, "count": len(a), "sum": a.double().sum(0).tolist(),
                      "sample": sample, "boxes": a[sample].tolist()})
    return cases


def match_cases():
    torch.manual_seed(7)
    height, width = 256, 320
    a = anchors(height, width)
    sets = {
        "one centred on an anchor": [[145.0, 112.0, 175.0, 144.0]],
        "ties of four anchors": [[32.0, 32.0, 40.0, 40.0]],
        "two alike and one inside": [[40.0, 50.0, 140.0, 120.0]] * 2 + [[60.0, 60.0, 80.0, 85.0]],
        "the whole image and a speck": [[0.0, 0.0, 320.0, 256.0], [101.5, 77.25, 103.0, 79.0]],
        "one that overlaps no anchor": [[20.0, 20.0, 60.0, 80.0], [9000.0, 9000.0, 9010.0, 9010.0]],
    }
    corners = torch.rand(40, 2) * torch.tensor([width, height]) * 0.95
    sizes = torch.exp(torch.rand(40, 2) * 4.2 + 1)
    many = torch.cat([corners, torch.minimum(corners + sizes, torch.tensor([width, height]))], 1)
    sets["forty at random"] = many.tolist()
    matcher = _utils.Matcher(0.5, 0.4, allow_low_quality_matches=True)
    cases = []
    for name, boxes in sets.items():
        matched = matcher(box_ops.box_iou(torch.tensor(boxes), a))
        positive = torch.where(matched >= 0)[0]
        case = {"name": name, "height": height, "width": width, "boxes": boxes, "positiveCount": len(positive)}
        if len(positive) == len(a):  # too many to list
            case["objectSum"] = int(matched.sum())
        else:
            case["positives"] = [[int(i), int(matched[i])] for i in positive]
        case["ignored"] = torch.where(matched == -2)[0].tolist()
        cases.append(case)
    return cases


def coding_case():
    torch.manual_seed(3)
    a = anchors(128, 128)[torch.randperm(3069)[:24]]
    corners = torch.rand(24, 2) * 100
    boxes = torch.cat([corners, corners + 0.5 + torch.rand(24, 2) * 90], 1)
    coder = _utils.BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))
    codes = torch.randn(24, 4)
    codes[0] = torch.tensor([0.1, -0.2, 5.0, 9.0])
    return {"anchors": a.tolist(), "boxes": boxes.tolist(), "encoded": coder.encode_single(boxes, a).tolist(),
            "codes": codes.tolist(), "decoded": coder.decode_single(codes, a).tolist()}


class Postprocessor:
    """The members that RetinaNet.postprocess_detections reads."""
    score_thresh, nms_thresh, detections_per_img, topk_candidates = 0.05, 0.5, 300, 1000
    box_coder = _utils.BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))


def postprocess_case(divisor, offset):
    # Every decoded box keeps some area inside the content: a Python stand-in for the compiled NMS may judge the 0 / 0
    # of two empty boxes differently.
    height, width, classes = 128, 160, 5
    content, original = (121, 153), (242, 305)
    a = anchors(height, width)
    logits = torch.tensor([noise(i, 0) for i in range(len(a) * classes)]).float() / divisor + offset
    regressions = torch.tensor([noise(i, 777) for i in range(len(a) * 4)]).float() / 131072 - 0.25
    assert len(a) * classes <= 65536
    counts = [h * w * 9 for h, w in grids(height, width)]
    result = RetinaNet.postprocess_detections(
        Postprocessor(),
        {"cls_logits": [x[None] for x in logits.view(-1, classes).split(counts)],
         "bbox_regression": [x[None] for x in regressions.view(-1, 4).split(counts)]},
        [list(a.split(counts))], [content])[0]
    boxes = resize_boxes(result["boxes"], content, original)
    return {"height": height, "width": width, "classes": classes, "divisor": divisor, "offset": offset, "content": content, "original": original,
            "boxes": [[round(v, 4) for v in b] for b in boxes.tolist()], "scores": result["scores"].tolist(),
            "labels": result["labels"].tolist()}


golden = {"made_with": {"torch": torch.__version__, "torchvision": torchvision.__version__}, "anchors": anchor_cases(),
          "matching": match_cases(), "coding": coding_case(),
          "postprocess": [postprocess_case(8192, -5.5), postprocess_case(16384, -6.875)]}
with open(sys.argv[1], "w") as f:
    f.write(json.dumps(golden, separators=(",", ":")) + "\n")
