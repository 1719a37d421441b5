from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from attrex.errors import BackboneMissing, ConfigError, ModelError
from attrex.nn.pretrained import Base, find_base
from attrex.nn.vision import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    ResNetEncoder,
    SmallResNet,
    VisionEncoder,
    build_resnet,
    find_resnet,
)
from tests.nn.resnet import TINY, write_resnet


@pytest.fixture
def base(tmp_path: Path) -> Base:
    write_resnet(tmp_path / "resnet")
    return find_resnet(str(tmp_path / "resnet"))


def pictures(count: int, size: int, seed: int = 0) -> Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def test_a_pretrained_resnet_gives_what_the_classifier_saw(tmp_path: Path, base: Base) -> None:
    model = write_resnet(tmp_path / "resnet")
    encoder: VisionEncoder = ResNetEncoder.load(base).eval()
    assert (encoder.width, encoder.patches, encoder.size) == (24, 49, 224)
    assert (encoder.mean, encoder.std) == (IMAGENET_MEAN, IMAGENET_STD)
    given = pictures(2, 224)
    with torch.no_grad():
        patches_BPD, pooled_BD = encoder(given)
        wanted = model.resnet(given)
    assert patches_BPD.shape == (2, 49, 24)
    torch.testing.assert_close(
        patches_BPD.transpose(1, 2).reshape(2, 24, 7, 7), wanted.last_hidden_state, atol=1e-5, rtol=1e-4
    )
    torch.testing.assert_close(pooled_BD, wanted.pooler_output.flatten(1), atol=1e-5, rtol=1e-4)


def test_an_encoder_s_own_statistics_are_told(base: Base) -> None:
    own = {"image_mean": [0.5, 0.5, 0.4], "image_std": [0.2, 0.3, 0.2], "size": {"shortest_edge": 224}}
    (base.folder / "preprocessor_config.json").write_text(json.dumps(own))
    encoder = ResNetEncoder.load(base)
    assert (encoder.mean, encoder.std) == (own["image_mean"], own["image_std"])


@pytest.mark.parametrize("depths", [[3, 8, 36, 3], [3, 4, 23, 3]])
def test_the_depths_of_resnet_152_and_101(depths: list[int]) -> None:
    thin = {"embedding_size": 4, "hidden_sizes": [4, 4, 4, 8], "depths": depths, "layer_type": "bottleneck"}
    encoder = ResNetEncoder(build_resnet(thin)).eval()
    with torch.no_grad():
        patches_BPD, _ = encoder(pictures(1, 224))
    assert patches_BPD.shape == (1, 49, 8)


def test_in_training_too_a_picture_does_not_depend_on_others_and_statistics_stay(base: Base) -> None:
    encoder = ResNetEncoder.load(base).train()
    before = {name: buffer.clone() for name, buffer in encoder.named_buffers()}
    given = pictures(3, 224)
    both, alone = encoder(given)[0], encoder(given[:1])[0]
    torch.testing.assert_close(both[:1], alone, atol=1e-5, rtol=1e-4)
    both.sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())
    assert encoder.training
    for name, buffer in encoder.named_buffers():
        torch.testing.assert_close(buffer, before[name])


def test_a_frozen_one_learns_nothing(base: Base) -> None:
    encoder = ResNetEncoder.load(base, frozen=True).train()
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert not encoder(pictures(1, 224))[0].requires_grad


def test_what_is_no_resnet_or_not_whole(tmp_path: Path, base: Base) -> None:
    with pytest.raises(BackboneMissing, match=r'the encoder "no/such" is neither a folder nor'):
        find_resnet("no/such" if not Path("no/such").exists() else "none")
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text('{"model_type": "vit"}')
    with pytest.raises(
        ModelError, match=r'the encoder ".*other" has no model.safetensors\. Fix: give a folder'
    ):
        find_resnet(str(other))
    save_file({"a": torch.zeros(1)}, other / "model.safetensors")
    with pytest.raises(
        ModelError, match=r'the vision encoder ".*other" is of the kind "vit"\. Fix: give a ResNet'
    ):
        find_resnet(str(other))
    (other / "config.json").write_text(json.dumps(TINY))
    with pytest.raises(ModelError, match=r'the vision encoder ".*other" lacks weights, '):
        ResNetEncoder.load(find_resnet(str(other)))
    with pytest.raises(ModelError, match=r"has no tokenizer.json"):
        find_base(str(base.folder))


def small(size: int = 56) -> SmallResNet:
    torch.manual_seed(0)
    return SmallResNet(size=size, widths=(16, 16, 16, 32))


@pytest.mark.parametrize("size", [56, 112, 224])
def test_the_small_one_gives_as_many_patches_of_every_size(size: int) -> None:
    encoder: VisionEncoder = small(size)
    patches_BPD, pooled_BD = encoder(pictures(2, size))
    assert (patches_BPD.shape, pooled_BD.shape) == ((2, 49, 32), (2, 32))
    torch.testing.assert_close(pooled_BD, patches_BPD.mean(1))
    assert (encoder.width, encoder.patches, encoder.size) == (32, 49, size)


@pytest.mark.parametrize("make", ["small", "resnet"])
def test_a_patch_is_where_it_is_in_the_picture(make: str) -> None:
    torch.manual_seed(0)
    encoder = small().eval() if make == "small" else ResNetEncoder(build_resnet(TINY)).eval()
    side = encoder.size // 7
    for row, column in ((1, 5), (5, 2)):
        given = torch.zeros(2, 3, encoder.size, encoder.size)
        given[1, :, row * side : (row + 1) * side, column * side : (column + 1) * side] = 3.0
        with torch.no_grad():
            patches_BPD, _ = encoder(given)
        change_P = (patches_BPD[1] - patches_BPD[0]).abs().sum(1)
        most = int(change_P.argmax())
        assert max(abs(most // 7 - row), abs(most % 7 - column)) <= 1  # each sees its neighbours too


def test_the_small_one_does_not_mix_pictures_and_all_of_it_learns() -> None:
    encoder = small().train()
    given = pictures(3, 56)
    torch.testing.assert_close(encoder(given)[0][:1], encoder(given[:1])[0], atol=1e-5, rtol=1e-4)
    (encoder(given)[0] ** 2).sum().backward()
    assert all(p.grad is not None and bool(p.grad.ne(0).any()) for p in encoder.parameters())


def test_the_small_one_s_filters_have_mean_nought_and_length_one_whatever_their_weights() -> None:
    convolution = small().blocks[0].inner[0]
    spot = torch.zeros(1, 16, 5, 5)
    spot[0, 3, 2, 2] = 1.0
    with torch.no_grad():
        told = convolution(spot)
        convolution.weight.mul_(7).add_(2)
        torch.testing.assert_close(convolution(spot), told, atol=1e-3, rtol=1e-2)
        everywhere = torch.ones(1, 16, 5, 5)
        assert convolution(everywhere)[0, :, 2, 2].abs().max() < 1e-3  # away from the border
        lengths = sum(
            convolution(torch.eye(144).view(144, 16, 3, 3))[:, :, 1, 1][at].square() for at in range(144)
        )
    torch.testing.assert_close(lengths, torch.ones(16), atol=0.02, rtol=0)


def test_the_small_one_learns_colours_and_stripes() -> None:
    torch.manual_seed(0)
    encoder = small()
    head = nn.Linear(encoder.width, 4)
    optimiser = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=3e-3)
    generator = torch.Generator().manual_seed(1)

    def batch() -> tuple[Tensor, Tensor]:
        kinds = torch.randint(0, 4, (16,), generator=generator)
        given = torch.randn(16, 3, 56, 56, generator=generator) * 0.3
        given[kinds % 2 == 0, 0] += 1.0
        given[kinds % 2 == 1, 2] += 1.0
        striped = torch.arange(56) % 8 < 4
        given[(kinds >= 2).nonzero().flatten()[:, None], :, striped.nonzero().flatten()] -= 1.0
        return given, kinds

    for _ in range(30):
        given, kinds = batch()
        loss = nn.functional.cross_entropy(head(encoder(given)[1]), kinds)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    given, kinds = batch()
    assert (head(encoder(given)[1]).argmax(1) == kinds).float().mean() > 0.9


def test_the_small_one_is_as_small_as_it_says() -> None:
    count = sum(parameter.numel() for parameter in SmallResNet().parameters())
    assert 1.15e6 < count < 1.25e6


def test_wrong_sizes_and_widths_say_so() -> None:
    with pytest.raises(ConfigError, match=r"^size is 100; it must be 56, 112 or 224$"):
        SmallResNet(size=100)
    with pytest.raises(ConfigError, match=r"^widths is \[16, 16, 16\]; expected four multiples of 16$"):
        SmallResNet(widths=(16, 16, 16))
    with pytest.raises(ConfigError, match=r"^widths is \[16, 16, 16, 24\]; expected four multiples of 16$"):
        SmallResNet(widths=(16, 16, 16, 24))
    with pytest.raises(ConfigError, match=r"^size is 256; a ResNet gives 7 x 7 patches of 224 pixels$"):
        ResNetEncoder(build_resnet(TINY), size=256)
    with pytest.raises(ValueError, match=r"^pictures are \(1, 3, 64, 64\), expected \(B, 3, 56, 56\)$"):
        small()(pictures(1, 64))
