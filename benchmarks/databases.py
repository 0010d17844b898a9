"""Databases to measure on, of a server that was started for it."""

from __future__ import annotations

import asyncio
import secrets

import asyncpg

from ops.servers.database import DatabaseServer


def new_database(server: DatabaseServer) -> str:
    """Return the address of a new database."""
    name = f"bench_{secrets.token_hex(4)}"

    async def make() -> None:
        connection = await asyncpg.connect(server.url())
        await connection.execute(f'CREATE DATABASE "{name}"')
        await connection.close()

    asyncio.run(make())
    return server.url(name)
