"""The plan's page in a real browser: what it shows, how it is searched and steered, that it fetches nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._render.page import render_page
from ansible_collections.orderly.services.plugins.plugin_utils._render.page_tasks import ListedTask

from .browser import Browser, start_browser
from .fleets import fleet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEWS = {
    "approve": "0123-4567",
    "surveyed": "2026-03-01T10:00:00+01:00",
    "seconds": {"wave-1": 120, "wave-2": 60},
    "packages": {
        "service1": {
            "host1": {"one": {"installed": "1.0", "candidate": "1.1"}},
            "host2": {"one": {"installed": "1.0", "candidate": "1.1"}},
        }
    },
}
TEXT = "return document.querySelector(arguments[0]).innerText"
SHOWN = "return [...document.querySelectorAll(arguments[0])].filter((e) => !e.hidden).map((e) => e.innerText)"
FOCUSED = "return document.activeElement.getAttribute('data-play') || document.activeElement.id"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with start_browser() as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    chromium.complaints()
    yield chromium
    assert not chromium.complaints()


def put(folder: Path, hosts: int, services: int, **news: Any) -> Path:
    page = folder / "plan.html"
    page.write_text(render_page(*fleet(hosts, services), news), encoding="utf-8")
    return page


@pytest.fixture
def page(tmp_path: Path, browser: Browser) -> Browser:
    browser.open(put(tmp_path, 12, 5, **NEWS))
    return browser


def test_the_summary_answers_how_much_how_long_and_what_users_notice(page: Browser) -> None:
    summary = page.run(TEXT, "#summary")
    for words in (
        "5\nservices",
        "12\nhosts",
        "1\nservice goes down meanwhile",
        "≈ 3 min",
        "Users will notice: service2.",
        "-e upgrade_approved_plan=0123-4567",
        "Packages are never rolled back",
    ):
        assert words in summary


def test_the_graph_says_of_each_service_what_it_comes_after_and_what_to_expect(page: Browser) -> None:
    labels = page.run(
        "return [...document.querySelectorAll('#graph a')].map((e) => e.getAttribute('aria-label'))"
    )
    assert (
        "service4, 12 hosts. Keeps serving: at most 1 of its 12 hosts is down at once. After service1."
        in labels
    )
    assert "service2, 3 hosts. Down: it stops on all its 3 hosts together, from step 2 to step 5. " in labels
    assert page.run(SHOWN.replace("innerText", "textContent"), "#graph .stage-name") == [
        "stage controlplane",
        "stage dataplane",
    ]


def test_each_host_says_when_it_is_disrupted_and_opened_what_happens_to_it(page: Browser) -> None:
    rows = page.run(SHOWN, "#host-table tbody tr")
    assert len(rows) == 12
    assert "service2 down" in rows[0]
    assert "others serve meanwhile" in rows[11]
    page.run("document.querySelector('#host-host12 button').click()")
    details = page.run(TEXT, "tr.details")
    assert "Do step3 of service4 ansible.builtin.command" in details
    assert "Do step3 of service1 " not in details


def test_a_service_tells_its_versions_and_its_tasks_by_step(page: Browser) -> None:
    page.run("document.querySelector('#service-service1 summary').click()")
    told = page.run(TEXT, "#service-service1")
    assert "one 1.0 → 1.1" in told
    assert "one\t1.0\t1.1\t2" in told
    order = [told.index(f"Do {part} of service1") for part in ("step0", "drain", "step3", "verify", "step6")]
    assert order == sorted(order)


def test_a_search_leaves_what_matches_and_counts_it(page: Browser) -> None:
    page.press("/", *"host1 service4", "Enter")
    assert page.run(TEXT, "#found") == "1 host, 1 service, 4 plays"
    (row,) = page.run(SHOWN, "#host-table tbody tr:not(.details)")
    assert row.startswith("host1\t")
    page.press("Escape")
    assert len(page.run(SHOWN, "#host-table tbody tr:not(.details)")) == 12


def test_a_link_may_carry_a_search(tmp_path: Path, browser: Browser) -> None:
    browser.open(put(tmp_path, 12, 5), "?q=step6")
    assert browser.run(TEXT, "#found").startswith("12 hosts, 5 services")
    browser.open(put(tmp_path, 12, 5), "?q=nowhere")
    assert browser.run(SHOWN, "#host-table tbody tr") == []


def test_the_timeline_is_steered_with_the_keyboard(page: Browser) -> None:
    page.run("document.querySelector('.column').focus()")
    page.press("ArrowRight", "ArrowRight")
    assert page.run(FOCUSED) == "wave-1"
    page.press("Enter")
    assert page.run("return document.getElementById('play-wave-1').open")
    assert page.run("return document.activeElement.parentElement.id") == "play-wave-1"


def test_what_can_be_used_has_a_name_and_headings_go_down_one_by_one(page: Browser) -> None:
    nameless = page.run(
        "return [...document.querySelectorAll('a, button, input, [role]')].filter((e) =>"
        " !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length)).map((e) => e.outerHTML)"
    )
    assert nameless == []
    levels = page.run("return [...document.querySelectorAll('h1, h2, h3')].map((e) => +e.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


CONTRAST = """
const parse = (text) => {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  context.fillStyle = text; context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => v / 255);
};
const light = (text) => {
  const [r, g, b] = parse(text).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
const behind = (e) => {
  for (; e; e = e.parentElement) {
    const color = getComputedStyle(e).backgroundColor;
    if (!/, 0\\)$/.test(color)) return color;
  }
  return "white";
};
return [...document.querySelectorAll("p, b, span, a, summary, dt, td, th, li, code, h1, h2")]
  .filter((e) => e.closest("svg") === null && e.getClientRects().length && e.textContent.trim())
  .map((e) => [ratio(getComputedStyle(e).color, behind(e)), e.outerHTML.slice(0, 80)])
  .filter(([value]) => value < 4.5);
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(page: Browser, theme: str) -> None:
    page.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
    try:
        paper = page.run("return getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(21, 23, 27)") == (theme == "dark")
        assert page.run(CONTRAST) == []
    finally:
        page.devtools("Emulation.setEmulatedMedia", features=[])


def test_paper_shows_every_service_opened_and_the_waves_in_pieces(page: Browser) -> None:
    page.run("dispatchEvent(new Event('beforeprint'))")
    assert page.run("return document.querySelectorAll('#service-list details[open] .step').length") >= 5
    assert page.run("return document.querySelectorAll('.slices svg').length") >= 1
    page.run("dispatchEvent(new Event('afterprint'))")
    assert page.run("return document.querySelectorAll('#service-list details[open], .slices').length") == 0
    assert page.devtools("Page.printToPDF")["data"].startswith("JVBERi")  # "%PDF", in base 64


def test_text_of_the_plan_never_becomes_markup(tmp_path: Path, browser: Browser) -> None:
    evil = (
        "</script><script>document.title = 'taken'</script><img src=x onerror=\"document.title='taken'\"><!--"
    )
    plan, tasks = fleet(3, 2)
    tasks["service1"]["step3"] = (ListedTask(evil, evil, evil),)
    plan.services["service1"] = replace(plan.services["service1"], group=evil)
    page = tmp_path / "plan.html"
    page.write_text(render_page(plan, tasks, {"surveyed": evil}), encoding="utf-8")
    browser.open(page)
    browser.run("document.querySelectorAll('details').forEach((each) => { each.open = true; each.fill(); })")
    assert browser.run("return document.title") == f"Upgrade plan {plan.id[:16]}"
    assert browser.run("return document.images.length") == 0
    assert evil in browser.run("return document.querySelector('#service-service1').textContent")


def test_the_page_asks_the_network_for_nothing(tmp_path: Path, browser: Browser) -> None:
    page = put(tmp_path, 3, 2)
    browser.open(page)
    fetched = browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert fetched == []
    text = page.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert not [
        word for word in ("http://", "https://") if word in text.replace("http://www.w3.org/2000/svg", "")
    ]


def test_a_thousand_hosts_are_drawn_and_searched(tmp_path: Path, browser: Browser) -> None:
    browser.open(put(tmp_path, 1000, 40), "?q=host777")
    assert browser.run(TEXT, "#found").startswith("1 host, ")
    assert (
        browser.run("return document.querySelectorAll('#host-table tbody tr:not(.details)').length") == 1000
    )


def test_the_data_in_the_page_are_those_of_the_plan(tmp_path: Path, browser: Browser) -> None:
    browser.open(put(tmp_path, 4, 3))
    data = json.loads(browser.run("return document.getElementById('plan').textContent"))
    plan, _tasks = fleet(4, 3)
    assert [play["id"] for play in data["plays"]] == [play.id for play in plan.plays]
    assert data["hosts"] == ["host1", "host2", "host3", "host4"]
