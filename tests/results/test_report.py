"""The page of a run or a sweep."""

from __future__ import annotations

import html.parser
import pathlib
import shutil
import subprocess

import h5py
import pytest
import qrun_results
from conftest import changed, stopped
from qrun_results import __main__ as command
from qrun_results.report import differences, flatten, report


class Page(html.parser.HTMLParser):
    """Rows of the first table, and what the page would load from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.sources: list[str] = []
        self.sections = 0
        self.in_cell = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.sources += [value for key, value in attributes if key in ("src", "href")]
        self.sections += tag == "details"
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        self.in_cell = tag in ("td", "th") or (self.in_cell and tag == "button")

    def handle_endtag(self, tag):
        self.in_cell = self.in_cell and tag not in ("td", "th", "table")

    def handle_data(self, data):
        if self.in_cell:
            self.tables[-1][-1][-1] += data.strip()


def in_browser(page: str, folder: pathlib.Path) -> subprocess.CompletedProcess:
    """What the page has become behind its scripts, and what they logged."""
    target = folder / "sweep.html"
    target.write_text(page, "utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=8000"]
    options += [f"--user-data-dir={folder}/profile", "--dump-dom", target.as_uri()]
    return subprocess.run(["chromium", *options], capture_output=True, text=True, timeout=120, check=True)


def test_a_sweep_has_a_row_and_a_section_for_each_run(sweep):
    page = Page(report(sweep))
    head, *rows = page.tables[0]
    frame = sweep.frame()
    assert [row[0] for row in rows] == list(frame.index)
    assert [row[head.index("w_bits")] for row in rows] == [str(bits) for bits in frame["vars.w_bits"]]
    assert [row[head.index("accuracy %")] for row in rows] == [f"{100 * x:.2f}" for x in frame.final_test_accuracy]
    assert page.sections == 6


def test_it_loads_nothing_from_elsewhere(sweep, run):
    for results in (sweep, run):
        assert all(source.startswith("data:") for source in Page(report(results)).sources)


def test_only_what_differs_is_compared(sweep):
    configs = {run.id: flatten(run.config()) for run in sweep}
    found = differences(configs)
    assert "seed" in found
    assert any(address.endswith("weight.bits") for address in found)
    assert "solver.lr" not in found


def test_values_are_written_as_in_the_configuration():
    flat = flatten({"data": {"crop": None, "mirror": True, "mean": [0.5], "scale": 1e-05}, "name": "null"})
    assert flat == {"data.crop": "null", "data.mirror": "true", "data.mean": "[0.5]", "data.scale": "1e-05", "name": "null"}


def test_a_failed_run_has_its_reason_in_the_table(results, sweep):
    head, row = Page(report(qrun_results.load_sweep(results / "failed"))).tables[0]
    assert head[-1] == "reason"
    assert "not finite" in row[-1]
    assert Page(report(sweep)).tables[0][0][-1] == "seconds"


def test_huge_losses_have_few_digits(results, tmp_path):
    path = tmp_path / "run.h5"
    with h5py.File(changed(next((results / "quantized").glob("run-*.h5")), path), "r+") as file:
        file["metrics/test/loss"][-1] = file.attrs["final_test_loss"] = 1.2345678e38
    head, row = Page(report(qrun_results.load(path))).tables[0]
    assert row[head.index("test loss")] == "1.235e+38"


def test_axes_have_titles_that_any_plotly_draws(run):
    page = report(run).split("<script>")[-1]
    assert 'title: {text: "epoch"' in page and "title: {text: title}" in page


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_a_stopped_run_has_the_plots_that_it_allows(results, tmp_path, status):
    file = next((results / "quantized").glob("run-*.h5"))
    page = report(qrun_results.load(stopped(file, tmp_path / "run.h5", status)))
    assert 'alt="confusion"' not in page
    assert ('alt="histograms"' in page) == (status == "interrupted")
    assert 'alt="curves"' in page


def test_a_stopped_run_has_no_final_accuracy_in_the_table(results, tmp_path):
    file = next((results / "sweep_smoke").glob("w_bits=*.h5"))
    head, row = Page(report(qrun_results.load(stopped(file, tmp_path / file.name)))).tables[0]
    assert [row[head.index(name)] for name in ("accuracy %", "test loss")] == ["", ""]
    assert row[head.index("best %")] != ""


def test_the_command_writes_the_page(sweep, tmp_path, capsys):
    target = tmp_path / "sweep.html"
    assert command.main(["report", str(sweep.path), "-o", str(target)]) == 0
    assert capsys.readouterr().out == f"{target}\n"
    assert target.read_text("utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_its_filter_takes_words_and_whole_values(sweep, tmp_path):
    shown = {"w_bits=2": 2, "vars.w_bits=2.0 complete": 2, "seed=1 w_bits=4": 1, "complete": 6, "status=comp": 0, "nowhere": 0}
    script = "for (const words of %s) { filter.value = words; filter.dispatchEvent(new Event('input')); results.push(count()); }"
    script = f"const results = [], count = () => document.getElementById('count').textContent; {script % list(shown)}"
    page = report(sweep) + f"<script>{script} document.title = results.join(', ');</script>"
    assert f"<title>{', '.join(f'{n} of 6' for n in shown.values())}</title>" in in_browser(page, tmp_path).stdout


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_its_script_runs_in_a_browser_without_errors(sweep, tmp_path):
    done = in_browser(report(sweep), tmp_path)
    assert "CONSOLE" not in done.stderr
    assert "6 of 6" in done.stdout  # written by the script after it has drawn
    assert done.stdout.count('class="main-svg"') >= 2
