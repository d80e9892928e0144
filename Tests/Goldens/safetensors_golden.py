"""Writes files/safetensors.safetensors with the Python package `safetensors` (0.8, numpy): one tensor of every element
type that the package reads. SafetensorsTests holds the same values by hand.

Run from this folder: python3 safetensors_golden.py
"""
import torch
from safetensors.torch import save_file

tensors = {
    "float32": torch.tensor([[1.0, -2.5, 3.25e-5], [float("inf"), -0.0, 16777216.0]], dtype=torch.float32),
    "float16": torch.tensor([1.0, -0.333251953125, 65504.0], dtype=torch.float16),
    "bfloat16": torch.tensor([1.0, -3.140625, 1e30], dtype=torch.bfloat16),
    "float64": torch.tensor([0.1, -1e-3], dtype=torch.float64),
    "int64": torch.tensor(-(2**40), dtype=torch.int64),
    "int32": torch.tensor([[7], [-2147483648]], dtype=torch.int32),
    "uint8": torch.tensor([0, 128, 255], dtype=torch.uint8),
    "boolean": torch.tensor([True, False, True]),
    "empty": torch.zeros((0, 4), dtype=torch.float32),
    'quote " slash \\ é': torch.tensor([42.0]),
}
save_file(tensors, "files/safetensors.safetensors", metadata={"format": "pt", "made by": "safetensors_golden.py"})
