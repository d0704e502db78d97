"""The page stands alone, tells what the table tells, and shows what is behind a row: tried in a real browser."""

from __future__ import annotations

import dataclasses
import json
import random
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from archbuilder.api import expand
from archbuilder.compare.budgets import at_equal_budgets
from archbuilder.compare.find import Problem, Run
from archbuilder.compare.page import MEASURES, page
from archbuilder.compare.statistics import group, pareto_front
from archbuilder.compare.table import Also, Row, difference, ordered, rows
from archbuilder.files import write_json
from archbuilder.graph_json import graph_hash, to_json
from archbuilder.record import ARCHITECTURE_FILE, METRICS_FILE, Record
from archbuilder.show.text import printable
from tests.compare.browser import browser, complaints, requested, resize, show
from tests.compare.records import record, result, runs
from tests.compare.test_details import SMALL, metrics

HOSTILE = [
    "<img src=x onerror=\"document.title='run'\">",
    "</script><script>document.title='run'</script>",
    "<b>bold</b> & <a href='https://example.com'>link</a> &lt;",
    "a" * 200,
    "\u202etfel\u0000 ${title} {{x}} $title",
]


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


def made(
    found: Sequence[Run], problems: Sequence[Problem] = (), notes: Sequence[str] = (), also: Also | None = None
) -> tuple[str, list[Row]]:
    """Return the page about some runs, and its rows."""
    groups = ordered(group(found, "val")[0])
    table = rows(groups, also=also)
    return page(table, groups, notes, problems, at_equal_budgets(table)), table


def opened(window: Chrome, folder: Path, found: Sequence[Run], **more: Any) -> list[Row]:
    """Open the page about some runs, and return its rows."""
    text, table = made(found, **more)
    path = folder / "comparison.html"
    path.write_text(text, encoding="utf-8")
    show(window, path)
    return table


def three() -> list[Run]:
    """Return a small and a middle network on the front, with three seeds, and a large one with one seed."""
    few = [record(0.80 + seed / 1000, name="small", params=1000, seed=seed) for seed in range(3)]
    some = [record(0.90 + seed / 1000, name="middle", params=20_000, seed=seed) for seed in range(3)]
    return runs(*few, *some, record(0.85, name="large", params=300_000, seed=7))


def names(window: Chrome) -> list[str]:
    """Return the networks in the table, from top to bottom."""
    return list(
        window.execute_script("return [...document.querySelectorAll('#table tbody tr')].map(r => r.cells[1].innerText)")
    )


def starred(window: Chrome) -> set[str]:
    """Return the networks that the table shows on the front."""
    code = """
    const at = [...document.querySelectorAll("#table th")].findIndex(head => head.innerText.startsWith("front"));
    const rows = [...document.querySelectorAll("#table tbody tr")];
    return rows.filter(row => row.cells[at].textContent === "*").map(row => row.cells[1].innerText);
    """
    return set(window.execute_script(code))


def drawn(window: Chrome) -> int:
    """Return how many points the chart shows."""
    return len(window.find_elements(By.CSS_SELECTOR, "#plot .points path.point"))


def one(window: Chrome, selector: str) -> WebElement:
    return window.find_element(By.CSS_SELECTOR, selector)


def heading(window: Chrome, title: str) -> WebElement:
    """Return the heading of a column."""
    return next(h for h in window.find_elements(By.CSS_SELECTOR, "#table th") if h.text.split("\u2009")[0] == title)


def press(window: Chrome, *keys: str) -> None:
    ActionChains(window).send_keys(*keys).perform()


def overflow(window: Chrome) -> int:
    """Return by how many pixels the page is wider than the screen."""
    return int(window.execute_script("const d = document.documentElement; return d.scrollWidth - d.clientWidth"))


def test_it_opens_from_a_file_asks_for_nothing_and_complains_of_nothing(window: Chrome, tmp_path: Path) -> None:
    opened(window, tmp_path, three())
    assert drawn(window) == 3
    one(window, "#table tbody tr").click()
    assert requested(window) == [(tmp_path / "comparison.html").as_uri()]
    assert complaints(window) == []


def test_other_scripts_may_not_run(window: Chrome, tmp_path: Path) -> None:
    opened(window, tmp_path, three())
    code = "const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s)"
    window.execute_script(code)
    with_handler = "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')"
    window.execute_script(with_handler)
    assert window.execute_script("return new Promise(done => setTimeout(() => done(window.ran), 100))") is None


def test_the_table_shows_interval_or_one_seed(window: Chrome, tmp_path: Path) -> None:
    table = opened(window, tmp_path, three())
    assert names(window) == ["small", "middle", "large"]
    cells = [row.text for row in window.find_elements(By.CSS_SELECTOR, "#table tbody tr")]
    assert "80.10 ±0.25 3" in cells[0]
    assert "85.00 n=1 1" in cells[2]
    assert starred(window) == {row.network for row in table if row.front} == {"small", "middle"}


def test_a_second_split_has_a_column_that_sorts(window: Chrome, tmp_path: Path) -> None:
    some = [
        record(name=name, params=params, results=[result(0.9), result(accuracy, "test")])
        for name, params, accuracy in (("a", 1000, 0.7), ("b", 2000, 0.8))
    ]
    opened(window, tmp_path, runs(*some), also=Also("test", "test (JPEG)"))
    heading = next(each for each in window.find_elements(By.CSS_SELECTOR, "#table th button") if "JPEG" in each.text)
    assert heading.text == "test (JPEG) %"
    heading.click()
    assert names(window) == ["b", "a"]
    assert "80.00 n=1" in window.find_element(By.CSS_SELECTOR, "#table tbody tr").text


def test_a_column_sorts_by_click_and_by_keyboard(window: Chrome, tmp_path: Path) -> None:
    opened(window, tmp_path, three())
    assert heading(window, "#").get_attribute("aria-sort") == "ascending"
    button = heading(window, "accuracy %").find_element(By.TAG_NAME, "button")
    button.click()
    assert names(window) == ["middle", "large", "small"]
    assert heading(window, "accuracy %").get_attribute("aria-sort") == "descending"
    assert heading(window, "#").get_attribute("aria-sort") == "none"
    press(window, Keys.ENTER)
    assert names(window) == ["small", "large", "middle"]
    ActionChains(window).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).send_keys(Keys.SPACE).perform()
    assert heading(window, "MACs").get_attribute("aria-sort") == "ascending"
    assert names(window) == ["small", "middle", "large"]


def test_a_text_filters_the_table_and_the_chart(window: Chrome, tmp_path: Path) -> None:
    opened(window, tmp_path, three())
    field = one(window, "#text")
    field.send_keys("L")
    assert names(window) == ["small", "middle", "large"]
    field.send_keys("AR")
    assert names(window) == ["large"]
    assert (drawn(window), one(window, "#shown").text) == (1, "1 of 3 rows")
    field.send_keys("nothing")
    assert (names(window), drawn(window), one(window, "#shown").text) == ([], 0, "0 of 3 rows")
    field.clear()
    field.send_keys(" ")
    one(window, "#front-only").click()
    assert (names(window), drawn(window)) == (["small", "middle"], 2)


def test_sets_that_are_not_comparable_have_fronts_and_shapes_of_their_own(window: Chrome, tmp_path: Path) -> None:
    few = [record(0.5, name=f"a{i}", params=1000 + i, data="cifar10") for i in range(2)]
    long = [record(0.9, name="b", settings={"epochs": 50}), record(0.8, name="c", params=5000, settings={"epochs": 9})]
    table = opened(window, tmp_path, runs(*few, *long))
    assert len({row.set for row in table}) == 3
    # Those alone in their sets are on no front.
    assert {name[1:] for name in starred(window)} == {"a0"} == {row.network for row in table if row.front}
    legend = [item.text for item in window.find_elements(By.CSS_SELECTOR, "#legend li")]
    assert [item[0] for item in legend] == ["●", "■", "▲"]
    assert {item[1:].strip() for item in legend} == {row.set for row in table}
    colours = "return new Set([...document.querySelectorAll('#plot .points path.point')].map(p => p.style.fill)).size"
    assert window.execute_script(colours) == 3
    assert "not comparable" in one(window, "#notes").text
    choice = Select(one(window, "select[data-word=set]"))
    choice.select_by_visible_text(next(row.set for row in table if row.network == "b"))
    assert (len(names(window)), drawn(window)) == (1, 1)
    one(window, "#table tbody tr").click()
    assert "The only point of its set, so there is no front" in one(window, "#panel").text
    press(window, Keys.ESCAPE)
    Select(one(window, "select[data-word=set]")).select_by_index(0)
    Select(one(window, "select[data-word=data]")).select_by_visible_text("cifar10")
    assert len(names(window)) == 2


@pytest.mark.parametrize("axis", ["params", "macs", "images_per_second"])
def test_the_front_is_that_of_python_on_each_axis(window: Chrome, tmp_path: Path, axis: str) -> None:
    chance = random.Random(axis)

    def some(i: int) -> Record:
        # Few different values, so that points are equal in one measure or in both.
        each = record(
            chance.randrange(20) / 20, name=f"net{i:03}", params=1000 * chance.randrange(1, 30), data="ab"[i % 2]
        )
        cost = dataclasses.replace(each.cost, macs=chance.randrange(1, 30))
        training = dataclasses.replace(each.training, images_per_second=float(chance.randrange(1, 30)))
        return dataclasses.replace(each, cost=cost, training=training)

    table = opened(window, tmp_path, runs(*(some(i) for i in range(200))))
    Select(one(window, "#x")).select_by_value(axis)
    (better,) = [measure.better for measure in MEASURES if measure.key == axis]
    wanted = set()
    for data in "ab":
        members = [row for row in table if row.data == data]
        cost = [getattr(row, axis) if better == "fewer" else -getattr(row, axis) for row in members]
        points = [(x, row.accuracy_mean) for x, row in zip(cost, members, strict=True)]
        wanted |= {members[i].network for i in pareto_front(points)}
    assert {name[1:].strip() for name in starred(window)} == wanted
    if axis == "params":
        assert wanted == {row.network for row in table if row.front}


def test_a_difference_is_told_as_in_the_other_files(window: Chrome, tmp_path: Path) -> None:
    table = opened(window, tmp_path, three())
    assert heading(window, "difference %").is_displayed()
    at = [column.text for column in window.find_elements(By.CSS_SELECTOR, "#table th")].index("difference %")
    cells = window.execute_script(
        "return [...document.querySelectorAll('#table tbody tr')].map(r => r.cells[arguments[0]].innerText)", at
    )
    assert cells == [difference(row) for row in table] == ["", "+10.00 ±0.00 to 1", ""]


def test_ties_are_counted_within_a_budget_as_in_the_other_files(window: Chrome, tmp_path: Path) -> None:
    records = [
        record(0.8 + seed / 10, name=name, params=budget - 1, budget={"params": budget}, seed=seed)
        for name, budget in (("a", 100), ("b", 100), ("c", 100), ("a", 300), ("b", 300), ("a", 500))
        for seed in (0, 1)
    ]
    table = opened(window, tmp_path, runs(*records))
    at = [column.text for column in window.find_elements(By.CSS_SELECTOR, "#table th")].index("ties")
    cells = window.execute_script(
        "return [...document.querySelectorAll('#table tbody tr')].map(r => r.cells[arguments[0]].innerText)", at
    )
    assert cells == [str(len(row.ties) or "") for row in table] == ["2", "2", "2", "1", "1", ""]


def test_networks_at_equal_budgets_have_a_table(window: Chrome, tmp_path: Path) -> None:
    few = [(HOSTILE[0], 0.9), ("b", 0.8)]
    found = [record(a, name=n, budget={"params": 30_000}, seed=seed) for n, a in few for seed in (0, 1)]
    opened(window, tmp_path, runs(*found))
    assert one(window, "#budgets h2").text == "Accuracy % at equal budgets"
    assert "* the best" in one(window, "#budgets p").text
    lines = [line.text for line in window.find_elements(By.CSS_SELECTOR, "#budgets tr")]
    assert lines == ["network 30k", f"{HOSTILE[0]} 90.00 ±0.00 *", "b 80.00 ±0.00"]
    opened(window, tmp_path, three())
    assert not one(window, "#budgets").is_displayed()


def test_the_axis_of_accuracies_ends_where_they_do(window: Chrome, tmp_path: Path) -> None:
    # Two seeds so far apart have an interval from -270% to 370%.
    wide = [record(a, params=params, seed=i) for params in (1000, 9000) for i, a in enumerate((0.25, 0.75))]
    opened(window, tmp_path, runs(*wide))
    # In one step, for the chart may be drawn again meanwhile.
    texts = window.execute_script("return [...document.querySelectorAll('#plot .ytick text')].map(t => t.textContent)")
    marks = [float(text) for text in texts]
    assert (min(marks), max(marks)) == (0, 100)


def test_points_on_a_front_without_a_name_are_counted(window: Chrome, tmp_path: Path) -> None:
    # So close to one another that there is no room for all names.
    close = [record(0.9 + i / 1e6, name=f"network{i}", params=10**6 + i) for i in range(30)]
    opened(window, tmp_path, runs(*close, record(0.1, name="small", params=10)))
    named = len(window.find_elements(By.CSS_SELECTOR, "#plot .textpoint text"))
    assert 0 < named < 31
    assert f"Without a name, for lack of room: {31 - named} of the points on a front." in one(window, "#caption").text
    opened(window, tmp_path, three())
    assert "Without a name" not in one(window, "#caption").text


def test_an_axis_of_speeds_says_how_they_were_measured(window: Chrome, tmp_path: Path) -> None:
    opened(window, tmp_path, three())
    assert "measured alike" not in one(window, "#caption").text
    Select(one(window, "#x")).select_by_value("latency")
    assert "only what was measured alike can be compared" in one(window, "#caption").text


def test_axes_change_what_is_drawn_and_say_what_is_missing(window: Chrome, tmp_path: Path) -> None:
    opened(window, tmp_path, three())
    Select(one(window, "#y")).select_by_value("accuracy_std")
    Select(one(window, "#x")).select_by_value("accuracy_mean")
    titles = [
        title.text for title in window.find_elements(By.CSS_SELECTOR, "#plot .infolayer text.xtitle, #plot text.ytitle")
    ]
    assert titles == ["accuracy % (more is better)", "std over seeds, points (fewer is better)"]
    assert drawn(window) == 2
    assert "1 of 3 rows have no value on an axis" in one(window, "#caption").text
    assert [o.get_attribute("value") for o in Select(one(window, "#x")).options][:2] == ["params", "macs"]


def test_a_click_on_a_point_opens_what_is_behind_it(window: Chrome, tmp_path: Path) -> None:
    table = opened(window, tmp_path, three())
    point = window.find_elements(By.CSS_SELECTOR, "#plot .points path.point")[1]
    ActionChains(window).move_to_element(point).click().perform()
    assert one(window, "#panel-title").text == "middle"
    text = one(window, "#panel").text
    assert "90.10 ±0.25 (95%, n=3 seeds)" in text
    assert "On the front of accuracy % against params" in text
    assert f"{table[1].macs:,}" in text
    seeds = [row.text for row in window.find_elements(By.CSS_SELECTOR, "#panel .seeds tbody tr")]
    assert seeds == ["0 90.00 run3", "1 90.10 run4", "2 90.20 run5"]
    assert Select(one(window, "#against")).first_selected_option.text.startswith("small")
    assert "+19k params, +760k MACs and +10.00 points" in text
    assert "Over the 3 seeds that both have: +10.00 (+10.00, +10.00, +10.00)." in text


def test_a_row_opens_by_keyboard_and_escape_leads_back_to_it(window: Chrome, tmp_path: Path) -> None:
    opened(window, tmp_path, three())
    window.execute_script("document.querySelector('#table thead tr th:last-child button').focus()")
    press(window, Keys.TAB)
    press(window, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ENTER)
    assert one(window, "#panel-title").text == "large"
    assert "Not on the front of accuracy % against params: middle is as good in both." in one(window, "#panel").text
    assert window.switch_to.active_element.text == "large"
    assert one(window, "#table tr[aria-current]").text.startswith("3 large")
    press(window, Keys.ESCAPE)
    assert not one(window, "#panel").is_displayed()
    assert window.switch_to.active_element.text.startswith("3 large")
    press(window, Keys.HOME, Keys.SPACE)
    assert one(window, "#panel-title").text == "small"


def test_an_address_leads_to_a_network_even_when_the_page_is_made_again(window: Chrome, tmp_path: Path) -> None:
    opened(window, tmp_path, three())
    window.find_elements(By.CSS_SELECTOR, "#table tbody tr")[1].click()
    fragment = window.current_url.partition("#")[2]
    text, _ = made([*three(), *runs(record(0.1, name="another", params=5))])
    (tmp_path / "comparison.html").write_text(text, encoding="utf-8")
    show(window, tmp_path / "comparison.html", fragment)
    assert one(window, "#panel-title").text == "middle"
    press(window, Keys.ESCAPE)
    assert "#" not in window.current_url


def test_layers_curves_and_settings_are_set_against_those_of_the_neighbour(window: Chrome, tmp_path: Path) -> None:
    models = {"narrow": SMALL, "wide": SMALL | {"stages": {"stage1": {"block": "bottleneck", "out": 16, "repeat": 2}}}}
    found = []
    for at, (name, model) in enumerate(models.items()):
        for seed in (1, 2):
            graph = expand(model)
            folder = tmp_path / f"{name}{seed}"
            write_json(folder / ARCHITECTURE_FILE, to_json(graph))
            metrics(folder, [f"{epoch},0,.1,.5,1,{0.1 * epoch},1" for epoch in range(1, 8)])
            each = record(0.7 + at / 10, name=name, params=1000 + at, seed=seed, architecture_hash=graph_hash(graph))
            found.append(Run(folder, each))
    other = record(0.5, name="other", params=999, settings={"epochs": 3, "lr": 0.1})
    opened(window, tmp_path, [*found, Run(tmp_path / "missing", other)])
    window.find_elements(By.CSS_SELECTOR, "#table tbody tr")[2].click()
    assert one(window, "#panel-title").text.endswith("wide")
    layers = [row.text for row in window.find_elements(By.CSS_SELECTOR, ".layers tbody tr")]
    assert (len(layers), layers[0]) == (9, "stem 4x8x8 40 2,304")
    assert len(window.find_elements(By.CSS_SELECTOR, "#curve .scatterlayer path.js-line")) == 4
    differing = [row.text.split()[1] for row in window.find_elements(By.CSS_SELECTOR, ".difference tr.differs")]
    assert differing == ["stages", "stage1", "0", "1", "head", "pool", "classifier"]
    assert not one(window, ".difference tr.same").is_displayed()
    one(window, "#difference input").click()
    assert one(window, ".difference tr.same").is_displayed()
    choice = Select(one(window, "#against"))
    choice.select_by_visible_text(next(o.text for o in choice.options if o.text.startswith("other")))
    settings = [row.text for row in window.find_elements(By.CSS_SELECTOR, ".settings tbody tr")]
    assert settings == ["epochs 10 3", "lr unset 0.1"]
    assert "The two are not comparable" in one(window, "#difference").text
    assert "The layers of one of them are not in this page" in one(window, "#difference").text
    window.find_elements(By.CSS_SELECTOR, "#table tbody tr")[0].click()
    assert f"{tmp_path / 'missing' / ARCHITECTURE_FILE} cannot be read" in one(window, "#panel").text
    assert f"No {METRICS_FILE} of these runs could be read." in one(window, "#panel").text


def test_what_was_left_out_and_notes_are_listed(window: Chrome, tmp_path: Path) -> None:
    problems = [Problem(Path(f"run{i}"), f"failed: <b>{i}</b>") for i in range(1000)]
    opened(window, tmp_path, three(), problems=problems, notes=["Know *this*.", "And <i>that</i>."])
    assert [note.text for note in window.find_elements(By.CSS_SELECTOR, "#notes li")] == [
        "Know *this*.",
        "And <i>that</i>.",
    ]
    assert one(window, "#problems h2").text == "Left out (1,000)"
    assert window.execute_script("return document.querySelectorAll('#problems li')[999].textContent") == str(
        problems[-1]
    )


def test_names_are_text_whatever_they_are(window: Chrome, tmp_path: Path) -> None:
    found = [record(0.5 + i / 100, name=name, params=1000 * 2**i) for i, name in enumerate(HOSTILE)]
    settings = {HOSTILE[0]: HOSTILE[1]}
    opened(window, tmp_path, runs(*found, record(0.9, name=HOSTILE[0], data=HOSTILE[1], settings=settings)))
    title = window.title
    for row in range(len(HOSTILE) + 1):
        window.find_elements(By.CSS_SELECTOR, "#table tbody tr")[row].click()
    for point in window.find_elements(By.CSS_SELECTOR, "#plot .points path.point"):
        ActionChains(window).move_to_element(point).perform()
        assert window.find_elements(By.CSS_SELECTOR, "img, a, #table b, #panel b, iframe") == []
    shown = one(window, "body").text
    assert all(printable(name) in shown for name in HOSTILE)
    assert window.title == title
    assert complaints(window) == []
    resize(window, (400, 800))
    assert overflow(window) == 0


@pytest.mark.parametrize("count", [1, 12, 300])
def test_a_narrow_screen_shows_all_without_sideways_scrolling(window: Chrome, tmp_path: Path, count: int) -> None:
    nets = [
        record(0.5 + i / 1000, name=f"a_rather_long_name_of_network_{i}", params=1000 + 99 * i) for i in range(count)
    ]
    table = opened(window, tmp_path, runs(*nets))
    for width in (400, 320):
        resize(window, (width, 800))
        assert overflow(window) == 0
        assert len(names(window)) == len(table)
    one(window, "#table tbody tr").click()
    assert overflow(window) == 0
    assert one(window, "#panel").rect["width"] == 320
    assert window.execute_script("return document.querySelector('main').inert")
    press(window, Keys.ESCAPE)
    assert not window.execute_script("return document.querySelector('main').inert")


def test_ten_thousand_networks_make_a_page_of_some_megabytes_soon(window: Chrome, tmp_path: Path) -> None:
    # Files of the runs are not there: what reading them costs is bounded, however many there are.
    nets = [record(0.5 + i / 30000, name=f"network_{i}", params=1000 + 13 * i) for i in range(10_000)]
    groups, _ = group(runs(*nets), "val")
    table = rows(groups)
    began = time.process_time()
    text = page(table, groups, [], [], at_equal_budgets(table))
    assert time.process_time() - began < 5
    assert len(text) < 10_000_000
    (tmp_path / "comparison.html").write_text(text, encoding="utf-8")
    show(window, tmp_path / "comparison.html")
    assert len(names(window)) == 300
    assert one(window, "#more").text == "show the other 9,700 rows"
    one(window, "#text").send_keys("network_77")
    assert one(window, "#shown").text == "111 of 10,000 rows"
    one(window, "#table tbody tr").click()
    assert "This page holds layers, curves and settings of 300 rows" in one(window, "#panel").text


def test_data_in_the_page_is_plain_json_and_the_page_is_the_same_each_time() -> None:
    text, table = made(three())
    assert text == made(three())[0]
    (content,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    data = json.loads(content)
    assert "<" not in content
    (accuracies,) = [each["values"] for each in data["measures"] if each["key"] == "accuracy_mean"]
    assert accuracies == [row.accuracy_mean for row in table]


def test_averaged_weights_are_named(window: Chrome, tmp_path: Path) -> None:
    averaged = [record(name=f"net{i}", results=[result(0.9, weights="averaged")]) for i in range(2)]
    opened(window, tmp_path, runs(*averaged))
    assert heading(window, "weights").is_displayed()
    assert "averaged" in one(window, "#table tbody tr").text
