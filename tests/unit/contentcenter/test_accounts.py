from __future__ import annotations

from datetime import timedelta

import pytest

from contentcenter.accounts import AccountService
from contentcenter.clock import FixedClock
from contentcenter.domain.errors import Conflict, InvalidInput, NotAuthenticated, NotFound
from contentcenter.domain.roles import Role, Scope
from contentcenter.floor import Floor


@pytest.fixture
def accounts(floor: Floor) -> AccountService:
    service = AccountService(floor.db, floor.clock)
    service.create_user("wang", "correct horse", Role.EDITOR, "test")
    return service


def test_the_right_password_signs_in_with_the_roles_scopes(accounts: AccountService) -> None:
    account = accounts.sign_in("wang", "correct horse")
    assert account.role is Role.EDITOR
    assert account.may(Scope.APPROVE)
    assert not account.may(Scope.ADMIN)


@pytest.mark.parametrize(("name", "password"), [("wang", "wrong horse!"), ("nobody", "whatever!!")])
def test_wrong_halves_answer_alike(accounts: AccountService, name: str, password: str) -> None:
    with pytest.raises(NotAuthenticated, match="用户名或密码不正确"):
        accounts.sign_in(name, password)


def test_misses_make_the_next_try_wait_and_time_heals(
    accounts: AccountService, clock: FixedClock
) -> None:
    for _ in range(3):
        with pytest.raises(NotAuthenticated, match="不正确"):
            accounts.sign_in("wang", "wrong horse!")
    with pytest.raises(NotAuthenticated, match="秒后再试"):
        accounts.sign_in("wang", "correct horse")
    clock.advance(timedelta(seconds=10))
    assert accounts.sign_in("wang", "correct horse").name == "wang"


def test_a_short_password_a_bad_name_and_a_taken_name_are_refused(accounts: AccountService) -> None:
    with pytest.raises(InvalidInput, match="密码"):
        accounts.create_user("li", "short", Role.VIEWER, "test")
    with pytest.raises(InvalidInput, match="用户名"):
        accounts.create_user("王 二", "long enough pw", Role.VIEWER, "test")
    with pytest.raises(Conflict):
        accounts.create_user("wang", "long enough pw", Role.VIEWER, "test")


def test_a_new_password_ends_the_sessions(accounts: AccountService) -> None:
    before = accounts.sign_in("wang", "correct horse")
    accounts.set_password("wang", "battery staple", "test")
    after = accounts.user(before.id)
    assert after is not None
    assert after.session_epoch == before.session_epoch + 1
    with pytest.raises(NotAuthenticated):
        accounts.sign_in("wang", "correct horse")
    with pytest.raises(NotFound):
        accounts.set_password("nobody", "battery staple", "test")


def test_a_key_is_known_by_its_secret_until_it_is_revoked(accounts: AccountService) -> None:
    secret = accounts.create_key("app", [Scope.READ, Scope.EVENTS], "test")
    found = accounts.find_key(secret)
    assert found.scopes == {Scope.READ, Scope.EVENTS}
    (row,) = accounts.keys()
    assert secret not in {row.sha256, row.prefix}
    assert row.last_used_at is not None
    accounts.revoke_key(row.id, "test")
    with pytest.raises(NotAuthenticated):
        accounts.find_key(secret)


def test_the_language_is_one_we_speak(accounts: AccountService) -> None:
    user = accounts.sign_in("wang", "correct horse")
    accounts.set_language(user.id, "en")
    again = accounts.user(user.id)
    assert again is not None
    assert again.language == "en"
    with pytest.raises(InvalidInput):
        accounts.set_language(user.id, "fr")
