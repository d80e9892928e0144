"""Writes autoaugment-policy.json: AutoAugment's ImageNet policy as torchvision 0.28.0 lists it, read from its source.

Usage: autoaugment_policy.py OUTPUT_DIR
"""
import ast, importlib.util, json, pathlib, sys

package = pathlib.Path(importlib.util.find_spec("torchvision").origin).parent
tree = ast.parse((package / "transforms/autoaugment.py").read_text())
method = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "_get_policies")
branch = next(node for node in ast.walk(method) if isinstance(node, ast.If) and "IMAGENET" in ast.unparse(node.test))
policy = ast.literal_eval(branch.body[0].value)
(pathlib.Path(sys.argv[1]) / "autoaugment-policy.json").write_text(json.dumps(policy).replace("]], ", "]],\n") + "\n")
print(len(policy), "pairs")
