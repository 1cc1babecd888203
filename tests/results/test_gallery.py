"""The gallery's command, on small results of the shape that it takes."""

from __future__ import annotations

import subprocess
import sys

from conftest import ROOT, qrun

CONFIG = f"""
base: {ROOT}/configs/smoke.yaml
vars: {{w_method: ulq, w_bits: 2}}
data:
  train: {{synthetic_digits: null, lmdb: digits/train_lmdb}}
  test: {{synthetic_digits: null, lmdb: digits/test_lmdb}}
quantize:
  "conv*": {{weight: {{method: "${{w_method}}", bits: "${{w_bits}}"}}, activation: {{method: clip}}}}
sweep:
  grid: {{vars.w_method: [ulq, clip], vars.w_bits: [2, 4]}}
"""


def test_it_draws_every_picture_and_links_to_it(tmp_path):
    (tmp_path / "small.yaml").write_text(CONFIG, "utf-8")
    qrun(tmp_path, "data", "synthetic-digits", "--to", "digits", "--train", "500", "--test", "200")
    qrun(tmp_path, "small.yaml", "train.epochs=1", "sweep.seeds=2")
    command = [sys.executable, ROOT / "scripts/make_gallery.py", "--bits", "results/small", "--methods", "results/small"]
    subprocess.run([*command, "--output", "docs"], cwd=tmp_path, check=True)
    page = (tmp_path / "docs/gallery.md").read_text("utf-8")
    pictures = sorted(path.name for path in (tmp_path / "docs/gallery").iterdir())
    assert len(pictures) == 12
    assert all(f'src="gallery/{name}"' in page for name in pictures)
