"""The part of the chat completions protocol that the reasoning path speaks, as bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from torghut.kernel.canonical import JsonObject, JsonRefusedError, parse_json_object

_REASONS: Final = {
    200: "OK",
    204: "No Content",
    302: "Found",
    307: "Temporary Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    413: "Content Too Large",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}
_CREATED: Final = 1_700_000_000
"""One time for all answers: the same request gets the same bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A request as far as it is looked at.

    Attributes:
        path: Of the request line.
        token: The bearer token that it carries; empty without one.
        model: That is asked for; empty if it is no completion.
        messages: Role and text of each.
        schema: Name of the JSON schema that the answer is to fit; empty without one.
    """

    path: str
    token: str = field(repr=False)
    model: str
    messages: Sequence[tuple[str, str]]
    schema: str

    @property
    def authorised(self) -> bool:
        """Whether it carries a bearer token."""
        return bool(self.token)


def read_request(path: str, headers: Mapping[str, str], body: bytes) -> ChatRequest:
    """Return a request, whatever its body is."""
    try:
        said = parse_json_object(body)
    except JsonRefusedError:
        said = {}
    messages = said.get("messages")
    found = [
        (str(one.get("role")), content)
        for one in (messages if isinstance(messages, list) else ())
        if isinstance(one, dict) and isinstance(content := one.get("content"), str)
    ]
    return ChatRequest(
        path=path,
        token=_token(headers.get("authorization", "")),
        model=str(said.get("model", "")),
        messages=found,
        schema=_schema(said),
    )


def completion(
    content: str | None, request: ChatRequest, *, finish: str = "stop"
) -> dict[str, object]:
    """Return a whole chat completion with one choice."""
    asked = sum(len(text) for _, text in request.messages) // 4
    answered = len(content or "") // 4
    return {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": _CREATED,
        "model": request.model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, "refusal": None},
                "finish_reason": finish,
            }
        ],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": answered,
            "total_tokens": asked + answered,
        },
    }


def json_body(value: object) -> bytes:
    """Return ``value`` as JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


def http_response(
    status: int,
    body: bytes,
    *,
    content_type: str = "application/json",
    length: int | None = None,
    headers: Sequence[tuple[str, str]] = (),
    stays: bool = False,
) -> bytes:
    """Return a whole HTTP/1.1 response.

    Args:
        status: Of the response.
        body: As it is sent.
        content_type: Of the body.
        length: That the header says; None: the truth.
        headers: More of them.
        stays: Whether the connection may be used again.
    """
    said = len(body) if length is None else length
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}",
        f"content-type: {content_type}",
        f"content-length: {said}",
        f"connection: {'keep-alive' if stays else 'close'}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _token(header: str) -> str:
    """Return the bearer token of a header; empty without one."""
    scheme, _, token = header.partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _schema(said: JsonObject) -> str:
    """Return the name of the schema that a request names."""
    wanted = said.get("response_format")
    if not isinstance(wanted, dict):
        return ""
    named = wanted.get("json_schema")
    return str(named.get("name", "")) if isinstance(named, dict) else ""
