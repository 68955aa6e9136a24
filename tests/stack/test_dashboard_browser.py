"""Every page in a real Chromium, wide and narrow; screenshots stay in build/."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from dashboard_world import World, deployed, fill
from playwright.sync_api import Browser, Page, sync_playwright
from stack_files import ROOT, system_packages, tool
from test_dashboard_launcher import launched

pytestmark = [system_packages, pytest.mark.timeout(600)]

SCREENSHOTS: Final = ROOT / "build" / "screenshots"
PAGES: Final = ("Sales", "Customers", "Inventory", "Products", "Pipeline health")
WIDTHS: Final = (1280, 400)
FLAGS: Final = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
_WAIT: Final = 60_000  # milliseconds
_NARROW: Final = 768
_SIDE: Final = '[data-testid="stSidebar"]'

_RIGHT_OF_THE_SCREEN: Final = """() => {
    const edge = document.documentElement.clientWidth + 1;
    const main = document.querySelector('[data-testid="stMain"]');
    return [...main.querySelectorAll('*')]
        .filter(e => e.getBoundingClientRect().right > edge && e.offsetParent !== null)
        .map(e => e.tagName + '.' + e.className).slice(0, 5);
}"""
_DRAWN: Final = """() => {
    const all = name => [...document.querySelectorAll(`[data-testid="${name}"]`)];
    return !all('stSkeleton').length
        && all('stVegaLiteChart').every(chart => chart.querySelector('svg, canvas'));
}"""
_HEIGHT: Final = "() => document.querySelector('[data-testid=\"stMain\"]').scrollHeight"


@attrs.define(slots=False)  # Playwright keeps its own notes beside a listener
class Watched:
    """A browser's page, and what went wrong on it."""

    page: Page
    width: int
    complaints: list[str] = attrs.field(factory=list)
    abroad: list[str] = attrs.field(factory=list)

    def open(self, url: str) -> None:
        """Watch and go to the first page."""
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._request)
        self.page.goto(url)
        self.page.wait_for_selector(".ca-head", timeout=_WAIT)

    def go(self, name: str) -> None:
        """Choose a page at the side, or at the top of a narrow screen."""
        heading = f".ca-head h1:text-is('{name}')"
        if self.page.locator(heading).count():
            return
        narrow = self.width < _NARROW
        way = self.page.locator(".st-key-ca-ways" if narrow else _SIDE)
        way.get_by_role("link", name=name.split(maxsplit=1)[0]).click()
        self.page.wait_for_selector(heading, timeout=_WAIT)

    def settle(self) -> None:
        """Wait until every chart is drawn; make the window as tall as the page."""
        self.page.wait_for_function(
            _DRAWN,
            timeout=_WAIT,
        )
        self.page.set_viewport_size(
            {"width": self.width, "height": int(self.page.evaluate(_HEIGHT)) + 20}
        )
        self.page.wait_for_timeout(700)  # charts follow the window

    def shoot(self, name: str) -> None:
        """Keep a screenshot; afterwards the window is a usual one again."""
        self.page.screenshot(path=SCREENSHOTS / f"{name}-{self.width}.png")
        self.page.set_viewport_size({"width": self.width, "height": 900})

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith(
            ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:")
        ):
            self.abroad.append(request.url)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    program = tool("chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Three pages' addresses: with sales, without any, and without a warehouse."""
    shutil.rmtree(SCREENSHOTS, ignore_errors=True)
    SCREENSHOTS.mkdir(parents=True)
    with ExitStack() as running:

        def start(name: str, environment: dict[str, str]) -> str:
            folder: Path = tmp_path_factory.mktemp(name)
            return running.enter_context(launched(folder, environment))[0]

        worlds: list[World] = [running.enter_context(deployed()) for _ in range(2)]
        fill(worlds[0])
        gone = running.enter_context(deployed())
        nobody = gone.environment
        gone.warehouse.kill()
        yield {
            "": start("filled", worlds[0].environment),
            "empty": start("empty", worlds[1].environment),
            "away": start("away", nobody),
        }


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("state", ["", "empty", "away"])
def test_every_page_in_a_browser(
    browser: Browser, pages: dict[str, str], state: str, width: int
) -> None:
    """Nothing is wider than the screen, nothing complains, nothing leaves the machine.

    That holds with sales, without any, and while the warehouse is away.
    """
    context = browser.new_context(viewport={"width": width, "height": 900})
    with context.new_page() as page:
        seen = Watched(page, width)
        seen.open(pages[state])
        for name in PAGES:
            seen.go(name)
            seen.settle()
            slug = name.split()[0].lower()
            assert not page.evaluate(_RIGHT_OF_THE_SCREEN), f"{name}: wider than that"
            assert page.locator(".ca-state").count() == (1 if state else 0), name
            assert bool(page.get_by_test_id("stVegaLiteChart").count()) is not bool(
                state
            ), name
            seen.shoot("-".join(filter(None, (slug, state))))
        assert seen.complaints == []
        assert seen.abroad == []
    context.close()
    assert len(list(SCREENSHOTS.glob(f"*-{width}.png"))) >= len(PAGES)


def test_a_page_refreshes_by_itself(browser: Browser, pages: dict[str, str]) -> None:
    """The age in the heading moves on without anybody's doing."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    with context.new_page() as page:
        page.goto(pages[""])
        age = page.locator(".ca-age")
        age.wait_for(timeout=_WAIT)
        before = age.inner_text()
        page.wait_for_function(
            "before => document.querySelector('.ca-age').innerText !== before",
            arg=before,
            timeout=_WAIT,
        )
    context.close()


def test_a_download_is_a_file(browser: Browser, pages: dict[str, str]) -> None:
    """Days of sales as CSV, made when it is asked for."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    with context.new_page() as page:
        page.goto(pages[""])
        with page.expect_download(timeout=_WAIT) as coming:
            page.get_by_role("button", name="Days as CSV").click(timeout=_WAIT)
        content = Path(coming.value.path()).read_text(encoding="utf-8-sig")
    context.close()
    assert coming.value.suggested_filename == "sales-by-day.csv"
    assert content.startswith("shop_day;orders;")
