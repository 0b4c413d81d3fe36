"""The Marketplace listing's texts and pictures, as Google wants them.

Reference: https://developers.google.com/workspace/marketplace/create-listing
"""

import struct
from pathlib import Path

import pytest
import yaml

from deployment.deployment_file import read_deployment

HOUSE = Path(__file__).parents[2]
FOLDER = HOUSE / "deployment" / "marketplace"
LISTING = yaml.safe_load((FOLDER / "listing.yaml").read_text("utf-8"))
WITH_ALPHA = 6
"""PNG's colour type of red, green, blue and alpha: https://www.w3.org/TR/png/#11IHDR"""


def _png(file: Path) -> tuple[int, int, int]:
    """Width, height in pixels, and the colour type."""
    head = file.read_bytes()[:26]
    assert head[:8] == b"\x89PNG\r\n\x1a\n", file
    width, height, _, colour = struct.unpack(">IIBB", head[16:26])
    return width, height, colour


def test_the_texts_are_no_longer_than_google_lets_them_be() -> None:
    assert 0 < len(LISTING["name"]) <= 50
    assert 0 < len(LISTING["short"]) <= 200
    assert 0 < len(LISTING["long"]) < 16_000
    assert LISTING["name"] == read_deployment(HOUSE / "deployment.yaml").name


@pytest.mark.parametrize("field", ["name", "short", "long"])
def test_no_text_uses_googles_names(field: str) -> None:
    assert not [name for name in ("google", "gmail", "workspace") if name in LISTING[field].lower()]


def test_icons_are_square_and_transparent_around_the_drawing() -> None:
    assert [_png(FOLDER / name) for name in LISTING["icons"]] == [(side, side, WITH_ALPHA) for side in (32, 48, 96, 128)]


def test_the_banner_and_the_screenshots_fill_their_frames() -> None:
    assert _png(FOLDER / LISTING["banner"])[:2] == (220, 140)
    pictures = [_png(HOUSE / "docs" / "pictures" / name) for name in LISTING["screenshots"]]
    assert 1 <= len(pictures) <= 5
    assert all(size[:2] == (1280, 800) and size[2] != WITH_ALPHA for size in pictures)
