"""Faults of how it is sent: slowly, in part, too much of it, refused, or not at all."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from torghut.adapters.endpoint.answering import good_content
from torghut.adapters.endpoint.chat import completion, http_response, json_body
from torghut.adapters.endpoint.faults.exchange import Exchange, Fault

_OVERSIZED: Final = 2 * 1024 * 1024
_BOMB: Final = 8 * 1024 * 1024
_SLOW_MS: Final = 300
_DRIP_MS: Final = 50
_NEVER_MS: Final = 3_600_000
_HTML: Final = b"<html><body><h1>502 Bad Gateway</h1><hr>nginx</body></html>"
_INTERNAL: Final = "http://169.254.169.254/latest/meta-data/"
_ABSURD_S: Final = "31536000"
_APART_S: Final = 0.02
"""After which a second piece is not read together with the first."""


def _refuses(status: int, body: bytes = b"", **headers: str) -> Fault:
    """Return a fault that answers with another status."""
    told = body or json_body({"error": {"message": "no", "type": "fault", "code": str(status)}})
    kind = "text/html" if body.startswith(b"<") else "application/json"
    more = [(name.replace("_", "-"), value) for name, value in headers.items()]

    async def fault(exchange: Exchange) -> None:
        await exchange.send(http_response(status, told, content_type=kind, headers=more))

    return fault


async def _good(exchange: Exchange) -> None:
    """Answer well."""
    content = good_content(exchange.request)
    if content is None:
        await exchange.send(http_response(404, json_body({"error": {"message": "unknown step"}})))
        return
    await exchange.answer(completion(content, exchange.request))


async def _slow(exchange: Exchange) -> None:
    """Answer well, later."""
    await exchange.pause(_SLOW_MS)
    await exchange.answer(completion(exchange.good, exchange.request))


async def _slow_headers(exchange: Exchange) -> None:
    """Send one header line after the other, each later."""
    for line in _whole(exchange).partition(b"\r\n\r\n")[0].split(b"\r\n"):
        await exchange.send(line + b"\r\n")
        await exchange.pause(_SLOW_MS)


async def _drip(exchange: Exchange) -> None:
    """Send a good answer byte by byte: no read ever waits long."""
    for byte in _whole(exchange):
        await exchange.send(bytes([byte]))
        await exchange.pause(_DRIP_MS)


async def _hang(exchange: Exchange) -> None:
    """Say nothing at all."""
    await exchange.pause(_NEVER_MS)


async def _hang_in_body(exchange: Exchange) -> None:
    """Say half of a good answer, then nothing."""
    whole = _whole(exchange)
    await exchange.send(whole[: -len(exchange.good) // 2])
    await exchange.pause(_NEVER_MS)


async def _reset(exchange: Exchange) -> None:
    """Reset the connection instead of answering."""
    exchange.reset()


async def _reset_in_body(exchange: Exchange) -> None:
    """Reset the connection in the middle of a good answer."""
    await exchange.send(_whole(exchange)[:200])
    exchange.reset()


async def _close(_: Exchange) -> None:
    """Close the connection instead of answering."""


async def _drop_in_body(exchange: Exchange) -> None:
    """Close the connection in the middle of a good answer."""
    await exchange.send(_whole(exchange)[:-20])


async def _drop_in_chunk(exchange: Exchange) -> None:
    """Close the connection in the middle of a chunk."""
    await exchange.send(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        b"ffff\r\n" + json_body(completion(exchange.good, exchange.request))[:100]
    )


async def _broken_chunk(exchange: Exchange) -> None:
    """Send a chunk, and then what is none."""
    await exchange.send(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        b"1\r\n{\r\n"
    )
    await asyncio.sleep(_APART_S)
    await exchange.send(b"zz\r\n")
    await exchange.pause(_NEVER_MS)


async def _no_content(exchange: Exchange) -> None:
    """Succeed with nothing, as HTTP knows it."""
    await exchange.send(http_response(204, b""))


async def _length_short(exchange: Exchange) -> None:
    """Announce fewer bytes than come."""
    body = json_body(completion(exchange.good, exchange.request))
    await exchange.send(http_response(200, body, length=len(body) // 2))


async def _length_long(exchange: Exchange) -> None:
    """Announce more bytes than come."""
    body = json_body(completion(exchange.good, exchange.request))
    await exchange.send(http_response(200, body, length=2 * len(body)))


async def _length_absurd(exchange: Exchange) -> None:
    """Announce a terabyte."""
    body = json_body(completion(exchange.good, exchange.request))
    await exchange.send(http_response(200, body, length=2**40))


async def _oversized(exchange: Exchange) -> None:
    """Answer with more than anybody should read."""
    padded = json_body(completion("x" * _OVERSIZED, exchange.request))
    await exchange.send(http_response(200, padded))


async def _endless(exchange: Exchange) -> None:
    """Answer without an end, as fast as it is read."""
    await exchange.send(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
    )
    while True:
        await exchange.send(b" " * 65_536)
        await asyncio.sleep(0)


async def _bomb(exchange: Exchange) -> None:
    """Answer with little that unpacks to very much."""
    packed = gzip.compress(b" " * _BOMB)
    await exchange.send(http_response(200, packed, headers=[("content-encoding", "gzip")]))


async def _packed(exchange: Exchange) -> None:
    """Answer well but packed, which nobody asked for."""
    body = gzip.compress(json_body(completion(exchange.good, exchange.request)))
    await exchange.send(http_response(200, body, headers=[("content-encoding", "gzip")]))


async def _wrong_type(exchange: Exchange) -> None:
    """Call a good answer HTML."""
    body = json_body(completion(exchange.good, exchange.request))
    await exchange.send(http_response(200, body, content_type="text/html"))


async def _no_http(exchange: Exchange) -> None:
    """Speak another protocol."""
    await exchange.send(b"220 mail.example ESMTP ready\r\n")


async def _many_headers(exchange: Exchange) -> None:
    """Send headers without an end."""
    await exchange.send(b"HTTP/1.1 200 OK\r\n" + b"x-padding: " + b"y" * _OVERSIZED + b"\r\n")


async def _redirect_to_itself(exchange: Exchange) -> None:
    """Send the client round in a circle."""
    location = [("location", f"{exchange.here}/v1/chat/completions")]
    await exchange.send(http_response(307, b"", headers=location))


async def _not_utf8(exchange: Exchange) -> None:
    """Answer in an encoding that JSON does not have."""
    body = json_body(completion(exchange.good, exchange.request)).replace(b"chatcmpl", b"\xff\xfe")
    await exchange.send(http_response(200, body))


async def _marked(exchange: Exchange) -> None:
    """Put a byte order mark before the answer."""
    body = b"\xef\xbb\xbf" + json_body(completion(exchange.good, exchange.request))
    await exchange.send(http_response(200, body))


async def _not_json(exchange: Exchange) -> None:
    """Answer with text around the protocol's JSON."""
    body = b"data: " + json_body(completion(exchange.good, exchange.request))
    await exchange.send(http_response(200, body))


async def _repeated_key(exchange: Exchange) -> None:
    """Name the choices twice."""
    body = json_body(completion(exchange.good, exchange.request))
    await exchange.send(http_response(200, b'{"choices":[],' + body[1:]))


def _whole(exchange: Exchange) -> bytes:
    """Return a good answer as it is sent."""
    return http_response(200, json_body(completion(exchange.good, exchange.request)))


SENT: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        "good": _good,
        "slow": _slow,
        # How it is refused
        "status-204": _no_content,
        "status-400": _refuses(400),
        "status-401": _refuses(401),
        "status-403": _refuses(403),
        "status-404": _refuses(404),
        "status-408": _refuses(408),
        "status-422": _refuses(422),
        "status-429": _refuses(429, retry_after="1"),
        "status-429-absurd": _refuses(429, retry_after=_ABSURD_S),
        "status-500": _refuses(500),
        "status-502-html": _refuses(502, _HTML),
        "status-503": _refuses(503, retry_after=_ABSURD_S),
        "redirect-internal": _refuses(302, location=_INTERNAL),
        "redirect-circle": _redirect_to_itself,
        # How it is sent
        "hang": _hang,
        "hang-in-body": _hang_in_body,
        "slow-headers": _slow_headers,
        "drip": _drip,
        "reset": _reset,
        "reset-in-body": _reset_in_body,
        "close": _close,
        "drop-in-body": _drop_in_body,
        "drop-in-chunk": _drop_in_chunk,
        "broken-chunk": _broken_chunk,
        "length-short": _length_short,
        "length-long": _length_long,
        "length-absurd": _length_absurd,
        "oversized": _oversized,
        "endless": _endless,
        "gzip-bomb": _bomb,
        "gzip": _packed,
        "wrong-content-type": _wrong_type,
        "repeated-key": _repeated_key,
        "not-json": _not_json,
        "not-utf8": _not_utf8,
        "byte-order-mark": _marked,
        "no-http": _no_http,
        "endless-headers": _many_headers,
    }
)
"""Good answers, and faults of how they are sent, by name."""
