"""Central's pages over a database of the test's own, at a free port."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from central.database import Database
from central.web.app import create_app, serve
from central.web.office import Office

from ..waiting import free_ports


class Served:
    """Who inherits makes an office over its `database`, and shows it."""

    database: Database

    def show(self, office: Office) -> None:
        self._app = create_app(office, "secret")
        (self._port,) = free_ports(1)

    @contextmanager
    def served(self) -> Iterator[Self]:
        with serve(f"127.0.0.1:{self._port}", self._app):
            yield self
        self.database.close()

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self._port}{path}"
