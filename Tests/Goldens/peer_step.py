"""Times PyTorch's training step of the same models, for `launch/bench`; prints one JSON object.

Channels-last and eager unless told otherwise, SGD with momentum (Adam for the study's networks), random images, 8 boxes an image.
Under torchrun each process is a rank of DistributedDataParallel over gloo. The peak of memory includes what compiling takes.
"""

import argparse
import json
import os
import resource
import statistics
import time

import amoebanet
import segmentation
import study
from golden import torchvision  # declares the compiled operators where the wheel's do not load
import torch
from torchvision.models.detection import retinanet_resnet50_fpn
from torchvision.models.resnet import Bottleneck
from torchvision.ops import DropBlock2d


STUDY = {"customnet": study.CustomNet, "resnet_keras": study.KerasResNet, "densenet": study.DenseNet}


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=["retinanet", "segmentation", "resnet", "amoebanet", *STUDY], default="retinanet")
    parser.add_argument("--size", type=int, default=640)
    parser.add_argument("--batch", type=int, default=2, help="images of this rank")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--dropblock", action="store_true")
    parser.add_argument("--compile", action="store_true", help="torch.compile; classifiers only")
    parser.add_argument("--contiguous", action="store_true", help="PyTorch's default layout")
    return parser.parse_args()


def train_batch_norm(module):
    """Replaces frozen batch-norms, which the detector uses by default with pretrained weights."""
    for name, child in module.named_children():
        if isinstance(child, torchvision.ops.FrozenBatchNorm2d):
            setattr(module, name, torch.nn.BatchNorm2d(child.weight.numel()))
        else:
            train_batch_norm(child)


def add_dropblock(trunk):
    """DropBlock 7 behind every batch-norm of groups 3 and 4 and on their shortcuts, with torchvision's layer."""

    def forward(self, x):
        drop = self.drop_block
        y = drop(self.relu(self.bn1(self.conv1(x))))
        y = drop(self.relu(self.bn2(self.conv2(y))))
        y = drop(self.bn3(self.conv3(y)))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(y + drop(shortcut))

    for group in (trunk.layer3, trunk.layer4):
        for block in group:
            assert isinstance(block, Bottleneck)
            block.drop_block = DropBlock2d(p=0.1, block_size=7)
            block.forward = forward.__get__(block)


def memory_format(options):
    return torch.contiguous_format if options.contiguous else torch.channels_last


def detection_task(options):
    model = retinanet_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=91, min_size=options.size, max_size=options.size)
    train_batch_norm(model)
    images = [torch.rand(3, options.size, options.size) for _ in range(options.batch)]
    targets = []
    for _ in images:
        corner = torch.rand(8, 2) * options.size * 0.6
        extent = 16 + torch.rand(8, 2) * options.size * 0.35
        targets.append({"boxes": torch.cat([corner, corner + extent], 1), "labels": torch.randint(1, 91, (8,))})
    return model, model.backbone.body, lambda network: sum(network(images, targets).values())


class Segmentation(torch.nn.Module):
    """The golden segmentation network's pyramid and head on torchvision's ResNet-50."""

    def __init__(self):
        super().__init__()
        self.body = torchvision.models._utils.IntermediateLayerGetter(
            torchvision.models.resnet50(), {f"layer{group}": str(group) for group in (2, 3, 4)})
        self.pyramid, self.head = segmentation.Pyramid([512, 1024, 2048]), segmentation.Head()

    def forward(self, x):
        return self.head(self.pyramid(list(self.body(x).values())))


def segmentation_task(options):
    model = Segmentation()
    shape = (options.batch, 3, options.size, options.size)
    images = torch.rand(shape).contiguous(memory_format=memory_format(options))
    labels = torch.randint(0, segmentation.CLASSES, (options.batch, options.size, options.size), dtype=torch.uint8)
    return model, model.body, lambda network: segmentation.pixel_loss(network(images), labels)


def classification_task(options):
    of_study = options.model in STUDY
    model = STUDY[options.model](3, options.size) if of_study else torchvision.models.resnet50(num_classes=1000)
    shape = (options.batch, 3, options.size, options.size)
    images = torch.rand(shape).contiguous(memory_format=memory_format(options))
    labels = torch.randint(0, 10 if of_study else 1000, (options.batch,))
    loss = torch.nn.CrossEntropyLoss()
    return model, model, lambda network: loss(network(images), labels)


def amoebanet_task(options):
    """The network of configs/amoebanet-cifar10.yaml without DropBlock and Dropout."""
    classes = 10
    model = amoebanet.AmoebaNet(6, 32, classes, options.size, stem="small", stem_channels=32)
    shape = (options.batch, 3, options.size, options.size)
    images = torch.rand(shape).contiguous(memory_format=memory_format(options))
    labels = torch.randint(0, classes, (options.batch,))
    loss = torch.nn.CrossEntropyLoss(label_smoothing=amoebanet.SMOOTHING)

    def loss_of(network):
        logits, auxiliary = network(images)
        return loss(logits, labels) + amoebanet.AUXILIARY_WEIGHT * loss(auxiliary, labels)

    return model, model, loss_of


def main():
    options = arguments()
    mode = "compiled" if options.compile else "eager"
    layout = "contiguous" if options.contiguous else "channels-last"
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    tasks = {"retinanet": detection_task, "segmentation": segmentation_task, "amoebanet": amoebanet_task}
    model, trunk, loss_of = tasks.get(options.model, classification_task)(options)
    if options.dropblock:
        add_dropblock(trunk)
    model = model.train().to(memory_format=memory_format(options))
    network, ranks = model, int(os.environ.get("WORLD_SIZE", "1"))
    if ranks > 1:
        torch.distributed.init_process_group("gloo")
        network = torch.nn.parallel.DistributedDataParallel(model)
    if options.compile:
        network = torch.compile(network)
    if options.model in STUDY:
        # Takes half the time of the default; SGD's, however, more.
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)
    seconds = []
    for _ in range(options.warmup + options.steps):
        start = time.monotonic()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.bf16):
            loss = loss_of(network)
        loss.backward()
        optimizer.step()
        seconds.append(time.monotonic() - start)
    median = statistics.median(seconds[options.warmup:])
    if int(os.environ.get("RANK", "0")) == 0:
        print(json.dumps({
            "variant": f"{torch.__version__} {mode} {layout}",
            "images_per_second": ranks * options.batch / median,
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }))


if __name__ == "__main__":
    main()
