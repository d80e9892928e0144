"""Writes autoaugment.json: a small picture through Pillow's form of every operation and strength of AutoAugment's policy.

Pillow 13.0.0; strengths as in TensorFlow's code and timm's `original` policy, nearest neighbour, grey 128 outside.

Usage: autoaugment_goldens.py OUTPUT_DIR
"""
import base64, json, pathlib, random, sys

from PIL import Image, ImageEnhance, ImageOps

POLICY = {
    "posterize": [5, 6, 7, 8], "rotate": [3, 8, 9], "solarize": [3, 4, 5, 7, 8], "autoContrast": [5], "equalize": [0],
    "color": [0, 2, 4, 8], "contrast": [8], "invert": [0], "sharpness": [7], "shearX": [5],
}
FILL = (128, 128, 128)


def apply(image, kind, magnitude, negative):
    strength, sign = magnitude / 10, -1 if negative else 1
    factor = 0.1 + 1.8 * strength
    match kind:
        case "posterize": return ImageOps.posterize(image, int(4 * strength) + 4)
        case "rotate": return image.rotate(sign * 30 * strength, fillcolor=FILL)
        case "solarize": return ImageOps.solarize(image, int(256 * strength))
        case "autoContrast": return ImageOps.autocontrast(image)
        case "equalize": return ImageOps.equalize(image)
        case "color": return ImageEnhance.Color(image).enhance(factor)
        case "contrast": return ImageEnhance.Contrast(image).enhance(factor)
        case "invert": return ImageOps.invert(image)
        case "sharpness": return ImageEnhance.Sharpness(image).enhance(factor)
        case "shearX":
            return image.transform(image.size, Image.Transform.AFFINE, (1, sign * 0.3 * strength, 0, 0, 1, 0), fillcolor=FILL)


random.seed(1)
width, height = 29, 22
# Gradients with noise, in ranges that differ by channel and leave room at both ends.
pixels = bytes(
    min(255, max(0, int(low + (high - low) * (x + y) / (width + height) + random.uniform(-12, 12))))
    for y in range(height) for x in range(width) for low, high in [(40, 190), (160, 60), (20, 230)])
image = Image.frombytes("RGB", (width, height), pixels)
cases = [
    {"kind": kind, "magnitude": magnitude, "isNegative": negative,
     "pixels": base64.b64encode(apply(image, kind, magnitude, negative).tobytes()).decode()}
    for kind, magnitudes in POLICY.items() for magnitude in magnitudes
    for negative in ([False, True] if kind in ("rotate", "shearX") else [False])]
golden = {"width": width, "height": height, "pixels": base64.b64encode(pixels).decode(), "cases": cases}
(pathlib.Path(sys.argv[1]) / "autoaugment.json").write_text(json.dumps(golden))
print(len(cases), "cases")
