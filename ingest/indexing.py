"""The search index kept in step with the store.

SQL is the truth, the index a copy: `items.version` is what the index should hold,
`items.indexed_version` what it was last given (0: nothing). Whatever goes wrong between the
two leaves them different, and the sweep finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from contentcenter.clock import Clock
from contentcenter.documents import make_document
from contentcenter.domain.content import INDEXED_STATES
from contentcenter.domain.errors import EngineUnavailable, InvalidInput, ModelMismatch
from contentcenter.domain.facts import ItemChanged
from contentcenter.embedding.items import embed, texts_of
from contentcenter.embedding.ports import Embedder, Vectors
from contentcenter.search.ports import Filters, IndexDocument, IndexRebuild, SearchIndex
from contentcenter.store import outbox, watch
from contentcenter.store.cards import ItemCard, load_items
from contentcenter.store.database import Database
from contentcenter.store.tables import ItemRow
from contentcenter.store.tables.content import OUT_OF_STEP
from contentcenter.text.analysis import Analyser
from ingest.vectors import load_vectors, store_passages

log = structlog.get_logger()
BATCH = 256
_CHUNK = 500


@dataclass(frozen=True)
class IndexCheck:
    """How far index and store are apart. `requeued` items were told to be indexed again."""

    expected: int
    indexed: int
    out_of_step: int
    missing: int
    surplus: int
    requeued: int

    @property
    def in_step(self) -> bool:
        return not (self.out_of_step or self.missing or self.surplus)


class Indexer:
    """Puts ready and published items into the index and takes all others out."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        index: SearchIndex,
        embedder: Embedder,
        analyser: Analyser,
    ) -> None:
        self._db = db
        self._clock = clock
        self._index = index
        self._embedder = embedder
        self._analyser = analyser

    def index(self, item_ids: Sequence[int], *, force: bool = False) -> int:
        """Bring these items in step; returns how many were put or removed.

        Items whose index row is already right are skipped, unless forced. Raises
        `EngineUnavailable` when index or embedder is away, `ModelMismatch` when the index
        holds vectors of another model: then `index rebuild` makes a new one.
        """
        done = 0
        ids = list(dict.fromkeys(item_ids))
        for start in range(0, len(ids), BATCH):
            done += self._index_batch(ids[start : start + BATCH], force)
        return done

    def _index_batch(self, ids: Sequence[int], force: bool) -> int:
        with self._db.reading() as session:
            state = {
                row.id: (row.version, row.indexed_version)
                for row in session.execute(
                    select(ItemRow.id, ItemRow.version, ItemRow.indexed_version).where(
                        ItemRow.id.in_(ids)
                    )
                )
            }
            cards = load_items(session, ids)
        shown = {key: card for key, card in cards.items() if card.state in INDEXED_STATES}
        stale = [key for key in shown if force or state[key][0] != state[key][1]]
        gone = [key for key in ids if key not in shown and (force or state.get(key, (0, 1))[1])]
        if stale:
            self._same_model()
            self._index.put(self.documents({key: shown[key] for key in stale}))
        if gone:
            self._index.remove(gone)
        self._mark({key: shown[key].version for key in stale} | dict.fromkeys(gone, 0))
        return len(stale) + len(gone)

    def documents(self, cards: Mapping[int, ItemCard]) -> list[IndexDocument]:
        """Index documents with vectors of the embedder's model; missing ones are made."""
        vectors = self._vectors(cards)
        self._learn(cards.values())
        return [
            make_document(card, vectors.get(key), self._analyser) for key, card in cards.items()
        ]

    def _vectors(self, cards: Mapping[int, ItemCard]) -> dict[int, Vectors]:
        identity = self._embedder.identity()
        with self._db.reading() as session:
            vectors = load_vectors(session, list(cards), identity)
        texts = {
            key: texts_of(card.title, card.text)
            for key, card in cards.items()
            if key not in vectors
        }
        fresh, _ = embed(self._embedder, texts)
        if fresh:
            with self._db.transaction() as session:
                store_passages(session, fresh, identity)
        return vectors | {key: embedded.item for key, embedded in fresh.items()}

    def _learn(self, cards: Iterable[ItemCard]) -> None:
        """Titles and tags become words, so that documents and questions split alike."""
        words: dict[str, None] = {}
        for card in cards:
            words.update(dict.fromkeys(card.tag_names))
            words.update(dict.fromkeys(book.title for book in card.books))
        self._analyser.learn(words)

    def _mark(self, versions: Mapping[int, int]) -> None:
        if not versions:
            return
        with self._db.transaction() as session:
            known = _known(session, list(versions))
            rows = [{"id": key, "indexed_version": versions[key]} for key in known]
            if rows:
                session.execute(update(ItemRow), rows)

    def _same_model(self) -> None:
        """Bind a new index to the embedder's model; refuse to mix it with another one's.

        Two models of equal dimension would go unnoticed by the index itself.
        """
        held, asked = self._index.stats(), self._embedder.identity()
        if held.model == asked:
            return
        if held.model is None and self._was_filled():
            raise EngineUnavailable(
                "The search index was thrown away or lost; it is filled anew from the store first.",
                after_seconds=30,
            )
        if held.model is not None:
            raise ModelMismatch(
                f"The index holds vectors of {held.model}, the configured model is {asked}; "
                "run `flask --app wsgi index rebuild` to embed everything with it",
                index=str(held.model),
                configured=str(asked),
            )
        with self._index.rebuild(asked) as target:
            target.commit()

    def lost(self) -> bool:
        """Whether the index is a new one though the store remembers a filled one: its folder
        is gone, or its files were of an older format. Only a rebuild helps; until then single
        items are refused, or the index would look whole with the few items put into it."""
        return self._index.stats().model is None and self._was_filled()

    def _was_filled(self) -> bool:
        with self._db.reading() as session:
            query = select(ItemRow.id).where(ItemRow.indexed_version > 0).limit(1)
            return session.scalar(query) is not None

    def rebuild(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Fill a new index from the store and switch to it; returns how many items it holds.

        Readers use the old one until the switch. Items of another embedding model are
        embedded anew on the way. Items that the engine will not take stay out of step.
        """
        with self._db.reading() as session:
            total = watch.items_to_index(session)
        began, done, after = self._clock.now(), 0, 0
        versions: dict[int, int] = {}
        with self._index.rebuild(self._embedder.identity()) as target:
            while cards := self._next_cards(after):
                refused = _put_all(target, self.documents(cards))
                versions.update(
                    {key: card.version for key, card in cards.items() if key not in refused}
                )
                done, after = done + len(cards), max(cards)
                if progress is not None:
                    progress(done, total)
            target.commit()
        self._mark_rebuilt(versions)
        self._forget_marks(began)
        return len(versions)

    def _next_cards(self, after: int) -> dict[int, ItemCard]:
        with self._db.reading() as session:
            query = (
                select(ItemRow.id)
                .where(ItemRow.id > after, ItemRow.state.in_(INDEXED_STATES))
                .order_by(ItemRow.id)
                .limit(BATCH)
            )
            return load_items(session, list(session.scalars(query)))

    def _mark_rebuilt(self, versions: Mapping[int, int]) -> None:
        """Items that changed meanwhile keep their mark: it tells what the live index was
        given, and that was carried over."""
        ids = sorted(versions)
        for start in range(0, len(ids), _CHUNK):
            part = ids[start : start + _CHUNK]
            with self._db.transaction() as session:
                rows = session.execute(
                    select(ItemRow.id, ItemRow.version).where(ItemRow.id.in_(part))
                )
                same = [row.id for row in rows if row.version == versions[row.id]]
                session.execute(
                    update(ItemRow)
                    .where(ItemRow.id.in_(same))
                    .values(indexed_version=ItemRow.version)
                )

    def _forget_marks(self, began: datetime) -> None:
        """Items that were not shown all the while are not in the new index either."""
        with self._db.transaction() as session:
            session.execute(
                update(ItemRow)
                .where(
                    ItemRow.state.not_in(INDEXED_STATES),
                    ItemRow.indexed_version != 0,
                    ItemRow.updated_at < began,
                )
                .values(indexed_version=0)
            )

    def behind(self) -> int:
        """How many items the index holds differently than the store."""
        with self._db.reading() as session:
            return watch.out_of_step(session).count

    def check(self, limit: int = 5_000) -> IndexCheck:
        """Compare index and store, and tell up to `limit` items that are out of step to be
        indexed again. Cheap when the counts agree."""
        with self._db.reading() as session:
            expected = set(
                session.scalars(select(ItemRow.id).where(ItemRow.state.in_(INDEXED_STATES)))
            )
            stale = set(session.scalars(select(ItemRow.id).where(OUT_OF_STEP)))
        held = self._index.stats().documents
        missing: set[int] = set()
        surplus: set[int] = set()
        if held != len(expected - stale):
            inside = set(self._index.select(Filters(), max(held, 1)))
            missing, surplus = expected - inside, inside - expected
        wanted = sorted(stale | missing | surplus)[:limit]
        self._tell_again(wanted)
        return IndexCheck(len(expected), held, len(stale), len(missing), len(surplus), len(wanted))

    def _tell_again(self, ids: Sequence[int]) -> None:
        """Forget what the index was given, so that the job does not skip them. -1 is no
        version: it differs from every one, and from "not in the index"."""
        for start in range(0, len(ids), _CHUNK):
            part = ids[start : start + _CHUNK]
            with self._db.transaction() as session:
                session.execute(
                    update(ItemRow).where(ItemRow.id.in_(part)).values(indexed_version=-1)
                )
                for key in _known(session, part):
                    outbox.record(session, ItemChanged(key), self._clock.now())
            with self._db.reading() as session:
                known = _known(session, part)
            self._index.remove([key for key in part if key not in known])


def _put_all(target: IndexRebuild, documents: Sequence[IndexDocument]) -> set[int]:
    """As one batch; when the engine refuses something in it, one by one. Returns the refused
    ones."""
    try:
        target.put(documents)
    except InvalidInput as error:
        if len(documents) > 1:
            return {key for one in documents for key in _put_all(target, [one])}
        log.warning("document_refused", item_id=documents[0].id, reason=error.message)
        return {documents[0].id}
    return set()


def _known(session: Session, ids: Sequence[int]) -> set[int]:
    found: set[int] = set()
    for start in range(0, len(ids), _CHUNK):
        query = select(ItemRow.id).where(ItemRow.id.in_(ids[start : start + _CHUNK]))
        found.update(session.scalars(query))
    return found
