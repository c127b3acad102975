"""A headless Chromium for tests of pages; tests that need it are skipped where there is none."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

__all__ = ["dressed", "opened", "wait_for"]

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_DRIVER = shutil.which("chromedriver")

_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")


@contextmanager
def opened(page: Path) -> Iterator[Any]:
    """A browser that shows a page, all of its plots drawn."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    if _CHROMIUM is None or _DRIVER is None:
        pytest.skip("there is no Chromium with its driver (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = _CHROMIUM
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(executable_path=_DRIVER)
    )
    try:
        dressed(browser, 1400, dark=False)
        browser.get(page.as_uri())
        wait_for(browser, "return document.body.dataset.ready === 'yes'")
        yield browser
    finally:
        browser.quit()


def dressed(browser: Any, width: int, *, dark: bool) -> None:
    """Make the window so wide [pixels], and its user one of light or dark pages."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def wait_for(browser: Any, condition: str, seconds: float = 60.0) -> None:
    """Let the browser work until a script returns true; fail where it never does."""
    end = time.monotonic() + seconds
    while not browser.execute_script(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.05)
