"""Checks that what `predict` found loads elsewhere: in pycocotools, and with --fiftyone in FiftyOne's importer.

    python check_results.py found [--fiftyone]

`found` is a directory that `predict` of a detector wrote: `images.json`, a COCO file without annotations, and `results.json`.
Every result must come back with its image, category, box and score. Exit 1 otherwise.
"""

import argparse
import json
import pathlib
import sys


def fail(message):
    sys.exit(f"check_results: {message}")


def check_pycocotools(folder, images, results):
    from pycocotools.coco import COCO

    truth = COCO(str(folder / "images.json"))
    found = truth.loadRes(str(folder / "results.json"))
    if sorted(found.getImgIds()) != sorted(image["id"] for image in images):
        fail("pycocotools sees other images")
    back = [found.anns[number] for number in sorted(found.anns)]
    for ours, theirs in zip(results, back, strict=True):
        for name in ("image_id", "category_id", "bbox", "score"):
            if ours[name] != theirs[name]:
                fail(f"pycocotools has {name} {theirs[name]}, the file {ours[name]}")
        if theirs["category_id"] not in found.cats:
            fail(f"no category has the id {theirs['category_id']}")
    return f"pycocotools: {len(back)} results of {len(images)} images, {len(found.cats)} categories"


def check_fiftyone(folder, images, results):
    import fiftyone as fo
    import fiftyone.utils.coco as fouc

    names = {category["id"]: category["name"] for category in json.loads((folder / "images.json").read_text())["categories"]}
    dataset = fo.Dataset()
    dataset.add_samples([fo.Sample(filepath=image["file_name"], coco_id=image["id"]) for image in images])
    fouc.add_coco_labels(dataset, "found", str(folder / "results.json"), names, coco_id_field="coco_id")
    count = 0
    for sample, image in zip(dataset, images, strict=True):
        ours = [result for result in results if result["image_id"] == image["id"]]
        theirs = sample.found.detections if sample.found else []
        for result, detection in zip(ours, theirs, strict=True):
            x, y, width, height = result["bbox"]
            box = [x / image["width"], y / image["height"], width / image["width"], height / image["height"]]
            close = all(abs(a - b) < 1e-6 for a, b in zip(box, detection.bounding_box, strict=True))
            if not close or detection.label != names[result["category_id"]] or detection.confidence != result["score"]:
                fail(f"FiftyOne has {detection}, the file {result}")
            count += 1
    return f"FiftyOne {fo.__version__}: {count} results of {len(images)} images"


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--fiftyone", action="store_true")
options = parser.parse_args()
pictures = json.loads((options.folder / "images.json").read_text())["images"]
detections = json.loads((options.folder / "results.json").read_text())
if not detections:
    fail("there are no results to check")
print(check_pycocotools(options.folder, pictures, detections))
if options.fiftyone:
    print(check_fiftyone(options.folder, pictures, detections))
