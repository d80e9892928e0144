"""Writes resample.json: parts of a small picture, resized by Pillow, and small PNG files with their pixels.

Pillow 13.0.0; `crop` then `resize`, which is what torchvision's resized crop and Pillow's antialiasing mean. All parts are
wide: of tall ones Pillow 13 takes the columns first and rounds otherwise, which no earlier version did.

Usage: classification_goldens.py OUTPUT_DIR
"""
import base64, io, json, pathlib, random, sys

from PIL import Image

random.seed(7)
width, height = 45, 37
# Gradients, stripes and noise that reach both ends, so that the cubic overshoots and is cut.
pixels = bytes(
    min(255, max(0, int(value + random.uniform(-40, 40))))
    for y in range(height) for x in range(width)
    for value in (x * 255 / width, 255 if (x // 3 + y // 5) % 2 else 0, y * 255 / height))
image = Image.frombytes("RGB", (width, height), pixels)


def encode(content):
    return base64.b64encode(content).decode()


cases = []
for name, resampling in [("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC)]:
    for box, size in [
        ((0, 0, 45, 37), (45, 37)), ((0, 0, 45, 37), (20, 16)), ((0, 0, 45, 37), (7, 5)), ((5, 5, 25, 20), (26, 21)),
        ((3, 5, 40, 30), (24, 24)), ((2, 11, 36, 30), (24, 16)), ((20, 20, 23, 22), (17, 19)), ((44, 36, 45, 37), (3, 2)),
        ((1, 0, 45, 37), (1, 1)),
    ]:
        resized = image.crop(box).resize(size, resampling)
        cases.append({"filter": name, "box": box, "size": size, "pixels": encode(resized.tobytes())})

files = []
for mode in ["RGB", "RGBA", "L", "LA", "P", "1"]:
    picture = image.convert(mode)
    if "A" in mode:
        picture.putalpha(Image.frombytes("L", (width, height), pixels[: width * height]))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    read = Image.open(io.BytesIO(buffer.getvalue()))
    files.append({"mode": mode, "file": encode(buffer.getvalue()), "pixels": encode(read.convert("RGB").tobytes())})

golden = {"width": width, "height": height, "pixels": encode(pixels), "cases": cases, "files": files}
(pathlib.Path(sys.argv[1]) / "resample.json").write_text(json.dumps(golden, indent=0))
print(len(cases), "cases,", len(files), "files")
