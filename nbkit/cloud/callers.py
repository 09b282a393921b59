"""Who calls: the OIDC token that Cloud Scheduler sends, checked before anything else is done."""

from __future__ import annotations

from functools import partial
from typing import cast

from nbkit.cloud.settings import Access

_ISSUERS = ("accounts.google.com", "https://accounts.google.com")
_PATIENCE_S = 10
_CLOCK_SKEW_S = 10


class Refused(Exception):
    """The caller may not. `status`: 401 without a good token, 403 with that of somebody else."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class KeysUnreachable(Exception):
    """Google's keys could not be fetched, so that no token can be checked just now."""


def identify(authorization: str | None, access: Access) -> str:
    """The caller's e-mail address; "" behind IAM, where nobody asks for a token.

    Args:
        authorization: the header of that name.

    Raises:
        Refused: no token, one that is not good, or one of somebody who may not.
        KeysUnreachable: it is not known.
    """
    if access.is_behind_iam:
        return ""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused(
            401,
            "No identity token. Let Cloud Scheduler send one (--oidc-service-account-email and "
            f"--oidc-token-audience={access.audience}), or call with "
            '`curl -H "Authorization: Bearer $(gcloud auth print-identity-token)"`.',
        )
    from google.auth.exceptions import GoogleAuthError, TransportError
    from google.auth.transport.requests import Request
    from google.oauth2.id_token import verify_token

    try:
        claims = verify_token(
            token.strip(),
            cast("Request", partial(Request(), timeout=_PATIENCE_S)),
            audience=access.audience,
            certs_url=access.certs_url,
            clock_skew_in_seconds=_CLOCK_SKEW_S,
        )
    except TransportError as error:
        raise KeysUnreachable(
            f"The keys at {access.certs_url} could not be fetched ({error}); call again."
        ) from error
    except (ValueError, GoogleAuthError) as error:
        raise Refused(401, f"The identity token is not good: {_first_line(error)}.") from None
    if claims.get("iss") not in _ISSUERS:
        raise Refused(401, f"The identity token is not Google's (issuer {claims.get('iss')}).")
    email = str(claims.get("email", ""))
    if email not in access.callers or claims.get("email_verified") is not True:
        raise Refused(
            403, f"{email or 'A caller without e-mail'} may not call this: see NBKIT_CALLERS."
        )
    return email


def _first_line(error: Exception) -> str:
    # The whole text may quote the token, which is a secret while it lasts.
    text = str(error).strip().splitlines()
    return text[0].partition(": b'")[0].rstrip(".")[:120] if text else type(error).__name__
