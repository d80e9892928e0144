"""torchvision's ResNet-50 classifier evaluated with DropBlock acting in groups 3 and 4: masks and logits.

The masks are drawn here from the documented numbers: Philox blocks by seed, image and layer, geometric gaps between the
places where blocks start, and for blocks as large as the map a bit a channel. Bits are kept, 8 a byte, so that both sides can
be compared exactly.
"""

import math

import golden
import numpy as np
import torch
from torchvision.models import resnet

SEED = 1
IMAGE_SEED = 5
CLASSES = 10
SHAPE = (2, 3, 64, 64)
KEEP, BLOCK, MASK_SEED = 0.8, 3, 7
FIRST_IMAGE = 65538  # the step and the number in it are both not zero
STREAM = 0xFFFFFFFF  # that of masks by sample


def philox(counters, key):
    """Four words of 32 bits for each row of counters (n, 4)."""
    low = np.uint64(0xFFFFFFFF)
    x = [counters[:, i].astype(np.uint64) & low for i in range(4)]
    k0, k1 = key
    for _ in range(10):
        p0, p1 = x[0] * np.uint64(0xD2511F53), x[2] * np.uint64(0xCD9E8D57)
        x = [(p1 >> np.uint64(32)) ^ x[1] ^ np.uint64(k0), p1 & low, (p0 >> np.uint64(32)) ^ x[3] ^ np.uint64(k1), p0 & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(x, axis=1)


def draws(image, layer, first_channel):
    """Yields the words of eight draws in a row, (8, 4), of a sequence."""
    draw = 1 << 31
    while True:
        tail = [image >> 16, layer << 16 | image & 0xFFFF, first_channel]
        yield philox(np.array([[draw + i] + tail for i in range(8)], dtype=np.uint64), (MASK_SEED, STREAM))
        draw += 8


def starts(gamma, places, words):
    """The places, of so many, where blocks start: each with probability gamma, by the gaps between them."""
    found, place, scale = [], 0, 1 / math.log1p(-gamma)
    for eight in words:
        for word in eight.T.reshape(-1):  # all first words, then all second words, ...
            place += int(min(math.floor(math.log((int(word) + 0.5) * 2.0**-32) * scale), 2.0**40))
            if place >= places:
                return found
            found.append(place)
            place += 1


def channel_bits(keep, count, words):
    """One bit a channel that is 1 with probability `keep`, to 24 binary digits."""
    units = int(keep * 2**24 + 0.5)
    zeros = min(24, (units & -units).bit_length() - 1)
    pairs = (w for eight in words for half in (0, 2) for w in (eight[:, half] | eight[:, half + 1] << np.uint64(32)))
    bits = []
    while len(bits) < count:
        below = 0
        for digit in range(24 - zeros):
            random = int(next(pairs))
            below = below | random if (units >> zeros + digit) & 1 else below & random
        bits += [below >> i & 1 for i in range(64)]
    return bits[:count]


def mask(shape, layer):
    """The mask of a site (N, C, H, W), 1 where an element is kept."""
    n, c, h, w = shape
    b = min(BLOCK, h, w)
    rows, columns = h - b + 1, w - b + 1
    gamma = (1 - KEEP) * (h * w / (b * b)) / (rows * columns)
    length = max(16, min(256, 8192 // (h * w) & ~15))
    result = np.ones(shape, dtype=np.uint8)
    for sample in range(n):
        for first in range(0, c, length):
            words, channels = draws(FIRST_IMAGE + sample, layer, first), min(length, c - first)
            if b == h == w:
                result[sample, first : first + channels] = np.array(channel_bits(1 - gamma, channels, words))[:, None, None]
                continue
            for place in starts(gamma, channels * rows * columns, words):
                channel, place = divmod(place, rows * columns)
                y, x = divmod(place, columns)
                result[sample, first + channel, y : y + b, x : x + b] = 0
    return result


class Masks:
    """Applies a mask at each site, in the order in which the program numbers them, and keeps the bits."""

    def __init__(self):
        self.bits, self.count = {}, 0

    def __call__(self, name, x):
        bits = mask(tuple(x.shape), self.layers[name])
        self.bits["mask/" + name] = torch.from_numpy(np.packbits(bits.reshape(-1), bitorder="little"))
        return x * torch.from_numpy(bits) * np.float32(bits.size / int(bits.sum()))

    def number(self, blocks):
        """In a block the projection comes first, then the branch; an identity is masked where the sum is."""
        names = []
        for name, block in blocks:
            projection = [f"{name}.downsample.1"] if block.downsample else []
            names += projection + [f"{name}.bn1", f"{name}.bn2", f"{name}.bn3"]
            names += [] if projection else [f"{name}.shortcut"]
        self.layers = {name: layer for layer, name in enumerate(names)}


def logits(model, images, masks=None):
    """The logits, with masks in groups 3 and 4."""
    x = model.maxpool(model.relu(model.bn1(model.conv1(images))))
    blocks = [(f"layer{g}.{i}", b) for g in (1, 2, 3, 4) for i, b in enumerate(getattr(model, f"layer{g}"))]
    if masks:
        masks.number([pair for pair in blocks if pair[0][5] in "34"])
    for name, block in blocks:
        drop = masks if masks and name[5] in "34" else lambda site, value: value
        shortcut = drop(f"{name}.downsample.1", block.downsample(x)) if block.downsample else drop(f"{name}.shortcut", x)
        y = drop(f"{name}.bn1", block.relu(block.bn1(block.conv1(x))))
        y = drop(f"{name}.bn2", block.relu(block.bn2(block.conv2(y))))
        x = block.relu(drop(f"{name}.bn3", block.bn3(block.conv3(y))) + shortcut)
    return model.fc(torch.flatten(model.avgpool(x), 1))


model = golden.initialize(resnet.resnet50(weights=None, num_classes=CLASSES), SEED).eval().double()
images = golden.image(SHAPE, IMAGE_SEED).double()
masks = Masks()
with torch.no_grad():
    plain, dropped = logits(model, images), logits(model, images, masks)
    assert torch.equal(plain, model(images)) and len(masks.bits) == 36
print("masks change the logits by", golden.relative_error(dropped, plain), "kept", min(
    float(np.unpackbits(b.numpy()).mean()) for b in masks.bits.values()))
golden.write(
    "inference-dropblock", {"logits": dropped.float(), "plain": plain.float()} | masks.bits, seed=SEED, image_seed=IMAGE_SEED,
    num_classes=CLASSES, keep_prob=KEEP, block_size=BLOCK, mask_seed=MASK_SEED, first_image=FIRST_IMAGE)
