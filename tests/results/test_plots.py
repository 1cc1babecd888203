"""Plots: what is drawn is what the files hold."""

from __future__ import annotations

import copy
import shutil

import numpy as np
import pandas as pd
import pytest
import qrun_results
from qrun_results import __main__ as command
from qrun_results import plots
from qrun_results.lmdb_images import read_lmdb
from qrun_results.plots import style, sweeps, weights
from conftest import ROOT, qrun, stopped


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    style.plt.close("all")


def heights(axes) -> list[float]:
    return [bar.get_height() for bar in axes.patches]


def test_curves_draw_loss_and_accuracy_in_percent(run):
    left, right = plots.curves(run).axes
    data = run.curves()
    assert np.array_equal(left.lines[0].get_ydata(), data.train_loss)
    assert np.allclose(right.lines[0].get_ydata(), 100 * data.test_accuracy)
    assert "%" in right.get_ylabel()


def test_accuracy_has_a_point_for_each_number_of_bits(sweep):
    axes = plots.accuracy(sweep).axes[0]
    line = axes.containers[0].lines[0]
    frame = sweep.frame()
    assert list(line.get_xdata()) == [1, 2, 4]
    assert np.allclose(np.asarray(line.get_ydata(), float), 100 * frame.groupby("vars.w_bits").final_test_accuracy.mean())
    with pytest.raises(ValueError, match="solver.lr: not a number that varies"):
        plots.accuracy(sweep, over="solver.lr")


def made_up(sweep, params: list[dict]):
    """A sweep of the first run of another, as often as there are swept values, each a little better."""
    runs = []
    for i, values in enumerate(params):
        run = copy.copy(sweep.runs[0])
        run.params, score = values, 0.2 + 0.005 * i
        run._config = {}  # one that would say what the values are
        run.attributes = {**run.attributes, "run_id": f"run-{i}", "final_test_accuracy": score}
        runs.append(run)
    sweep.runs = runs
    return sweep


UNION = [{"vars.w_bits": 1}, {"vars.w_bits": 2}, {"solver.lr": 0.01}, {"solver.lr": 0.02}]


def legend(axes) -> list[str]:
    return [entry.get_text() for entry in axes.get_legend().get_texts()]


def beside(axes) -> bool:
    axes.figure.canvas.draw()
    return axes.get_legend().get_window_extent().x0 >= axes.get_window_extent().x1


def test_series_look_different_and_their_legend_covers_nothing(sweep):
    many = [{"vars.w_bits": bits, "solver.lr": 0.001 * (i + 1)} for i in range(20) for bits in (1, 2, 4)]
    axes = plots.accuracy(made_up(sweep, many)).axes[0]
    assert legend(axes) == [f"solver.lr={0.001 * (i + 1):.4g}" for i in range(20)]
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in (c.lines[0] for c in axes.containers)}
    assert len(looks) == 20
    assert len({(colour, dashes) for colour, _, dashes in looks}) == 20
    assert beside(axes)


def test_accuracy_leaves_out_runs_of_a_union_without_its_number(sweep):
    axes = plots.accuracy(made_up(sweep, UNION)).axes[0]
    assert list(axes.containers[0].lines[0].get_xdata()) == [1, 2]
    assert axes.get_title(loc="right") == "one run a point; 2 without w_bits left out"
    assert axes.get_legend() is None
    assert list(plots.accuracy(sweep, over="lr").axes[0].containers[0].lines[0].get_xdata()) == [0.01, 0.02]


def test_labels_of_close_values_do_not_lie_over_each_other(sweep):
    rates = [0.00300123, 0.00300234, 0.0031, 0.07]
    axes = plots.accuracy(made_up(sweep, [{"solver.lr": rate} for rate in rates])).axes[0]
    axes.figure.canvas.draw()
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    assert all(a.x1 < b.x0 for a, b in zip(boxes, boxes[1:]))


def test_intervals_are_students():
    # n = 3: t = 4.303, standard deviation 1, over sqrt(3).
    assert sweeps.half_interval(pd.Series([1.0, 2.0, 3.0])) == pytest.approx(4.303 / np.sqrt(3))
    assert np.isnan(sweeps.half_interval(pd.Series([1.0])))
    # n = 41, 121: t = 2.021, 1.980.
    for n, t in ((41, 2.021), (121, 1.980)):
        values = pd.Series(np.arange(float(n)))
        assert sweeps.half_interval(values) == pytest.approx(t * values.std() / np.sqrt(n), rel=3e-4)


def test_points_of_one_run_have_no_interval(sweep):
    sweep.runs = [run for run in sweep.runs if run.attributes["seed"] == 1]
    for draw in (plots.accuracy, plots.pareto):
        axes = draw(sweep).axes[0]
        assert axes.get_title(loc="right") == "one run a point"
        assert len(axes.containers[0].lines[0].get_xdata()) == 3
        assert not axes.containers[0].lines[2]


def test_no_interval_reaches_beyond_what_an_accuracy_can_be():
    rows = pd.DataFrame({"accuracy": [80.0, 99.0, 50.0], "interval": [67.0, 0.5, np.nan]})
    below, above = sweeps._intervals(rows)
    assert np.array_equal(below, [67.0, 0.5, np.nan], equal_nan=True)
    assert np.array_equal(above, [20.0, 0.5, np.nan], equal_nan=True)


def test_heat_map_has_the_mean_of_each_pair(sweep):
    axes = plots.heat_map(sweep, x="vars.w_bits", y="seed").axes[0]
    frame = sweep.frame()
    picture = np.asarray(axes.images[0].get_array())
    assert picture.shape == (2, 3)
    want = frame[(frame["vars.w_bits"] == 4) & (frame.seed == 2)].final_test_accuracy.iloc[0]
    assert picture[1, 2] == pytest.approx(100 * want)
    assert axes.get_title(loc="right") == "1 run a cell"
    with pytest.raises(ValueError, match="solver.lr: not a value that varies in .*sweep_smoke; choose from vars.w_bits, seed"):
        plots.heat_map(sweep, x="solver.lr")
    with pytest.raises(ValueError, match="vars.w_bits is given for both axes"):
        plots.heat_map(sweep, x="w_bits", y="vars.w_bits")


def test_heat_map_says_what_it_averages_over(sweep):
    many = [{"vars.w_bits": b, "solver.lr": r, "data.crop": c} for b in (1, 2, 4) for r in (0.1, 0.00123456) for c in (20, 24)]
    axes = plots.heat_map(made_up(sweep, many), x="vars.w_bits", y="solver.lr").axes[0]
    assert axes.get_title(loc="right") == "mean over data.crop: 2 runs a cell"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0.001235", "0.1"]


def test_heat_map_turns_long_labels(sweep):
    many = [{"vars.w_bits": b, "solver.lr": 0.0011111 * (1 + r)} for b in (1, 2) for r in range(12)]
    labels = plots.heat_map(made_up(sweep, many)).axes[0].get_xticklabels()
    assert max(len(label.get_text()) for label in labels) <= 8
    assert {label.get_rotation() for label in labels} == {45}


def test_heat_map_of_a_union_names_what_no_run_has_both_of(sweep, recwarn):
    with pytest.raises(ValueError, match="no run has both w_bits and solver.lr, nor any other"):
        plots.heat_map(made_up(sweep, UNION))
    assert not recwarn.list


def test_the_pareto_front_leaves_out_what_is_beaten():
    size = np.array([4.0, 1.0, 2.0, 3.0, 2.0])
    score = np.array([9.0, 5.0, 8.0, 7.0, 6.0])
    assert list(sweeps.front(size, score)) == [1, 2, 0]


def test_pareto_draws_every_point(sweep):
    axes = plots.pareto(sweep).axes[0]
    drawn = axes.containers[0].lines[0]
    frame = sweep.frame()
    assert np.allclose(sorted(drawn.get_xdata()), sorted((frame.model_bits / 8192).unique()))


def test_pareto_names_the_points_of_the_front_beside_the_axes(sweep):
    many = [{"vars.w_method": m, "vars.w_bits": b} for m in ("clip", "ulq") for b in (2.0, 4.0)]
    axes = plots.pareto(made_up(sweep, many)).axes[0]
    assert legend(axes) == ["1   w_method=ulq, w_bits=4"]
    assert beside(axes)
    assert [(note.get_text(), note.get_ha()) for note in axes.texts] == [("1", "right")]
    assert list(axes.lines[-1].get_ydata()) == [pytest.approx(21.5)] and axes.lines[-1].get_marker() == "o"
    assert legend(plots.pareto(made_up(sweep, UNION)).axes[0]) == ["1   solver.lr=0.02"]


def test_histograms_count_master_weights_and_draw_levels(results, sweep):
    run = next(r for r in sweep if r.params["vars.w_bits"] == 2)
    figure = plots.histograms(run)
    layers = weights.quantized_layers(run)
    assert len(figure.axes) == len(layers)
    for layer, axes in zip(layers, figure.axes):
        assert sum(heights(axes)) == run.master(layer).size
        levels = [line.get_xdata()[0] for line in axes.lines]
        assert len(levels) == 4
        assert set(np.unique(run.weights(layer))) <= set(np.float32(levels))


def test_occupancy_is_the_share_of_each_code(run):
    axes = plots.occupancy(run).axes[0]
    values, counts = np.unique(run.codes("conv1"), return_counts=True)
    percent = dict(zip([-2, -1, 0, 1], heights(axes)))
    for value, count in zip(values, counts):
        assert percent[value] == pytest.approx(100 * count / run.codes("conv1").size)


def with_quantizer(methods, method: str, bits: int):
    return next(r for r in methods if (r.params["vars.w_method"], r.params["vars.w_bits"]) == (method, bits))


@pytest.mark.parametrize(
    ("method", "bits", "low", "high"),
    [("ternary", 2, -1, 1), ("ternary_quantize", 4, -1, 1), ("dynamic_fixed_point", 4, -7, 7), ("clip", 2, -1, 1),
     ("clip", 16, -32767, 32767), ("ulq", 16, -32768, 32767)],
)  # fmt: skip
def test_possible_codes_are_those_of_the_method(methods, method, bits, low, high):
    run = with_quantizer(methods, method, bits)
    for layer in weights.quantized_layers(run):
        possible = weights.possible_codes(run, layer)
        assert np.array_equal(possible, np.arange(low, high + 1))
        assert np.isin(run.codes(layer), possible).all()
    if bits < 8:
        assert len(plots.histograms(run).axes[0].lines) == len(plots.occupancy(run).axes[0].patches) == len(possible)
        assert f"of {len(possible)} codes used" in plots.occupancy(run).axes[0].get_title(loc="right")


@pytest.mark.parametrize("method", ["clip", "ulq"])
def test_occupancy_puts_many_codes_into_bins(methods, method):
    run = with_quantizer(methods, method, 16)
    axes = plots.occupancy(run).axes[0]
    codes = run.codes("conv1").ravel()
    assert len(axes.patches) == 256
    assert sum(heights(axes)) == pytest.approx(100)
    for bar in axes.patches:
        inside = np.mean((codes > bar.get_x()) & (codes < bar.get_x() + bar.get_width()))
        assert bar.get_height() == pytest.approx(100 * inside)
    possible = 65535 if method == "clip" else 65536
    assert axes.get_title(loc="right") == f"{len(np.unique(codes))} of {possible} codes used, 256 a bar"


def test_histograms_say_where_levels_are_not_drawn(methods, run):
    many = plots.histograms(with_quantizer(methods, "clip", 8))
    assert not many.axes[0].lines and many.axes[-1].get_xlabel() == "master weight"
    assert "255 levels, not drawn" in many.axes[0].get_title(loc="right")
    channels = plots.histograms(run)
    assert not channels.axes[0].lines and channels.axes[-1].get_xlabel() == "master weight"
    assert "levels of each channel, not drawn" in channels.axes[0].get_title(loc="right")


@pytest.mark.parametrize("kind", [kind for kind in command.OF_A_RUN if kind != "mistakes"])
def test_plots_name_their_run(kind, run):
    assert getattr(plots, kind)(run)._suptitle.get_text() == f"quantized: {run.id}"


def test_filters_show_codes(run):
    picture = np.asarray(plots.filters(run).axes[0].images[0].get_array().filled(np.nan))
    codes = run.codes("conv1")
    height, width = codes.shape[2:]
    assert np.array_equal(picture[:height, :width], codes[0, 0])
    assert np.array_equal(picture[:height, width + 1 : 2 * width + 1], codes[1, 0])


def test_features_show_one_channel_of_each_image(run):
    maps = run.activations("conv1")
    picture = np.asarray(plots.features(run, channel=1).axes[0].images[0].get_array().filled(np.nan))
    height, width = maps.shape[2:]
    assert np.array_equal(picture[:height, :width].astype(np.float32), maps[0, 1])
    with pytest.raises(ValueError, match="not 999"):
        plots.features(run, channel=999)


def test_confusion_colours_errors_and_writes_counts(run):
    axes = plots.confusion(run).axes[0]
    counts = run.confusion().values
    written = {text.get_position()[::-1]: int(text.get_text()) for text in axes.texts}
    assert written == {(r, c): n for (r, c), n in np.ndenumerate(counts) if n}


def test_mistakes_show_the_images_that_went_wrong(run):
    labels, predictions = run.predictions()
    images = np.arange(len(labels) * 4).reshape(-1, 2, 2)
    figure = plots.mistakes(run, images)
    wrong = np.flatnonzero(labels != predictions)[:48]
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == len(wrong)
    for i, axes in zip(wrong, shown):
        assert np.array_equal(axes.images[0].get_array(), images[i])
        assert axes.get_title() == f"{labels[i]} > {predictions[i]}"


def test_images_come_from_the_lmdb(results, tmp_path):
    pytest.importorskip("lmdb")
    qrun(tmp_path, "data", "synthetic-digits", "--to", "digits")
    images = read_lmdb(tmp_path / "digits/test_lmdb")
    assert images.ndim == 3 and images.shape[1:] == (28, 28)
    assert images.dtype == np.uint8 and images.max() > 128 and images.mean() < 100


@pytest.mark.parametrize("kind", [*command.OF_A_SWEEP, *[k for k in command.OF_A_RUN if k != "mistakes"]])
def test_the_command_writes_a_picture(kind, run, sweep, tmp_path, capsys):
    target = tmp_path / f"{kind}.png"
    source = sweep.path if kind in command.OF_A_SWEEP else run.path
    assert command.main(["plot", kind, str(source), "-o", str(target)]) == 0
    assert capsys.readouterr().out == f"{target}\n"
    picture = style.plt.imread(target)
    assert picture.shape[1] >= 600
    assert picture[..., :3].std() > 0.05


@pytest.mark.parametrize("kind", ["confusion", "histograms", "occupancy", "filters"])
def test_the_command_says_what_a_stopped_run_lacks(kind, results, tmp_path, capsys):
    path = stopped(next((results / "quantized").glob("run-*.h5")), tmp_path / "run.h5")
    missing = "has no final test" if kind == "confusion" else "holds no weights"
    assert command.main(["plot", kind, str(path), "-o", str(tmp_path / "x.png")]) == 1
    assert capsys.readouterr().err == f"qrun_results: {path} {missing} (status failed)\n"


@pytest.mark.parametrize(
    ("kind", "of_a_run", "options", "message"),
    [("curves", False, [], "curves is drawn of a run, not of a folder; name one of its run files, such as"),
     ("accuracy", True, [], "accuracy is drawn of a sweep, not of a file; name its folder"),
     ("curves", True, ["--layer", "conv1"], "curves takes no --layer"),
     ("pareto", False, ["--x", "seed"], "pareto takes no --x")],
)  # fmt: skip
def test_the_command_says_what_a_plot_takes(kind, of_a_run, options, message, run, sweep, tmp_path, capsys):
    path = str(run.path if of_a_run else sweep.path)
    assert command.main(["plot", kind, path, *options, "-o", str(tmp_path / "x.png")]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


def test_the_command_names_what_it_skips_in_a_line(results, tmp_path, capsys):
    for file in (results / "sweep_smoke").glob("w_bits=*.h5"):
        shutil.copy(file, tmp_path)
    (tmp_path / "zz.h5").write_text("hello")
    assert command.main(["plot", "accuracy", str(tmp_path), "-o", str(tmp_path / "x.png")]) == 0
    assert capsys.readouterr().err == f"qrun_results: warning: skipped {tmp_path}/zz.h5: not an HDF5 file\n"


@pytest.mark.parametrize("epochs", [0, 1])
def test_curves_of_a_run_of_one_epoch_or_none(epochs, results, tmp_path):
    if epochs:
        qrun(tmp_path, str(ROOT / "configs/smoke.yaml"), "train.epochs=1", "train.iterations_per_epoch=20")
        path = next((tmp_path / "results/smoke").glob("run-*.h5"))
    else:
        path = next((results / "failed").glob("run-*.h5"))
    left, right = plots.curves(qrun_results.load(path)).axes
    left.figure.canvas.draw()
    if epochs:
        low, high = left.get_xlim()
        assert [tick for tick in left.get_xticks() if low <= tick <= high] == [0]
        assert [label for label in left.get_yticklabels() if label.get_text()]
        assert not left.texts
    else:
        assert [text.get_text() for text in left.texts] == ["no epoch finished"]
        assert not left.get_xticks().size and not right.get_yticks().size


def test_the_command_names_what_is_wrong(tmp_path, capsys):
    assert command.main(["plot", "curves", str(tmp_path / "none.h5"), "-o", "x.png"]) == 1
    assert capsys.readouterr().err == f"qrun_results: {tmp_path}/none.h5: no such file\n"


def test_runs_that_differ_are_drawn_apart(tmp_path):
    for epochs in (1, 2):  # a configuration that is edited
        qrun(tmp_path, str(ROOT / "configs/sweep_smoke.yaml"), f"train.epochs={epochs}", "train.iterations_per_epoch=5")
    with pytest.warns(UserWarning, match="differ in train.epochs"):
        sweep = qrun_results.load_sweep(tmp_path / "results/sweep_smoke")
    assert legend(plots.accuracy(sweep, over="vars.w_bits").axes[0]) == ["train.epochs=1", "train.epochs=2"]
    with pytest.raises(ValueError, match="differ in train.epochs, too, and are not averaged"):
        plots.heat_map(sweep, x="vars.w_bits", y="seed")
    assert plots.heat_map(sweep, x="vars.w_bits", y="train.epochs").axes
    assert len(sweeps.points(sweep)[1]) == 6
