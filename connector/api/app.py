"""The HTTP application, put together from its pages. Concrete parts come in as ports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from connector import __version__
from connector.api.access import Access
from connector.api.answers import refusal_answer
from connector.api.control import ControlPages
from connector.api.guard import Guard
from connector.api.health import HealthPages
from connector.api.inbound import Inbound
from connector.api.orders import Orders
from connector.api.ports import Control, Health, Inbox, OrderReader
from connector.callouts.inbound import Refusal, Secrets
from connector.callouts.sender import utc_now


def create_app(
    *,
    inbox: Inbox,
    orders: OrderReader,
    health: Health,
    inbound_secrets: Secrets,
    control: Control | None = None,
    api_tokens: Sequence[SecretStr] = (),
    operator_tokens: Sequence[SecretStr] = (),
    clock: Callable[[], datetime] = utc_now,
    patience: float = 10.0,
    docs: bool = False,
) -> FastAPI:
    """The application, ready to be served.

    `patience` is how long, in seconds, a body may take to come in and a port to answer. `docs` opens
    `/docs` and `/openapi.json`.
    """
    app = FastAPI(
        title="Order connector",
        version=__version__,
        docs_url="/docs" if docs else None,
        redoc_url=None,
        openapi_url="/openapi.json" if docs else None,
        redirect_slashes=False,
        exception_handlers={HTTPException: _on_http, RequestValidationError: _on_validation},
    )
    app.add_middleware(Guard)
    access = Access(api_tokens)
    app.include_router(Inbound(inbox=inbox, secrets=inbound_secrets, clock=clock, patience=patience).routes())
    app.include_router(Orders(reader=orders, access=access, patience=patience).routes())
    app.include_router(HealthPages(health=health, access=access, patience=patience).routes())
    if control is not None:
        operators = Access(operator_tokens)
        pages = ControlPages(control=control, readers=access, operators=operators, patience=patience)
        app.include_router(pages.routes())
    return app


async def _on_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    hint = "The paths are listed in the documentation." if status is HTTPStatus.NOT_FOUND else ""
    return refusal_answer(
        Refusal(status=status, code=status.name, message=f"{status.phrase}.", hint=hint), error.headers
    )


async def _on_validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    where = "; ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
    return refusal_answer(Refusal(status=422, code="INVALID", message=f"Not valid: {where}."))
