"""What torchvision predicts from 8-bit pictures: resize, pad, network, decoding, suppression, rescaling."""

import golden
import numpy as np
import torch
from retinanet_torchvision import build
from torchvision.models import resnet
from torchvision.ops import box_iou

SEED = 1
CLASSES = 5
RESIZE = dict(min_size=80, max_size=120)
CASES = {  # name: (picture, post-processing)
    "landscape": (0, dict(score_thresh=0.55, topk_candidates=1000, detections_per_img=300)),
    "portrait": (1, dict(score_thresh=0.35, topk_candidates=1000, detections_per_img=300)),
    "truncated": (0, dict(score_thresh=0.05, topk_candidates=50, detections_per_img=20)),
}


def picture(height, width, seed):
    """A shaded background with rectangles, discs and some noise, (H, W, 3) of 8 bits."""
    random = np.random.RandomState(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    canvas = np.empty((height, width, 3))
    for channel in range(3):
        a, b, phase = random.uniform(-1, 1, 3)
        canvas[..., channel] = 128 + 60 * np.sin(a * x / 9 + b * y / 9 + 6 * phase)
    for _ in range(6):
        cx, cy = random.uniform(0, width), random.uniform(0, height)
        rx, ry = random.uniform(6, width / 4), random.uniform(6, height / 4)
        inside = (np.abs(x - cx) < rx) & (np.abs(y - cy) < ry)
        if random.rand() < 0.5:
            inside = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1
        canvas[inside] = random.uniform(0, 255, 3)
    canvas += random.normal(0, 6, canvas.shape)
    return canvas.clip(0, 255).round().astype(np.uint8)


def to_tensor(pixels):
    """(H, W, 3) of 8 bits to (3, H, W) in [0, 1], as torchvision's `to_tensor` does."""
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous().float().div(255)


def calibrated(seed):
    """The small network with batch-norm frozen at the statistics of pictures like those it predicts."""
    model, _ = build(18, CLASSES, True, seed, **RESIZE)
    body = golden.initialize(resnet.resnet18(weights=None), seed, "backbone.body.")
    pictures = [to_tensor(picture(96, 128, 100 + i)) for i in range(8)]
    golden.calibrate(body, model.transform(pictures)[0].tensors)
    found = golden.statistics(body, "backbone.body.")
    model.load_state_dict(found, strict=False)
    return model.eval(), found


def configure(model, settings):
    for key, value in settings.items():
        setattr(model, key, value)


def check_decisions(model, pixels, result, settings):
    """Scores are distinct and away from the threshold; slightly other thresholds give the same detections."""
    scores = result["scores"]
    gap = float((scores[:-1] - scores[1:]).min())
    edge = float((scores - settings["score_thresh"]).abs().min())
    print(f"{len(scores)} detections, smallest gap {gap:.1e}, to the threshold {edge:.1e}")
    assert gap > 1e-5 and edge > 1e-5
    for limit in (0.4999, 0.5001):
        model.nms_thresh = limit
        with torch.no_grad():
            assert torch.equal(model([to_tensor(pixels).double()])[0]["boxes"], result["boxes"])
    model.nms_thresh = 0.5


def make():
    model, found = calibrated(SEED)
    pixels = [picture(96, 128, 1), picture(100, 60, 2)]
    tensors = {f"picture.{i}": torch.from_numpy(p) for i, p in enumerate(pixels)}
    for case, (index, settings) in CASES.items():
        configure(model, settings)
        with torch.no_grad():
            single = model.float()([to_tensor(pixels[index])])[0]
            # In float64 the same float32 picture: the golden is about the network and after, not about 1/255.
            double = model.double()([to_tensor(pixels[index]).double()])[0]
            network_input = model.float().transform([to_tensor(pixels[index])])[0]
        print(case, tuple(pixels[index].shape), "->", network_input.image_sizes, tuple(network_input.tensors.shape))
        assert torch.equal(single["labels"], double["labels"]), "an order or a suppression hangs on rounding"
        apart = (single["boxes"] - double["boxes"]).abs().max(), (single["scores"] - double["scores"]).abs().max()
        print("float32 from float64:", [float(a) for a in apart])
        assert apart[0] < 5e-3 and apart[1] < 1e-5
        check_decisions(model.double(), pixels[index], double, settings)
        tensors |= {
            f"{case}/boxes": double["boxes"].float(),
            f"{case}/scores": double["scores"].float(),
            f"{case}/labels": double["labels"].to(torch.int32),
            f"{case}/size": torch.tensor(network_input.image_sizes[0], dtype=torch.int32),
        }
        if case != "truncated":
            tensors[f"{case}/input"] = golden.sample(network_input.tensors, 2048)
    tensors |= {"statistics/" + name: value for name, value in found.items()}
    settings = {f"{case}.{key}": value for case, (_, chosen) in CASES.items() for key, value in chosen.items()}
    settings |= {f"{case}.picture": index for case, (index, _) in CASES.items()}
    golden.write(
        "predict",
        tensors,
        seed=SEED,
        depth=18,
        num_classes=CLASSES,
        nms_thresh=0.5,
        mean="0.485,0.456,0.406",
        std="0.229,0.224,0.225",
        sample=2048,
        **RESIZE,
        **settings,
    )


if __name__ == "__main__":
    make()
