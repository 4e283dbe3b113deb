"""`evaluate feed` and the commands of learned models, through the application."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskCliRunner

from recommend.evaluation import baselines
from recommend.models import ModelKind, ModelRegistry
from tests.fixtures.floor import FloorMaker
from tests.unit.recommend.collaborative.likes_world import TASTES, tastes
from wsgi import create_app

METHODS = ("popular", "item_knn", "als", "ease", "ours")


@pytest.fixture(autouse=True)
def small_als(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "ALS_SETTINGS", (baselines.AlsSettings(8, 5.0),))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Readers of four tastes; each item has the tag of its taste."""
    world = tastes(readers=200).matrix
    row = np.repeat(np.arange(200), np.diff(world.indptr))
    pairs = [f"u{user},b{item}" for user, item in zip(row, world.indices, strict=True)]
    test = [place for place in range(len(pairs)) if place % 6 == 0]
    kept = [pair for place, pair in enumerate(pairs) if place % 6]
    for name, rows in (("train", kept), ("test", [pairs[place] for place in test])):
        (tmp_path / f"{name}.csv").write_text("\n".join(["user,item", *rows]), encoding="utf-8")
    items = [json.dumps({"id": f"b{n}", "tags": [f"t{n % TASTES}"]}) for n in range(40)]
    (tmp_path / "items.jsonl").write_text("\n".join(items), encoding="utf-8")
    return tmp_path


@pytest.fixture
def runner(make_floor: FloorMaker) -> FlaskCliRunner:
    return create_app(floor=make_floor()).test_cli_runner()


def arguments(folder: Path, *more: str) -> list[str]:
    train, test = str(folder / "train.csv"), str(folder / "test.csv")
    return ["evaluate", "feed", "--train", train, "--test", test, "--k", "5", *more]


@pytest.mark.parametrize("described", [False, True])
def test_the_last_line_holds_the_measures_of_every_method(
    runner: FlaskCliRunner, files: Path, described: bool
) -> None:
    more = ["--items", str(files / "items.jsonl")] if described else []
    answer = runner.invoke(args=arguments(files, *more))
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout.splitlines()[-1])
    for method in METHODS:
        measures = found[method]
        assert 0.0 < measures["ndcg@5"] <= 1.0
        assert 0.0 < measures["recall@5"] <= 1.0
        assert 0.0 < measures["coverage"] <= 1.0
        assert {"novelty", "diversity", "train_seconds", "memory_mb", "peak_mb", "ms_per_user"} <= (
            set(measures)
        )
    assert found["ours"]["ndcg@5"] > 1.5 * found["popular"]["ndcg@5"]
    assert found["set"]["described_items"] == (40 if described else 0)
    gain = found["ours"]["ndcg@5"] / found["ease"]["ndcg@5"] - 1.0
    assert found["set"]["ours_over_ease"]["ndcg_percent"] == pytest.approx(100 * gain, abs=0.05)


def test_a_bad_file_and_strangers_only_say_what_to_mend(
    runner: FlaskCliRunner, files: Path
) -> None:
    (files / "test.csv").write_text("user,item\nstranger,b1\n", encoding="utf-8")
    answer = runner.invoke(args=arguments(files))
    assert answer.exit_code == 1
    assert "No reader of the test file" in answer.output
    (files / "train.csv").write_text("who,what\n1,2\n", encoding="utf-8")
    answer = runner.invoke(args=arguments(files))
    assert answer.exit_code == 1
    assert "train.csv: the header line has no column user" in answer.output


def test_cold_asks_for_what_the_new_items_say_of_themselves(
    runner: FlaskCliRunner, files: Path
) -> None:
    answer = runner.invoke(args=arguments(files, "--cold"))
    assert answer.exit_code == 1
    assert "--items" in answer.output


def test_versions_are_listed_promoted_and_rolled_back(make_floor: FloorMaker) -> None:
    floor = make_floor()
    registry = ModelRegistry(floor)
    for _ in range(2):
        registry.save(ModelKind.CO_READING, b"", {})
    runner = create_app(floor=floor).test_cli_runner()
    for version in ("1", "2"):
        answer = runner.invoke(args=["models", "promote", "co-reading", version])
        assert answer.exit_code == 0, answer.output
    assert (
        "version 1 serves again" in runner.invoke(args=["models", "roll-back", "co-reading"]).output
    )
    listed = runner.invoke(args=["models", "list"]).output.splitlines()
    states = [tuple(line.split("\t")[:3]) for line in listed]
    assert states == [("co_reading", "2", "candidate"), ("co_reading", "1", "active")]
    refused = runner.invoke(args=["models", "promote", "co-reading", "9"])
    assert (refused.exit_code, "no version 9" in refused.output) == (1, True)


def test_training_without_likes_says_so(runner: FlaskCliRunner) -> None:
    answer = runner.invoke(args=["models", "train", "co-reading"])
    assert answer.exit_code == 0, answer.output
    assert "only 0 likes yet" in answer.stderr
