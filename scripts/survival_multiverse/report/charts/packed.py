"""Blocks of the page's data: compressed, and unpacked in the browser when they are needed."""

import base64
import gzip
import json

from markupsafe import Markup


def packed(value: object) -> Markup:
    """Return JSON, compressed and in base64: no character in it can end a script element.

    Equal values give equal bytes: the compressed block holds no time.
    """
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode())


def unpacked(block: str) -> object:
    """Return the value of a block."""
    return json.loads(gzip.decompress(base64.b64decode(block)))
