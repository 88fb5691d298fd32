"""`/v1/tokens`: creates tokens that stand for the caller's key in a browser for a short time."""

import math
import time
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt

from vits_tts.errors import FieldInvalid
from vits_tts.web.auth import tokens
from vits_tts.web.auth.tokens import Scope, Token
from vits_tts.web.base import Handler
from vits_tts.web.http import parameters
from vits_tts.web.schema.requests import checked
from vits_tts.web.schema.responses import TokenAnswer


def _whole(value: object) -> object:
    """Return a number such as 60.0 as an integer, which it is in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class TokenParameters(BaseModel):
    """The parameters of `/v1/tokens`."""

    model_config = ConfigDict(frozen=True)

    scope: Scope = Field(
        "speech", description="The requests that the token admits: those answered with speech."
    )
    expires_in: Annotated[StrictInt, Field(ge=1), BeforeValidator(_whole)] = Field(
        60,
        description="Seconds until it expires, at most `access.max_token_seconds`.",
        examples=[60],
    )


class TokensHandler(Handler):
    """`/v1/tokens`: returns a new token."""

    model = TokenParameters

    async def post(self) -> None:
        """Create a token for the caller's key."""
        asked = checked(TokenParameters, parameters.from_json(self.body))
        most = self.config.access.max_token_seconds
        if asked.expires_in > most:
            raise FieldInvalid(f"expires_in must be at most {most}", field="expires_in")
        expires = math.ceil(time.time()) + asked.expires_in
        token = Token(asked.scope, expires, self.context.key)
        self.write_json(
            TokenAnswer(
                token=tokens.signed(await self.speech.link_secret(), token),
                scope=token.scope,
                expires_in=asked.expires_in,
                expires=expires,
            )
        )
