"""A token counts by its signature, its one algorithm, its times, its issuer and audience."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import attrs
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pmengine.gateways.auth import (
    Caller,
    KeyFile,
    PublicKeys,
    Scope,
    SharedSecret,
    Tokens,
    UnusableKey,
    read_public_keys,
)
from pmengine.gateways.watched_files import LOOK_S
from tests.gateways.guarded import ALL, AUDIENCE, ISSUER, Issuer, told

SECRET = "s" * 64
ONE = Issuer()
OTHER = Issuer()


@attrs.define
class Clock:
    """Epoch milliseconds, set by hand."""

    now_ms: int = attrs.field(factory=lambda: int(time.time() * 1000))

    def __call__(self) -> int:
        return self.now_ms


def public(issuer: Issuer) -> PublicKeys:
    return PublicKeys({None: issuer.private.public_key()})


def tokens(
    key: PublicKeys | KeyFile | SharedSecret | None = None, *, leeway_s: float = 0.0, **options: Any
) -> Tokens:
    taken: dict[str, Any] = {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "leeway_s": leeway_s,
        "clock": Clock(),
        **options,
    }
    return Tokens(public(ONE) if key is None else key, **taken)


def part(document: Any) -> str:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def test_a_good_token_says_who_it_is_and_what_it_may() -> None:
    caller = tokens().verify(ONE.token("u1", ["read", "trade", "email"], exp=2_000_000_000))
    assert caller == Caller(
        user_id="u1",
        scopes=frozenset({Scope.READ, Scope.TRADE}),
        expires_at_ms=2_000_000_000_000,
    )


def test_scopes_may_be_an_array() -> None:
    caller = tokens().verify(ONE.token("u1", scope=["admin", 7, "else"]))
    assert isinstance(caller, Caller)
    assert caller.scopes == {Scope.ADMIN}


@pytest.mark.parametrize("scope", [None, "", "ADMIN", 7, {"admin": True}, [["admin"]]])
def test_a_token_without_scopes_may_nothing(scope: Any) -> None:
    caller = tokens().verify(ONE.token("u1", scope=scope))
    assert isinstance(caller, Caller)
    assert not caller.scopes


def test_admin_is_neither_read_nor_trade_and_trade_is_read() -> None:
    trader = Caller(user_id="u", scopes=frozenset({Scope.TRADE}))
    admin = Caller(user_id="u", scopes=frozenset({Scope.ADMIN}))
    reader = Caller(user_id="u", scopes=frozenset({Scope.READ}))
    assert [trader.may(one) for one in Scope] == [True, True, False]
    assert [admin.may(one) for one in Scope] == [False, False, True]
    assert [reader.may(one) for one in Scope] == [True, False, False]


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("expired", {"exp": -10}, "expired"),
    ("not yet", {"nbf": 600}, "not count yet"),
    ("made later", {"iat": 600}, "not count yet"),
    ("no end", {"exp": None}, "no exp"),
    ("end of no number", {"exp": "soon"}, "cannot be verified"),
    ("infinite", {"exp": float("inf")}, "cannot be verified"),
    ("nobody", {"sub": None}, "no sub"),
    ("somebody strange", {"sub": "../admin"}, "no user's id"),
    ("too long a name", {"sub": "u" * 65}, "no user's id"),
    ("a number", {"sub": 1}, ""),
    ("wrong issuer", {"iss": "https://evil.test"}, "another issuer"),
    ("several issuers", {"iss": [ISSUER]}, ""),
    ("no issuer", {"iss": None}, "no iss"),
    ("wrong audience", {"aud": "else"}, "another audience"),
    ("no audience", {"aud": None}, "no aud"),
]


@pytest.mark.parametrize(("claims", "reason"), [one[1:] for one in REFUSED])
def test_a_token_that_does_not_count_says_why_and_nothing_of_itself(
    claims: dict[str, Any], reason: str
) -> None:
    now = int(time.time())
    # Whole numbers are seconds from now.
    payload = told(
        "u1",
        **{
            name: now + value if name in ("exp", "nbf", "iat") and isinstance(value, int) else value
            for name, value in claims.items()
        },
    )
    token = jwt.api_jws.encode(json.dumps(payload).encode(), ONE.private, algorithm="ES256")
    answer = tokens().verify(token)
    assert isinstance(answer, str)
    assert reason in answer
    assert token.split(".")[1] not in answer


def test_audiences_may_be_several() -> None:
    assert isinstance(tokens().verify(ONE.token("u1", aud=["else", AUDIENCE])), Caller)


def test_a_token_for_somebody_needs_an_audience_of_ours() -> None:
    ours = tokens(audience=None)
    assert ours.verify(ONE.token("u1")) == "the token is for another audience"
    assert isinstance(ours.verify(ONE.token("u1", aud=None)), Caller)


def test_clocks_may_differ_by_the_leeway_and_no_more() -> None:
    lenient = tokens(leeway_s=60)
    assert isinstance(lenient.verify(ONE.token("u1", exp=int(time.time()) - 30)), Caller)
    assert lenient.verify(ONE.token("u1", exp=int(time.time()) - 90)) == "the token has expired"


def test_a_token_that_was_good_ends_when_it_expires() -> None:
    clock = Clock()
    ours = tokens(clock=clock)
    token = ONE.token("u1")
    caller = ours.verify(token)
    assert isinstance(caller, Caller)
    assert caller.expires_at_ms is not None
    assert ours.verify(token) is caller
    clock.now_ms = caller.expires_at_ms
    assert ours.verify(token) == "the token has expired"


def test_only_a_bounded_number_of_tokens_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pmengine.gateways.auth.tokens.REMEMBERED_MAX", 3)
    ours = tokens()
    callers = {user: ONE.token(user) for user in "abcdef"}
    first = {user: ours.verify(token) for user, token in callers.items()}
    again = {user: ours.verify(token) for user, token in callers.items()}
    assert first == again
    assert [first[user] is again[user] for user in "abcdef"].count(True) <= 3


def test_another_ones_signature_does_not_count() -> None:
    assert tokens().verify(OTHER.token("u1")) == "the token cannot be verified"


def test_a_changed_token_does_not_count() -> None:
    head, _, signature = ONE.token("u1", ["read"]).split(".")
    forged = f"{head}.{part(told('u2', ALL))}.{signature}"
    assert tokens().verify(forged) == "the token cannot be verified"


@pytest.mark.parametrize("name", ["none", "None", "NONE", ""])
def test_a_token_of_no_algorithm_does_not_count(name: str) -> None:
    unsigned = f"{part({'alg': name, 'typ': 'JWT'})}.{part(told('u1'))}."
    for key in (None, SharedSecret(SECRET)):
        assert tokens(key).verify(unsigned) == "the token cannot be verified"


def test_the_public_key_is_no_shared_secret() -> None:
    signed = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(told('u1'))}"
    for secret in (
        ONE.public_pem(),
        ONE.public_pem().strip(),
        ONE.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    ):
        signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        assert tokens().verify(f"{signed}.{part(signature)}") == "the token cannot be verified"


def test_only_the_algorithm_of_the_configuration_counts() -> None:
    strong = rsa.generate_private_key(65537, 2048)
    p384 = ec.generate_private_key(ec.SECP384R1())
    for token in (
        jwt.encode(told("u1"), SECRET, algorithm="HS256"),
        jwt.encode(told("u1"), strong, algorithm="RS256"),
        jwt.encode(told("u1"), p384, algorithm="ES384"),
    ):
        assert tokens().verify(token) == "the token cannot be verified"
    shared = tokens(SharedSecret(SECRET))
    assert isinstance(shared.verify(jwt.encode(told("u1"), SECRET, algorithm="HS256")), Caller)
    for other in (
        ONE.token("u1"),
        jwt.encode(told("u1"), SECRET, algorithm="HS512"),
        jwt.encode(told("u1"), SECRET * 2, algorithm="HS256"),
    ):
        assert shared.verify(other) == "the token cannot be verified"


FORGED = [
    "",
    ".",
    "..",
    "a.b.c",
    "é.é.é",
    "\x00",
    "a" * 4096,
    f"{part(b'[' * 3000)}.{part(b'{}')}.",
    f"{part({'alg': 'ES256', 'kid': ['x']})}.{part({})}.AA",
    f"{part({'alg': ['ES256']})}.{part({})}.AA",
    f"{part({'alg': 'ES256', 'crit': ['x'], 'x': 1})}.{part({})}.AA",
    f"{part([])}.{part([])}.AA",
    f"{part(7)}.{part(7)}.{part(7)}",
    f"{part({'alg': 'ES256'})}.{part(told('u1'))}.{part(bytes(64))}",
    f"{part({'alg': 'ES256', 'jwk': {'kty': 'EC'}})}.{part(told('u1'))}.{part(bytes(64))}",
]


@pytest.mark.parametrize("token", FORGED, ids=range(len(FORGED)))
def test_what_is_no_token_is_refused_like_any_other(token: str) -> None:
    for key in (None, SharedSecret(SECRET)):
        assert tokens(key).verify(token) == "the token cannot be verified"


def jwk(issuer: Issuer, **more: Any) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(
        jwt.algorithms.ECAlgorithm.to_jwk(issuer.private.public_key())
    )
    return {**shown, **more}


def with_kid(issuer: Issuer, kid: str) -> str:
    return jwt.encode(told("u1"), issuer.private, algorithm="ES256", headers={"kid": kid})


def test_keys_of_a_set_are_found_by_their_id(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    others = [
        {"kty": "oct", "k": part(b"x" * 32), "kid": "a"},
        jwk(OTHER, kid="enc", use="enc"),
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "rsa"},
    ]
    file.write_text(json.dumps({"keys": [jwk(ONE, kid="1"), jwk(OTHER, kid="2"), *others]}))
    ours = tokens(read_public_keys(file))
    assert isinstance(ours.verify(with_kid(ONE, "1")), Caller)
    assert isinstance(ours.verify(with_kid(OTHER, "2")), Caller)
    for token in (with_kid(ONE, "2"), with_kid(ONE, "3"), with_kid(OTHER, "enc"), ONE.token("u1")):
        assert ours.verify(token) == "the token cannot be verified"


def test_keys_that_are_added_and_taken_out_count_without_a_start(tmp_path: Path) -> None:
    now_s = 0.0
    file = tmp_path / "jwks.json"

    def write(*keys: dict[str, Any]) -> None:
        nonlocal now_s
        beside = tmp_path / "new"
        beside.write_text(json.dumps({"keys": keys}))
        beside.replace(file)
        now_s += LOOK_S

    write(jwk(ONE, kid="one"))
    ours = tokens(KeyFile(file, now_s=lambda: now_s))
    one, other = with_kid(ONE, "one"), with_kid(OTHER, "other")
    assert isinstance(ours.verify(one), Caller)
    assert ours.verify(other) == "the token cannot be verified"
    write(jwk(ONE, kid="one"), jwk(OTHER, kid="other"))
    assert isinstance(ours.verify(one), Caller)
    assert isinstance(ours.verify(other), Caller)
    file.write_text('{"keys": [')
    now_s += LOOK_S
    assert isinstance(ours.verify(one), Caller)
    write(jwk(OTHER, kid="other"))
    assert ours.verify(one) == "the token cannot be verified"
    assert isinstance(ours.verify(other), Caller)


def test_a_file_of_keys_is_not_looked_at_for_every_token(tmp_path: Path) -> None:
    now_s = 0.0
    file = tmp_path / "key.pem"
    file.write_bytes(ONE.public_pem())
    ours = tokens(KeyFile(file, now_s=lambda: now_s))
    file.write_bytes(OTHER.public_pem())
    now_s = LOOK_S / 2
    assert isinstance(ours.verify(ONE.token("u1")), Caller)
    now_s = LOOK_S
    assert isinstance(ours.verify(OTHER.token("u1")), Caller)


def test_a_file_in_pem_is_read(tmp_path: Path) -> None:
    file = tmp_path / "public.pem"
    file.write_bytes(ONE.public_pem())
    assert isinstance(tokens(read_public_keys(file)).verify(with_kid(ONE, "any")), Caller)


def unusable() -> dict[str, bytes]:
    p384 = ec.generate_private_key(ec.SECP384R1()).public_key()
    return {
        "private key": ONE.private_pem(),
        "a private key": json.dumps({"keys": [jwk(ONE, d="AA")]}).encode(),
        "P-256": p384.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "neither": b"hello",
        "no key for ES256": b'{"keys":[]}',
        "not a JWKS": b'{"keys": 7}',
        "be read": json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "x": "AA"}]}).encode(),
        "one kid": json.dumps({"keys": [jwk(ONE, kid="1"), jwk(OTHER, kid="1")]}).encode(),
        "needs a kid": json.dumps({"keys": [jwk(ONE), jwk(OTHER, kid="1")]}).encode(),
    }


@pytest.mark.parametrize("reason", list(unusable()))
def test_a_file_of_keys_that_cannot_be_used_is_explained(tmp_path: Path, reason: str) -> None:
    file = tmp_path / "keys"
    file.write_bytes(unusable()[reason])
    with pytest.raises(UnusableKey, match=reason) as caught:
        read_public_keys(file)
    assert str(file) in str(caught.value)
    assert "BEGIN" not in str(caught.value)


def test_a_file_of_keys_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableKey, match="No such file"):
        read_public_keys(tmp_path / "absent")


def test_secrets_have_no_repr() -> None:
    assert SECRET not in repr(SharedSecret(SECRET))
    assert SECRET not in repr(tokens(SharedSecret(SECRET)))
