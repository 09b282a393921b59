"""Slack's error codes in plain words, each with what to do."""

from __future__ import annotations

from nbkit.delivery.destinations import CHANNEL_VARIABLE, TOKEN_VARIABLE, WEBHOOK_VARIABLE
from nbkit.delivery.slack_calls import Fault, Trouble

_NEW_TOKEN = (
    f"Copy the Bot User OAuth Token (xoxb-…) from the app's “OAuth & Permissions” page and set "
    f"{TOKEN_VARIABLE} again."
)
_NEW_WEBHOOK = (
    f"Make a new one on the app's “Incoming Webhooks” page and set {WEBHOOK_VARIABLE} again."
)
_INVITE = "Invite the app: write /invite @its-name in the channel."

_WORDS = {
    "invalid_auth": ("the bot token is not valid", _NEW_TOKEN),
    "not_authed": ("the bot token did not arrive", _NEW_TOKEN),
    "account_inactive": ("the app's account was deactivated", _NEW_TOKEN),
    "token_revoked": ("the bot token was revoked", _NEW_TOKEN),
    "token_expired": ("the bot token has expired", _NEW_TOKEN),
    "not_allowed_token_type": ("the token is not a bot token", _NEW_TOKEN),
    "channel_not_found": (
        "there is no channel {channel}, or it is private and the app is not in it",
        f"Check {CHANNEL_VARIABLE} (an id such as C0123456789 is surest). {_INVITE}",
    ),
    "not_in_channel": ("the app is not a member of {channel}", _INVITE),
    "is_archived": (
        "the channel {channel} is archived",
        f"Unarchive it or set {CHANNEL_VARIABLE} to another.",
    ),
    "restricted_action": (
        "a rule of the workspace forbids posting to {channel}",
        "Ask a workspace admin to allow the app to post there.",
    ),
    "missing_scope": (
        "the app lacks the permission {needed}",
        "Add it under “OAuth & Permissions” → “Bot Token Scopes” and install the app again.",
    ),
    # What webhooks answer.
    "invalid_token": ("the webhook is not valid", _NEW_WEBHOOK),
    "no_service": ("the webhook was removed or disabled", _NEW_WEBHOOK),
    "no_team": ("the workspace of the webhook is not active", _NEW_WEBHOOK),
    "no_active_hooks": ("the webhook is disabled", _NEW_WEBHOOK),
    "action_prohibited": (
        "a rule of the workspace forbids the webhook to post",
        "Ask a workspace admin to allow it.",
    ),
    "channel_is_archived": ("the webhook's channel is archived", _NEW_WEBHOOK),
}


def explain(fault: Fault, *, channel: str) -> str:
    """What went wrong and what to do, in one or two sentences; no secret is in it."""
    if fault.trouble is Trouble.UNREACHED:
        return f"Slack could not be reached ({fault.code}). Check the network and the proxy."
    if fault.trouble is Trouble.BUSY:
        wait = f" and asks to wait {fault.retry_after_s:.0f} s" if fault.retry_after_s else ""
        return f"Slack limits the rate of messages{wait}."
    if fault.trouble is Trouble.BROKEN:
        return f"Slack failed to handle the request ({fault.code}), again and again."
    if fault.trouble is Trouble.LOST:
        return _lost(fault)
    what, fix = _WORDS.get(fault.code, ("Slack refused it", "See Slack's documentation of it."))
    needed = fault.needed or "that it needs"
    return f"{_capital(what.format(channel=channel, needed=needed))} ({fault.code}). {fix}"


def _lost(fault: Fault) -> str:
    told = f"Slack's reply was lost ({fault.code}), so it is not known whether it arrived"
    if fault.needed:
        return (
            f"{told}, and the app may not look: add the permission {fault.needed} under "
            "“OAuth & Permissions”, install the app again, and the next try looks first."
        )
    return f"{told}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
