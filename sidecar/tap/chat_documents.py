"""The chat API's own field `documents`, which chat templates print, read as retrieved documents."""

from typing import Any

_TEXTS = ("text", "contents", "content")
_IDS = ("id", "doc_id")


def as_attention(documents: Any) -> list[dict[str, Any]] | None:
    """The same as `attention.documents`, not yet validated; None where the form is unknown.

    A document without an id is called by its number from 0, and all are when ids repeat. One
    without text keeps an empty one, so that it is counted as declared and not found.

    >>> as_attention([{"title": "Turing", "text": "Alan Turing was ..."}])
    [{'id': '0', 'text': 'Alan Turing was ...'}]
    """
    if not isinstance(documents, list) or not all(isinstance(item, dict) for item in documents):
        return None
    ids = [_first(item, _IDS, str(number)) for number, item in enumerate(documents)]
    if len(set(map(str, ids))) < len(ids):
        ids = [str(number) for number in range(len(ids))]
    texts = [_first(item, _TEXTS, "") for item in documents]
    return [{"id": id_, "text": text} for id_, text in zip(ids, texts, strict=True)]


def _first(item: dict[str, Any], names: tuple[str, ...], default: str) -> Any:
    return next((item[name] for name in names if item.get(name) is not None), default)
