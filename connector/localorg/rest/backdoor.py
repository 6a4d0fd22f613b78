"""`/localorg/`: what no Salesforce org has. Faults, limits, users, apps, sessions and statistics, for demos and tests.

Needs the admin token, which is given out when the org starts and is good for nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.localorg.faults import Fault
from connector.localorg.org import Org
from connector.localorg.rest.message import Reply

Body = dict[str, Any]


class BackDoor:
    """The resources under `/localorg/`."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._routes: dict[tuple[str, str], Callable[[Body], Any]] = {
            ("GET", "stats"): lambda _: org.statistics(),
            ("GET", "faults"): lambda _: org.faults.listed(),
            ("POST", "faults"): self._switch_on,
            ("DELETE", "faults"): self._clear,
            ("POST", "limits"): self._limits,
            ("POST", "users"): self._user,
            ("POST", "apps"): self._app,
            ("POST", "sessions"): self._session,
            ("DELETE", "sessions"): lambda _: {"revoked": org.oauth.revoke_all()},
        }

    def answer(self, method: str, resource: str, body: Body) -> Reply:
        """Answer one call."""
        handler = self._routes.get((method, resource))
        if handler is None:
            return _error(404, f"there is no {method} /localorg/{resource}")
        try:
            return Reply(200, handler(body))
        except (KeyError, TypeError, ValueError) as error:
            return _error(400, f"{type(error).__name__}: {error}")

    def _switch_on(self, body: Body) -> Any:
        self._org.faults.switch_on(Fault(body.pop("kind")), **body)
        return self._org.faults.listed()

    def _clear(self, _: Body) -> Any:
        self._org.faults.clear()
        return []

    def _limits(self, body: Body) -> Any:
        if "maximum" in body:
            self._org.meter.daily_maximum = int(body["maximum"])
        if "used" in body:
            self._org.meter.pretend_used(int(body["used"]))
        return self._org.meter.limits()

    def _user(self, body: Body) -> Any:
        user_id = self._org.add_user(
            body["username"],
            str(body.get("name", body["username"])),
            permission_sets=body.get("permission_sets", ()),
            administrator=bool(body.get("administrator", False)),
        )
        return {"id": user_id, "username": body["username"]}

    def _app(self, body: Body) -> Any:
        self._org.oauth.register(
            body["consumer_key"],
            public_key=body.get("public_key", ""),
            consumer_secret=body.get("consumer_secret", ""),
            username=body.get("username", ""),
        )
        return {"consumer_key": body["consumer_key"]}

    def _session(self, body: Body) -> Any:
        user_id = self._org.oauth.user_named(body["username"])
        if user_id is None:
            raise KeyError(f"there is no active user {body['username']}")
        session = self._org.oauth.open_session(user_id)
        return {"access_token": session.token, "instance_url": self._org.oauth.base_url, "user_id": user_id}


def _error(status: int, message: str) -> Reply:
    return Reply(status, {"error": message})
