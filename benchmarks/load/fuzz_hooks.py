"""What schemathesis is told while it fuzzes: names that exist, so that it gets beyond the 404.

Loaded by schemathesis itself (``SCHEMATHESIS_HOOKS``); the file that ``PRICEBID_FUZZ`` names says what there is.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from zlib import crc32

import schemathesis

LIVE: dict[str, list[str]] = json.loads(Path(os.environ["PRICEBID_FUZZ"]).read_text(encoding="utf8"))
_OFTEN = 4  # of 5 generated names become one that exists
_LONGEST = 60  # what is too long on purpose stays so, or a request said to be wrong would be right


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:  # noqa: ANN401
    """Put names that exist in the place of most that were made up; the shop itself is erased under made-up names only."""
    operation = context.operation
    if not path_parameters or (operation.method.upper() == "DELETE" and operation.path == "/v1/shops/{shop}"):
        return path_parameters
    seed = crc32(json.dumps(path_parameters, default=str, sort_keys=True).encode())
    if seed % 5 >= _OFTEN:
        return path_parameters
    found = dict(path_parameters)
    for name in found:
        known = LIVE.get("file" if name == "name" else name)
        if known:
            found[name] = known[seed // 5 % len(known)]
    return found


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:  # noqa: ANN401
    """Ask for offers, keywords and decisions that exist, in most of the items that were made up."""
    key, fields = {
        "/v1/shops/{shop}/quotes": ("items", ("sku", "region")),
        "/v1/shops/{shop}/bids/quotes": ("items", ("keyword", "campaign")),
        "/v1/shops/{shop}/feedback": ("events", ("decision_id",)),
    }.get(context.operation.path, ("", ()))
    if not (key and isinstance(body, dict) and isinstance(body.get(key), list)):
        return body
    return body | {key: [_known(one, fields, at) for at, one in enumerate(body[key])]}


def _known(item: Any, fields: tuple[str, ...], at: int) -> Any:  # noqa: ANN401
    if not isinstance(item, dict):
        return item
    changes = {
        name: LIVE[name][crc32(item[name].encode("utf8", "replace")) % len(LIVE[name])]
        for name in fields
        if isinstance(item.get(name), str) and at % 5 < _OFTEN and 0 < len(item[name]) <= _LONGEST
    }
    return item | changes
