"""Run files and sweep folders, read by qrun_results and by others."""

from __future__ import annotations

import io
import pathlib
import re
import shutil
import subprocess

import h5py
import numpy as np
import pandas as pd
import pytest
import qrun_results
import xarray as xr
from conftest import ROOT, changed, qrun, stopped
from qrun_results import columns, yaml12


def test_a_run_has_its_attributes_and_its_configuration(run):
    assert run.status == "complete"
    assert run.id == run.path.stem
    config = run.config()
    assert config["name"] == "quantized"
    assert config["solver"]["lr"] == pytest.approx(float(config["solver"]["lr"]))
    assert [layer["name"] for layer in run.network["layers"] if layer["parameters"]] == run.layers()


def test_values_are_scale_times_code_plus_offset(run):
    with h5py.File(run.path) as file:
        group = file["weights/conv1/weight"]
        codes, scale, offset = group["codes"][...], group["codes"].attrs["scale"], group["codes"].attrs["offset"]
    assert scale.shape == (codes.shape[0],)
    assert np.array_equal(run.codes("conv1"), codes)
    for channel, values in enumerate(run.weights("conv1")):
        assert np.array_equal(values, scale[channel] * codes[channel].astype(np.float32) + offset[channel])
    assert run.weights("conv1").dtype == np.float32


def test_a_layer_without_quantizer_gives_its_master_weights_and_no_codes(run):
    layer = run.layers()[-1]
    assert np.array_equal(run.weights(layer), run.master(layer))
    with pytest.raises(KeyError, match="no quantizer"):
        run.codes(layer)
    with pytest.raises(KeyError, match="no weight of a layer conv9; layers: conv1"):
        run.codes("conv9")


def test_a_batch_norm_has_running_statistics(tmp_path):
    qrun(tmp_path, str(ROOT / "configs/smoke.yaml"), "train.epochs=1", "network.relu1.type=batch_norm2d", "name=norm")
    run = qrun_results.load(next((tmp_path / "results/norm").glob("run-*.h5")))
    statistics = run.statistics("relu1")
    assert statistics["mean"].shape == statistics["variance"].shape == run.weights("relu1").shape == (64,)
    assert (statistics["variance"] > 0).all()
    assert 1 < statistics["count"] < 10
    with pytest.raises(KeyError, match="no running statistics of a layer conv1"):
        run.statistics("conv1")


def test_accuracies_by_top_k_stand_wherever_the_accuracy_does(tmp_path):
    smoke = str(ROOT / "configs/smoke.yaml")
    qrun(tmp_path, smoke, "train.epochs=2", "metrics.top_k=[1,3]", "seed=1,2")
    qrun(tmp_path, smoke, "train.epochs=1", "seed=3")
    folder = next((tmp_path / "results").iterdir())
    with pytest.warns(UserWarning, match="runs differ in train.epochs"):
        sweep = qrun_results.load_sweep(folder)
    asked = [run for run in sweep.runs if "test_accuracy_top3" in run.curves()]
    assert len(asked) == 2
    for run in asked:
        assert (run.metrics("test").accuracy_top3 >= run.metrics("test").accuracy).all()
        assert run.final_tops() == {"final_test_accuracy_top3": run.metrics("test").accuracy_top3.iloc[-1]}
    assert sweep.frame().final_test_accuracy_top3.notna().sum() == 2, "the third run was not asked for it"
    assert int(sweep.curves().test_accuracy_top3.notnull().sum()) == 4
    printed = pd.read_csv(io.StringIO(qrun(tmp_path, "show", "--csv", str(folder)))).set_index("run_id")
    for run in asked:
        assert printed.final_test_accuracy_top3[run.id] == run.final_tops()["final_test_accuracy_top3"]
    said = qrun(tmp_path, "eval", str(asked[0].path))
    assert f"top-3 accuracy={asked[0].final_tops()['final_test_accuracy_top3']:.4f}" in said


def test_activations_are_decoded_sample_by_sample(run):
    with h5py.File(run.path) as file:
        group = file["activations/conv1"]
        want = group["scale"][3] * group["codes"][3].astype(np.float32) + group["offset"][3]
    assert np.array_equal(run.activations("conv1")[3], want)
    with pytest.raises(KeyError, match="no activations"):
        run.activations("score")


def test_confusion_counts_the_predictions(run):
    labels, predictions = run.predictions()
    counts = run.confusion()
    assert counts.dims == ("true", "predicted")
    assert counts.sum() == len(labels)
    assert counts.sel(true=3, predicted=5) == np.sum((labels == 3) & (predictions == 5))
    assert np.trace(counts) / len(labels) == pytest.approx(run.attributes["final_test_accuracy"])


def test_curves_have_what_qrun_printed(run):
    curves = run.curves()
    with h5py.File(run.path) as file:
        assert np.array_equal(curves.train_loss, file["metrics/train/loss_mean"][...])
        assert curves.test_accuracy[-1] == file["metrics/test/accuracy"][-1]
    assert list(curves.epoch) == list(range(run.config()["train"]["epochs"]))


def test_a_sweep_is_a_table_with_the_swept_values(sweep):
    frame = sweep.frame()
    assert len(frame) == len(sweep) == 6
    assert sorted(zip(frame["vars.w_bits"], frame["seed"])) == [(b, s) for b in (1, 2, 4) for s in (1, 2)]
    assert frame.model_bits.is_monotonic_increasing  # sorted by bits
    with h5py.File(sweep.path / "sweep.h5") as file:
        ids = [i.decode() if isinstance(i, bytes) else i for i in file["summary/run_id"][...]]
        for column in ("final_test_accuracy", "final_test_loss", "model_bits"):
            assert list(frame.loc[ids, column]) == list(file[f"summary/{column}"][...])


def test_a_union_of_sweeps_is_sorted_by_each_value(tmp_path):
    union = "sweep={union: [{grid: {data.train.data_seed: [3, 2]}}, {grid: {vars.w_bits: [4, 1]}}]}"
    qrun(tmp_path, str(ROOT / "configs/sweep_smoke.yaml"), union, "train.epochs=1", "train.iterations_per_epoch=5")
    sweep = qrun_results.load_sweep(tmp_path / "results/sweep_smoke")
    frame = sweep.frame()
    assert frame["data.train.data_seed"].tolist() == [1, 1, 2, 3] and frame["vars.w_bits"].tolist() == [1, 4, 2, 2]  # the rest as configured
    assert sweep.curves().sizes == {"run": 4, "epoch": 1}


def test_runs_that_differ_are_never_replicates(tmp_path):
    for more in (("train.epochs=1",), ("train.epochs=2",), ("train.epochs=2", "solver.type=adam")):  # a configuration that is edited
        qrun(tmp_path, str(ROOT / "configs/sweep_smoke.yaml"), "vars.w_bits=1,2", "train.iterations_per_epoch=5", *more)
    with pytest.warns(UserWarning, match="runs differ in solver.type, train.epochs beside what was swept; group them by axes"):
        sweep = qrun_results.load_sweep(tmp_path / "results/sweep_smoke")
    assert sweep.axes() == ["vars.w_bits", "solver.type", "train.epochs"]
    groups = sweep.frame().groupby(sweep.axes(), dropna=False).final_test_accuracy
    assert groups.size().tolist() == [2] * 6
    with h5py.File(sweep.path / "sweep.h5") as file:
        assert {"vars.w_bits", "solver.type", "train.epochs"} <= file["summary"].keys()


def test_means_over_seeds_have_a_row_for_each_point(sweep):
    means = sweep.means()
    accuracy = sweep.frame().final_test_accuracy
    assert list(means.columns) == ["mean", "runs"] and means.index.name == "vars.w_bits"
    assert means.index.tolist() == [1, 2, 4] and means.runs.tolist() == [2, 2, 2]
    assert means["mean"].tolist() == pytest.approx([accuracy.iloc[i : i + 2].mean() for i in (0, 2, 4)])
    assert sweep.means("model_bits")["mean"].is_monotonic_increasing


def test_means_of_a_sweep_of_seeds_are_one_row(tmp_path):
    qrun(tmp_path, str(ROOT / "configs/smoke.yaml"), "seed=1,2,3", "train.epochs=1", "train.iterations_per_epoch=5")
    sweep = qrun_results.load_sweep(tmp_path / "results/smoke")
    frame = sweep.frame()
    assert sweep.axes() == [] and sweep.means().runs.tolist() == [3]
    assert sweep.means()["mean"].tolist() == pytest.approx([frame.final_test_accuracy.mean()])
    file = sweep.runs[0].path
    stopped(file, tmp_path / "stopped.h5")
    shutil.move(tmp_path / "stopped.h5", file)
    means = qrun_results.load_sweep(tmp_path / "results/smoke").means()
    assert means.runs.tolist() == [2], "of those that have a final test"
    assert means["mean"].tolist() == pytest.approx([frame.final_test_accuracy.iloc[1:].mean()])


def test_a_network_has_one_hash_in_every_table(tmp_path):
    extra = "network=[{name: conv1, type: conv2d, out_channels: 4, kernel_size: 5}, {name: 1e3, type: relu}, {name: score, type: linear, out_features: 10}]"
    odd = ("quantize={score: {weight: {method: clip, bits: 4, range: 1e-5}, bias: {method: clip, bits: 4, range: 1e17}}}",)
    small = re.sub(r", \{name: 1e3, type: relu\}", "", extra)
    for network in ((small, *odd), (extra, *odd), (extra, "quantize={score: {weight: {method: clip, bits: 4, range: 1e-4}}}")):
        qrun(tmp_path, str(ROOT / "configs/smoke.yaml"), *network, "seed=1,2", "train.epochs=1", "train.iterations_per_epoch=5")
    with pytest.warns(UserWarning, match="runs differ in network beside what was swept"):
        frame = qrun_results.load_sweep(tmp_path / "results/smoke").frame()
    assert frame.network.nunique() == 3 and frame.network.str.fullmatch("[a-f][0-9a-f]{7}").all()
    qrun(tmp_path, "show", "--collect", "results/smoke")
    table = pd.read_csv(io.StringIO(qrun(tmp_path, "show", "--csv", "results/smoke")))
    assert dict(zip(table.run_id, table.network)) == frame.network.to_dict()
    with h5py.File(tmp_path / "results/smoke/sweep.h5") as file:
        ids, networks = (file[f"summary/{name}"].asstr()[...] for name in ("run_id", "network"))
    assert dict(zip(ids, networks)) == frame.network.to_dict()


def test_a_layer_without_a_later_key_has_its_default():
    layer = {"name": "conv1", "type": "conv2d", "kernel_size": [3, 5], "padding": 1, "groups": 1}
    today = {"network": [{"name": "conv1", "type": "conv2d", "kernel_size": [3, 5], "padding": 1, "dilation": 1, "groups": 1}]}
    before = columns.defining_values({"network": [layer]})
    assert list(before.items()) == list(columns.defining_values(today).items())
    assert before["network.conv1.kernel_size"] == "[3, 5]"
    assert columns.defining_values({"network": [{"name": "a", "type": "relu"}]}) == {"network.a.name": "a", "network.a.type": "relu"}


def test_of_two_contents_of_a_run_the_last_counts(results, tmp_path):
    folder = tmp_path / "sweep"
    shutil.copytree(results / "sweep_smoke", folder)
    file = sorted(folder.glob("w_bits=*.h5"))[0]
    changed(file, folder / "later.h5", finished="2999-01-01T00:00:00Z")
    with pytest.warns(UserWarning, match="later.h5 is the same run and finished last"):
        sweep = qrun_results.load_sweep(folder)
    assert [run.path.name for run in sweep if run.path.stem == "later"] == ["later.h5"] and len(sweep) == 6


def test_curves_of_a_sweep_are_runs_by_epochs(sweep):
    curves = sweep.curves()
    assert curves.test_accuracy.dims == ("run", "epoch")
    for run in sweep:
        assert curves.sel(run=run.id).drop_vars("run").equals(run.curves())


def test_a_failed_run_says_why(results):
    frame = qrun_results.load_sweep(results / "failed").frame()
    assert list(frame.status) == ["failed"]
    assert "not finite" in frame.error.iloc[0]


def test_a_stopped_run_says_that_it_has_no_final_test(results, tmp_path):
    file = next((results / "quantized").glob("run-*.h5"))
    run = qrun_results.load(stopped(file, tmp_path / "run.h5", "failed"))
    for read in (run.confusion, run.predictions):
        with pytest.raises(KeyError, match=r"run.h5 has no final test \(status failed\)"):
            read()
    assert run.layers() == []
    with pytest.raises(KeyError, match=r"run.h5 holds no weights \(status failed\)"):
        run.codes("conv1")
    damaged = qrun_results.load(changed(file, tmp_path / "cut.h5", "metrics/confusion"))
    with pytest.raises(qrun_results.ResultsError, match="damaged"):
        damaged.confusion()


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_the_last_test_of_a_run_that_was_stopped_is_no_final_one(results, tmp_path, status):
    files = sorted((results / "sweep_smoke").glob("w_bits=*.h5"))
    stopped(files[0], tmp_path / files[0].name, status)
    shutil.copy(files[1], tmp_path)
    frame = qrun_results.load_sweep(tmp_path).frame()
    assert sorted(frame.status) == sorted([status, "complete"])
    for column in ("final_test_accuracy", "final_test_loss"):
        assert frame[column].notna().tolist() == (frame.status == "complete").tolist()
    run = qrun_results.load(tmp_path / files[0].name)
    assert np.isnan(run.final_test_accuracy)
    assert repr(run) == f"<Run {run.id} {status}>"


def test_the_final_loss_is_that_of_the_weights_that_are_kept(tmp_path):
    # A rate that grows until the network forgets: the best test is not the last one.
    solver = ["solver.lr=0.1", "solver.momentum=0.5", "solver.lr_policy={type: exp, gamma: 1.01}"]
    qrun(tmp_path, str(ROOT / "configs/smoke.yaml"), "train.epochs=3", "train.keep=best", *solver)
    run = qrun_results.load(next((tmp_path / "results/smoke").glob("run-*.h5")))
    tests = run.metrics("test")
    best = tests.accuracy.idxmax()
    assert best < len(tests) - 1
    assert run.final_test_accuracy == tests.accuracy[best]
    assert run.final_test_loss == tests.loss[best]
    older = tmp_path / "older.h5"
    shutil.copy(run.path, older)
    with h5py.File(older, "r+") as file:
        file.attrs.pop("final_test_loss", None)
    assert qrun_results.load(older).final_test_loss == tests.loss[best]


def test_files_that_are_no_runs_are_named(results, tmp_path):
    def reason(path: pathlib.Path) -> str:
        with pytest.raises(qrun_results.ResultsError) as caught:
            qrun_results.load(path)
        assert caught.value.path == path
        return caught.value.reason

    good = next((results / "quantized").glob("run-*.h5"))
    assert reason(tmp_path / "none.h5") == "no such file"
    (tmp_path / "text.h5").write_text("hello")
    assert reason(tmp_path / "text.h5") == "not an HDF5 file"
    (tmp_path / "cut.h5").write_bytes(good.read_bytes()[:5000])
    assert "damaged" in reason(tmp_path / "cut.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    assert "not a run of qrun" in reason(tmp_path / "other.h5")
    shutil.copy(good, tmp_path / "newer.h5")
    with h5py.File(tmp_path / "newer.h5", "r+") as file:
        file.attrs["format_version"] = 2
    assert "newer" in reason(tmp_path / "newer.h5")
    shutil.copy(good, tmp_path / "partial.h5")
    with h5py.File(tmp_path / "partial.h5", "r+") as file:
        del file["metrics"]
    assert "damaged" in reason(tmp_path / "partial.h5")
    assert reason(changed(good, tmp_path / "nameless.h5", run_id=None)) == "damaged: has no attribute run_id with text"
    assert reason(changed(good, tmp_path / "bare.h5", config=None)) == "damaged: has no attribute config with text"
    assert "its configuration is no YAML: " in reason(changed(good, tmp_path / "yaml.h5", config="a: [1,\nb"))
    assert reason(changed(good, tmp_path / "list.h5", config="- 1")) == "damaged: its configuration is no map"


def test_a_sweep_skips_damaged_files_with_a_warning(results, tmp_path):
    folder = tmp_path / "sweep"
    shutil.copytree(results / "sweep_smoke", folder)
    (folder / "zz.h5").write_text("hello")
    changed(next(folder.glob("w_bits=*.h5")), folder / "zy.h5", config=":: [")
    with pytest.warns(UserWarning, match="zz.h5: not an HDF5 file") as caught:
        assert len(qrun_results.load_sweep(folder)) == 6
    assert any("zy.h5: damaged: its configuration is no YAML" in str(warning.message) for warning in caught)
    with pytest.raises(qrun_results.ResultsError, match="no readable run"):
        qrun_results.load_sweep(tmp_path)


def test_a_copied_run_counts_once(results, tmp_path):
    folder = tmp_path / "sweep"
    shutil.copytree(results / "sweep_smoke", folder)
    file = sorted(folder.glob("w_bits=*.h5"))[0]
    shutil.copy(file, folder / "zz.h5")
    with pytest.warns(UserWarning, match=f"skipped .*zz.h5: the same run counts once, a copy of {file}"):
        sweep = qrun_results.load_sweep(folder)
    assert len(sweep) == 6
    assert sweep.frame().index.is_unique


def test_xarray_reads_metrics_by_itself(run):
    data = xr.open_dataset(run.path, group="metrics/test", engine="h5netcdf")
    assert data.accuracy.dims == ("epoch",)
    assert float(data.accuracy[-1]) == run.attributes["final_test_accuracy"]


@pytest.mark.skipif(shutil.which("h5dump") is None, reason="h5dump is not installed")
def test_h5dump_reads_every_byte(run):
    text = subprocess.run(["h5dump", str(run.path)], capture_output=True, text=True, check=True).stdout
    assert f'"{run.id}"' in text
    one = subprocess.run(
        ["h5dump", "-y", "-w", "0", "-d", "/weights/conv1/weight/codes", str(run.path)], capture_output=True, text=True, check=True
    ).stdout
    numbers = re.search(r"DATA \{(.*?)\}", one, re.DOTALL).group(1)  # its attributes follow
    assert [int(n) for n in numbers.replace(",", " ").split()] == run.codes("conv1").ravel().tolist()


def test_pandas_reads_what_show_prints(sweep):
    table = pd.read_csv(io.StringIO(qrun(sweep.path, "show", ".", "--csv")))
    frame = sweep.frame()
    assert sorted(table.run_id) == sorted(frame.index)
    assert np.allclose(table.set_index("run_id").final_test_accuracy, frame.final_test_accuracy[table.run_id])


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-05", 1e-5), ("0xCAFFE", 0xCAFFE), ("off", "off"), ("true", True), ("0.5", 0.5), ("010", "010"), ("~", None), ("1:30", "1:30")],
)
def test_yaml_is_read_as_qrun_means_it(text, value):
    parsed = yaml12.parse(f"a: {text}")["a"]
    assert parsed == value
    assert type(parsed) is type(value)
