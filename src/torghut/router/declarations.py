"""Router declarations: text in, typed values out."""

from __future__ import annotations

from pydantic import TypeAdapter

from torghut.schemas.declarations.router import ExpertDeclaration, RouterPolicy
from torghut.schemas.declarations.text import parse

_EXPERT: TypeAdapter[ExpertDeclaration] = TypeAdapter(ExpertDeclaration)
_POLICY: TypeAdapter[RouterPolicy] = TypeAdapter(RouterPolicy)


def parse_expert(text: str, *, file: str) -> ExpertDeclaration:
    """Return the expert that ``text`` declares.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    return parse(_EXPERT, text, file=file)


def parse_router_policy(text: str, *, file: str) -> RouterPolicy:
    """Return the router policy that ``text`` declares.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    return parse(_POLICY, text, file=file)
