"""Tiny networks of transformers with random weights, from configurations: no download, each under 2 MB.

The weights are drawn larger than a training would begin with, so that categories, masks and scores differ from pixel to pixel.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import transformers as t
from PIL import Image

NAMES = {0: "sky", 1: "road", 2: "car", 3: "person", 4: "tree"}
LABELS = {"id2label": NAMES, "label2id": {name: i for i, name in NAMES.items()}}
SIDE = 64


def shaken(model: torch.nn.Module, spread: float = 0.25) -> torch.nn.Module:
    """Every weight moved by a normal number, with a fixed seed."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight += spread * torch.randn(weight.shape, generator=generator)
    return model.eval()


def varied(model: torch.nn.Module, layers: tuple[str, ...], inputs: dict, spread: float = 2.0) -> None:
    """Bring the outputs of these layers to mean 0 and the given spread for one image, so that its queries differ."""
    for name in layers:
        layer, seen = model.get_submodule(name), []
        hook = layer.register_forward_hook(lambda _, __, output, seen=seen: seen.append(output))
        with torch.no_grad():
            model(**inputs)
            hook.remove()
            values = seen[-1].movedim(-1 if isinstance(layer, torch.nn.Linear) else 1, -1).flatten(0, -2)
            scale = spread / (values.std(0) + 1e-6)
            layer.weight *= scale.reshape(-1, *[1] * (layer.weight.ndim - 1))
            layer.bias.copy_((layer.bias - values.mean(0)) * scale)


def picture() -> np.ndarray:
    """(60, 83, 3) uint8: coloured squares under noise."""
    random = np.random.default_rng(9)
    squares = np.kron(random.integers(0, 200, (4, 6, 3)), np.ones((15, 14, 1), int))[:60, :83]
    return (squares + random.integers(0, 56, squares.shape)).astype(np.uint8)


def kept(model: torch.nn.Module, processor, folder: Path, layers: tuple[str, ...] = ()) -> Path:
    """Saved as a published model is. layers: what classes and masks are read from."""
    if layers:
        task = {"task_inputs": ["panoptic"]} if isinstance(processor, t.OneFormerProcessor) else {}
        inputs = processor(images=Image.fromarray(picture()), return_tensors="pt", **task)
        varied(model, layers, {k: inputs[k] for k in ("pixel_values", "pixel_mask", "task_inputs") if k in inputs})
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def segformer(folder: Path) -> Path:
    torch.manual_seed(1)
    config = t.SegformerConfig(
        depths=[1, 1, 1, 1],
        hidden_sizes=[8, 8, 16, 16],
        num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=16,
        **LABELS,
    )
    processor = t.SegformerImageProcessor(size={"height": SIDE, "width": SIDE})
    return kept(shaken(t.SegformerForSemanticSegmentation(config)), processor, folder)


def _swin() -> t.SwinConfig:
    return t.SwinConfig(
        image_size=SIDE, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip


def maskformer(folder: Path, *, pad: int | None = None) -> Path:
    torch.manual_seed(2)
    decoder = t.DetrConfig(
        num_queries=12, d_model=32, decoder_layers=1, encoder_layers=1, decoder_attention_heads=2, encoder_attention_heads=2,
        decoder_ffn_dim=16, encoder_ffn_dim=16, backbone_config=t.ResNetConfig(depths=[1, 1], hidden_sizes=[8, 8]),
    )  # fmt: skip
    config = t.MaskFormerConfig(
        backbone_config=_swin(), decoder_config=decoder, fpn_feature_size=32, mask_feature_size=32, **LABELS
    )
    processor = t.MaskFormerImageProcessor(
        size={"shortest_edge": SIDE, "longest_edge": 2 * SIDE},
        size_divisor=8,
        pad_size=pad and {"height": pad, "width": pad},
    )
    return kept(
        shaken(t.MaskFormerForInstanceSegmentation(config)), processor, folder, ("class_predictor", "mask_embedder.2.0")
    )


def mask2former(folder: Path) -> Path:
    torch.manual_seed(3)
    config = t.Mask2FormerConfig(
        backbone_config=_swin(), feature_size=32, mask_feature_size=32, hidden_dim=32, encoder_feedforward_dim=16,
        encoder_layers=1, decoder_layers=2, num_attention_heads=2, dim_feedforward=16, num_queries=12, **LABELS,
    )  # fmt: skip
    processor = t.Mask2FormerImageProcessor(size={"height": SIDE, "width": SIDE})
    return kept(
        shaken(t.Mask2FormerForUniversalSegmentation(config)),
        processor,
        folder,
        ("class_predictor", "model.transformer_module.decoder.mask_predictor.mask_embedder.2.0"),
    )


def oneformer(folder: Path) -> Path:
    torch.manual_seed(4)
    config = t.OneFormerConfig(
        backbone_config=_swin(), conv_dim=32, mask_dim=32, hidden_dim=32, encoder_feedforward_dim=16, encoder_layers=1,
        decoder_layers=2, num_attention_heads=2, dim_feedforward=16, num_queries=12, query_dec_layers=1, text_encoder_width=32,
        text_encoder_num_layers=1, text_encoder_vocab_size=99, **LABELS,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    pieces = [chr(c) for c in range(33, 127)]
    words = [*pieces, *(p + "</w>" for p in pieces), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokens = t.CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    images = t.OneFormerImageProcessor(size={"height": SIDE, "width": SIDE})
    processor = t.OneFormerProcessor(images, tokens)
    kept(
        shaken(t.OneFormerForUniversalSegmentation(config)),
        processor,
        folder,
        ("model.transformer_module.decoder.class_embed", "model.transformer_module.decoder.mask_embed.layers.2.0"),
    )
    # As the published ones: the class list in a file of another repository, which is not there without a network.
    settings = images.to_dict() | {"class_info_file": "classes.json", "repo_path": "somewhere/else"}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


def eomt(folder: Path, *, split: bool = False) -> Path:
    torch.manual_seed(5)
    config = t.EomtConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=SIDE, patch_size=8, num_upscale_blocks=1,
        num_blocks=1, num_queries=12, num_register_tokens=0, **LABELS,
    )  # fmt: skip
    size = {"shortest_edge": SIDE, "longest_edge": None if split else SIDE}
    processor = t.EomtImageProcessor(size=size, do_split_image=split, do_pad=not split)
    return kept(shaken(t.EomtForUniversalSegmentation(config)), processor, folder, ("class_predictor", "mask_head.fc3"))


def detr(folder: Path) -> Path:
    torch.manual_seed(6)
    backbone = t.ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 16, 16],
        depths=[1, 1, 1, 1],
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = t.DetrConfig(
        backbone_config=backbone, use_timm_backbone=False, use_pretrained_backbone=False, backbone=None, num_queries=12,
        d_model=64, decoder_layers=1, encoder_layers=1, decoder_attention_heads=8, encoder_attention_heads=8,
        decoder_ffn_dim=16, encoder_ffn_dim=16, **LABELS,
    )  # fmt: skip
    processor = t.DetrImageProcessor(size={"shortest_edge": SIDE, "longest_edge": 2 * SIDE})
    return kept(
        shaken(t.DetrForSegmentation(config), 0.2),
        processor,
        folder,
        ("detr.class_labels_classifier", "mask_head.output_conv"),
    )


def sam(folder: Path) -> Path:
    torch.manual_seed(7)
    config = t.SamConfig(
        vision_config={
            "hidden_size": 16, "output_channels": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": SIDE,
            "patch_size": 8, "window_size": 4, "global_attn_indexes": [0], "num_pos_feats": 8, "mlp_dim": 16,
        },
        prompt_encoder_config={"hidden_size": 16, "image_size": SIDE, "patch_size": 8, "mask_input_channels": 4},
        mask_decoder_config={
            "hidden_size": 16, "mlp_dim": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "iou_head_hidden_dim": 16,
        },
    )  # fmt: skip
    images = t.SamImageProcessor(size={"longest_edge": SIDE}, pad_size={"height": SIDE, "width": SIDE})
    return kept(shaken(t.SamModel(config), 0.5), t.SamProcessor(images), folder)


def sam2(folder: Path) -> Path:
    torch.manual_seed(8)
    config = t.Sam2Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam2_hiera_det_model", "hidden_size": 8, "num_attention_heads": 1, "image_size": [SIDE, SIDE],
                "embed_dim_per_stage": [8, 16, 32, 64], "num_attention_heads_per_stage": [1, 1, 2, 2],
                "blocks_per_stage": [1, 1, 2, 1], "window_size_per_stage": [8, 4, 4, 4], "global_attention_blocks": [3],
                "window_positional_embedding_background_size": [4, 4],
            },
            "backbone_channel_list": [64, 32, 16, 8], "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]], "fpn_hidden_size": 32,
        },
        prompt_encoder_config={"hidden_size": 32, "image_size": SIDE, "patch_size": 16, "mask_input_channels": 4},
        mask_decoder_config={
            "hidden_size": 32, "mlp_dim": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "iou_head_hidden_dim": 16,
            "dynamic_multimask_via_stability": False,
        },
    )  # fmt: skip
    images = t.Sam2ImageProcessor(size={"height": SIDE, "width": SIDE}, mask_size={"height": 16, "width": 16})
    return kept(shaken(t.Sam2Model(config), 0.3), t.Sam2Processor(images, target_size=SIDE), folder)


MAKERS: dict[str, Callable[[Path], Path]] = {
    maker.__name__: maker for maker in (segformer, maskformer, mask2former, oneformer, eomt, detr, sam, sam2)
}
