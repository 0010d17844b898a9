"""One path leads to a model: the programs of DSPy, and below them one bounded HTTP client."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from tests.architecture.tree import SOURCE, modules

MODELS: Final = frozenset(
    {
        *("anthropic", "boto3", "cohere", "dspy", "fireworks", "genai", "groq", "guidance"),
        *("huggingface_hub", "instructor", "langchain", "langchain_core", "litellm", "llama_cpp"),
        *("llama_index", "mistralai", "ollama", "openai", "replicate", "semantic_kernel"),
        *("sglang", "together", "transformers", "vertexai", "vllm"),
    }
)
"""Libraries that ask a language model."""

REQUESTS: Final = frozenset(
    {
        *("aiohttp", "ftplib", "grpc", "http.client", "httpcore", "httpx", "pycurl", "requests"),
        *("smtplib", "telnetlib", "urllib.request", "urllib3", "xmlrpc"),
    }
)
"""Libraries that ask a server of anybody's choice."""

ADAPTER: Final = "adapters/dspy/"
CLIENT: Final = "adapters/reasoning/calling.py"
OWN_API: Final = "adapters/http/posting.py"
"""Hands control records to the loop's own interface, and speaks to no other server."""


def asks(tree: ast.Module, libraries: frozenset[str]) -> Iterator[str]:
    """Yield which of ``libraries`` a module imports anywhere, by a statement or by its name."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found = [one.name for one in names]
            case ast.ImportFrom(module=str(name), names=names):
                found = [name, *(f"{name}.{one.name}" for one in names)]
            case ast.Call(func=ast.Attribute(attr="import_module") | ast.Name(id="__import__")):
                found = [str(one.value) for one in node.args if isinstance(one, ast.Constant)]
            case _:
                continue
        for one in found:
            pieces = one.split(".")
            starts = {".".join(pieces[:length]) for length in range(1, len(pieces) + 1)}
            yield from starts & libraries


def importers(libraries: frozenset[str]) -> Mapping[str, frozenset[str]]:
    """Return the modules that import any of ``libraries``, and which."""
    found = {
        one.path.relative_to(SOURCE).as_posix(): frozenset(asks(one.tree, libraries))
        for one in modules()
    }
    return {place: named for place, named in found.items() if named}


def check_one_path() -> None:
    """Check that nothing but the one path imports what asks a model, or any server."""
    models, requests = importers(MODELS), importers(REQUESTS)
    assert set().union(*models.values()) == {"dspy"}
    assert [place for place in models if not place.startswith(ADAPTER)] == []
    assert requests == {CLIENT: {"aiohttp"}, OWN_API: {"http.client"}}


def test_nothing_else_imports_what_asks_a_model_or_any_server() -> None:
    check_one_path()


@pytest.mark.parametrize(
    "planted",
    [
        "import openai",
        "from litellm import completion",
        "def f():\n    import dspy.clients",
        "importlib.import_module('anthropic')",
        "__import__('transformers')",
    ],
)
def test_planted_way_to_a_model_is_found(planted: str) -> None:
    assert list(asks(ast.parse(planted), MODELS)) != []


@pytest.mark.parametrize(
    "planted",
    [
        "import httpx",
        "from http import client",
        "import urllib.request",
        "from urllib import request",
    ],
)
def test_planted_way_to_a_server_is_found(planted: str) -> None:
    assert list(asks(ast.parse(planted), REQUESTS)) != []


@pytest.mark.parametrize(
    "harmless", ["from http import HTTPStatus", "from urllib.parse import urlsplit"]
)
def test_what_only_names_things_of_the_protocol_asks_nobody(harmless: str) -> None:
    assert list(asks(ast.parse(harmless), REQUESTS)) == []
