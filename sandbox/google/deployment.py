"""The add-on's deployment as Gmail reads it: what it calls when, and what it offers in its menus."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ADDON_PLACEHOLDER = "https://ADDON_URL"
"""What URLs in the file begin with in place of the add-on's own: it is known only once the add-on is deployed."""
CRM_PLACEHOLDER = "https://CRM_URL"
"""The same in place of the CRM's own, where its records' pages are."""
PAGES_PLACEHOLDER = "https://PAGES_URL"
"""The same in place of the add-on's own web pages'."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a menu: a URL of the add-on that is called, or a link that is opened."""

    label: str
    function: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Deployment:
    """`triggers`: URL by kind, "homepage" and "message"."""

    triggers: Mapping[str, str]
    universal_actions: Sequence[Entry]
    compose_actions: Sequence[Entry]
    draft_access: str
    open_link_prefixes: Sequence[str]


def deployment(file: Path, addon_url: str, crm_url: str, pages_url: str) -> Deployment:
    """The file, read anew, with the add-on's, the CRM's and the pages' own URLs in it (without a path).

    https://developers.google.com/workspace/add-ons/reference/rest/v1/projects.deployments
    """
    text = file.read_text("utf-8")
    own_urls = {ADDON_PLACEHOLDER: addon_url, CRM_PLACEHOLDER: crm_url, PAGES_PLACEHOLDER: pages_url}
    for placeholder, url in own_urls.items():
        text = text.replace(placeholder, url)
    addons = json.loads(text)["addOns"]
    common, gmail = addons.get("common", {}), addons.get("gmail", {})
    compose = gmail.get("composeTrigger", {})
    return Deployment(
        triggers=_triggers(common, gmail),
        # Gmail's own have "text" where the common ones have "label".
        universal_actions=[_entry(one) for one in (*common.get("universalActions", ()), *gmail.get("universalActions", ()))],
        compose_actions=[_entry(one) for one in compose.get("actions", ())],
        draft_access=compose.get("draftAccess", ""),
        open_link_prefixes=common.get("openLinkUrlPrefixes", []),
    )


def _triggers(common: Mapping[str, Any], gmail: Mapping[str, Any]) -> dict[str, str]:
    home = gmail.get("homepageTrigger") or common.get("homepageTrigger")
    opened = gmail.get("contextualTriggers")
    return ({"homepage": home["runFunction"]} if home else {}) | ({"message": opened[0]["onTriggerFunction"]} if opened else {})


def _entry(action: Mapping[str, str]) -> Entry:
    label = action.get("label") or action.get("text") or ""
    return Entry(label, action.get("runFunction", ""), action.get("openLink", ""))
