"""What `qrun quantize` keeps of a file that h5py made."""

from __future__ import annotations

import pathlib
import subprocess

import h5py
import numpy as np
import pytest
from conftest import PROGRAM

VALUES = np.random.default_rng(1).normal(size=(8, 3, 3, 3)).astype("f4")


def quantized(folder: pathlib.Path, *options: str) -> tuple[h5py.File, list[str]]:
    """Quantize in.h5; gives the new file and what is said of it on stderr."""
    command = [PROGRAM, "quantize", "in.h5", "out.h5", "--method", "ulq", "--bits", "4", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return h5py.File(folder / "out.h5"), done.stderr.splitlines()


@pytest.mark.parametrize("version", ["earliest", "latest"])
@pytest.mark.parametrize("tracked", [False, True])
def test_everything_else_is_kept(version, tracked, tmp_path):
    names = ["w", "soft", "external", "nothing", "steps", "g", "names", "more", "lists", "table", "kind"]
    with h5py.File(tmp_path / "in.h5", "w", libver=version, track_order=tracked) as file:
        file["w"] = VALUES
        file["soft"] = h5py.SoftLink("/w")
        file["external"] = h5py.ExternalLink("other.h5", "/w")
        file["nothing"] = h5py.Empty("f4")
        file["steps"] = np.arange(3)
        file.create_group("g", track_order=tracked).attrs["backend"] = "x"
        file["names"] = np.array([b"a", b"bc"])
        file["more"] = file["steps"]
        file.create_dataset("lists", (2,), h5py.vlen_dtype(np.int32))[0] = [1, 2]
        file["table"] = np.array([(1, 2.5)], [("n", "i4"), ("x", "f8")])
        file["kind"] = np.dtype("i2")
        file.attrs["layers"] = np.array([b"a", b"b"])
        file["w"].attrs["units"] = "V"
        file["w"].dims[0].label = "output"
        for i in range(20):  # more than lie in the head of an object
            file["steps"].attrs[f"note {i:02}"] = f"{i} seconds"
    out, said = quantized(tmp_path)
    assert said == []
    order: list[bytes] = []
    out.id.links.iterate(order.append, idx_type=h5py.h5.INDEX_CRT_ORDER)
    assert [name.decode() for name in order] == (names if tracked else sorted(names))
    assert out.attrs["layers"].tolist() == [b"a", b"b"] and out["g"].attrs["backend"] == "x"
    assert out["w"].attrs["units"] == "V" and out["w"].attrs["method"] == "ulq"
    assert out["w/codes"].shape == VALUES.shape and out["w/codes"].dims[0].label == "output"
    assert dict(out["steps"].attrs) == {f"note {i:02}": f"{i} seconds" for i in range(20)}
    assert out["more"] == out["steps"] and out["steps"][:].tolist() == [0, 1, 2]
    assert out.get("soft", getlink=True).path == "/w"
    external = out.get("external", getlink=True)
    assert (external.filename, external.path) == ("other.h5", "/w")
    assert out["nothing"].shape is None and out["nothing"].dtype == "f4"
    assert out["names"][:].tolist() == [b"a", b"bc"] and out["lists"][0].tolist() == [1, 2]
    assert out["table"][0].tolist() == (1, 2.5) and out["kind"].dtype == "i2"


def test_dimension_scales_stay_tied(tmp_path):
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["w"], file["n"] = VALUES, np.arange(8)
        file["output"] = np.linspace(0, 1, 8)
        file["output"].make_scale("output")
        file["w"].dims[0].attach_scale(file["output"])
        file["n"].dims[0].attach_scale(file["output"])
    out, said = quantized(tmp_path)
    assert said == []
    assert np.array_equal(out["output"][:], np.linspace(0, 1, 8)), "an axis is no weight"
    for name in ("w/codes", "n"):
        assert [scale.name for scale in out[name].dims[0].values()] == ["/output"]
    assert len(out["w/codes"].dims[1]) == 0


def test_what_cannot_be_kept_is_said(tmp_path):
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["w"] = VALUES
        file["w"].attrs["scale"] = 3
        file.create_dataset("refs", data=[file["w"].ref], dtype=h5py.ref_dtype)
        file.attrs["main"] = file["w"].ref
    _, said = quantized(tmp_path)
    references = "references, which lead nowhere in another file"
    assert said == [
        f"left out: /: attribute main: {references}",
        f"left out: /refs: {references}",
        "left out: /w: attribute scale: codes have an attribute of this name",
    ]
