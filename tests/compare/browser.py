"""A real browser for tests of pages, without a window and without a network."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE = (1200, 900)


@contextmanager
def browser(profile: Path) -> Iterator[Chrome]:
    """Yield a Chromium with an empty profile, or skip where none is installed."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("needs chromium and chromedriver: apt-get install chromium chromium-driver")
    options = ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    started = Chrome(options, Service(driver))
    try:
        yield started
    finally:
        started.quit()


def show(window: Chrome, path: Path, fragment: str = "", size: tuple[int, int] = WIDE) -> None:
    """Open a page from its file at a size in CSS pixels, and wait until its chart is there."""
    resize(window, size)
    window.get("about:blank")  # so that a page that differs only behind # is loaded too
    requested(window), complaints(window)  # what came before is told no more
    window.get(path.resolve().as_uri() + (f"#{fragment}" if fragment else ""))
    WebDriverWait(window, 20).until(lambda w: w.execute_script("return document.documentElement.dataset.ready"))


def resize(window: Chrome, size: tuple[int, int]) -> None:
    """Set the size of what the page sees; a real window could not be so narrow."""
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
    window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def prefer(window: Chrome, scheme: str) -> None:
    """Let the reader prefer a `light` or `dark` scheme."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    window.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def requested(window: Chrome) -> list[str]:
    """Return the addresses that the page asked for since it was opened."""
    messages = [json.loads(entry["message"])["message"] for entry in _log(window, "performance")]
    return [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]


def complaints(window: Chrome) -> list[dict[str, Any]]:
    """Return what stands in the console since the page was opened."""
    return _log(window, "browser")


def _log(window: Any, kind: str) -> list[dict[str, Any]]:
    """Return what a log holds since it was last read."""
    return list(window.get_log(kind))
