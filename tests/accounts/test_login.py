"""Log in, log out, change the password; and how often a wrong password may be tried."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import identify_hasher
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

import finops.settings
from finops.accounts.models import User
from tests.accounts.conftest import PASSWORD


def log_in(client: Client, email: str, password: str, **extra: str) -> HttpResponse:
    return client.post("/login", {"username": email, "password": password}, **extra)  # type: ignore[return-value,arg-type]


def is_in(client: Client) -> bool:
    return client.get("/settings/members").status_code == 200


def test_the_right_password_opens_the_overview(client: Client, alice: User) -> None:
    response = log_in(client, "alice@acme.example", PASSWORD)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert is_in(client)


def test_the_case_of_the_address_does_not_matter(client: Client, alice: User) -> None:
    assert log_in(client, "Alice@ACME.example", PASSWORD).status_code == 302


@pytest.mark.parametrize("email", ["alice@acme.example", "nobody@acme.example"])
def test_a_wrong_password_and_an_unknown_user_read_the_same(
    client: Client, alice: User, email: str
) -> None:
    response = log_in(client, email, "wrong")
    assert response.status_code == 200
    assert "E-mail address or password is wrong." in response.content.decode()
    assert not is_in(client)


def test_who_is_not_active_can_not_log_in(client: Client, alice: User) -> None:
    User.objects.update(is_active=False)
    log_in(client, alice.email, PASSWORD)
    assert not is_in(client)


def test_a_page_sends_to_the_login_and_back(client: Client, alice: User) -> None:
    away = client.get("/settings/keys")
    assert away.status_code == 302
    assert away.headers["Location"] == "/login?next=/settings/keys"
    back = client.post(
        away.headers["Location"],
        {"username": alice.email, "password": PASSWORD, "next": "/settings/keys"},
    )
    assert back.headers["Location"] == "/settings/keys"


@pytest.mark.parametrize(
    "next_url",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "http:///evil.example",
        "\t//evil.example",
    ],
)
def test_next_never_leads_to_another_site(client: Client, alice: User, next_url: str) -> None:
    response = client.post(
        "/login", {"username": alice.email, "password": PASSWORD, "next": next_url}
    )
    assert response.headers["Location"] == "/"


def test_the_session_changes_its_key_at_login(client: Client, alice: User) -> None:
    client.session["seen"] = True
    before = client.session.session_key
    log_in(client, alice.email, PASSWORD)
    assert client.session.session_key != before


def test_logging_out_takes_a_post(as_alice: Client) -> None:
    assert as_alice.get("/logout").status_code == 405
    assert is_in(as_alice)
    assert as_alice.post("/logout").headers["Location"] == "/login"
    assert not is_in(as_alice)


def test_a_form_without_its_token_is_refused_in_plain_words(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    response = log_in(client, alice.email, PASSWORD)
    assert response.status_code == 403
    assert "reload the page" in response.content.decode()


def test_ten_wrong_passwords_close_the_door_even_for_the_right_one(
    client: Client, alice: User
) -> None:
    for _ in range(9):
        assert log_in(client, alice.email, "wrong").status_code == 200
    tenth = log_in(client, alice.email, "wrong")
    assert tenth.status_code == 429
    assert tenth["Retry-After"] == "900"
    assert "in 15 minutes" in tenth.content.decode()
    assert log_in(client, alice.email, PASSWORD).status_code == 429
    assert not is_in(client)


def test_the_door_opens_again_after_a_quarter_of_an_hour(client: Client, alice: User) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        for _ in range(10):
            log_in(client, alice.email, "wrong")
    with time_machine.travel(now + timedelta(minutes=14, seconds=59), tick=False):
        assert log_in(client, alice.email, PASSWORD).status_code == 429
    with time_machine.travel(now + timedelta(minutes=15, seconds=1), tick=False):
        assert log_in(client, alice.email, PASSWORD).status_code == 302


def test_spelling_the_address_differently_gives_no_more_attempts(
    client: Client, alice: User
) -> None:
    for email in ["alice@acme.example", "ALICE@acme.example", " Alice@Acme.Example "] * 4:
        last = log_in(client, email, "wrong")
    assert last.status_code == 429


def test_another_browser_gives_no_more_attempts(client: Client, alice: User) -> None:
    for number in range(11):
        last = log_in(client, alice.email, "wrong", HTTP_USER_AGENT=f"browser {number}")
    assert last.status_code == 429


def test_one_address_does_not_lock_the_user_out_elsewhere(client: Client, alice: User) -> None:
    for _ in range(11):
        log_in(client, alice.email, "wrong", REMOTE_ADDR="203.0.113.9")
    assert log_in(client, alice.email, PASSWORD, REMOTE_ADDR="198.51.100.7").status_code == 302


def test_one_address_that_tries_many_users_is_locked_out_before_any_hash(
    client: Client, alice: User
) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        for number in range(100):
            answer = log_in(client, f"user-{number}@acme.example", "w", REMOTE_ADDR="203.0.113.9")
            assert answer.status_code == 200
        for email in ("user-100@acme.example", alice.email):
            answer = log_in(client, email, PASSWORD, REMOTE_ADDR="203.0.113.9")
            assert (answer.status_code, answer["Retry-After"]) == (429, "900")
        assert log_in(client, alice.email, PASSWORD, REMOTE_ADDR="198.51.100.7").status_code == 302
    with time_machine.travel(now + timedelta(minutes=15, seconds=1), tick=False):
        assert log_in(client, alice.email, PASSWORD, REMOTE_ADDR="203.0.113.9").status_code == 302


def test_a_forwarded_address_is_not_believed_without_a_proxy(client: Client, alice: User) -> None:
    for number in range(11):
        last = log_in(client, alice.email, "wrong", HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")
    assert last.status_code == 429


def test_the_lockout_answers_scripts_with_the_same_page(client: Client, alice: User) -> None:
    for _ in range(11):
        last = log_in(client, alice.email, "wrong", HTTP_X_REQUESTED_WITH="XMLHttpRequest")
    assert last.status_code == 429
    assert "Access-Control-Allow-Origin" not in last


def test_argon2_comes_first(settings: object, alice: User) -> None:
    settings.PASSWORD_HASHERS = finops.settings.PASSWORD_HASHERS  # type: ignore[attr-defined]
    alice.set_password(PASSWORD)
    assert identify_hasher(alice.password).algorithm == "argon2"
    assert alice.check_password(PASSWORD)


def test_changing_the_password_ends_other_sessions_and_keeps_this_one(
    as_alice: Client, alice: User
) -> None:
    other = Client()
    other.force_login(alice)
    new = "a different horse altogether"
    response = as_alice.post(
        "/settings/password",
        {"old_password": PASSWORD, "new_password1": new, "new_password2": new},
    )
    assert response.status_code == 302
    assert is_in(as_alice)
    assert not is_in(other)
    assert authenticate(response.wsgi_request, username=alice.email, password=new) == alice


@pytest.mark.parametrize("weak", ["short", "password1234", "123456789012", "alice@acme.example"])
def test_a_weak_password_is_refused(as_alice: Client, alice: User, weak: str) -> None:
    response = as_alice.post(
        "/settings/password",
        {"old_password": PASSWORD, "new_password1": weak, "new_password2": weak},
    )
    assert response.status_code == 200
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
