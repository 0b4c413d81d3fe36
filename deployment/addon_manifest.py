"""The add-on's deployment: appsscript.json with this deployment's name, URLs and the links that its cards may open."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deployment.deployment_file import Deployment
from deployment.services import ADDON, PAGES, url


def addon_deployment(deployment: Deployment, template: Path) -> dict[str, Any]:
    """As Google takes it: https://developers.google.com/workspace/add-ons/reference/rest/v1/projects.deployments.
    A prefix may begin with a wildcard for subdomains: https://developers.google.com/apps-script/manifest/allowlist-url"""
    text = template.read_text("utf-8")
    own = {
        "https://ADDON_URL": url(deployment, ADDON),
        "https://PAGES_URL": url(deployment, PAGES),
    }
    for placeholder, its_url in own.items():
        text = text.replace(placeholder, its_url)
    found: dict[str, Any] = json.loads(text)
    common = found["addOns"]["common"]
    common["name"] = deployment.name
    crm = common["openLinkUrlPrefixes"].index("https://CRM_URL/")
    common["openLinkUrlPrefixes"][crm : crm + 1] = deployment.crm.record_pages
    return found


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Each value of the file, with its place in gcloud's words ("addOns.common.name"), as gcloud prints it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{place}[{number}]")
    else:
        yield place, str(value)
