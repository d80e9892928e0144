"""Writes Tests/DetectionTests/Resources/coco-evaluation.json: made-up ground truths and results with the figures that
pycocotools 2.0.11 computes for them.

Usage: python3 coco_eval_goldens.py OUT.json
The cases are made to be nasty: crowds, tied scores, images and categories without objects or results, areas on the
range limits, overlaps on the thresholds, more than 100 results in an image, an annotation with id 0, boxes without area,
results in unsorted image order, category ids with gaps."""
import contextlib, io, json, random, sys
from importlib.metadata import version

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

NAMES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]


def evaluate(images, categories, objects, results):
    """Objects are (id, image, category, x, y, w, h, area, crowd), results (image, category, x, y, w, h, score)."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {}, "images": [{"id": i} for i in images],
            "categories": [{"id": c, "name": str(c)} for c in categories],
            "annotations": [{"id": o[0], "image_id": o[1], "category_id": o[2], "bbox": list(o[3:7]), "area": o[7],
                             "iscrowd": o[8]} for o in objects]}
        coco.createIndex()
        found = coco.loadRes([{"image_id": r[0], "category_id": r[1], "bbox": list(r[2:6]), "score": r[6]}
                              for r in results])
        run = COCOeval(coco, found, "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    per_class = {}
    for k, c in enumerate(sorted(categories)):
        p = run.eval["precision"][:, :, k, 0, 2]
        p = p[p > -1]
        per_class[str(c)] = float(p.mean()) if p.size else -1.0
    return {"stats": dict(zip(NAMES, map(float, run.stats))), "per_class_AP": per_class}


def make(seed, image_count, categories, objects_per_image, results_per_image, crowd, grid, score_steps, id_start):
    r = random.Random(seed)
    images = r.sample(range(1, 5000), image_count)
    objects, results, next_id = [], [], id_start
    snap = lambda v: round(v / grid) * grid
    for image in images:
        for _ in range(r.randint(0, objects_per_image)):
            side = r.choice([12, 32, 60, 96, 150, 260])
            w, h = snap(side * r.uniform(0.6, 1.5)), snap(side * r.uniform(0.6, 1.5))
            if r.random() < 0.1:
                w = h = r.choice([32, 96])  # exactly on the area limits
            x, y = snap(r.uniform(0, 400)), snap(r.uniform(0, 300))
            area = w * h if r.random() < 0.5 else round(w * h * r.uniform(0.4, 0.9), 1)
            is_crowd = int(r.random() < crowd)
            category = r.choice(categories[:-1])  # the last category has no object
            objects.append((next_id, image, category, x, y, w, h, area, is_crowd))
            next_id += 1
            for _ in range(r.randint(0, 3)):
                j = r.choice([0, 0.05, 0.15, 0.3])
                box = (snap(x + r.uniform(-j, j) * w), snap(y + r.uniform(-j, j) * h),
                       snap(w * (1 + r.uniform(-j, j))), snap(h * (1 + r.uniform(-j, j))))
                guess = category if r.random() < 0.85 else r.choice(categories)
                results.append((image, guess) + box + (r.randint(1, score_steps) / score_steps,))
        for _ in range(r.randint(0, results_per_image)):
            w, h = snap(r.uniform(0, 200)), snap(r.uniform(0, 200))
            results.append((image, r.choice(categories[1:]), snap(r.uniform(0, 400)), snap(r.uniform(0, 300)), w, h,
                            r.randint(1, score_steps) / score_steps))
    r.shuffle(results)
    r.shuffle(objects)
    return images, categories, objects, results


def thresholds():
    """Overlaps of exactly 0.5 and 0.75, two equal objects, a crowd beside an object, one result taking either."""
    images, categories = [3, 1, 2], [5]
    objects = [(1, 1, 5, 0, 0, 40, 40, 1600, 0), (2, 1, 5, 0, 0, 40, 40, 1600, 0), (3, 2, 5, 10, 10, 20, 40, 800, 0),
               (4, 2, 5, 0, 0, 200, 200, 40000, 1), (5, 3, 5, 0, 0, 1024, 9, 9216, 0), (0, 3, 5, 50, 60, 30, 30, 900, 0)]
    results = [(1, 5, 0, 0, 40, 20, 0.9), (1, 5, 0, 0, 40, 30, 0.9), (1, 5, 0, 0, 40, 40, 0.3),
               (2, 5, 10, 10, 20, 40, 0.8), (2, 5, 10, 10, 20, 40, 0.8), (2, 5, 100, 100, 20, 20, 0.95),
               (3, 5, 0, 0, 1024, 9, 0.5), (3, 5, 50, 60, 30, 30, 0.99), (3, 5, 50, 60, 0, 30, 1.0)]
    return images, categories, objects, results


def crowded():
    """160 tied results of one category in one image, 3 in another."""
    r = random.Random(4)
    objects = [(i + 1, 1, 2, 20 * i, 10, 18, 30, 540, 0) for i in range(12)] + [(50, 2, 2, 5, 5, 90, 90, 8100, 0)]
    results = [(1, 2, 20 * r.randint(0, 13) + r.randint(-3, 3), 10, 18, 30, r.randint(1, 4) / 4) for _ in range(160)]
    results += [(2, 2, 5 + d, 5, 90, 90, 0.5) for d in (9, 0, 4)]
    return [1, 2], [2], objects, results


cases = {
    "gaps, ties and crowds": make(1, 30, [2, 3, 7, 8, 40, 90], 6, 8, 0.15, 1, 20, 1),
    "annotation ids from 0": make(2, 12, [1, 2, 3], 5, 4, 0.0, 0.5, 1000, 0),
    "few objects, many results": make(3, 40, [11, 4, 6, 9, 1], 1, 12, 0.3, 2, 7, 100),
    "only crowds": make(4, 6, [1, 2], 4, 3, 1.0, 1, 50, 1),
    "overlaps on the thresholds": thresholds(),
    "more than a hundred in an image": crowded(),
}
golden = {"made_with": {"pycocotools": version("pycocotools")}, "cases": []}
for name, case in cases.items():
    golden["cases"].append({"name": name, "images": case[0], "categories": case[1], "objects": case[2],
                            "results": case[3], "expected": evaluate(*case)})
with open(sys.argv[1], "w") as f:
    f.write(json.dumps(golden, separators=(",", ":")) + "\n")
