"""YAML as qrun writes it. PyYAML follows YAML 1.1, where `1e-05` and `off` are not what qrun means by them."""

from __future__ import annotations

import re
from typing import Any

import yaml

Error = yaml.YAMLError


# libyaml's, where PyYAML was built with it, takes a tenth of the time.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Scalars resolve as in YAML 1.2's core schema."""


_RESOLVERS = [
    ("tag:yaml.org,2002:null", r"~|null|", "~n\0"),
    ("tag:yaml.org,2002:bool", r"true|false", "tf"),
    ("tag:yaml.org,2002:int", r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+", "-+0123456789"),
    ("tag:yaml.org,2002:float", r"[-+]?(?:(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)", "-+.0123456789"),
]
_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in _RESOLVERS:
    _Loader.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), list(_first))


def _float(loader: yaml.SafeLoader, node: yaml.Node) -> float:
    return float(node.value)


_Loader.add_constructor("tag:yaml.org,2002:float", _float)


def parse(text: str) -> Any:
    """Values of one document: dict, list, str, int, float, bool or None."""
    return yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader underneath)
