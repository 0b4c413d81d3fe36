"""What the sign-in of a CRM that takes a name and a password must do: a class that inherits `CrmSignInContract` holds one against it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import pytest

from mailmagnet.crm_sign_in import CrmTokens, TypedSignIn
from mailmagnet.errors import NotAuthorised

ORG, USER = "corp.example", "103156417899512345678"
COLLEAGUE = "203156417899512345678"


class InstalledSignIn(Protocol):
    """A CRM with a user Ada Byron, who may sign in."""

    @property
    def sign_in(self) -> TypedSignIn: ...

    @property
    def typed_right(self) -> Mapping[str, str]:
        """What Ada types."""
        ...

    @property
    def typed_wrong(self) -> Sequence[Mapping[str, str]]:
        """What signs nobody in: an unknown name, a wrong secret, and so on."""
        ...

    async def who(self, tokens: CrmTokens, org: str, user: str) -> str:
        """The name of the CRM user whom the CRM takes this Google account for. Raises NotAuthorised."""
        ...

    async def deactivate(self) -> None:
        """Ada leaves."""
        ...


class CrmSignInContract:
    """The tests. Each gets the world afresh."""

    async def test_what_is_typed_opens_the_crm_for_the_account_that_typed_it(self, world: InstalledSignIn) -> None:
        assert {field.name for field in world.sign_in.fields} == set(world.typed_right)
        assert any(field.secret for field in world.sign_in.fields)
        tokens = await world.sign_in.sign_in(ORG, USER, world.typed_right)
        assert (tokens.name, bool(tokens.account)) == ("Ada Byron", True)
        assert await world.who(tokens, ORG, USER) == "Ada Byron"
        assert not [token for token in (tokens.access, tokens.refresh) if token in repr(tokens)]
        for org, user in ((ORG, COLLEAGUE), ("other.example", USER), (USER, USER)):
            with pytest.raises(NotAuthorised):
                await world.who(tokens, org, user)

    async def test_whatever_is_wrong_is_refused_in_the_same_words(self, world: InstalledSignIn) -> None:
        told = set()
        for typed in (*world.typed_wrong, {}):
            with pytest.raises(NotAuthorised) as refused:
                await world.sign_in.sign_in(ORG, USER, typed)
            told.add((type(refused.value), str(refused.value)))
        assert len(told) == 1

    async def test_several_accounts_are_signed_in_as_one_user_each_for_itself(self, world: InstalledSignIn) -> None:
        one = await world.sign_in.sign_in(ORG, USER, world.typed_right)
        other = await world.sign_in.sign_in(ORG, COLLEAGUE, world.typed_right)
        assert one.account == other.account
        await world.sign_in.sign_out(one)
        with pytest.raises(NotAuthorised):
            await world.who(one, ORG, USER)
        assert await world.who(other, ORG, COLLEAGUE) == "Ada Byron"

    async def test_a_renewed_token_is_new_and_opens_the_crm_for_the_same_account_alone(self, world: InstalledSignIn) -> None:
        tokens = await world.sign_in.sign_in(ORG, USER, world.typed_right)
        renewed = await world.sign_in.renewed(tokens)
        assert (renewed.account, renewed.name) == (tokens.account, tokens.name)
        assert renewed.access != tokens.access
        assert renewed.expires_at >= tokens.expires_at
        assert await world.who(renewed, ORG, USER) == "Ada Byron"
        with pytest.raises(NotAuthorised):
            await world.who(renewed, ORG, COLLEAGUE)

    async def test_nothing_but_the_refresh_token_renews(self, world: InstalledSignIn) -> None:
        tokens = await world.sign_in.sign_in(ORG, USER, world.typed_right)
        for refresh in (tokens.access, "", "%", "\ud800", tokens.refresh[:-1], tokens.refresh.swapcase()):
            with pytest.raises(NotAuthorised):
                await world.sign_in.renewed(replace(tokens, refresh=refresh))

    async def test_a_sign_in_that_was_ended_is_over_and_may_be_ended_again(self, world: InstalledSignIn) -> None:
        tokens = await world.sign_in.sign_in(ORG, USER, world.typed_right)
        for _ in range(2):
            await world.sign_in.sign_out(tokens)
        with pytest.raises(NotAuthorised):
            await world.sign_in.renewed(tokens)
        assert await world.who(await world.sign_in.sign_in(ORG, USER, world.typed_right), ORG, USER) == "Ada Byron"

    async def test_a_user_who_has_left_renews_nothing_and_signs_in_no_more(self, world: InstalledSignIn) -> None:
        tokens = await world.sign_in.sign_in(ORG, USER, world.typed_right)
        await world.deactivate()
        for refused in (
            world.sign_in.renewed(tokens),
            world.who(tokens, ORG, USER),
            world.sign_in.sign_in(ORG, USER, world.typed_right),
        ):
            with pytest.raises(NotAuthorised):
                await refused
