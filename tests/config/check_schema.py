#!/usr/bin/env python3
"""Checks configurations against the JSON schema that `qrun check --schema` prints.

  check_schema.py SCHEMA.json CONFIG.yaml...

Checks the schema itself, every file against it, and that it refuses what a strict reader must refuse. Prints one line a
violation and exits with 1 if there is any.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

# A change to a right configuration (path of keys, value), each of which must be refused.
WRONG: list[tuple[list[Any], Any]] = [
    (["sovler"], {}),
    (["solver", "lrr"], 0.1),
    (["solver", "lr"], -1),
    (["solver", "lr"], "fast"),
    (["solver", "type"], "sdg"),
    (["train", "epochs"], 0),
    (["data", "train", "shuffle"], "yes"),
    (["network", 0, "type"], "conv3d"),
    (["network", 0, "kernal_size"], 3),
    (["network", 0, "quantize"], {"weight": {"method": "ulq", "bits": 20}}),
    (["network", 0, "quantize"], {"weights": "none"}),
    (["network", 0, "bias"], "yes"),
    (["network", 0, "kernel_size"], [3]),
    (["network", 0, "kernel_size"], [3, 0]),
    (["network", 0, "dilation"], [1, 2, 3]),
    (["solver", "lr_policy"], "fixed"),
    (["data"], None),
    (["data", "mean"], {"image": "test"}),
    (["data", "mean"], {"path": "a"}),
    (["vars"], "${vars}"),
    (["sweep"], {"seeds": 0}),
]
# And some that must be accepted.
RIGHT: list[tuple[list[Any], Any]] = [
    (["train", "epochs"], "${epochs}"),
    (["train", "test_every"], None),
    (["network", 0, "quantize"], {"weight": {"method": "clip", "bits": "${bits}", "range": 1.5}, "bias": "none"}),
    (["network", 0, "init"], {"gaussian": 0.01}),
    (["network", 0, "kernel_size"], [3, 5]),
    (["network", 0, "dilation"], ["${far}", 2]),
    (["network", 0, "padding"], "${sides}"),
    (["network", 0, "bias"], {"lr_mult": 2}),
    (["network", 0, "bias"], "${bias}"),
    (["network", 0, "init"], "${init}"),
    (["network", 0, "type"], "${type}"),
    (["network", 0, "weight"], "${weight}"),
    (["network", 0, "quantize"], "${quantize}"),
    (["network", 0, "quantize"], {"weight": "${quantizer}", "activation": {"method": "clip", "bits": 8, "range": "${range}"}}),
    (["network", 0], "${layer}"),
    (["network"], "${network}"),
    (["quantize"], "${quantize}"),
    (["quantize"], {"conv*": "${quantize}"}),
    (["data", "mean"], "${mean}"),
    (["data", "mean"], ["${mean}", 2]),
    (["data", "mean"], {"file": "${folder}/mean.binaryproto"}),
    (["data", "mean"], {"image": "train"}),
    (["data", "train"], "${data}"),
    (["solver"], "${solver}"),
    (["solver", "lr_policy"], "${lr_policy}"),
    (["solver", "lr_policy"], {"type": "multistep", "steps": "${steps}", "gamma": 0.1}),
    (["solver", "lr_policy"], None),
    (["sweep"], "${sweep}"),
    (["sweep"], {"seeds": "${n}", "grid": "${grid}", "exclude": None}),
    (["vars"], None),
    (["set"], None),
    (["output"], None),
]


def changed(config: Any, path: list[Any], value: Any) -> Any:
    """Return a copy of `config` with `value` at `path`."""
    copied = copy.deepcopy(config)
    node = copied
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return copied


def problems(schema: Any, files: list[Path]) -> Iterator[str]:
    """Yield one line for each violation."""
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    complete = 0
    for path in files:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        for error in validator.iter_errors(config):
            yield f"{path}: {error.json_path}: {error.message}"
        if "base" in config:
            continue
        complete += 1
        for place, value in WRONG:
            if validator.is_valid(changed(config, place, value)):
                yield f"{path}: {place} = {value!r} is accepted, but wrong"
        for place, value in RIGHT:
            for error in validator.iter_errors(changed(config, place, value)):
                yield f"{path}: {place} = {value!r}: {error.message}"
    if complete == 0:
        yield "no configuration without a base was given, so that nothing was changed and checked"


def main() -> int:
    """Check the files named on the command line."""
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    schema = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    files = [Path(name) for name in sys.argv[2:]]
    found = list(problems(schema, files))
    for line in found:
        print(line)
    print(f"schema: {len(files)} configurations, {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
