"""The room's commands, run as an administrator would."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskCliRunner

from contentcenter.floor import Floor
from ingest.ext import build_services
from wsgi import create_app

LIST = (
    "书号,书名,定价,内容简介\n9787536692930,三体,23.00,一台天线收到了不该有的回信。\n,没有书号,,\n"
)


@pytest.fixture
def runner(floor: Floor) -> FlaskCliRunner:
    return create_app(floor=floor).test_cli_runner()


def test_a_list_is_imported_with_its_row_report(runner: FlaskCliRunner, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(LIST, encoding="utf-8")
    done = runner.invoke(args=["items", "import", str(file), "--source", "书商"])
    assert done.exit_code == 0, done.output
    assert "新增 1" in done.output
    assert "第 3 行" in done.output
    assert "received" in runner.invoke(args=["items", "status"]).output


def test_an_unreadable_file_is_an_error_of_the_command(
    runner: FlaskCliRunner, tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(b"")
    done = runner.invoke(args=["items", "import", str(file), "--source", "书商"])
    assert done.exit_code == 1
    assert "空" in done.output


def test_a_source_is_trusted_and_no_longer(runner: FlaskCliRunner, floor: Floor) -> None:
    sources = build_services(floor).sources
    assert runner.invoke(args=["items", "trust", "书商"]).exit_code == 0
    assert [(one.name, one.trusted) for one in sources.list()] == [("书商", True)]
    assert runner.invoke(args=["items", "trust", "书商", "--off"]).exit_code == 0
    assert [one.trusted for one in sources.list()] == [False]
    assert runner.invoke(args=["items", "trust", " "]).exit_code == 1


def test_an_empty_index_is_rebuilt_and_checked(runner: FlaskCliRunner) -> None:
    assert runner.invoke(args=["index", "rebuild"]).exit_code == 0
    assert runner.invoke(args=["index", "check"]).exit_code == 0
