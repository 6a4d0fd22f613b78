"""Signing in: registered apps, the JWT bearer and the client credentials flow, sessions and their end.

Source: Salesforce Help, "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration" and "OAuth 2.0 Client Credentials
Flow". Only these two flows exist here: an external client app offers no others to a connector.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate
from jwt.types import Options

from connector.localorg.errors import session_expired
from connector.localorg.store.store import Store
from connector.localorg.times import Clock

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SESSION_LENGTH = timedelta(hours=2)
"""How long a session may be idle, as an org is delivered."""

_SIGNATURE_ONLY: Options = {
    "verify_signature": True,
    "verify_aud": False,
    "verify_exp": False,
    "verify_iat": False,
    "verify_iss": False,
    "verify_jti": False,
    "verify_nbf": False,
    "verify_sub": False,
}
"""Claims are checked here: clients write `exp` as a number, as text and in milliseconds, and Salesforce takes it."""

_LONGEST_ASSERTION = 24 * 3600
_MILLISECONDS = 10**11
"""An expiry beyond this many seconds must be meant in milliseconds (the sf CLI writes it so)."""


class SignInRefused(Exception):
    """The token endpoint says no: `error` and `error_description` of the answer."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A registered external client app. `username`: whom the client credentials flow runs as."""

    consumer_key: str
    public_key: str = ""
    secret_hash: str = ""
    username: str = ""


@dataclass(slots=True, kw_only=True)
class Session:
    """One access token. `used` is seconds since 1970."""

    token: str
    user_id: str
    app: str
    used: float


class OAuth:
    """Apps and sessions, both kept across restarts."""

    def __init__(self, store: Store, clock: Clock, *, org_id: str, my_domain: str) -> None:
        self._store = store
        self._clock = clock
        self._org_id = org_id
        self._my_domain = my_domain
        self._apps = {name: App(**raw) for name, raw in store.database.documents("app").items()}
        self._sessions = {name: Session(**raw) for name, raw in store.database.documents("session").items()}
        self.session_length = SESSION_LENGTH
        self.on_revoked: Callable[[], None] = lambda: None
        self.base_url = ""

    def register(
        self, consumer_key: str, *, public_key: str = "", consumer_secret: str = "", username: str = ""
    ) -> None:
        """Register an app, or replace it.

        Args:
            consumer_key: the app's consumer key.
            public_key: PEM of the certificate or public key for the JWT bearer flow.
            consumer_secret: the secret for the client credentials flow.
            username: whom the client credentials flow runs as.
        """
        app = App(
            consumer_key=consumer_key,
            public_key=_public_key(public_key) if public_key else "",
            secret_hash=_hash(consumer_secret) if consumer_secret else "",
            username=username,
        )
        self._apps[consumer_key] = app
        self._store.database.keep("app", consumer_key, asdict(app))

    def token(self, form: Mapping[str, str], basic: tuple[str, str] | None) -> Session:
        """Answer a request to the token endpoint.

        Raises:
            SignInRefused: with what the answer says.
        """
        grant = form.get("grant_type", "")
        if grant == JWT_BEARER:
            return self._jwt_bearer(form.get("assertion", ""))
        if grant == "client_credentials":
            key, secret = basic or (form.get("client_id", ""), form.get("client_secret", ""))
            return self._client_credentials(key, secret)
        raise SignInRefused("unsupported_grant_type", "grant type not supported")

    def open_session(self, user_id: str, app: str = "") -> Session:
        """A new session for a user, without further questions."""
        short_org = self._org_id[:15]
        token = f"{short_org}!AQ{secrets.token_urlsafe(72).replace('-', '.')}"
        session = Session(token=token, user_id=user_id, app=app, used=self._clock().timestamp())
        self._sessions[token] = session
        self._store.database.keep("session", token, asdict(session))
        return session

    def session(self, token: str) -> Session:
        """The session behind an access token; using it keeps it alive.

        Raises:
            SalesforceError: INVALID_SESSION_ID.
        """
        session = self._sessions.get(token)
        now = self._clock().timestamp()
        if session is None or now - session.used > self.session_length.total_seconds():
            raise session_expired()
        session.used = now
        return session

    def revoke(self, token: str) -> bool:
        """End a session. Whether there was one. Those who wait for events with it are told."""
        self._store.database.drop("session", token)
        known = self._sessions.pop(token, None) is not None
        self.on_revoked()
        return known

    def revoke_all(self) -> int:
        """End all sessions. How many there were."""
        count = len(self._sessions)
        for token in list(self._sessions):
            self.revoke(token)
        return count

    def user_named(self, username: str) -> str | None:
        """The Id of the active user of that name."""
        users = self._store.table("User")
        found = next(iter(users.find("Username", username)), None)
        return found if found and users.live[found].get("IsActive", False) else None

    def _jwt_bearer(self, assertion: str) -> Session:
        try:
            unverified = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.InvalidTokenError:
            raise SignInRefused("invalid_grant", "invalid assertion") from None
        app = self._apps.get(str(unverified.get("iss")))
        if app is None:
            raise SignInRefused("invalid_client_id", "client identifier invalid")
        claims = self._verified(assertion, app)
        if not self._audience_ok(claims.get("aud")):
            raise SignInRefused("invalid_grant", "audience is invalid")
        user_id = self.user_named(str(claims.get("sub") or claims.get("prn")))
        if user_id is None:
            raise SignInRefused("invalid_grant", "user hasn't approved this consumer")
        return self.open_session(user_id, app.consumer_key)

    def _verified(self, assertion: str, app: App) -> dict[str, Any]:
        if not app.public_key:
            raise SignInRefused("invalid_client", "the app has no certificate")
        try:
            claims: dict[str, Any] = jwt.decode(
                assertion, app.public_key, algorithms=["RS256"], options=_SIGNATURE_ONLY
            )
        except jwt.InvalidTokenError:
            raise SignInRefused("invalid_grant", "invalid assertion") from None
        try:
            expires = float(claims["exp"])
        except (KeyError, TypeError, ValueError):
            raise SignInRefused("invalid_grant", "expiration is invalid") from None
        if expires > _MILLISECONDS:
            expires /= 1000
        left = expires - self._clock().timestamp()
        if not 0 < left < _LONGEST_ASSERTION:
            raise SignInRefused("invalid_grant", "assertion is expired" if left <= 0 else "expiration is invalid")
        return claims

    def _client_credentials(self, key: str, secret: str) -> Session:
        app = self._apps.get(key)
        if app is None:
            raise SignInRefused("invalid_client_id", "client identifier invalid")
        if not app.secret_hash or not secrets.compare_digest(app.secret_hash, _hash(secret)):
            raise SignInRefused("invalid_client", "invalid client credentials")
        user_id = self.user_named(app.username)
        if user_id is None:
            raise SignInRefused("invalid_grant", "no client credentials user enabled")
        return self.open_session(user_id, key)

    def _audience_ok(self, audience: object) -> bool:
        accepted = {
            "https://login.salesforce.com",
            "https://test.salesforce.com",
            f"https://{self._my_domain}.my.salesforce.com",
            f"https://{self._my_domain}.sandbox.my.salesforce.com",
            self.base_url,
        }
        values = audience if isinstance(audience, list) else [audience]
        return any(str(value).rstrip("/").removesuffix("/services/oauth2/token") in accepted for value in values)


def _public_key(pem: str) -> str:
    if "BEGIN CERTIFICATE" not in pem:
        return pem
    key = load_pem_x509_certificate(pem.encode()).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
