"""Checks that torchvision loads a model.safetensors of the Swift program, strictly, and predicts what it predicts.

    python check_roundtrip.py --weights model.safetensors --depth 50 --classes 91 --frozen-batch-norm --epsilon 1e-5 \\
        --min-size 800 --max-size 1333 --results coco_instances_results.json --images a.jpg b.jpg

Results are a COCO results file; an image is known by `file_name` where the entries have it, otherwise by `image_id`: the
number that the file's name is, or else its place among the images, counted from --first-id. Every detection of one
side must have a partner on the other: same category, every corner within 0.05 pixels, score within 0.001. Only
those whose score is within 0.001 of the threshold, or of the last one kept, may stand alone. Exit 1 otherwise.
"""

import argparse
import json
import pathlib
import sys

import golden
import torch
from PIL import Image
from safetensors.torch import load_file
from torchvision.models import resnet
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.ops.feature_pyramid_network import LastLevelP6P7
from torchvision.ops.misc import FrozenBatchNorm2d
from torchvision.transforms.functional import to_tensor


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--depth", type=int, choices=(18, 34, 50, 101), required=True)
    parser.add_argument("--classes", type=int, required=True, help="outputs of the classification head")
    parser.add_argument("--images", nargs="+", default=[], help="without any, only the weights are loaded")
    parser.add_argument("--results", help="the Swift program's detections")
    parser.add_argument("--first-id", type=int, default=1, help="image_id of the first image")
    parser.add_argument("--min-size", type=int, default=800)
    parser.add_argument("--max-size", type=int, default=1333)
    parser.add_argument("--frozen-batch-norm", action="store_true")
    parser.add_argument("--epsilon", type=float, default=1e-5, help="of batch-norm")
    parser.add_argument("--score-threshold", type=float, default=0.05)
    parser.add_argument("--limit", type=int, default=300, help="detections per image")
    parser.add_argument("--box-tolerance", type=float, default=0.05)
    parser.add_argument("--score-tolerance", type=float, default=1e-3)
    return parser.parse_args()


def load(options):
    maker = getattr(resnet, f"resnet{options.depth}")
    body = maker(weights=None, norm_layer=FrozenBatchNorm2d if options.frozen_batch_norm else torch.nn.BatchNorm2d)
    backbone = _resnet_fpn_extractor(body, 5, returned_layers=[2, 3, 4], extra_blocks=LastLevelP6P7(256, 256))
    model = RetinaNet(
        backbone,
        num_classes=options.classes,
        min_size=options.min_size,
        max_size=options.max_size,
        score_thresh=options.score_threshold,
        detections_per_img=options.limit,
    )
    for module in model.modules():
        if isinstance(module, (FrozenBatchNorm2d, torch.nn.BatchNorm2d)):
            module.eps = options.epsilon
    weights = load_file(options.weights)
    model.load_state_dict(weights, strict=True)
    print(f"{options.weights}: {len(weights)} tensors loaded with strict=True")
    return model.eval()


def expected(model, path, options):
    with torch.no_grad():
        found = model([to_tensor(Image.open(path).convert("RGB"))])[0]
    return [
        dict(box=box, score=score, category=label)
        for box, score, label in zip(*(found[key].tolist() for key in ("boxes", "scores", "labels")))
    ]


def given(results, path, index, options):
    path = pathlib.Path(path)
    number = int(path.stem) if path.stem.isdigit() else options.first_id + index
    picked = []
    for entry in results:
        if entry.get("file_name", entry["image_id"]) in (path.name, str(path), path.stem, number):
            x, y, width, height = entry["bbox"]
            picked.append(dict(box=[x, y, x + width, y + height], score=entry["score"], category=entry["category_id"]))
    return picked


def apart(a, b):
    return max(abs(p - q) for p, q in zip(a["box"], b["box"]))


def compare(ours, theirs, options):
    """Pairs detections, best score first; returns the pairs and those that are left on either side."""
    left, pairs, alone = list(theirs), [], []
    for detection in sorted(ours, key=lambda d: -d["score"]):
        near = [
            other
            for other in left
            if other["category"] == detection["category"]
            and abs(other["score"] - detection["score"]) <= options.score_tolerance
            and apart(detection, other) <= options.box_tolerance
        ]
        if near:
            partner = min(near, key=lambda other: apart(detection, other))
            left.remove(partner)
            pairs.append((detection, partner))
        else:
            alone.append(detection)
    edges = [options.score_threshold]
    edges += [min(d["score"] for d in side) for side in (ours, theirs) if len(side) == options.limit]
    excused = lambda d: any(abs(d["score"] - edge) <= options.score_tolerance for edge in edges)
    return pairs, [d for d in alone if not excused(d)], [d for d in left if not excused(d)]


def main():
    options = parse()
    model = load(options)
    if not options.images:
        return 0
    results = json.loads(pathlib.Path(options.results).read_text())
    failed = False
    for index, path in enumerate(options.images):
        ours, theirs = given(results, path, index, options), expected(model, path, options)
        pairs, only_ours, only_theirs = compare(ours, theirs, options)
        box = max((apart(a, b) for a, b in pairs), default=0.0)
        score = max((abs(a["score"] - b["score"]) for a, b in pairs), default=0.0)
        print(
            f"{path}: {len(ours)} detections, torchvision {len(theirs)}; {len(pairs)} pairs,"
            f" boxes within {box:.4f} px, scores within {score:.1e}"
        )
        for title, side in (("only in the results", only_ours), ("only in torchvision", only_theirs)):
            for detection in side[:10]:
                print(f"  {title}: {detection}")
        if only_ours or only_theirs or not pairs:
            failed = True
    print("differs" if failed else "agrees")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
