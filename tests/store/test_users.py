"""People: what is added comes back, and only once."""

from dataclasses import replace

import pytest

from matcher.domain.people import Role
from matcher.errors import BadInput, IntegrityError
from tests.databases import both_engines
from tests.store.world import World, user

pytestmark = both_engines


def test_users_come_back_as_they_were_added(world: World) -> None:
    two_roles = replace(user("ada"), roles=frozenset({Role.ADMIN, Role.REVIEWER}))
    with world.work() as work:
        work.users.add(user("ben"), b"keys of ben")
        work.users.add(two_roles, b"keys of ada")
    with world.work(write=False) as work:
        assert work.users.get("ada") == two_roles
        assert list(work.users.all()) == [two_roles, user("ben")]
        assert work.users.count() == 2
        assert work.users.keys("ben") == b"keys of ben"
        assert work.users.get("eve") is None


def test_a_taken_name_is_bad_input(peopled: World) -> None:
    with peopled.work() as work, pytest.raises(BadInput, match="choose another name"):
        work.users.add(user("ada"), b"other keys")
    with peopled.work(write=False) as work:
        assert work.users.keys("ada") == b"wrapped keys of ada"


def test_suspending_and_restoring(peopled: World) -> None:
    for suspended in (True, False):
        with peopled.work() as work:
            work.users.set_suspended("cai", suspended)
        with peopled.work(write=False) as work:
            assert work.users.get("cai") == replace(user("cai"), suspended=suspended)
            assert work.users.get("dee") == user("dee")


def test_unknown_people_are_named(peopled: World) -> None:
    with peopled.work() as work:
        with pytest.raises(BadInput, match="no user eve"):
            work.users.keys("eve")
        with pytest.raises(BadInput, match="no user eve"):
            work.users.set_suspended("eve", True)


def test_a_user_without_a_role_is_not_trusted(peopled: World) -> None:
    peopled.raw("DROP TRIGGER user_roles_never_removed", "DELETE FROM user_roles WHERE name = 'ben'")
    with peopled.work(write=False) as work, pytest.raises(IntegrityError, match="no role"):
        work.users.get("ben")


def test_a_row_that_makes_no_sense_is_not_trusted(peopled: World) -> None:
    peopled.raw("DROP TRIGGER users_stay", "UPDATE users SET created_at = 'yesterday' WHERE name = 'ben'")
    with peopled.work(write=False) as work, pytest.raises(IntegrityError, match="a user that cannot be read"):
        work.users.get("ben")
