"""Alembic's entry: works on the connection that contentcenter.store.migrate hands over."""

from __future__ import annotations

from alembic import context

from contentcenter.store.base import Table

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Table.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
