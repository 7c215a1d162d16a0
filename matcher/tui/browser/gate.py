"""Who may speak to the browser's server.

1. The name in Host is a loopback name, so that no foreign name that resolves to this machine gets in (DNS rebinding);
   an Origin, where there is one, is that very host. The port is free: `ssh -L` may bring another one.
2. The first request that shows the token gets the cookie; from then on the token is worth nothing.
3. Everything else needs the cookie: another secret, HttpOnly, SameSite=Strict, for as long as the server lives.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?")
COOKIE = "matcher_session"


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(slots=True)
class Gate:
    """`token` is shown once to the person who started the server; `cookie` is what it is exchanged for."""

    token: str = field(default_factory=_secret, repr=False)
    cookie: str = field(default_factory=_secret, repr=False)
    used: bool = False

    def exchange(self, token: str) -> bool:
        """True for the token, once."""
        right = secrets.compare_digest(token.encode("utf-8", "replace"), self.token.encode())
        if self.used or not right:
            return False
        self.used = True
        return True

    def knows(self, cookies: Mapping[str, str]) -> bool:
        """Whether the cookie was shown."""
        shown = cookies.get(COOKIE, "").encode("utf-8", "replace")
        return self.used and secrets.compare_digest(shown, self.cookie.encode())


def from_here(host: str, origin: str | None) -> bool:
    """Whether a request names this machine and comes from a page of this server (or from no page)."""
    return _LOOPBACK.fullmatch(host) is not None and origin in (None, f"http://{host}")


def headers(host: str) -> dict[str, str]:
    """What every answer carries: nothing from elsewhere, nothing kept, no address passed on."""
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # the terminal writes its cell sizes into style elements
        "font-src 'self'",
        "img-src 'self' data:",
        f"connect-src 'self' ws://{host}",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
