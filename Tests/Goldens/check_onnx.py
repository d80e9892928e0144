"""Checks a model that the Swift program exported as ONNX: `onnx.checker` accepts it, and onnxruntime finds what the program finds.

    python check_onnx.py --model model.onnx --expected expected.safetensors
    python check_onnx.py --model model.onnx --results found/results.json --images a.png b.png

The file of expected tensors holds the input, `images`, and outputs under their names, as the program computes them: floats must
be within --tolerance times the largest of the tensor (at least 1). Decoded detections, `boxes`, `scores` and `labels`, and
those of a results file of `predict`, must have partners on the other side: same label, every corner within
--box-tolerance pixels, score within --tolerance. Only close calls may stand alone: a score at the threshold or at that of the
last one kept, or an overlap at the limit of suppression with a better box of the class; and at most one in ten. Pictures have
the size of the model's input and are normalised as its metadata say. Exit 1 otherwise.
"""

import argparse
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from PIL import Image
from safetensors.numpy import load_file

OVERLAP_LIMIT = 0.5
# How close to the limits of scores and overlaps roundings may decide.
CLOSE_OVERLAP = 1e-3


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--expected", help="a .safetensors file with `images` and outputs")
    parser.add_argument("--results", help="COCO results of `predict` for the images")
    parser.add_argument("--images", nargs="+", default=[], help="pictures; image_id counts them from 1")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--box-tolerance", type=float, default=0.05)
    return parser.parse_args()


def detections(boxes, scores, labels):
    return [dict(box=b, score=float(s), label=int(l)) for b, s, l in zip(np.asarray(boxes), scores, labels)]


def overlap(a, b, pixel):
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = np.prod(np.maximum(high - low + pixel, 0))
    areas = [np.prod(box[2:] - box[:2] + pixel) for box in (a, b)]
    return shared / max(sum(areas) - shared, 1e-12)


def is_close_call(detection, side, edges, tolerance):
    if any(abs(detection["score"] - edge) <= tolerance for edge in edges):
        return True
    return any(
        abs(overlap(detection["box"], other["box"], pixel) - OVERLAP_LIMIT) < CLOSE_OVERLAP
        for other in side
        if other["label"] == detection["label"] and other["score"] > detection["score"] - tolerance
        for pixel in (0, 1)
    )


def compare_detections(ours, theirs, options):
    """What differs, in words; pairs are taken best first."""
    left, alone, boxes, scores = list(theirs), [], [], []
    for detection in ours:
        near = [
            other
            for other in left
            if other["label"] == detection["label"]
            and abs(other["score"] - detection["score"]) <= options.tolerance
            and np.abs(other["box"] - detection["box"]).max() <= options.box_tolerance
        ]
        if not near:
            alone.append((detection, theirs))
            continue
        partner = min(near, key=lambda other: np.abs(other["box"] - detection["box"]).max())
        left = [other for other in left if other is not partner]
        boxes.append(np.abs(partner["box"] - detection["box"]).max())
        scores.append(abs(partner["score"] - detection["score"]))
    alone += [(detection, ours) for detection in left]
    edges = [0.05] + [min(d["score"] for d in side) for side in (ours, theirs) if side]
    faults = [d for d, side in alone if not is_close_call(d, side, edges, options.tolerance)]
    print(
        f"  {len(ours)} detections, onnxruntime {len(theirs)}; {len(boxes)} pairs, boxes within"
        f" {max(boxes, default=0):.2e} px, scores within {max(scores, default=0):.1e}"
    )
    if len(alone) * 10 > len(ours) + len(theirs):
        faults.append(f"{len(alone)} detections without a partner")
    return [f"no partner: {fault}" for fault in faults]


def compare_expected(session, options):
    tensors = load_file(options.expected)
    names = [port.name for port in session.get_outputs()]
    found = dict(zip(names, session.run(names, {"images": tensors.pop("images")})))
    faults = [f"outputs {sorted(found)}, expected {sorted(tensors)}"] if set(found) != set(tensors) else []
    for name in [name for name in tensors if name.startswith("boxes")]:
        parts = [name.replace("boxes", part) for part in ("boxes", "scores", "labels")]
        sides = [detections(*(side.pop(part) for part in parts)) for side in (tensors, found)]
        faults += compare_detections(*sides, options)
    for name, expected in tensors.items():
        if found[name].shape != expected.shape:
            faults.append(f"{name}: shape {found[name].shape}, expected {expected.shape}")
            continue
        difference, largest = np.abs(found[name] - expected).max(), max(1, np.abs(expected).max())
        print(f"  {name} {expected.shape}: within {difference:.1e} of up to {largest:.3g}")
        if not difference <= options.tolerance * largest:
            faults.append(f"{name}: {difference} apart")
    return faults


def compare_results(session, options):
    metadata = session.get_modelmeta().custom_metadata_map
    mean, deviation = (
        np.array(json.loads(metadata[f"normalization.{name}"]), np.float32) for name in ("mean", "deviation")
    )
    numbers = {entry["id"]: number for number, entry in enumerate(json.loads(metadata["classes"])) if entry}
    results = json.loads(pathlib.Path(options.results).read_text())
    faults = []
    for index, path in enumerate(options.images):
        pixels = np.asarray(Image.open(path).convert("RGB"), np.float32)
        image = ((pixels / 255 - mean) / deviation).transpose(2, 0, 1)[None]
        entries = [entry for entry in results if entry["image_id"] == index + 1]
        corners = [np.array(entry["bbox"]) + [0, 0, *entry["bbox"][:2]] for entry in entries]
        ours = detections(corners, [e["score"] for e in entries], [numbers[e["category_id"]] for e in entries])
        theirs = detections(*session.run(["boxes", "scores", "labels"], {"images": image}))
        print(f"{path}:")
        faults += compare_detections(ours, theirs, options)
    return faults


def main():
    options = parse()
    onnx.checker.check_model(options.model, full_check=True)
    session = onnxruntime.InferenceSession(options.model, providers=["CPUExecutionProvider"])
    print(f"{options.model}:")
    faults = compare_expected(session, options) if options.expected else []
    faults += compare_results(session, options) if options.results else []
    for fault in faults[:20]:
        print(f"  {fault}")
    print("differs" if faults else "agrees")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
