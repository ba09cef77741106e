"""What the sections of the settings are made of."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Rate = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
PositiveSeconds = Annotated[float, Field(gt=0)]
TagName = Annotated[str, Field(min_length=1, max_length=256)]


class Section(BaseModel):
    """A named group of settings; attribute docstrings become the documentation."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


def like(pattern: str, right: str) -> AfterValidator:
    """Takes text that the pattern matches as a whole; otherwise the error says what is right."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"should be {right}")
        return text

    return AfterValidator(check)
