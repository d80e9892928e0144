"""What the generators of golden files share: the initialisation rule, samples, float64 references and the writer.

Run the generators with torch 2.13.0+cpu and torchvision 0.28.0. README.md states the rule and the files.
"""

import importlib.util
import json
import pathlib
import struct
import sys

sys.dont_write_bytecode = True

import numpy as np
import torch

FILES = pathlib.Path(__file__).resolve().parent / "files"
SAMPLE_STEP = 104729  # a prime, so that a sample meets every kernel position and channel


def _operators_load():
    """Whether torchvision's compiled operators load; those of a wheel with CUDA do not beside a torch without."""
    for library in pathlib.Path(importlib.util.find_spec("torchvision").origin).parent.glob("_C*.so"):
        try:
            torch.ops.load_library(str(library))
            return True
        except OSError:
            pass
    return False


def _declare_torchvision_operators():
    """Lets a torchvision wheel that was built against another torch be imported: its compiled operators are declared
    here, and non-maximum suppression, the only one needed, is written out."""
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define(
        "roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width,"
        " int sampling_ratio, bool aligned) -> Tensor"
    )

    def suppress(boxes, scores, threshold):
        order = scores.argsort(descending=True, stable=True)
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        kept = []
        while order.numel():
            best, rest = order[0], order[1:]
            kept.append(int(best))
            low = torch.maximum(boxes[best, :2], boxes[rest, :2])
            high = torch.minimum(boxes[best, 2:], boxes[rest, 2:])
            common = (high - low).clamp(min=0).prod(dim=1)
            # Two boxes without area give 0 / 0, which in torchvision's own operator suppresses nothing.
            order = rest[~(common / (area[best] + area[rest] - common) > threshold)]
        return torch.tensor(kept, dtype=torch.int64)

    implementation = torch.library.Library("torchvision", "IMPL", "CPU")
    implementation.impl("nms", suppress)
    return library, implementation


# Operators that are there already cannot be declared again.
_operators = None if _operators_load() else _declare_torchvision_operators()
import torchvision  # noqa: E402
import torchvision.extension  # noqa: E402

if _operators:
    torchvision.extension._has_ops = lambda: True
    torchvision.extension._assert_has_ops = lambda: None
torch.set_num_threads(1)


# The rule ----------------------------------------------------------------------------------------------------------


def name_hash(name):
    """FNV-1a, 32 bits, of the name's UTF-8 bytes."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def words(name, count, seed):
    """The first `count` words of Philox 4x32-10 with key (name_hash, seed) and counters (0, 0, 0, 0), (1, 0, 0, 0)..."""
    blocks = (count + 3) // 4
    low = np.uint64(0xFFFFFFFF)
    x = [np.arange(blocks, dtype=np.uint64)] + [np.zeros(blocks, np.uint64) for _ in range(3)]
    k0, k1 = name_hash(name), seed
    for _ in range(10):
        p0, p1 = x[0] * np.uint64(0xD2511F53), x[2] * np.uint64(0xCD9E8D57)
        x = [
            (p1 >> np.uint64(32)) ^ x[1] ^ np.uint64(k0),
            p1 & low,
            (p0 >> np.uint64(32)) ^ x[3] ^ np.uint64(k1),
            p0 & low,
        ]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(x, axis=1).reshape(-1)[:count].astype(np.uint32)


def uniform(name, count, seed):
    """Multiples of 2^-23 in [-1, 1), exact in float32."""
    return ((words(name, count, seed) >> np.uint32(8)).astype(np.int32) - (1 << 23)).astype(np.float32) * np.float32(
        2.0**-23
    )


def affine(name, shape):
    """(offset, span): the values of a parameter or running statistic are offset + span * uniform, in float32."""
    leaf = name.rsplit(".", 1)[-1]
    if leaf == "running_mean":
        return 0.0, 0.1
    if leaf == "running_var":
        return 1.0, 0.5
    if leaf == "bias":
        return (-2.0 if name.endswith("cls_logits.bias") else 0.0), 0.1
    if name.endswith("bn3.weight"):
        return 0.25, 0.1  # small residual branches: a deep random network stays well conditioned
    if len(shape) == 1:
        return 1.0, 0.25
    variance = 2.0
    if name.startswith("backbone.fpn."):
        variance = 1.0
    elif name.endswith(("cls_logits.weight", "bbox_reg.weight")):
        variance = 0.0625
    fan_in = int(np.prod(shape[1:]))
    return 0.0, float(np.float32(np.sqrt(3.0 * variance / fan_in)))


def parameter(name, shape, seed):
    """A parameter or running statistic by the rule."""
    offset, span = affine(name, shape)
    values = np.float32(offset) + np.float32(span) * uniform(name, int(np.prod(shape)), seed)
    return torch.from_numpy(values.reshape(tuple(shape)))


def image(shape, seed, name="image"):
    """Images of shape (N, 3, H, W), uniform in [-2, 2)."""
    return torch.from_numpy(np.float32(2) * uniform(name, int(np.prod(shape)), seed).reshape(shape))


def initialize(model, seed, prefix=""):
    """Fills every parameter and running statistic of a model by the rule; names are the state dictionary's."""
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                tensor.copy_(parameter(prefix + name, tensor.shape, seed))
    return model


# Batch normalisation -----------------------------------------------------------------------------------------------


def calibrate(body, images):
    """Sets the running statistics of an ordinary batch-norm trunk to those of some images.

    One training forward with momentum 1: each batch-norm normalises by its own batch meanwhile, running variances
    are the unbiased ones.
    """
    for module in body.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    body.train()
    with torch.no_grad():
        body(images)


def statistics(model, prefix=""):
    """The running means and variances of a model by name."""
    return {prefix + n: t.clone() for n, t in model.state_dict().items() if ".running_" in "." + n}


# Samples, comparison and files --------------------------------------------------------------------------------------


def sample(tensor, limit):
    """All elements in order where there are at most `limit`, otherwise elements (k * SAMPLE_STEP) mod count, k < limit."""
    flat = tensor.detach().reshape(-1)
    if flat.numel() <= limit:
        return flat.float()
    return flat[torch.arange(limit) * SAMPLE_STEP % flat.numel()].float()


def norm(tensor):
    return tensor.detach().double().norm().float().reshape(1)


def relative_error(value, truth):
    return float((value.detach().double() - truth.detach().double()).norm() / truth.detach().double().norm())


# Kinks --------------------------------------------------------------------------------------------------------------
#
# One ReLU input that rounding carries over zero moves a gradient by 1e-3. So the generators shift the bias in front of
# every ReLU until zero lies in the widest gap nearby, and choose images whose maximum pooling has clear winners.


def shift_into_gap(values, bias, reach=0.1):
    """Shifts a bias, by at most `reach` of the root mean square, so that no input of the ReLU is near zero.

    `values` are all the inputs of that ReLU, (channels, anything); returns the shift, (channels).
    """
    shifts = torch.empty(len(values), dtype=torch.float64)
    for channel, row in enumerate(values.double()):
        limit = reach * float(row.square().mean().sqrt())
        near = row[row.abs() < limit].sort().values
        edges = torch.cat([torch.tensor([-limit], dtype=torch.float64), near, torch.tensor([limit], dtype=torch.float64)])
        widest = int((edges[1:] - edges[:-1]).argmax())
        shifts[channel] = -(edges[widest] + edges[widest + 1]) / 2
    with torch.no_grad():
        new = (bias.double() + shifts).float()
        shifts = new.double() - bias.double()
        bias.copy_(new)
    return shifts


class Separation:
    """Shifts, during one forward run in float64, the bias before each ReLU: that of the module that ran last and has
    one. `functional` are modules whose output goes into a ReLU that is no module."""

    def __init__(self, model, functional=()):
        self.model, self.functional, self.last, self.handles = model, functional, None, []

    def __enter__(self):
        for module in self.model.modules():
            if isinstance(module, torch.nn.ReLU):
                self.handles.append(module.register_forward_pre_hook(self.shift))
            elif module in self.functional:
                self.handles.append(module.register_forward_hook(self.shift_output))
            elif getattr(module, "bias", None) is not None:
                self.handles.append(module.register_forward_hook(self.remember))
        return self

    def remember(self, module, inputs, output):
        self.last = module

    def shift(self, module, inputs):
        return (self.shifted(inputs[0], self.last.bias),)

    def shift_output(self, module, inputs, output):
        return self.shifted(output, module.bias)

    def shifted(self, x, bias):
        return x + shift_into_gap(x.transpose(0, 1).flatten(1), bias)[:, None, None]

    def __exit__(self, *error):
        for handle in self.handles:
            handle.remove()


def changed_biases(model, seed):
    """The biases that are no longer those of the rule, by name."""
    state = {n: t.float() for n, t in model.state_dict().items() if n.endswith("bias")}
    return {n: t for n, t in state.items() if not torch.equal(t, parameter(n, t.shape, seed))}


def clear_images(stem, shape, padding, seeds=40):
    """The images, of the first seeds, whose maximum pooling leaves the widest gap between winner and runner-up.

    `stem` maps images to the input of the pooling. Returns the seed.
    """

    def gap(seed):
        with torch.no_grad():
            x = padding(stem(image(shape, seed)))
        top = x.unfold(2, 3, 2).unfold(3, 3, 2).flatten(4).topk(2, dim=-1).values
        return float((top[..., 0] - top[..., 1])[top[..., 0] > 0].min())

    best = max(range(1, seeds + 1), key=gap)
    print(f"images of seed {best}: pooling gap {gap(best):.1e}")
    return best


class ReLUInputs:
    """Records the inputs of every ReLU, in order."""

    def __init__(self, model):
        self.values = []
        for module in model.modules():
            if isinstance(module, torch.nn.ReLU):
                module.register_forward_pre_hook(lambda m, inputs: self.values.append(inputs[0].detach().clone()))

    def take(self):
        values, self.values = self.values, []
        return values


def clearance(single, double):
    """The smallest distance of an input from zero, in units of the root mean square error of float32 in that tensor."""
    return min(float(d.abs().min() / (s.double() - d).square().mean().sqrt()) for s, d in zip(single, double))


def gradient_tensors(truth, single, limit):
    """What a golden keeps of gradients: norm, sample and the error of float32, by name.

    Errors are relative to the parameter's gradient, or, where its true gradient is zero (below 1e-9 of all gradients),
    to the norm of all gradients.
    """
    everything = torch.stack([g.norm() for g in truth.values()]).norm()
    tensors, zero, worst = {"gradient_norm": everything.float().reshape(1)}, [], ("", 0.0)
    for name, gradient in truth.items():
        scale = gradient.norm()
        if scale < 1e-9 * everything:
            zero.append(name)
            scale = everything
        error = float((single[name].double() - gradient).norm() / scale)
        worst = max(worst, (name, error), key=lambda pair: pair[1])
        tensors["gradient/" + name] = sample(gradient, limit)
        tensors["norm/" + name] = norm(gradient)
        tensors["error/" + name] = torch.tensor([error])
    return tensors, zero, worst


def descent(kind, model, start, losses, learning_rate, momentum, decay, count=10):
    """Losses, in a type, before each of `count` SGD steps on one batch: (count, losses). Batch-norm is not decayed.

    `losses` gives the model's losses for a type; their sum goes down.
    """
    model.to(kind).load_state_dict(start)
    normalization = {
        id(p) for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d) for p in m.parameters(recurse=False)
    }
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(
        [
            dict(params=[p for p in parameters if id(p) not in normalization], weight_decay=decay),
            dict(params=[p for p in parameters if id(p) in normalization], weight_decay=0.0),
        ],
        lr=learning_rate,
        momentum=momentum,
    )
    curve = []
    for _ in range(count):
        optimizer.zero_grad()
        values = losses(kind)
        sum(values).backward()
        optimizer.step()
        curve.append([value.item() for value in values])
    return torch.tensor(curve, dtype=torch.float64)


def steady_descent(*arguments, **settings):
    """`descent` in float64, where float32 gives the same to 2e-5: where no step is long enough for a kink."""
    single, curve = (descent(kind, *arguments, **settings) for kind in (torch.float32, torch.float64))
    drift = float(((single - curve) / curve).abs().max())
    print(settings, curve, "float32 drift", drift)
    assert drift < 2e-5
    return curve


def write(name, tensors, **metadata):
    """Writes files/NAME.safetensors: tensors in name order, metadata values as strings."""
    kinds = {torch.float32: "F32", torch.int32: "I32", torch.uint8: "U8"}
    header, blobs, offset = {"__metadata__": {k: str(v) for k, v in metadata.items()}}, [], 0
    for key in sorted(tensors, key=lambda k: (tensors[k].dtype == torch.uint8, k)):
        tensor = tensors[key].detach().contiguous()
        blob = tensor.numpy().tobytes()
        header[key] = {
            "dtype": kinds[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path = FILES / (name + ".safetensors")
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    print(f"{path.name}: {path.stat().st_size:,} bytes, {len(tensors)} tensors", metadata)
