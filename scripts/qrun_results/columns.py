"""What tells the runs of a sweep apart: the swept values, and every other one in which they differ.

Runs that agree in all of it but the seed are replicates, and nothing else is; `qrun show` has the same columns.
"""

from __future__ import annotations

import json
import zlib
from typing import Any, Hashable, Mapping, Sequence

NOT_DEFINING = {"name", "sweep", "output", "cluster", "compare", "metrics", "replay", "engine", "products", "train.test_first"}
LATER = {"conv2d": ("padding", "dilation", 1)}  # by type of layer: a key that came after the first release, behind which one, its default
ABSENT = object()  # the run has no such value
UNKNOWN = object()  # its file does not tell: that differs from nothing


def defining_values(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that defines a run by dotted address; layers go by their names, a blob without quantizer has the method none."""
    values: dict[str, Any] = {}

    def add(value: Any, address: str) -> None:
        if address in NOT_DEFINING:
            return
        if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
            value = {item["name"]: _with_later_key(item) for item in value}
        if isinstance(value, dict):
            for key, below in value.items():
                is_quantizer = address.endswith(".quantize") and not isinstance(below, dict)
                add(below, (f"{address}.{key}" if address else str(key)) + (".method" if is_quantizer else ""))
        else:
            values[address] = json.dumps(value) if isinstance(value, list) else value

    add(dict(config), "")
    return values


def _with_later_key(layer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a layer as files have it today; those of an earlier release lack keys."""
    before, key, default = LATER.get(layer.get("type", ""), ("", "", None))
    if before not in layer or key in layer:
        return layer
    return {name: value for own, below in layer.items() for name, value in ((own, below), *([(key, default)] if own == before else []))}


def network_hash(network: Mapping[str, Any]) -> str:
    """Return the eight hexadecimal digits that qrun's own tables have for a network, given as the defining values of one."""

    def canonical(value: Any) -> str:
        if value is None or isinstance(value, bool):
            return json.dumps(value)
        return value.replace('"', "") if isinstance(value, str) else f"{float(value):.17g}"

    lines = "".join(f"{address}: {canonical(value)}\n" for address, value in network.items())
    return f"{0xa0000000 + zlib.crc32(lines.encode()) % 0x60000000:08x}"  # a letter in front: no table reads a number


def columns(swept: Sequence[Mapping[str, Any]], configs: Sequence[Mapping[str, Any]], origins: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the cells of each run, all with the same addresses in the same order; None where a run has no value.

    Parameters
    ----------
    swept, configs, origins : sequences of mapping
        Of each run what was swept, its configuration, and its engine, products and hashes of data as the file has them.
    """
    flat = [defining_values(config) for config in configs]
    networks = [{a: v for a, v in values.items() if a.startswith("network.")} for values in flat]
    if len({tuple(a for a in network if a.endswith(".type")) for network in networks}) > 1:  # not all have the same layers
        for values, network in zip(flat, networks):
            for address in network:
                del values[address]
            values["network"] = network_hash(network)
    config_table = {address: [values.get(address, ABSENT) for values in flat] for address in _addresses(flat)}
    origin_table = {
        address: [values.get(address, UNKNOWN if address.endswith("hash") else ABSENT) for values in origins] for address in _addresses(origins)
    }
    chosen = {address: _swept_column(address, swept, config_table) for address in _addresses(swept)}
    told = {part for address in chosen for part in (address, _parent(address))}
    for address, column in {**config_table, **origin_table}.items():
        if address in chosen or not differs(column):
            continue
        if address != "seed" and _follows(column, chosen):
            if any(_all_repeat(column, choice) for name, choice in chosen.items() if name != "seed"):
                told.add(_parent(address))
                continue
            if _parent(address) in told and len({_key(v) for v in column} - {_key(ABSENT)}) == 1:  # a method's own key
                continue
        chosen[address] = column
        told |= {address, _parent(address)}
    return [{address: None if column[i] in (ABSENT, UNKNOWN) else column[i] for address, column in chosen.items()} for i in range(len(flat))]


def differs(column: Sequence[Any]) -> bool:
    """Return whether known values are not all the same."""
    return len({_key(value) for value in column if value is not UNKNOWN}) > 1


def _addresses(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(address for row in rows for address in row))


def _parent(address: str) -> str:
    return address.rpartition(".")[0] or address


def _key(value: Any) -> Hashable:
    return (isinstance(value, bool), value)


def _swept_column(address: str, swept: Sequence[Mapping[str, Any]], config_table: Mapping[str, Sequence[Any]]) -> list[Any]:
    """One that did not sweep a value has that of a run of the same configuration, or what its own configuration says."""
    varying = [column for name, column in config_table.items() if name != "seed" and differs(column)]
    nothing = all(column.count(ABSENT) == len(swept) for column in config_table.values())
    keys = [i if address == "seed" or nothing else tuple(_key(column[i]) for column in varying) for i in range(len(swept))]
    known: dict[Hashable, Any] = {}
    for key, values in zip(keys, swept):
        if address in values:
            known.setdefault(key, values[address])
    own = config_table[address] if address in config_table else _what_repeats([values.get(address, ABSENT) for values in swept], varying)
    return [values.get(address, known.get(key, value)) for values, key, value in zip(swept, keys, own)]


def _what_repeats(choice: Sequence[Any], varying: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """The value of a configuration that a variable stands for: it has each of its values, of which there are some."""
    places = [i for i, value in enumerate(choice) if value is not ABSENT]
    if len({_key(choice[i]) for i in places}) < 2:
        return choice
    return next((column for column in varying if all(column[i] == choice[i] for i in places)), choice)


def _follows(column: Sequence[Any], chosen: Mapping[str, Sequence[Any]]) -> bool:
    """Whether runs that agree in the columns so far, the seed apart, agree in this one."""
    known: dict[Hashable, Any] = {}
    for i, value in enumerate(column):
        group = tuple(_key(other[i]) for name, other in chosen.items() if name != "seed")
        if value is not UNKNOWN and known.setdefault(group, _key(value)) != _key(value):
            return False
    return True


def _all_repeat(column: Sequence[Any], choice: Sequence[Any]) -> bool:
    return all(value in (ABSENT, UNKNOWN) or _repeats(value, swept) for value, swept in zip(column, choice))


def _repeats(value: Any, swept: Any) -> bool:
    """Whether a value is the swept one: the same, in other words, with something around it, or a part of a swept map."""
    if swept in (ABSENT, UNKNOWN):
        return False
    if value == swept:
        return True
    if isinstance(swept, str) and swept.startswith(("{", "[")):
        return str(value) in swept
    if not isinstance(value, str):
        return False
    plain = [str(text).lower().replace("_", "") for text in (value, swept)]
    return plain[0] == plain[1] or str(swept) in value
