"""What a user holds of one asset."""

import attrs


@attrs.define(weakref_slot=False)
class Balance:
    """
    One row of an account: what a user holds of one asset; replaced, never mutated.

    `asset` is `cash` (amounts in micros) or a token id (amounts in lots). `version` is
    the user's update number at this change.
    """

    user_id: str
    asset: str
    available: int
    frozen: int
    version: int
