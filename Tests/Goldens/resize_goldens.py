"""Writes resize.json and jpeg.json, which the tests of Datasets read.

resize.json: small random pictures through torchvision 0.28.0's GeneralizedRCNNTransform (torch 2.13.0+cpu), one of them
flipped first as the training recipe does. jpeg.json: small JPEG files of every colour kind with the pixels that
Pillow 13.0.0 decodes, and Adler-32 sums of Pillow's pixels of photographs, when a folder of them is given.

Usage: resize_goldens.py OUTPUT_DIR FOLDER_WITH_torchvision_cpu.py [DATA_ROOT]
"""
import base64, io, json, pathlib, sys, zlib

output = pathlib.Path(sys.argv[1])
sys.path.insert(0, sys.argv[2])
import torchvision_cpu  # noqa: F401  makes torchvision importable beside a CPU-only torch
import numpy, torch
from PIL import Image
from torchvision.models.detection.transform import GeneralizedRCNNTransform

MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def encode(array):
    return base64.b64encode(numpy.ascontiguousarray(array).tobytes()).decode()


torch.manual_seed(0)
cases = []
for width, height, minimum, maximum, flip in [(19, 13, 24, 34, False), (31, 40, 15, 64, True), (23, 9, 20, 40, False)]:
    pixels = torch.randint(0, 256, (height, width, 3), dtype=torch.uint8)
    boxes = torch.tensor([[1.5, 2.0, 10.25, 8.5], [0.0, 0.0, width, height]])
    image, moved = pixels.permute(2, 0, 1).float() / 255, boxes.clone()
    if flip:
        image = image.flip(-1)
        moved[:, [0, 2]] = width - boxes[:, [2, 0]]
    transform = GeneralizedRCNNTransform(minimum, maximum, MEAN, DEVIATION).eval()
    batch, targets = transform([image], [{"boxes": moved, "labels": torch.zeros(2, dtype=torch.int64)}])
    cases.append({
        "width": width, "height": height, "minimum": minimum, "maximum": maximum, "flip": flip,
        "pixels": encode(pixels.numpy()), "boxes": boxes.flatten().tolist(),
        "resized": list(batch.image_sizes[0]), "canvas": list(batch.tensors.shape[-2:]),
        "output": encode(batch.tensors[0].numpy()), "placed": targets[0]["boxes"].flatten().tolist(),
    })
json.dump(cases, open(output / "resize.json", "w"), indent=0)

rng = numpy.random.default_rng(0)
ramp = numpy.linspace(0, 255, 37 * 29 * 4).reshape(29, 37, 4)
noise = (ramp * 0.6 + rng.integers(0, 100, (29, 37, 4))).clip(0, 255).astype(numpy.uint8)
files = []
for name, mode, options in [
    ("RGB 4:2:0", "RGB", {"subsampling": 2}), ("RGB 4:2:2", "RGB", {"subsampling": 1}),
    ("RGB 4:4:4 progressive", "RGB", {"subsampling": 0, "progressive": True}), ("grey", "L", {}), ("CMYK", "CMYK", {}),
]:
    picture = Image.fromarray(noise[..., {"RGB": slice(0, 3), "L": 0, "CMYK": slice(0, 4)}[mode]].copy(), mode)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88, **options)
    decoded = Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")
    files.append({"name": name, "file": base64.b64encode(buffer.getvalue()).decode(),
                  "width": decoded.width, "height": decoded.height, "pixels": encode(numpy.asarray(decoded))})
photographs = {}
if len(sys.argv) > 3:
    root = pathlib.Path(sys.argv[3])
    for path in sorted((root / "coco-mini").glob("*/*.jpg")) + sorted((root / "bccd/JPEGImages").glob("*.jpg"))[:5]:
        photographs[str(path.relative_to(root))] = zlib.adler32(numpy.asarray(Image.open(path).convert("RGB")).tobytes())
json.dump({"files": files, "photographs": photographs}, open(output / "jpeg.json", "w"), indent=0)
