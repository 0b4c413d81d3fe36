"""The Marketplace listing's icons and banner, drawn by the browser from their SVG."""

from pathlib import Path

import pytest
from playwright.async_api import Browser

LISTING = Path(__file__).parents[2] / "deployment" / "marketplace"
DRAWN = {f"icon-{side}": ("icon", side, side) for side in (32, 48, 96, 128)} | {"banner": ("banner", 220, 140)}

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_each_picture_is_drawn_from_its_svg(browser: Browser, request: pytest.FixtureRequest) -> None:
    """With --pictures (keep_picture is for the desk) the files are written anew."""
    page = await browser.new_page()
    for name, (source, width, height) in DRAWN.items():
        await page.set_viewport_size({"width": width, "height": height})
        svg = (LISTING / f"{source}.svg").read_text("utf-8")
        await page.set_content(f"<style>*{{margin:0}} svg{{display:block;width:{width}px;height:{height}px}}</style>{svg}")
        drawn = await page.screenshot(omit_background=source == "icon")
        if request.config.getoption("--pictures"):
            (LISTING / f"{name}.png").write_bytes(drawn)
        assert drawn.startswith(b"\x89PNG")
    await page.close()
